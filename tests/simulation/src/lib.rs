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
mod channel;
mod conduct;
mod dice;
mod element;
mod link;
mod page;
pub mod plot;
pub mod report;
pub mod rivals;
pub mod run;
pub mod scenario;
pub mod settings;
mod source;
mod swarm;
pub mod tide;
mod watch;
mod wire;
pub mod world;

pub use appliance::BoxBytes;
pub use conduct::Conduct;
pub use page::{PageId, Playback};
pub use report::Figures;
pub use scenario::{Attack, Scenario};
pub use swarm::Swarm;
pub use world::{Conditions, Path, Viewer, World};
