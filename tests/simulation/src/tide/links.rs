//! Which links a node wants, and how each comes to be and ends: by offer and answer, passed
//! on by the hub or by the box.

use peerstream_wire::{Command, NodeId, ToBox, Trigger};

use super::{
    exchange::micros,
    node::{Link, NOBODY, Name, State},
    rules,
    state::{Event, Missive, Tide, Time},
    words::signal,
};
use crate::wire::{GATHERING, HANDSHAKE, HANDSHAKE_ROUND_TRIPS};

/// An offer for a link that the other end has not been told of yet waits so long.
const EARLY: Time = 2_000_000;

impl Tide<'_> {
    /// Opens what is new in a place, and lets what is assigned no more run out.
    pub(super) fn reconcile(&mut self, name: Name) {
        let node = &self.nodes[name as usize];
        let mut wanted: Vec<Name> = node.place.peers().map(|peer| peer.0).collect();
        for command in node.pending.iter() {
            if let Trigger::Opens(NodeId(peer)) = command.when
                && !wanted.contains(&peer)
            {
                wanted.push(peer);
            }
        }
        wanted.retain(|peer| *peer != name && *peer != NOBODY);
        let now = self.now.max(1);
        let mut retires = false;
        for link in &mut self.nodes[name as usize].links {
            if wanted.contains(&link.peer) {
                link.retired = 0;
            } else if link.retired == 0 {
                link.retired = now;
                retires = true;
            }
        }
        if retires {
            self.note(now + rules::RETIRE, Event::Retire(name));
        }
        for peer in wanted {
            if self.nodes[name as usize].link(peer).is_none() {
                self.attempt(name, peer);
            }
        }
    }

    /// A link that is given up is tried again only when the box names the other end anew.
    pub(super) fn try_anew(&mut self, name: Name, peer: Name) {
        let node = &mut self.nodes[name as usize];
        node.links
            .retain(|link| link.peer != peer || link.state != State::Broken);
    }

    /// Begins a link, or waits for the other end to.
    fn attempt(&mut self, name: Name, peer: Name) {
        let Some(other) = self.nodes.get(peer as usize) else {
            return;
        };
        let number = other.number;
        self.attempts = self.attempts.wrapping_add(1);
        let attempt = self.attempts;
        let path = self.world.path(self.nodes[name as usize].number, number);
        let link = Link {
            peer,
            state: State::Opening,
            serving: false,
            promised: false,
            invited: false,
            attempt,
            begun: millis(self.now),
            met: 0,
            retired: 0,
            delay: u32::try_from(path.delay.as_micros()).unwrap_or(u32::MAX),
        };
        let node = &mut self.nodes[name as usize];
        let hub = node.place.hub.map_or(NOBODY, |hub| hub.0);
        match node.link_mut(peer) {
            Some(held) => *held = link,
            None => node.links.push(link),
        }
        self.note(
            self.now + rules::LINK_OPEN_STARVING,
            Event::Due(name, peer, attempt, true),
        );
        if name > peer {
            self.survey.links += 1;
            let missive = Missive {
                from: name,
                to: peer,
                offer: true,
                attempt,
                hub,
                since: self.now,
            };
            self.gather(missive);
        }
    }

    fn gather(&mut self, missive: Missive) {
        let span = micros(GATHERING.end - GATHERING.start);
        let at = self.now + micros(GATHERING.start) + self.draw(span);
        self.note(at, Event::Gathered(missive));
    }

    /// Sends an offer or an answer, by the hub if that can be reached.
    pub(super) fn post(&mut self, missive: Missive) {
        let Some(node) = self.present(missive.from) else {
            return;
        };
        let opening = |link: &Link| link.state == State::Opening;
        if !node.link(missive.to).is_some_and(opening) {
            return;
        }
        let hub = missive.hub;
        let here = node.link(hub).map(|link| (link.state, link.delay));
        let on = self
            .present(hub)
            .and_then(|passing| passing.link(missive.to));
        let on = on.map(|link| (link.state, link.delay));
        let waits = self.now < missive.since + rules::HUB_PATIENCE;
        match (here, on) {
            _ if hub == NOBODY || hub == missive.to => {}
            (Some((State::Open, one)), Some((State::Open, other))) => {
                let at = self.now + Time::from(one) + Time::from(other) + 1_000;
                self.survey.relayed += 1;
                return self.note(at, Event::Arrived(missive));
            }
            // Each waits for the other's link for a while.
            (Some((State::Open | State::Opening, _)), Some((State::Open | State::Opening, _)))
                if waits =>
            {
                return self.note(self.now + 50_000, Event::Gathered(missive));
            }
            // The hub is gone, or knows nothing of it: no answer comes.
            (Some((State::Open, _)), _) => {
                let at = missive.since + rules::HUB_PATIENCE;
                if self.now < at {
                    return self.note(at, Event::Gathered(missive));
                }
            }
            _ => {}
        }
        self.say(
            missive.from,
            ToBox::Signal {
                peer: NodeId(missive.to),
                signal: signal(&missive),
            },
        );
    }

    /// An offer or an answer arrives.
    pub(super) fn delivered(&mut self, missive: Missive) {
        let Some(node) = self.present(missive.to) else {
            return;
        };
        let (held, now) = (node.link(missive.from).copied(), self.now);
        if missive.offer {
            match held {
                Some(link) if link.state == State::Open => {}
                Some(_) => {
                    if let Some(link) = self.nodes[missive.to as usize].link_mut(missive.from) {
                        (link.state, link.invited) = (State::Opening, true);
                        link.begun = millis(now);
                    }
                    self.gather(Missive {
                        from: missive.to,
                        to: missive.from,
                        offer: false,
                        since: self.now,
                        ..missive
                    });
                }
                // The box has not told this end yet.
                None if self.now < missive.since + EARLY => {
                    self.note(self.now + 100_000, Event::Arrived(missive));
                }
                None => {}
            }
        } else if held
            .is_some_and(|link| link.state == State::Opening && link.attempt == missive.attempt)
        {
            let (one, other) = (missive.to, missive.from);
            let (a, b) = (
                self.nodes[one as usize].number,
                self.nodes[other as usize].number,
            );
            let path = self.world.path(a, b);
            if let Some(link) = self.nodes[one as usize].link_mut(other) {
                link.met = millis(now);
            }
            let due = now + rules::LINK_OPEN_STARVING;
            self.note(due, Event::Due(one, other, missive.attempt, false));
            if path.connects {
                let work = micros(HANDSHAKE.end - HANDSHAKE.start);
                let work = micros(HANDSHAKE.start) + self.draw(work);
                let way = u64::from(HANDSHAKE_ROUND_TRIPS) * 2 * micros(path.delay);
                self.note(
                    self.now + way + work,
                    Event::Opens(one, other, missive.attempt),
                );
            }
        }
    }

    /// The handshake is through.
    pub(super) fn opens(&mut self, one: Name, other: Name, attempt: u16) {
        let fits = |link: &Link| link.state == State::Opening;
        let here = self.present(one).and_then(|node| node.link(other));
        let there = self.present(other).and_then(|node| node.link(one));
        if !here.is_some_and(|link| fits(link) && link.attempt == attempt)
            || !there.is_some_and(fits)
        {
            return;
        }
        self.mark(5, u64::from(one) << 32 | u64::from(other));
        for (name, peer) in [(one, other), (other, one)] {
            if let Some(link) = self.nodes[name as usize].link_mut(peer) {
                link.state = State::Open;
            }
        }
        for name in [one, other] {
            self.settle(name);
            self.steer(name);
        }
    }

    /// A link should be open by now; `early` if only a node to which nothing comes has no time
    /// to wait any longer.
    pub(super) fn due(&mut self, name: Name, peer: Name, attempt: u16, early: bool) {
        let Some(node) = self.present(name) else {
            return;
        };
        let opening = |link: &Link| link.state == State::Opening && link.attempt == attempt;
        if !node.link(peer).is_some_and(opening) {
            return;
        }
        let due = node.link(peer).map_or(0, |link| {
            let handshake = if link.met == 0 {
                0
            } else {
                link.met + millis(rules::HANDSHAKE)
            };
            handshake.max(link.begun + millis(rules::LINK_OPEN_STARVING))
        });
        let starving = self.is_starving(name);
        if early && starving && millis(self.now) < due {
            let at = Time::from(due) * 1_000;
            return self.note(at, Event::Due(name, peer, attempt, true));
        }
        if early && !starving {
            let passive = if name > peer {
                0
            } else {
                rules::LINK_OPEN_PASSIVE
            };
            let at = self.now + rules::LINK_OPEN + passive - rules::LINK_OPEN_STARVING;
            return self.note(at, Event::Due(name, peer, attempt, false));
        }
        self.fails(name, peer);
    }

    /// A link did not open, or broke: the box is told, by whoever made the offer.
    fn fails(&mut self, name: Name, peer: Name) {
        let starving = self.is_starving(name);
        let node = &mut self.nodes[name as usize];
        let Some(link) = node.link_mut(peer) else {
            return;
        };
        if link.retired != 0 {
            node.links.retain(|link| link.peer != peer);
        } else {
            let open = link.state == State::Open;
            let tells = name > peer || open || !link.invited || starving;
            link.state = State::Broken;
            self.survey.link_failures += 1;
            if tells {
                self.say(name, ToBox::LinkFailed { peer: NodeId(peer) });
            }
        }
        self.settle(name);
        self.steer(name);
    }

    /// Carries out what has waited for a link, or for the end of one.
    pub(super) fn settle(&mut self, name: Name) {
        let Some(node) = self.present(name) else {
            return;
        };
        let fired: Vec<Trigger> = node
            .pending
            .iter()
            .map(|command: &Command| command.when)
            .filter(|when| match when {
                Trigger::Now => true,
                Trigger::Opens(NodeId(peer)) => node.is_linked(*peer),
                Trigger::Ends(NodeId(peer)) => !node
                    .link(*peer)
                    .is_some_and(|link| link.state == State::Open && link.serving),
            })
            .collect();
        if fired.is_empty() {
            return;
        }
        let node = &mut self.nodes[name as usize];
        node.pending
            .fire(&mut node.place, |when| fired.contains(&when));
        self.reconcile(name);
        self.steer(name);
    }
}

fn millis(time: Time) -> u32 {
    (time / 1_000) as u32
}
