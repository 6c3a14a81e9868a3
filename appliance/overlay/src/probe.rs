//! Is a node that others say is gone really gone? The box asks it, once.

use core::time::Duration;
use std::collections::BTreeMap;

use peerstream_wire::NodeId;

use crate::defaults::{
    PROBE_AGAIN, PROBE_ANSWER, PROBE_ANSWER_IF_SEVERAL, PROBES_MOST, SUSPICIONS,
};

/// What is known of a node that others have complained of.
#[derive(Debug, Clone, Copy)]
struct Probe {
    since: Duration,
    state: State,
    /// Who said so and has not been put apart from it yet.
    by: [Option<Accuser>; ACCUSERS],
}

/// A node that says that another is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accuser {
    pub(crate) node: NodeId,
    /// Where it comes from.
    pub(crate) origin: u64,
    /// Their link has broken; otherwise nothing comes over it.
    pub(crate) broken: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Suspected,
    /// The question waits for the uplink.
    Asked,
    Sent,
    Answered,
}

/// Those who are remembered; whoever comes later will say it again.
const ACCUSERS: usize = 4;

/// What follows from a word about a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Ask it.
    Ask,
    /// Nothing yet: it has been asked, or one word is too little.
    Wait,
    /// It has answered a moment ago.
    Lives,
}

/// Nodes that have been asked, or may be soon.
#[derive(Debug, Default)]
pub(crate) struct Probes(BTreeMap<NodeId, Probe>);

impl Probes {
    /// An open link with the node has broken, or nothing comes over it.
    pub(crate) fn accuse(&mut self, now: Duration, node: NodeId, by: Accuser) -> Asked {
        self.note(now, node, by, 1)
    }

    /// A link with the node has not opened, which happens: it is asked when several say so.
    pub(crate) fn suspect(&mut self, now: Duration, node: NodeId, by: Accuser) -> Asked {
        self.note(now, node, by, SUSPICIONS)
    }

    fn note(&mut self, now: Duration, node: NodeId, by: Accuser, words: usize) -> Asked {
        if self.0.len() >= PROBES_MOST && !self.0.contains_key(&node) {
            return Asked::Wait;
        }
        let fresh = Probe {
            since: now,
            state: State::Suspected,
            by: [None; ACCUSERS],
        };
        let probe = self.0.entry(node).or_insert(fresh);
        if probe.state == State::Answered {
            return Asked::Lives;
        }
        let known = probe.by.iter().flatten().any(|word| word.node == by.node);
        let free = probe.by.iter_mut().find(|word| word.is_none());
        if let Some(free) = free.filter(|_| !known) {
            *free = Some(by);
        }
        let said = probe.by.iter().flatten().count();
        if probe.state != State::Suspected || said < words {
            return Asked::Wait;
        }
        (probe.state, probe.since) = (State::Asked, now);
        Asked::Ask
    }

    /// The question is on its way.
    pub(crate) fn sent(&mut self, now: Duration, node: NodeId) {
        let asked = self.0.get_mut(&node);
        if let Some(probe) = asked.filter(|probe| probe.state == State::Asked) {
            (probe.state, probe.since) = (State::Sent, now);
        }
    }

    /// A node has answered: those who said that it is gone. None if it was not asked.
    pub(crate) fn answered(&mut self, node: NodeId) -> impl Iterator<Item = Accuser> + use<> {
        let sent = |probe: &&mut Probe| matches!(probe.state, State::Asked | State::Sent);
        let by = self.0.get_mut(&node).filter(sent).map(|probe| {
            probe.state = State::Answered;
            core::mem::replace(&mut probe.by, [None; ACCUSERS])
        });
        by.unwrap_or([None; ACCUSERS]).into_iter().flatten()
    }

    /// Whether a node has had its time to answer, and has not.
    pub(crate) fn is_silent(&self, now: Duration, node: NodeId) -> bool {
        self.0
            .get(&node)
            .is_some_and(|probe| probe.state == State::Sent && probe.answer_by() <= now)
    }

    /// When a node is to be looked at next.
    pub(crate) fn next(&self, now: Duration, node: NodeId) -> Duration {
        self.0.get(&node).map_or(now, |probe| match probe.state {
            State::Sent => probe.answer_by(),
            State::Suspected | State::Asked | State::Answered => probe.since + PROBE_AGAIN,
        })
    }

