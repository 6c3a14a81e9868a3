//! Who is to feed this node, what is asked for again, and the signs of life.

use core::time::Duration;

use peerstream_fragment::Position;
use peerstream_wire::{Complaint, LinkMessage, Parent};

use super::Node;
use crate::{
    config::{
        DEAD, DOUBT_AGAIN, DRY, HEARTBEAT, LATENCY_CEILING, NEWCOMER_PATIENCE, PARENT_COMES_UP,
        PATIENCE_CEILING, PING, QUIET, RESERVE_HEARTBEAT, SERVED_HEARTBEAT, STALE_AGAIN,
    },
    link::{Fed, Link, State},
    timer::Timer,
    upstream::{self, Verdict, View},
};

impl Node {
    /// Subscribes to the parent as soon as it can be reached, and to a helper when the
    /// rule says so.
    pub(super) fn steer(&mut self, now: Duration) {
        let Some(assignment) = &self.assignment else {
            return;
        };
        let parent = assignment.parent;
        let newest = self.store.newest();
        self.began = self.began.or(self.playout.cursor().map(|_| now));
        // One that fed worse than another has to catch up first. The box has, and says what it
        // holds to those only whom it feeds.
        let awaited = self.awaits(now, parent);
        let reachable = |link: &Link| {
            link.is_usable()
                && link.fed.is_none()
                && awaited.is_none()
                && (link.pauses == 0
                    || now >= link.resume && (parent == Parent::Box || self.caught_up(link)))
        };
        // One that has more and sends nothing may not know that it is to.
        let forgetful = |link: &Link| {
            let at = link.fed.and_then(|fed| fed.delivered_at);
            link.is_usable()
                && parent != Parent::Box
                && link.fed.is_some()
                && link.claim > newest
                && now >= link.asked.max(at.unwrap_or_default()) + DRY
        };
        let asks = |link: &Link| reachable(link) || forgetful(link);
        if self.links.get(&parent).is_some_and(asks) {
            self.subscribe(now, parent);
        }
        let latency = self.latency();
        if let Some(until) = self.newcomer_waits(now, parent) {
            self.timers.set(Timer::Upstream, until);
            return;
        }
        let better = self.helpers().iter().any(|origin| {
            let more = |link: &Link| link.is_usable() && link.claim > newest;
            self.links.get(origin).is_some_and(more)
        });
        if self.is_stale(now) && !self.is_shared() {
            self.doubt(now, better);
        }
        let shared = self.tend_shares(now);
        let others = || {
            let others = self.links.iter().filter(|(origin, _)| **origin != parent);
            others.filter_map(|(_, link)| Some((link.fed?.since, link.heard)))
        };
        let hopeful = shared || self.is_hopeful(parent);
        let verdict = upstream::judge(&View {
            now,
            latency,
            patience: self.parents_patience(),
            newest,
            progress: self.progress,
            parent: self.links.get(&parent),
            direct: parent == Parent::Box,
            better,
            helped: others().map(|(since, _)| since).max().filter(|_| !shared),
            heard: others().map(|(_, heard)| heard).max().filter(|_| !shared),
            hopeful,
        });
        let next = match verdict {
            Verdict::Wait(until) => until.max(now + Duration::from_millis(5)),
            Verdict::TakeOver(complaint) => {
                // A helper that may help is given as long as a parent before the next is asked.
                let due = self
                    .helped
                    .map_or(now, |at| at + self.helpers_patience(hopeful));
                if now < due {
                    due
                } else {
                    if let Some(complaint) = complaint {
                        self.report(now, parent, complaint);
                    }
                    self.cry(now, parent);
                    if !shared {
                        self.take_over(now);
                    } else if complaint != Some(Complaint::Late) {
                        // The other half is there already. What is late by two links would
                        // be later by one.
                        (self.helped, self.takeovers) = (Some(now), self.takeovers + 1);
                        self.share_no_more(now);
                    }
                    now + self.helpers_patience(self.is_hopeful(parent))
                }
            }
        };
        let next = awaited.map_or(next, |until| next.min(until));
        self.timers.set(Timer::Upstream, next);
    }

