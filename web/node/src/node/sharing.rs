//! Half of the stream from each of two feeders, where one link does not carry the whole of it.
//!
//! Loss bounds what SCTP lets through a link (M. Mathis and others 1997: by the round trip and
//! the square root of the loss), whatever the uplink at the other end has to spare. Two links
//! have two windows, and the same bytes over both cost the two feeders together no more than
//! over one.

use core::time::Duration;

use peerstream_fragment::Position;
use peerstream_wire::{Complaint, LinkMessage, Parent, Share};

use super::Node;
use crate::link::Link;

/// So far behind what the parent says it has, its link does not keep up.
const BEHIND: Duration = Duration::from_millis(300);
/// And for so long without once catching up.
const SLOW: Duration = Duration::from_secs(1);
/// What comes over a link that is only slow comes all the time.
const STEADY: Duration = Duration::from_millis(200);
/// How long it lasts; it may have been a moment's trouble.
const LASTS: Duration = Duration::from_secs(20);

impl Node {
    /// Begins to share, or ends it in time or where one of the two is gone. Whether this node
    /// does.
    pub(super) fn tend_shares(&mut self, now: Duration) -> bool {
        let Some((helper, until)) = self.shared else {
            self.share(now);
            return self.is_shared();
        };
        let silent = |link: &Link| now >= link.heard + 2 * self.latency();
        if !self.is_shared() {
            self.share_no_more(now);
        } else if now >= until || self.links.get(&helper).is_some_and(silent) {
            self.unsubscribe(now, helper);
            self.share_no_more(now);
        }
        self.is_shared()
    }

    /// What the parent says it has should be here, too.
    pub(super) fn watch_speed(&mut self, now: Duration, claim: Option<Position>) {
        self.slow = if self.distance(self.store.newest(), claim) > BEHIND {
            self.slow.or(Some(now))
        } else {
            None
        };
    }

    /// Turns to a helper for half of what the parent, who delivers all the time, does not get
    /// through.
    fn share(&mut self, now: Duration) {
        let slow = self.slow.is_some_and(|since| now >= since + SLOW);
        let Some(parent) = self
            .parent()
            .filter(|_| slow && self.playout.cursor().is_some())
        else {
            return;
        };
        let delivers = |link: &Link| {
            let at = link.fed.and_then(|fed| fed.delivered_at);
            link.is_usable() && at.is_some_and(|at| now < at + STEADY)
        };
        let feeds = self.links.values().filter(|link| link.fed.is_some());
        let alone = feeds.count() == 1 && self.links.get(&parent).is_some_and(delivers);
        let newest = self.store.newest();
        let more = |origin: &Parent| {
            let link = self.links.get(origin);
            link.is_some_and(|link| link.is_usable() && link.claim > newest && now >= link.resume)
        };
        let helper = self.helpers().into_iter().find(more);
        let Some(helper) = helper.filter(|_| alone && parent != Parent::Box) else {
            return;
        };
        self.slow = None;
        self.report(now, parent, Complaint::Late);
        self.shared = Some((helper, now + LASTS));
        self.subscribe(now, helper);
        self.send(now, helper, LinkMessage::Share(Share::Odd));
        self.send(now, parent, LinkMessage::Share(Share::Even));
    }

    /// Whether this node gets its halves from these two, and both are there.
    pub(super) fn is_shared(&self) -> bool {
        let fed = |origin: Parent| {
            let link = self.links.get(&origin);
            link.is_some_and(|link| link.is_usable() && link.fed.is_some())
        };
        let parent = self.parent();
        let helper = self.shared.map(|(helper, _)| helper);
        helper.is_some_and(fed) && parent.is_some_and(fed) && parent != helper
    }

    /// From here on each feeder that is left sends the whole stream.
    pub(super) fn share_no_more(&mut self, now: Duration) {
        if self.shared.take().is_none() {
            return;
        }
        let fed = self.links.iter().filter(|(_, link)| link.fed.is_some());
        let fed: Vec<Parent> = fed.map(|(origin, _)| *origin).collect();
        let after = self.playout.cursor();
        for origin in fed {
            self.send(now, origin, LinkMessage::Subscribe { after });
        }
    }

    /// How much newer one fragment is than another, at least: how many there are in a segment
    /// is not known.
    fn distance(&self, newest: Option<Position>, claim: Option<Position>) -> Duration {
        let (Some(newest), Some(claim)) = (newest, claim) else {
            return Duration::ZERO;
        };
        let duration = self
            .store
            .get(newest)
            .map_or(0, |entry| entry.header().header.meta.duration);
        let count = if claim.segment == newest.segment {
            claim.index.saturating_sub(newest.index)
        } else if claim > newest {
            claim.index.saturating_add(1)
        } else {
            0
        };
        Duration::from_micros(duration.into()) * count.into()
    }
}