    /// Forgets a node if that is old enough; when to look again otherwise.
    pub(crate) fn expire(&mut self, now: Duration, node: NodeId) -> Option<Duration> {
        let probe = self.0.get(&node)?;
        // What waits for the uplink waits.
        let over = if probe.state == State::Asked {
            now + PROBE_AGAIN
        } else {
            (probe.since + PROBE_AGAIN).max(probe.answer_by())
        };
        if over > now {
            return Some(over);
        }
        self.0.remove(&node);
        None
    }

    /// Whether it is not known if a node is there.
    pub(crate) fn is_doubted(&self, node: NodeId) -> bool {
        let asked = |probe: &Probe| matches!(probe.state, State::Asked | State::Sent);
        self.0.get(&node).is_some_and(asked)
    }

    pub(crate) fn forget(&mut self, node: NodeId) {
        self.0.remove(&node);
    }
}

impl Probe {
    /// Sooner if those who hear nothing are at different addresses.
    fn answer_by(&self) -> Duration {
        let mut origins = self.by.iter().flatten().map(|by| by.origin);
        let first = origins.next();
        if origins.any(|origin| Some(origin) != first) {
            self.since + PROBE_ANSWER_IF_SEVERAL
        } else {
            self.since + PROBE_ANSWER
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId(7);
    const MILLI: Duration = Duration::from_millis(1);

    fn said(probes: &mut Probes, by: u32) -> Asked {
        probes.accuse(Duration::ZERO, NODE, accuser(by))
    }

    fn accuser(by: u32) -> Accuser {
        Accuser {
            node: NodeId(by),
            origin: by.into(),
            broken: true,
        }
    }

    #[test]
    fn a_node_is_asked_once_whoever_complains() {
        let mut probes = Probes::default();
        assert_eq!(said(&mut probes, 1), Asked::Ask);
        assert_eq!(
            [said(&mut probes, 1), said(&mut probes, 2)],
            [Asked::Wait; 2]
        );
        let by: Vec<Accuser> = probes.answered(NODE).collect();
        assert_eq!(by, [accuser(1), accuser(2)]);
        assert!(!probes.is_silent(PROBE_ANSWER, NODE));
        assert_eq!(said(&mut probes, 3), Asked::Lives);
    }

    #[test]
    fn its_time_begins_when_the_question_is_sent_and_is_shorter_if_several_ask() {
        for (by, time) in [
            (&[1][..], PROBE_ANSWER),
            (&[1, 2][..], PROBE_ANSWER_IF_SEVERAL),
        ] {
            let mut probes = Probes::default();
            for by in by {
                said(&mut probes, *by);
            }
            assert!(!probes.is_silent(PROBE_ANSWER * 9, NODE));
            let sent = PROBE_ANSWER * 9;
            assert!(probes.expire(sent, NODE).is_some_and(|next| next > sent));
            probes.sent(sent, NODE);
            assert_eq!(probes.next(sent, NODE), sent + time);
            assert!(!probes.is_silent(sent + time - MILLI, NODE));
            assert!(probes.is_silent(sent + time, NODE));
        }
    }

    #[test]
    fn a_link_that_does_not_open_takes_two_to_say_so() {
        let mut probes = Probes::default();
        let mut suspect = |by| probes.suspect(Duration::ZERO, NODE, accuser(by));
        assert_eq!(
            [suspect(1), suspect(1), suspect(2)],
            [Asked::Wait, Asked::Wait, Asked::Ask]
        );
    }

    #[test]
    fn an_answer_to_no_question_is_nothing() {
        let mut probes = Probes::default();
        assert_eq!(probes.answered(NODE).count(), 0);
        probes.suspect(Duration::ZERO, NODE, accuser(1));
        assert_eq!(probes.answered(NODE).count(), 0);
    }

    #[test]
    fn it_is_forgotten_in_time() {
        let mut probes = Probes::default();
        said(&mut probes, 1);
        assert_eq!(probes.answered(NODE).count(), 1);
        assert_eq!(probes.expire(Duration::ZERO, NODE), Some(PROBE_AGAIN));
        assert_eq!(probes.expire(PROBE_AGAIN, NODE), None);
        assert_eq!(said(&mut probes, 1), Asked::Ask);
    }
}