    /// The longer of L and what the parent waits by itself.
    fn parents_patience(&self) -> Duration {
        let parent = self.parent_link();
        let theirs = parent.map_or(Duration::ZERO, |link| link.patience);
        self.latency().max(theirs.min(PATIENCE_CEILING))
    }

    /// Parent and partner may both pretend that all is well. Their word is not asked, but
    /// the reserve, which has no part in it; more rarely than it would take to make things
    /// worse where it is the source that is late.
    fn doubt(&mut self, now: Duration, better: bool) {
        let pause = if better { DOUBT_AGAIN } else { STALE_AGAIN };
        if self.doubted.is_some_and(|at| now < at + pause) {
            return;
        }
        self.doubted = Some(now);
        let partner = self.assignment.as_ref().and_then(|a| a.partner);
        let mut idle = self.helpers();
        idle.retain(|origin| self.is_idle(now, origin));
        let apart = |origin: &&Parent| partner.map(Parent::Node) != Some(**origin);
        if let Some(helper) = idle.iter().find(apart).or(idle.first()) {
            self.subscribe(now, *helper);
        }
    }

    /// A sign of life, and of what there is to be had.
    pub(super) fn lives(
        &mut self,
        now: Duration,
        from: Parent,
        patience_ms: u16,
        claim: Option<Position>,
    ) {
        let newest = self.store.newest();
        let awaited = self.awaited.is_some_and(|(origin, _)| origin == from);
        if let Some(link) = self.links.get_mut(&from) {
            link.claim = claim;
            link.lived = now;
            link.patience = Duration::from_millis(patience_ms.into());
            link.ahead = link.ahead.or(Some(now)).filter(|_| claim > newest);
            // A parent that was let go, or is waited for, may have caught up.
            let due = if link.pauses > 0 || awaited && link.fed.is_none() {
                now
            } else {
                now + self.latency()
            };
            self.timers.by(Timer::Upstream, due);
        }
        if self.parent() == Some(from) {
            self.watch_speed(now, claim);
        }
        // Whoever is told rarely and lacks that much may be looking for somebody who has more.
        let lacks = self.lag(claim).is_some_and(|lag| lag >= HEARTBEAT);
        let told = self.links.get(&from).map(|link| link.told);
        if lacks && from != Parent::Box && told.is_some_and(|at| now >= at + HEARTBEAT) {
            self.tell(now, from);
        }
    }

    /// Until when a node that is fed lets a parent that is far behind come up to its own new
    /// place, before it turns to it and becomes as late, with all below it.
    fn awaits(&mut self, now: Duration, parent: Parent) -> Option<Duration> {
        let latency = self.latency();
        let link = self.links.get(&parent)?;
        let near = latency.min(LATENCY_CEILING) + HEARTBEAT;
        let comes_up = parent != Parent::Box
            && link.is_usable()
            && link.fed.is_none()
            && self.lag(link.claim).is_none_or(|lag| lag > near)
            && self
                .links
                .keys()
                .any(|origin| *origin != parent && self.delivers(now, *origin, latency));
        if !comes_up {
            return None;
        }
        let since = self.awaited.filter(|(origin, _)| *origin == parent);
        let (_, since) = *self.awaited.insert(since.unwrap_or((parent, now)));
        Some(since + PARENT_COMES_UP).filter(|until| now < *until)
    }

    /// Somebody sent what no honest node sends. Nothing more is taken from it; who feeds
    /// this node instead is [`Node::steer`]'s affair.
    pub(super) fn offence(&mut self, now: Duration, culprit: Parent) {
        self.report(now, culprit, Complaint::Forged);
        if let Some(link) = self.links.get_mut(&culprit) {
            link.distrusted = true;
        }
        self.helped = None;
        self.unsubscribe(now, culprit);
        self.steer(now);
    }

