//! An audience in virtual time.
//!
//! The real [`Coordinator`](peerstream_overlay::Coordinator) and real
//! [`Node`](peerstream_node::Node)s, and around them only what is not ours: sockets,
//! WebRTC, the wire between two homes, and a source. Everything happens in one thread, in
//! the order of one agenda, and all chance comes from one seed: the same seed gives the
//! same run ([`Swarm::trace`]).
//!
//! ```text
//! source --> appliance (coordinator, feeds) --- control sockets --- pages (node, player)
//!                                                                     |         |
//!                                                                     +-- links +
//! ```
//!
//! What belongs here: delay, rate, loss, who comes and who goes, and watching. What does
//! not: any decision that the box or a node takes when it ships.

mod agenda;
mod appliance;
mod dice;
mod link;
mod page;
mod profile;
mod source;
mod swarm;

pub use appliance::BoxBytes;
pub use page::{Conduct, PageId, Playback};
pub use profile::{LinkProfile, Profile};
pub use swarm::Swarm;
