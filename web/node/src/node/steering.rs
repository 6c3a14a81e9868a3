//! Who is to feed this node, what is asked for again, and the signs of life.

use core::time::Duration;

use peerstream_fragment::Position;
use peerstream_wire::{LinkMessage, Parent};

use super::Node;
use crate::{
    config::{HEARTBEAT, NEWCOMER_PATIENCE, PING, RESERVE_HEARTBEAT},
    link::{Fed, Link, State},
    store::Entry,
    timer::Timer,
    upstream::{self, Verdict, View},
};

/// Missing fragments that are asked for at once, at most.
const REQUESTS: usize = 32;

impl Node {
    /// Subscribes to the parent as soon as it can be reached, and to a helper when the
    /// rule says so.
    pub(super) fn steer(&mut self, now: Duration) {
        let Some(assignment) = &self.assignment else {
            return;
        };
        let parent = assignment.parent;
        let reachable = |link: &Link| link.is_usable() && link.fed.is_none();
        if self.links.get(&parent).is_some_and(reachable) {
            self.subscribe(now, parent);
        }
        let latency = self.latency();
        if let Some(until) = self.newcomer_waits(now, parent) {
            self.timers.set(Timer::Upstream, until);
            return;
        }
        let verdict = {
            let helpers: Vec<&Link> = self
                .helpers()
                .into_iter()
                .filter_map(|origin| self.links.get(&origin))
                .collect();
            let other_feed = self
                .links
                .iter()
                .filter(|(origin, _)| **origin != parent)
                .filter_map(|(_, link)| {
                    link.fed
                        .and_then(|fed| fed.delivered_at.or(Some(fed.since)))
                })
                .max();
            upstream::judge(&View {
                now,
                latency,
                newest: self.store.newest(),
                progress: self.progress,
                parent: self.links.get(&parent),
                helpers: &helpers,
                other_feed,
            })
        };
        match verdict {
            Verdict::Wait(until) => {
                self.timers
                    .set(Timer::Upstream, until.max(now + Duration::from_millis(5)));
            }
            Verdict::TakeOver => {
                // A helper is given as long as a parent before the next one is asked.
                let due = self.helped.map_or(now, |at| at + 2 * latency);
                if now >= due {
                    self.take_over(now);
                    self.timers.set(Timer::Upstream, now + 2 * latency);
                } else {
                    self.timers.set(Timer::Upstream, due);
                }
            }
        }
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

    fn take_over(&mut self, now: Duration) {
        let idle = |origin: &Parent| {
            self.links
                .get(origin)
                .is_some_and(|link| link.is_usable() && link.fed.is_none())
        };
        let Some(helper) = self.helpers().into_iter().find(idle) else {
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

    /// Partner first, then the reserve, then whoever has more than this node: a link whose
    /// role has just ended may be the only one that is open yet.
    fn helpers(&self) -> Vec<Parent> {
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
        let others = self
            .links
            .iter()
            .filter(|(_, link)| link.is_open() && link.claim > newest);
        for (origin, _) in others {
            let is_child =
                matches!(origin, Parent::Node(peer) if assignment.children.contains(peer));
            if !helpers.contains(origin) && *origin != assignment.parent && !is_child {
                helpers.push(*origin);
            }
        }
        helpers
    }

    fn subscribe(&mut self, now: Duration, to: Parent) {
        if let Some(link) = self.links.get_mut(&to) {
            link.fed = Some(Fed {
                since: now,
                delivered_at: None,
                delivered: None,
            });
        }
        let after = self.playout.cursor();
        self.send(now, to, LinkMessage::Subscribe { after });
        self.timers.by(Timer::Upstream, now + self.latency());
    }

    /// Asks for every fragment that is missing before one that has come whole.
    pub(super) fn ask_again(&mut self, now: Duration) {
        let mut wanted = Vec::new();
        let mut expected = self.playout.cursor();
        for (at, entry) in self.store.after(self.playout.cursor()) {
            if let Some(last) = expected
                && at.segment == last.segment
            {
                let holes = last.index.saturating_add(1)..at.index;
                wanted.extend(holes.map(|index| {
                    (
                        Position {
                            segment: at.segment,
                            index,
                        },
                        0,
                    )
                }));
            }
            if let Some(last) = expected
                && at.segment != last.segment
            {
                // How long the segment before was is not known: one more is worth asking.
                wanted.push((
                    Position {
                        index: last.index.saturating_add(1),
                        ..last
                    },
                    0,
                ));
                let holes = 0..at.index;
                wanted.extend(holes.map(|index| {
                    (
                        Position {
                            segment: at.segment,
                            index,
                        },
                        0,
                    )
                }));
            }
            let init = entry.header().header.meta.init;
            if self.store.init(init).is_none() {
                wanted.push((
                    Position {
                        segment: init,
                        index: 0,
                    },
                    0,
                ));
            }
            if let Entry::Partial(assembly) = entry {
                wanted.push((at, assembly.missing()));
            }
            expected = Some(at);
            if wanted.len() >= REQUESTS {
                break;
            }
        }
        // The newest may simply be on its way.
        let newest = self.store.newest();
        wanted.retain(|(at, _)| Some(*at) < newest);
        for (at, parts) in wanted.into_iter().take(REQUESTS) {
            self.ask(now, at, parts);
        }
        if self.asked.len() > 4 * REQUESTS {
            let cursor = self.playout.cursor();
            self.asked.retain(|at, _| Some(*at) > cursor);
        }
    }

    fn ask(&mut self, now: Duration, at: Position, parts: u64) {
        let (last, times) = self.asked.get(&at).copied().unwrap_or((Duration::ZERO, 0));
        if times > 0 && now < last + self.latency() {
            return;
        }
        let mut sources = self.helpers();
        sources.extend(self.assignment.as_ref().map(|a| a.parent));
        sources.retain(|origin| self.links.get(origin).is_some_and(|link| link.is_usable()));
        if sources.is_empty() {
            return;
        }
        let source = sources[times as usize % sources.len()];
        self.asked.insert(at, (now, times + 1));
        self.send(now, source, LinkMessage::Request { at, parts });
    }

    /// Tells every link that this node lives and what it holds, unless the link has just
    /// been told by what flows over it.
    pub(super) fn heartbeat(&mut self, now: Duration) {
        let newest = self.store.newest();
        let Some(assignment) = &self.assignment else {
            return;
        };
        let frequent: Vec<Parent> = assignment
            .partner
            .into_iter()
            .chain(assignment.children.iter().copied())
            .map(Parent::Node)
            .collect();
        let origins: Vec<Parent> = self.links.keys().copied().collect();
        for origin in origins {
            let Some(link) = self.links.get_mut(&origin).filter(|link| link.is_open()) else {
                continue;
            };
            if origin == Parent::Box {
                continue;
            }
            if now >= link.pinged + PING {
                link.pinged = now;
                // Any value does; the time tells a late answer from the newest.
                let token = u32::try_from(now.as_millis() & 0xffff_ffff).unwrap_or(0);
                link.ping = Some((token, now));
                self.send(now, origin, LinkMessage::Ping(token));
            }
            let Some(link) = self.links.get(&origin) else {
                continue;
            };
            let served = link.serving.is_some() && now < link.sent + HEARTBEAT;
            let due = frequent.contains(&origin) || now >= link.sent + RESERVE_HEARTBEAT;
            if due && !served {
                self.send(now, origin, LinkMessage::Heartbeat { newest });
            }
        }
        self.timers.set(Timer::Heartbeat, now + HEARTBEAT);
    }
}