    /// Lets everybody go who is not needed: one feeder is enough, the parent if it
    /// delivers, and otherwise the first helper that does.
    pub(super) fn let_helpers_go(&mut self, now: Duration) {
        let Some(assignment) = &self.assignment else {
            return;
        };
        let parent = assignment.parent;
        let feeds = self.links.iter().filter(|(_, link)| link.fed.is_some());
        let feeds: Vec<Parent> = feeds.map(|(origin, _)| *origin).collect();
        let latency = self.latency();
        // Whoever was asked out of doubt is given the time to answer.
        let doubting = self.doubted.is_some_and(|at| now < at + 4 * latency);
        if feeds.len() < 2 || doubting || (feeds.len() == 2 && self.is_shared()) {
            return;
        }
        // One whose role has ended is only there until the parent delivers, however much
        // farther from the source that is; a helper, until the parent is not late any more.
        let assigned = [assignment.partner, assignment.reserve];
        let has_role = |origin: &Parent| {
            *origin == parent
                || assigned
                    .into_iter()
                    .flatten()
                    .any(|p| Parent::Node(p) == *origin)
        };
        let helped = feeds
            .iter()
            .any(|origin| *origin != parent && has_role(origin));
        let tolerance = if helped {
            self.tolerance()
        } else {
            Duration::MAX
        };
        let best = if self.delivers(now, parent, tolerance) {
            parent
        } else {
            let mut helpers = self.helpers().into_iter();
            let Some(best) = helpers.find(|origin| self.delivers(now, *origin, latency)) else {
                return;
            };
            best
        };
        let since = |origin: &Parent| self.links.get(origin)?.fed.map(|fed| fed.since);
        let asked = since(&best);
        // A parent is given the time to catch up.
        let early = now < asked.max(since(&parent)).unwrap_or_default() + 2 * latency;
        let spared = best != parent && (early || !has_role(&best));
        let right = best != parent && !spared && self.doubted.is_some() && asked <= self.doubted;
        for origin in feeds {
            if origin == best || origin == parent && spared {
                continue;
            }
            let delivers = self.delivers(now, origin, latency);
            // The box ends a feed that is not to be.
            let ended = origin == Parent::Box && parent != Parent::Box;
            if let Some(link) = self.links.get_mut(&origin)
                && !delivers
                && !ended
            {
                link.pause(now);
                if origin == parent {
                    self.report(now, parent, Complaint::Late);
                }
            }
            self.unsubscribe(now, origin);
        }
        if right {
            self.expose(now, best);
        }
    }

    /// Whether something came from a feeder within L, and it is not further behind the
    /// newest than this. What comes from one that is fed by this node says nothing: parent and
    /// child who change places hand one another what they have until both have new feeders.
    fn delivers(&self, now: Duration, origin: Parent, behind: Duration) -> bool {
        let link = self.links.get(&origin).filter(|link| !link.is_serving());
        let fed = link.and_then(|link| link.fed);
        fed.is_some_and(|fed| {
            fed.delivered_at.is_some_and(|at| now < at + self.latency())
                && self.lag(fed.delivered).is_some_and(|lag| lag <= behind)
        })
    }

    /// How far behind a helper a parent may be and still be preferred to it. To be left
    /// without news for 3 L by turning back would mean another takeover.
    fn tolerance(&self) -> Duration {
        2 * self.parents_patience()
    }

    /// Whether somebody who fed worse than another has caught up, as far as his word goes,
    /// which may be a heartbeat old.
    fn caught_up(&self, link: &Link) -> bool {
        let lag = self.lag(link.claim);
        lag.is_some_and(|lag| lag <= self.tolerance() + HEARTBEAT)
    }

    /// How much newer the newest fragment is than this one.
    fn lag(&self, at: Option<Position>) -> Option<Duration> {
        let time = |at| Some(self.store.get(at)?.header().header.meta.media_time);
        let (at, newest) = (at?, self.store.newest()?);
        if at >= newest {
            return Some(Duration::ZERO);
        }
        Some(Duration::from_micros(
            time(newest)?.saturating_sub(time(at)?),
        ))
    }

