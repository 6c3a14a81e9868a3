//! A node's behaviour, one neighbour at a time.

#![expect(clippy::unwrap_used, reason = "the test made these bytes itself")]

mod abuse;
mod changes;
mod crowd;
mod deaths;
mod forwarding;
mod letters;
mod line;
mod links;
mod loss;
mod rejoin;
mod reports;
mod sharing;
mod signalling;
mod stage;
mod strands;
mod takeover;
mod uplink;
