//! Every deadline of the coordinator, by name.

use core::time::Duration;
use std::collections::BTreeSet;

use peerstream_wire::NodeId;

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The node does not reach its parent; another try with it.
    Retry {
        /// Who does not reach it.
        child: NodeId,
        /// Whom it was to reach when this was set.
        parent: NodeId,
    },
    /// The node has been asked whether it is there, or is suspected not to be.
    Probe(NodeId),
    /// The node has not answered in time, and is out if it has not spoken up since.
    Absent(NodeId),
    /// The node may show again what it can do.
    Pardon(NodeId),
    /// Whoever was going to come back after the box's restart has.
    Recovered,
    /// Nodes wait for room.
    Queue,
    /// Newcomers wait for the uplink.
    Lobby,
}

/// Deadlines, soonest first. At most a few per node, and none lies further ahead than its
/// longest wait, so nodes that are gone leave nothing behind for long.
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
