//! Whether a node is fed as it should be, and when its partner is to take over.
//!
//! The rule (design: partners and takeover): a parent that is silent, or that withholds
//! what its heartbeat says it has, is given 2 L; one that is alive but late 3 L, and then
//! only if somebody says that he has more. Who waits for a late parent waits by the longer
//! L of the two, and says so in his own heartbeats: below a death, all wait at least as
//! long as the orphan at the top, which has long turned to its partner by then. So one
//! death causes a bounded number of takeovers whatever the depth.
//!
//! For silence a node's own L is enough: heartbeats come whether or not their sender is
//! fed. And withholding begins when the parent says that it has more, rather than when it
//! delivered last: an orphan that has just been fed again says so before it passes on.

use core::time::Duration;

use peerstream_fragment::Position;
use peerstream_wire::Complaint;

use crate::{
    config::{HOPE, LATENCY_CEILING},
    link::Link,
};

/// What the rule looks at.
pub(crate) struct View<'a> {
    pub(crate) now: Duration,
    /// L.
    pub(crate) latency: Duration,
    /// The longer of L and the parent's.
    pub(crate) patience: Duration,
    /// The newest fragment that this node holds whole, and since when.
    pub(crate) newest: Option<Position>,
    pub(crate) progress: Duration,
    /// The link to the assigned parent, if there is one.
    pub(crate) parent: Option<&'a Link>,
    /// The box is the parent.
    pub(crate) direct: bool,
    /// Somebody who could help says that he has more than this node.
    pub(crate) better: bool,
    /// When anybody but the parent was asked last, of those who feed this node.
    pub(crate) helped: Option<Duration>,
    /// When anything came from such a one last.
    pub(crate) heard: Option<Duration>,
    /// One of them says that he has more than this node.
    pub(crate) hopeful: bool,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing to do before this time.
    Wait(Duration),
    /// The partner's turn, because of this.
    TakeOver(Option<Complaint>),
}

