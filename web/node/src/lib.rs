//! A viewer's node: verifies what arrives, passes it on, turns to its partner when its
//! parent fails, and hands the picture to the player in order.
//!
//! The node is *sans-IO*: [`Node::handle`] takes what happened and the time,
//! [`Node::poll`] gives back what is to be done until it has nothing more, and
//! [`Node::deadline`] says when to come back at the latest. The page drives it over
//! WebRTC and MediaSource, a simulator over virtual links; both run this very code.
//!
//! What belongs here: every decision of a viewer. What does not: sockets, clocks, threads,
//! browser types, global randomness. Time is a [`core::time::Duration`] since any moment
//! that the caller likes, randomness a seed in [`Config`].
//!
//! The journey of a part:
//!
//! ```text
//! link --> intake (verify, assemble) --> store --> playout --> the player
//!             |
//!             +--> serving (each child's queue) --> link
//!
//! upstream: whom to be fed by      links: which links to have open
//! ```

mod config;
mod event;
mod intake;
mod lateness;
mod link;
mod node;
mod ordered;
mod pacer;
mod playable;
pub mod playhead;
mod playout;
mod rate_limit;
pub mod sdp;
mod serving;
mod spread;
pub mod stall;
mod stats;
mod store;
mod target;
pub mod timeline;
mod timer;
mod uplink;
mod upstream;

pub use config::Config;
pub use event::{Input, Lane, Output, Phase};
pub use node::Node;
pub use stats::{LinkState, Neighbour, Stats, Traffic};
