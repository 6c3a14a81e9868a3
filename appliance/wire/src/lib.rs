//! The messages of PeerStream and their codec.
//!
//! Two conversations are written down here:
//!
//! * **control**, between box and node, over one WebSocket ([`ToBox`], [`ToNode`]);
//! * **link**, between a node and whoever feeds it or is fed by it ([`LinkMessage`]):
//!   over a WebRTC data channel between nodes, and over the same WebSocket as control
//!   where the box itself is the parent (a *direct feed*).
//!
//! A WebSocket message carries one or the other; its first byte says which
//! ([`Envelope`]).
//!
//! What belongs here: shapes, sizes, encoding, decoding. What does not: any decision,
//! any socket, any clock. Decoding never panics, never allocates more than the input's
//! own length allows, and refuses trailing bytes.

extern crate alloc;

mod array;
mod command;
mod control;
mod envelope;
mod error;
mod letter;
mod link;
pub mod signal;

pub use command::{Act, Command, Concern, Pending, Trigger};
pub use control::{
    Assignment, Complaint, Held, MAX_HELD, NodeId, Notice, Parent, Refusal, Ticket, ToBox, ToNode,
    Tree,
};
pub use envelope::Envelope;
pub use error::DecodeError;
pub use letter::Letter;
pub use link::{LinkMessage, Share};
pub use signal::{Address, Candidate, CandidateKind, Description, Setup, Signal};

/// Version of both conversations. A box refuses a node that speaks another one, and the
/// page then reloads itself to fetch the box's own.
pub const PROTOCOL: u16 = 3;

/// The most nodes that one node feeds, and the most copies that it can offer to pass on.
/// More would make one departure cost more than its neighbours can take.
pub const MAX_CHILDREN: usize = 4;

/// The copies that a node offers that has not learned yet what it can carry.
pub const DEFAULT_COPIES: u8 = 2;

/// The longest WebSocket message that a node may send to the box, in bytes. Nothing that
/// a well-behaved node sends comes near it: the largest is a description with
/// [`signal::MAX_CANDIDATES`] candidates.
pub const MAX_TO_BOX: usize = 4 * 1024;

/// The longest message on a link, in bytes: a full part with its head, or a signed header
/// that names the most parts a fragment may have.
pub const MAX_LINK_MESSAGE: usize = 64 * 1024;
