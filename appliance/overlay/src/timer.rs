//! Every deadline of the coordinator, by name.

use core::time::Duration;
use std::collections::BTreeSet;

use peerstream_wire::NodeId;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The node's parent link has failed; both ends are to try again.
    LinkRetry(NodeId),
}

/// Deadlines, soonest first. At most one per node and kind, and none lies further ahead
/// than its longest wait, so nodes that are gone leave nothing behind for long.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Duration, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Duration, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn next(&self) -> Option<Duration> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes out a timer that is due.
    pub(crate) fn expired(&mut self, now: Duration) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
