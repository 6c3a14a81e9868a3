//! Whom this node turns to when nobody feeds it.

use core::time::Duration;

use peerstream_wire::Parent;

use super::Node;
use crate::{
    config::{DRY, FAR, HEARTBEAT, HOPE, RESERVE_HEARTBEAT},
    link::Link,
};

/// How promising somebody is who might feed this node, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Promise {
    /// He lives, and may have more.
    Good,
    /// The same, but his answer takes long.
    Far,
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
            self.tell_all(now);
        }
        let helpers = self.helpers();
        let idle = helpers.iter().filter(|origin| self.is_idle(now, origin));
        let helper = idle.min_by_key(|origin| self.promise(now, **origin));
        // One that fed worse than another once is better than none.
        let paused = || {
            let long_ago = |origin: &&Parent| {
                let link = self.links.get(*origin);
                link.is_some_and(|link| now >= link.asked + DRY)
                    && self.is_idle(Duration::MAX, origin)
            };
            let dry = now >= self.progress + DRY;
            let paused = helpers.iter().filter(|_| dry).filter(long_ago);
            paused.min_by_key(|origin| self.links.get(*origin).map(|link| link.resume))
        };
        let Some(helper) = helper.or_else(paused).copied() else {
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

    /// Tells everybody what this node holds whom it has not told of late.
    fn tell_all(&mut self, now: Duration) {
        let origins: Vec<Parent> = self.links.keys().copied().collect();
        for origin in origins {
            let due = |link: &Link| link.is_open() && now >= link.told + HEARTBEAT;
            if origin != Parent::Box && self.links.get(&origin).is_some_and(due) {
                self.tell(now, origin);
            }
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
        if link.quickest >= Some(FAR) {
            return Promise::Far;
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
        let assigned = helpers.len();
        let claim = |origin: &Parent| self.links.get(origin).and_then(|link| link.claim);
        for (origin, link) in self.links.iter() {
            let has_more = link.is_open() && (link.claim > newest || link.fed.is_some());
            let is_child =
                matches!(origin, Parent::Node(peer) if assignment.children.contains(peer));
            if has_more && !helpers.contains(origin) && *origin != assignment.parent && !is_child {
                let mut others = helpers.iter().skip(assigned);
                let at = others.position(|other| claim(other) < link.claim);
                let at = at.map_or(helpers.len(), |at| assigned + at);
                helpers.insert(at, *origin);
            }
        }
        helpers
    }
}
