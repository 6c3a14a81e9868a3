//! The coordinator: who feeds whom.
//!
//! Sans-IO: joins, departures, messages and the time go in, messages to nodes come out.
//! No sockets, no clock, no randomness. The daemon drives it over WebSockets, the
//! simulator (`tests/simulation`) in virtual time, and both drive this very code.
//!
//! # Contract
//! After every call that takes `&mut self`, drain [`Coordinator::poll_output`] until it
//! returns `None`, and call [`Coordinator::timeout`] no later than
//! [`Coordinator::poll_timeout`] says. The time is a [`core::time::Duration`] since an
//! epoch of the caller's choosing that does not step back. Nothing that a node sends can
//! make any of this panic.
//!
//! # The shape
//! Two trees, A and B, of one shape, so there is one tree of *slots*: a slot is a
//! dumbbell, one place in A and the same place in B. With `r` pairs of roots the slots
//! form a complete binary forest in an array (`geometry`): slots `0..r`
//! are roots, slot `i` has the children `r + 2i` and `r + 2i + 1`.
//!
//! Every role of a node follows from its place:
//!
//! | role | who |
//! | --- | --- |
//! | parent | the same tree's occupant of the slot above; the box for a root |
//! | children | the same tree's occupants of the two slots below |
//! | partner | the other occupant of the slot |
//! | reserve | the other tree's occupant of the slot above |
//! | wards | the other tree's occupants of the two slots below |
//!
//! Links exist between the occupants of one slot and between the occupants of a slot and
//! of the slot above it, and nowhere else.
//!
//! **Invariants**, held after every event (`tests/shape.rs`):
//! * a slot with anyone below it is full, so whoever is alone in a slot is a leaf; its
//!   partner is then its reserve (none for a lone root, which the box feeds);
//! * hence any one node can vanish and everyone else still has a path from the box over
//!   parent and partner links alone: if the vanished node is above N in N's own tree, N's
//!   partner is fed by the other tree, which it is not in;
//! * roots come first: while anyone is below the roots, all places at the top are taken,
//!   so that the box sends exactly two feeds for each pair of roots;
//! * each tree's depth is at most `ceil(log2(its size)) + 1`.
//!
//! # Joining and leaving
//! A newcomer takes the first vacant place, counted from the top, else the A side of a
//! new last slot. So pairs of roots fill one after the other, each A first.
//!
//! When a node leaves, a node from below moves up (`succession`), and the
//! place that falls vacant at the bottom is left to the next newcomer, who needs links
//! anyway. Only when more than one place in [`defaults::VACANCY_SHARE`] is vacant, or a
//! root's place is, does a node of the last slot move up into it. For small audiences
//! (fewer than 16) that means: at most one node without a partner of its own, at all
//! times.
//!
//! ## Age order against few links
//! New links per departure, mean / 99th percentile / most, at 100,000 nodes, every
//! departure followed by a join. *Random*: whoever. *Heavy tail*: sessions as they are
//! (Pareto, shape 1.2), so that the young leave first; *below* is how many nodes were
//! then below a departing one, on average.
//!
//! | who moves up | random, all links | random, without reserves | heavy tail, all | heavy tail, without reserves | below |
//! | --- | --- | --- | --- | --- | --- |
//! | the whole line of older children, each by one | 3.5 / 19 / 43 | 1.5 / 7 / 15 | 2.6 / 13 / 40 | 1.2 / 5 / 14 | 3 |
//! | the child; the bottom of the line takes its place | 3.2 / 11 / 11 | 1.5 / 6 / 6 | 2.6 / 11 / 11 | 1.2 / 6 / 6 | 5 |
//! | **up to two generations climb, else the bottom leaps** | 2.7 / 7 / 7 | 1.4 / 4 / 4 | 2.5 / 7 / 7 | 1.3 / 4 / 4 | 7 |
//! | the bottom of the line leaps | 2.5 / 7 / 7 | 1.4 / 4 / 4 | 2.5 / 7 / 7 | 1.4 / 4 / 4 | 9 |
//! | as the first, but no place may stay vacant | 6.5 / 22 / 46 (by arithmetic) | 3.5 / 9 / 17 | | | |
//!
//! The third was chosen: a departure costs at most 7 new links (4 without reserves)
//! whatever the audience, and a death costs its own few neighbours a takeover, however
//! many are below it. `make bench-overlay` measures it with random departures.
//!
//! # Modules
//! `geometry` (arithmetic of places) – `forest` (who is where) – `succession` (who moves
//! up) – `coordinator` (messages, epochs, feeds) – `timer` – [`defaults`].

mod coordinator;
pub mod defaults;
mod error;
mod forest;
mod geometry;
mod succession;
mod timer;

pub use coordinator::{Config, Coordinator, Output, Status};
pub use error::Misbehaved;
