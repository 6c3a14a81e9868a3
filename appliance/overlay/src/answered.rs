//! Which links had their chance although signals wait for the uplink.
//!
//! While signals are late, a link that does not open may have failed for that alone, so
//! nobody is blamed for it and it is tried again. Where the box has passed the answer on, both
//! ends had all they need: what then does not open within a handshake's time never will.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use peerstream_wire::NodeId;

use crate::defaults::{BEHIND, HANDSHAKE};

/// Pairs whose answer was passed on within [`BEHIND`], as many as the uplink carries answers.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    at: BTreeMap<(NodeId, NodeId), Duration>,
    order: VecDeque<(Duration, (NodeId, NodeId))>,
}

impl Answered {
    /// An answer from one to the other is passed on.
    pub(crate) fn note(&mut self, now: Duration, from: NodeId, to: NodeId) {
        while let Some((at, pair)) = self.order.front().copied()
            && now >= at + BEHIND
        {
            self.order.pop_front();
            if self.at.get(&pair) == Some(&at) {
                self.at.remove(&pair);
            }
        }
        let pair = pair(from, to);
        self.at.insert(pair, now);
        self.order.push_back((now, pair));
    }

    /// Whether the link of these two should be open by now.
    pub(crate) fn had_their_chance(&self, now: Duration, one: NodeId, other: NodeId) -> bool {
        let at = self.at.get(&pair(one, other));
        at.is_some_and(|at| (*at + HANDSHAKE..*at + BEHIND).contains(&now))
    }
}

fn pair(one: NodeId, other: NodeId) -> (NodeId, NodeId) {
    (one.min(other), one.max(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_handshake_after_the_answer_the_link_should_be_open() {
        let mut answered = Answered::default();
        let (a, b) = (NodeId(1), NodeId(2));
        assert!(!answered.had_their_chance(MILLI, a, b));
        answered.note(MILLI, a, b);
        assert!(!answered.had_their_chance(HANDSHAKE, b, a));
        assert!(answered.had_their_chance(HANDSHAKE + MILLI, b, a));
        assert!(answered.had_their_chance(HANDSHAKE + MILLI, a, b));
        assert!(!answered.had_their_chance(HANDSHAKE + MILLI, a, NodeId(3)));
        // A second try has another one.
        answered.note(HANDSHAKE, b, a);
        assert!(!answered.had_their_chance(HANDSHAKE + MILLI, a, b));
    }

    #[test]
    fn what_is_long_ago_is_forgotten() {
        let mut answered = Answered::default();
        for name in 1..1_000 {
            let now = 100 * name * MILLI;
            answered.note(now, NodeId(name), NodeId(0));
        }
        assert!(answered.at.len() <= 60 && answered.order.len() <= 60);
        assert!(!answered.had_their_chance(100_000 * MILLI, NodeId(1), NodeId(0)));
    }
}
