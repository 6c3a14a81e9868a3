//! Whether a node is fed as it should be, and when its partner is to take over.
//!
//! The rule (design: partners and takeover): a parent that is silent, or that withholds
//! what its heartbeat says it has, is given 2 L; one that is alive but late 3 L, and then
//! only if a partner says that it has more. Below a death, the orphan's own children hear
//! its heartbeats and wait the longer time, in which the orphan has long turned to its
//! partner: so one death causes a bounded number of takeovers whatever the depth.

use core::time::Duration;

use peerstream_fragment::Position;

use crate::link::{Fed, Link};

/// What the rule looks at.
pub(crate) struct View<'a> {
    pub(crate) now: Duration,
    /// L.
    pub(crate) latency: Duration,
    /// The newest fragment that this node holds whole, and since when.
    pub(crate) newest: Option<Position>,
    pub(crate) progress: Duration,
    /// The link to the assigned parent, if there is one.
    pub(crate) parent: Option<&'a Link>,
    /// The links to partner and reserve, as far as there are.
    pub(crate) helpers: &'a [&'a Link],
    /// Some link other than the parent's feeds this node, and delivered at this time.
    pub(crate) other_feed: Option<Duration>,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to do before this time.
    Wait(Duration),
    /// The partner's turn.
    TakeOver,
}

pub(crate) fn judge(view: &View<'_>) -> Verdict {
    let patience = 2 * view.latency;
    let usable = view.parent.filter(|link| link.is_usable());
    let Some((parent, fed)) = usable.and_then(|link| link.fed.map(|fed| (link, fed))) else {
        // No parent yet, or none any more: fine as long as somebody else delivers.
        return match view.other_feed {
            Some(at) if view.now < at + patience => Verdict::Wait(at + patience),
            _ => Verdict::TakeOver,
        };
    };
    let mut next = parent.heard.max(fed.since) + patience;
    if view.now >= next {
        return Verdict::TakeOver;
    }
    if parent.claim > view.newest {
        let withheld = fed.delivered_at.unwrap_or(fed.since).max(fed.since) + patience;
        if view.now >= withheld {
            return Verdict::TakeOver;
        }
        next = next.min(withheld);
    }
    if view
        .helpers
        .iter()
        .any(|link| link.is_open() && link.claim > view.newest)
    {
        let late = view.progress.max(fed.since) + 3 * view.latency;
        if view.now >= late {
            return Verdict::TakeOver;
        }
        next = next.min(late);
    }
    Verdict::Wait(next)
}

/// Whether the parent feeds well enough for all others to be let go.
pub(crate) fn delivers(
    now: Duration,
    latency: Duration,
    newest: Option<Position>,
    fed: &Fed,
) -> bool {
    fed.delivered_at.is_some_and(|at| now < at + latency)
        && fed.delivered.is_some()
        && fed.delivered >= newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::State;

    const L: Duration = Duration::from_millis(100);

    fn at(index: u16) -> Option<Position> {
        Some(Position { segment: 1, index })
    }

    fn open(heard: Duration, fed: bool, claim: Option<Position>) -> Link {
        let mut link = Link::new(Duration::ZERO, State::Open);
        link.heard = heard;
        link.claim = claim;
        link.fed = fed.then_some(Fed {
            since: Duration::ZERO,
            delivered_at: Some(Duration::ZERO),
            delivered: claim,
        });
        link
    }

    fn verdict(now: u64, parent: &Link, partner: &Link) -> Verdict {
        judge(&View {
            now: Duration::from_millis(now),
            latency: L,
            newest: at(5),
            progress: Duration::ZERO,
            parent: Some(parent),
            helpers: &[partner],
            other_feed: None,
        })
    }

    #[test]
    fn a_silent_parent_is_given_two_latencies() {
        let parent = open(Duration::ZERO, true, at(5));
        let partner = open(Duration::ZERO, false, at(5));
        assert_eq!(verdict(199, &parent, &partner), Verdict::Wait(2 * L));
        assert_eq!(verdict(200, &parent, &partner), Verdict::TakeOver);
    }

    #[test]
    fn a_withholding_parent_is_given_two_latencies() {
        let parent = open(Duration::from_millis(190), true, at(9));
        let partner = open(Duration::ZERO, false, at(5));
        assert_eq!(verdict(199, &parent, &partner), Verdict::Wait(2 * L));
        assert_eq!(verdict(200, &parent, &partner), Verdict::TakeOver);
    }

    #[test]
    fn a_late_parent_is_given_three_latencies() {
        let parent = open(Duration::from_millis(290), true, at(5));
        let partner = open(Duration::ZERO, false, at(9));
        assert_eq!(verdict(299, &parent, &partner), Verdict::Wait(3 * L));
        assert_eq!(verdict(300, &parent, &partner), Verdict::TakeOver);
    }

    #[test]
    fn when_the_source_itself_pauses_nobody_takes_over() {
        let parent = open(Duration::from_millis(4_950), true, at(5));
        let partner = open(Duration::from_millis(4_950), false, at(5));
        assert!(matches!(
            verdict(5_000, &parent, &partner),
            Verdict::Wait(_)
        ));
    }
}
