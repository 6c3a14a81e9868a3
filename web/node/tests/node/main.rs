//! A node's behaviour, one neighbour at a time.

#![expect(clippy::unwrap_used, reason = "the test made these bytes itself")]

mod forwarding;
mod stage;
mod takeover;