    /// A newcomer's links open within moments of one another. It gives its parent's that
    /// moment, rather than have the same first segment sent to it twice.
    fn newcomer_waits(&self, now: Duration, parent: Parent) -> Option<Duration> {
        match self.links.get(&parent)?.state {
            State::Opening { since } if self.playout.cursor().is_none() => {
                Some(since + NEWCOMER_PATIENCE).filter(|until| now < *until)
            }
            _ => None,
        }
    }

    pub(super) fn subscribe(&mut self, now: Duration, to: Parent) {
        if let Some(link) = self.links.get_mut(&to) {
            link.fed = Some(Fed {
                since: now,
                delivered_at: None,
                delivered: None,
            });
            link.ahead = None;
            link.asked = now;
        }
        let after = self.playout.cursor();
        self.send(now, to, LinkMessage::Subscribe { after });
        self.timers.by(Timer::Upstream, now + self.latency());
    }

    /// A feeder will not, or no longer: it has no room.
    pub(super) fn declined(&mut self, now: Duration, from: Parent) {
        if let Some(link) = self.links.get_mut(&from)
            && link.fed.take().is_some()
        {
            // The box says so when the node has another parent.
            if from != Parent::Box {
                link.pause(now);
            }
            self.helped = None;
            self.steer(now);
        }
    }

    pub(super) fn unsubscribe(&mut self, now: Duration, from: Parent) {
        if let Some(link) = self.links.get_mut(&from) {
            link.fed = None;
        }
        self.send(now, from, LinkMessage::Unsubscribe);
    }

    fn sign_of_life(&self) -> LinkMessage {
        let patience = self.parents_patience().as_millis();
        LinkMessage::Heartbeat {
            patience_ms: u16::try_from(patience).unwrap_or(u16::MAX),
            newest: self.store.newest(),
        }
    }

    /// Tells one link what this node holds.
    pub(super) fn tell(&mut self, now: Duration, origin: Parent) {
        let message = self.sign_of_life();
        self.send(now, origin, message);
        if let Some(link) = self.links.get_mut(&origin) {
            link.told = now;
        }
    }

    /// Tells every link that this node lives and what it holds, unless the link has just
    /// been told by what flows over it.
    pub(super) fn heartbeat(&mut self, now: Duration) {
        let Some(assignment) = &self.assignment else {
            return;
        };
        let frequent: Vec<Parent> = assignment
            .partner
            .into_iter()
            .chain(assignment.children.iter().copied())
            .map(Parent::Node)
            .collect();
        let beside = assignment.partner.map(Parent::Node);
        let mut dead = Vec::new();
        let origins: Vec<Parent> = self.links.keys().copied().collect();
        for origin in origins {
            let Some(link) = self.links.get_mut(&origin).filter(|link| link.is_open()) else {
                continue;
            };
            if origin == Parent::Box {
                continue;
            }
            let spoke = link.patience > Duration::ZERO;
            if let Parent::Node(peer) = origin
                && spoke
                && link.fed.is_none()
                && now >= link.heard + DEAD
            {
                dead.push(peer);
                continue;
            }
            if Some(origin) == beside && spoke && now >= link.heard + QUIET {
                // A partner that feeds nobody is missed by nobody else.
                self.report(now, origin, Complaint::Silent);
            }
            let Some(link) = self.links.get_mut(&origin) else {
                continue;
            };
            if link.pinged.is_none_or(|at| now >= at + PING) {
                link.pinged = Some(now);
                // Any value does; the time tells a late answer from the newest.
                let token = u32::try_from(now.as_millis() & 0xffff_ffff).unwrap_or(0);
                link.ping = Some((token, now));
                self.send(now, origin, LinkMessage::Ping(token));
            }
            let Some(link) = self.links.get(&origin) else {
                continue;
            };
            let served = link.is_serving() && now < link.sent + HEARTBEAT;
            let due = frequent.contains(&origin) || now >= link.sent + RESERVE_HEARTBEAT;
            if due && (!served || now >= link.told + SERVED_HEARTBEAT) {
                self.tell(now, origin);
            }
        }
        for peer in dead {
            self.link_closed(now, peer);
        }
        self.tend_trial(now);
        self.tend_strands(now);
        self.timers.set(Timer::Heartbeat, now + HEARTBEAT);
    }
}
