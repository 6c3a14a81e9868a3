//! What the box is told of the neighbours, and what the signed capture time says of them.

use core::time::Duration;

use peerstream_fragment::Position;
use peerstream_wire::{Complaint, Parent, ToBox};

use super::{Link, Node};
use crate::{
    config::{REPORT, RESERVE_HEARTBEAT, SETTLED, STALE, STARVING},
    event::Phase,
};

impl Node {
    /// Tells the box that a neighbour does not do its part. The box makes of it what the
    /// word of one is worth.
    pub(super) fn report(&mut self, now: Duration, of: Parent, complaint: Complaint) {
        // A newcomer has yet to catch up, and blames its feeders for its own beginning.
        let proven = matches!(complaint, Complaint::Forged | Complaint::Flooding);
        let settled = self.began.is_some_and(|at| now >= at + SETTLED);
        if !(settled || proven) {
            return;
        }
        let behind = self
            .behind(now, self.store.newest())
            .map(|behind| behind.as_millis());
        let Parent::Node(peer) = of else { return };
        let Some(link) = self.links.get_mut(&of) else {
            return;
        };
        if link.reported.is_some_and(|at| now < at + REPORT) {
            return;
        }
        link.reported = Some(now);
        let behind_ms = behind.and_then(|behind| u16::try_from(behind).ok());
        self.say(&ToBox::Report {
            peer,
            complaint,
            behind_ms: behind_ms.unwrap_or(u16::MAX),
        });
    }

    /// Tells the box, once in each outage and for each parent meanwhile, that the parent is gone
    /// or mute and nobody else feeds this node: it has other things to do that look as urgent from
    /// there. Where the parent lives the outage is further up, and for others to tell of.
    pub(super) fn cry(&mut self, now: Duration, parent: Parent) {
        if !self.is_starving(now) {
            return;
        }
        // One that was to feed this node for a second, and has not even said that it lives.
        let mute = |link: &Link| {
            let silent = |at: Duration| now >= at + STARVING;
            link.fed.is_some_and(|fed| {
                silent(fed.since) && silent(link.lived) && fed.delivered_at.is_none_or(silent)
            })
        };
        let link = self.links.get(&parent).filter(|link| link.is_usable());
        if link.is_some_and(mute) {
            self.report(now, parent, Complaint::Silent);
        } else if link.is_some() {
            return;
        }
        let outage = Some((self.progress, parent));
        if core::mem::replace(&mut self.cried, outage) != outage {
            self.say(&ToBox::Unfed);
            self.name_the_silent(now);
        }
    }

    /// Partner and reserve may be gone as well, of which nobody else may know.
    fn name_the_silent(&mut self, now: Duration) {
        let Some(assignment) = &self.assignment else {
            return;
        };
        let patience = 2 * self.latency();
        for helper in [assignment.partner, assignment.reserve]
            .into_iter()
            .flatten()
        {
            let helper = Parent::Node(helper);
            let silent = |link: &Link| {
                // Who is asked says at least no.
                let asked = link.asked > link.heard && now >= link.asked + patience;
                link.is_open() && (asked || now >= link.heard + STARVING + RESERVE_HEARTBEAT)
            };
            if self.links.get(&helper).is_some_and(silent) {
                self.report(now, helper, Complaint::Silent);
            }
        }
    }

    /// Whether the newest fragment is so old that nobody who feeds this node can be
    /// believed, if the box has been there for long enough to have sent newer ones.
    pub(super) fn is_stale(&self, now: Duration) -> bool {
        self.phase == Phase::Playing
            && self.control.open.is_some_and(|at| now >= at + self.limit())
            && self.is_old(now, self.store.newest())
    }

    /// The doubt was right: `honest` has what parent and partner said there was not.
    pub(super) fn expose(&mut self, now: Duration, honest: Parent) {
        let Some(assignment) = &self.assignment else {
            return;
        };
        let partner = assignment.partner.map(Parent::Node);
        for liar in [Some(assignment.parent), partner].into_iter().flatten() {
            let claim = self.links.get(&liar).and_then(|link| link.claim);
            if liar != honest && self.is_old(now, claim) {
                self.report(now, liar, Complaint::Late);
            }
        }
    }

    fn limit(&self) -> Duration {
        STALE.max(4 * self.latency())
    }

    fn is_old(&self, now: Duration, at: Option<Position>) -> bool {
        let behind = self.behind(now, at);
        behind.is_some_and(|behind| behind > self.limit())
    }

    /// How long ago a fragment was captured, as its signature says.
    fn behind(&self, now: Duration, at: Option<Position>) -> Option<Duration> {
        let captured = self.store.get(at?)?.header().header.meta.capture_time;
        let behind = self.box_time(now)?.saturating_sub(captured);
        Some(Duration::from_micros(behind))
    }
}
