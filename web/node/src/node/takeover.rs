//! Whom this node turns to when nobody feeds it.

use core::time::Duration;

use peerstream_wire::Parent;

use super::Node;
use crate::{
    config::{DRY, FAR, HEARTBEAT, HOPE, OUTAGE, RESERVE_HEARTBEAT},
    link::Link,
};

/// How promising somebody is who might feed this node, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Promise {
    /// He lives, and may have more.
    Good,
    /// By his last word, which is no older than the outage, he holds no more.
    Idle,
    /// Silent for as long as the parent: he may well have gone with it.
    Silent,
}

impl Node {
    pub(super) fn is_idle(&self, now: Duration, origin: &Parent) -> bool {
        let idle = |link: &Link| link.is_usable() && link.fed.is_none() && now >= link.resume;
        self.links.get(origin).is_some_and(idle)
    }

    /// Asks the next one. Whoever else there is a link with is told how little this node holds,
    /// so that he says so if he has more: those who are not assigned speak rarely.
    pub(super) fn take_over(&mut self, now: Duration) {
        if now >= self.progress + HEARTBEAT {
            self.tell_all(now, |link| now >= link.told + HEARTBEAT);
        }
        let mut idle = self.helpers();
        idle.retain(|origin| self.is_idle(now, origin));
        // The partner first, unless another's answer comes much sooner.
        let rank = |origin: &&Parent| (self.promise(now, **origin), self.how_far(**origin));
        let helper = idle.iter().min_by_key(rank);
        // One that fed worse than another once is better than none.
        let paused = || {
            let mut paused = self.helpers();
            let dry = now >= self.progress + DRY;
            let long_ago = |link: &Link| now >= link.asked + DRY;
            paused.retain(|origin| {
                let link = self.links.get(origin);
                dry && link.is_some_and(long_ago) && self.is_idle(Duration::MAX, origin)
            });
            let resume = |origin: &Parent| self.links.get(origin).map(|link| link.resume);
            paused.into_iter().min_by_key(resume)
        };
        let Some(helper) = helper.copied().or_else(paused) else {
            return;
        };
        self.helped = Some(now);
        // Before the first picture there is nothing to take over: a newcomer simply turns
        // to whoever answers first.
        if self.playout.cursor().is_some() {
            self.takeovers += 1;
        }
        self.subscribe(now, helper);
    }

    /// Something new has come after an outage: whoever held no more may wait for it as well.
    pub(super) fn spread_the_word(&mut self, now: Duration) {
        let newest = self.store.newest();
        self.tell_all(now, |link| link.claim < newest && !link.is_serving());
    }

    fn tell_all(&mut self, now: Duration, whom: impl Fn(&Link) -> bool) {
        let origins: Vec<Parent> = self.links.keys().copied().collect();
        for origin in origins {
            let tell = |link: &Link| link.is_open() && whom(link);
            if origin != Parent::Box && self.links.get(&origin).is_some_and(tell) {
                self.tell(now, origin);
            }
        }
    }

    /// Somebody says that he has more. Whom nothing comes to, and who has asked others in vain,
    /// turns to him at once.
    pub(super) fn hope(&mut self, now: Duration, from: Parent) {
        let newest = self.store.newest();
        let starves = self.helped.is_some()
            && self.playout.cursor().is_some()
            && now >= self.progress + OUTAGE;
        let has_more = |link: &Link| link.claim > newest;
        if !starves || !self.links.get(&from).is_some_and(has_more) {
            return;
        }
        // Who has been asked, and has more as well, is about to send it.
        let about_to = |link: &Link| link.fed.is_some_and(|fed| now < fed.since + OUTAGE);
        let answers = self
            .links
            .values()
            .any(|link| about_to(link) && has_more(link));
        if !answers && self.is_idle(now, &from) && self.helpers().contains(&from) {
            // The same takeover still.
            self.helped = Some(now);
            self.subscribe(now, from);
        }
    }

    /// Whether one of the helpers who were asked may have more than this node. Before the first
    /// picture, and of those who have not spoken yet, nobody knows.
    pub(super) fn is_hopeful(&self, parent: Parent) -> bool {
        let newest = self.store.newest();
        let may_help = |link: &Link| link.claim.is_none() || link.claim > newest;
        newest.is_none()
            || self.links.iter().any(|(origin, link)| {
                *origin != parent && link.fed.is_some() && link.is_usable() && may_help(link)
            })
    }

    /// How long those who were asked are waited for before another is asked as well.
    pub(super) fn helpers_patience(&self, hopeful: bool) -> Duration {
        let patience = 2 * self.latency();
        if hopeful {
            patience
        } else {
            patience.min(HOPE)
        }
    }

    /// How long an answer takes, in steps of [`FAR`].
    fn how_far(&self, origin: Parent) -> u128 {
        let quickest = self.links.get(&origin).and_then(|link| link.quickest);
        quickest.unwrap_or_default().as_millis() / FAR.as_millis()
    }

    /// What this node knows of somebody.
    fn promise(&self, now: Duration, origin: Parent) -> Promise {
        let partner = self.assignment.as_ref().and_then(|a| a.partner);
        let beside = Some(origin) == partner.map(Parent::Node);
        let Some(link) = self.links.get(&origin) else {
            return Promise::Silent;
        };
        let speaks = if beside { HEARTBEAT } else { RESERVE_HEARTBEAT };
        if now >= link.heard + 2 * self.latency() + speaks {
            return Promise::Silent;
        }
        // A partner says what it holds with every sign of life.
        let outdated = now < self.progress + 2 * HEARTBEAT;
        if beside && !outdated && link.claim.is_some() && link.claim <= self.store.newest() {
            return Promise::Idle;
        }
        Promise::Good
    }

    /// Partner first, then the reserve, then whoever has more than this node, the most first: a
    /// link whose role has just ended may be the only one that is open yet.
    pub(super) fn helpers(&self) -> Vec<Parent> {
        let Some(assignment) = &self.assignment else {
            return Vec::new();
        };
        let mut helpers: Vec<Parent> = assignment
            .partner
            .into_iter()
            .chain(assignment.reserve)
            .map(Parent::Node)
            .collect();
        helpers.dedup();
        let newest = self.store.newest();
        let mut others: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| link.is_open() && (link.claim > newest || link.fed.is_some()))
            .collect();
        others.sort_by_key(|(_, link)| core::cmp::Reverse(link.claim));
        for (origin, _) in others {
            let is_child =
                matches!(origin, Parent::Node(peer) if assignment.children.contains(peer));
            if !helpers.contains(origin) && *origin != assignment.parent && !is_child {
                helpers.push(*origin);
            }
        }
        helpers
    }
}