pub(crate) fn judge(view: &View<'_>) -> Verdict {
    let patience = 2 * view.latency;
    let fed = view
        .parent
        .and_then(|link| link.fed.filter(|_| link.is_usable()));
    // Who fed this node until now is not to any more, and the parent does not yet.
    let between = fed.is_none() && view.heard > view.helped;
    let wait = match (between, view.hopeful) {
        (true, _) => view.latency,
        (false, true) => patience,
        (false, false) => patience.min(HOPE),
    };
    let mut next = match (view.heard.max(view.helped), view.parent.zip(fed)) {
        (Some(at), _) if view.now < at + wait => at + wait,
        // A helper that fell silent, or no parent yet or any more.
        (Some(_), _) => return Verdict::TakeOver(None),
        // Without the box a node that it feeds has to do with what others happen to have.
        (None, None) if view.direct && !view.better => view.now + patience,
        (None, None) if view.direct && view.now < view.progress + patience => {
            view.progress + patience
        }
        (None, None) => return Verdict::TakeOver(None),
        (None, Some((parent, fed))) => {
            // No longer than the player holds back for it.
            let silent = parent.heard.max(fed.since) + patience.min(2 * LATENCY_CEILING);
            if view.now >= silent {
                return Verdict::TakeOver(Some(Complaint::Silent));
            }
            let withheld = parent
                .ahead
                .filter(|_| parent.claim > view.newest)
                .map(|ahead| ahead.max(fed.delivered_at.unwrap_or(fed.since)) + patience);
            if withheld.is_some_and(|at| view.now >= at) {
                return Verdict::TakeOver(Some(Complaint::Withholding));
            }
            withheld.map_or(silent, |at| at.min(silent))
        }
    };
    if view.better {
        let since = fed.map(|fed| fed.since).max(view.helped);
        let late = view.progress.max(since.unwrap_or_default()) + 3 * view.patience;
        if view.now >= late {
            let complaint = view.helped.is_none().then_some(Complaint::Late);
            return Verdict::TakeOver(complaint);
        }
        next = next.min(late);
    }
    Verdict::Wait(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::{Fed, State};

    const L: Duration = Duration::from_millis(100);

    fn at(index: u16) -> Option<Position> {
        Some(Position { segment: 1, index })
    }

    fn open(heard: u64) -> Link {
        let mut link = Link::new(Duration::ZERO, State::Open);
        link.heard = Duration::from_millis(heard);
        link.fed = Some(Fed {
            since: Duration::ZERO,
            delivered_at: Some(Duration::ZERO),
            delivered: at(5),
        });
        link
    }

    fn view(now: u64, parent: &Link, better: bool) -> View<'_> {
        View {
            now: Duration::from_millis(now),
            latency: L,
            patience: L,
            newest: at(5),
            progress: Duration::ZERO,
            parent: Some(parent),
            direct: false,
            better,
            helped: None,
            heard: None,
            hopeful: true,
        }
    }

    #[test]
    fn a_silent_parent_is_given_two_latencies() {
        let parent = open(0);
        assert_eq!(judge(&view(199, &parent, false)), Verdict::Wait(2 * L));
        let silent = Verdict::TakeOver(Some(Complaint::Silent));
        assert_eq!(judge(&view(200, &parent, false)), silent);
    }

    #[test]
    fn a_withholding_parent_is_given_two_latencies_from_its_word() {
        let mut parent = open(390);
        parent.ahead = Some(2 * L);
        parent.claim = at(9);
        assert_eq!(judge(&view(399, &parent, false)), Verdict::Wait(4 * L));
        let withholding = Verdict::TakeOver(Some(Complaint::Withholding));
        assert_eq!(judge(&view(400, &parent, false)), withholding);
    }

    #[test]
    fn a_late_parent_is_given_three_latencies() {
        let parent = open(290);
        assert_eq!(judge(&view(299, &parent, true)), Verdict::Wait(3 * L));
        let late = Verdict::TakeOver(Some(Complaint::Late));
        assert_eq!(judge(&view(300, &parent, true)), late);
    }

    #[test]
    fn whoever_is_below_a_slower_node_waits_by_its_latency() {
        let parent = open(590);
        let mut view = view(599, &parent, true);
        view.patience = 2 * L;
        assert_eq!(judge(&view), Verdict::Wait(6 * L));
        view.now = 6 * L;
        assert_eq!(judge(&view), Verdict::TakeOver(Some(Complaint::Late)));
    }

    #[test]
    fn when_the_source_itself_pauses_nobody_takes_over() {
        let parent = open(4_950);
        assert!(matches!(
            judge(&view(5_000, &parent, false)),
            Verdict::Wait(_)
        ));
    }

    #[test]
    fn a_helper_that_lives_is_enough() {
        let parent = open(0);
        let mut view = view(1_000, &parent, false);
        view.helped = Some(2 * L);
        view.heard = Some(9 * L);
        assert_eq!(judge(&view), Verdict::Wait(11 * L));
        view.now = 11 * L;
        assert_eq!(judge(&view), Verdict::TakeOver(None));
    }

    #[test]
    fn a_helper_that_holds_no_more_is_not_waited_for_as_long() {
        let parent = open(0);
        let mut view = view(1_000, &parent, false);
        (view.helped, view.hopeful) = (Some(10 * L), false);
        assert_eq!(judge(&view), Verdict::Wait(10 * L + HOPE));
        view.now = 10 * L + HOPE;
        assert_eq!(judge(&view), Verdict::TakeOver(None));
    }

    #[test]
    fn without_the_box_its_own_children_ask_only_who_has_more() {
        let mut view = view(5_000, &open(0), false).without_parent();
        assert!(matches!(judge(&view), Verdict::Wait(_)));
        view.better = true;
        assert_eq!(judge(&view), Verdict::TakeOver(None));
    }

    impl View<'_> {
        fn without_parent(self) -> View<'static> {
            View {
                parent: None,
                direct: true,
                ..self
            }
        }
    }
}
