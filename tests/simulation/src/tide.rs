//! The million: the coordinator that ships, around an audience that is mostly worked out.
//!
//! Every join, departure, report, signal and every word of the box is real: the messages of
//! [`peerstream_wire`], encoded and counted, between [`peerstream_overlay::Coordinator`] and
//! nodes that keep their place with the wire crate's own `Assignment` and `Pending`. What is
//! not simulated is the flow of fragments. A node whose feeders live needs no events: how
//! far behind capture it is follows from its feeder's lag and the link between the two. Only
//! where something changes are there events, and these are about feeds, not fragments.
//!
//! # The undisturbed
//! Once a second one pass over all nodes, feeders before those they feed, works out for each
//! (`flow`):
//!
//! * the arrival of a whole fragment behind its capture: the feeder's, the way between the
//!   two (the [`World`](crate::World)'s), the turns of the other copies at the feeder's uplink, the page's
//!   own work, and what lost packets cost on average;
//! * the jitter's 95th percentile: lost packets add up along the way (a compound Poisson
//!   distribution, by its mean number and mean length), while a key frame's burst is as long
//!   as the narrowest uplink above makes it;
//! * L, patience and playout delay by the rules of `peerstream_node` (`rules`), and from
//!   these where the playhead stands, which nears its target by at most a tenth of time.
//!
//! # The disturbed
//! A node that loses its feeder is *cut* (`outage`, `seeking`, `feeding`): it learns of it (a good-bye takes one
//! way; silence is noticed after 2 L), asks partner, reserve, and whom else it has a link
//! with; who is asked declines as a leaf or for want of spare uplink, or sends what it holds. Own
//! children and those who are to turn to a node share what its uplink carries evenly, even if
//! they are too many for it: for as long as their buffers last that is not seen.
//! The gap then travels down to all who are fed through it, and each is charged what its
//! buffer did not cover. If it lasts for 3 L of those below, they turn to their own partners.
//! Links open by the real signalling (`links`), through the hub or through the box, whose
//! uplink carries one message after the other beside the feeds (`exchange`).
//! What its uplink carries a newcomer finds out three seconds after its first picture.
//!
//! # What it leaves out
//! * SCTP's window (its effect is a fitted addition to the cost of a loss), and hence links
//!   whose window never fits the stream;
//! * which fragments are missing: a share of media that no uplink carries is charged evenly;
//! * double delivery, and the order in which two feeders of one node overlap;
//! * candidates that trickle, clocks that disagree, browsers that stutter;
//! * hostile viewers: those run with real nodes only.
//!
//! # Against real nodes
//! `tests/tide.rs` compares both on the same worlds. See there for the factors.

mod beginning;
mod exchange;
mod feeding;
mod flow;
mod histogram;
mod links;
mod node;
mod outage;
mod parting;
mod picture;
mod restart;
mod rules;
mod run;
mod seeking;
mod state;
mod survey;
mod words;

pub use run::play;
