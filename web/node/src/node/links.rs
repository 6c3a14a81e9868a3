//! Which links to have, and how each comes to be and ends.

use core::time::Duration;

use peerstream_wire::{
    Act, Assignment, Candidate, Command, Description, LinkMessage, NodeId, Parent, Signal, ToBox,
    Trigger,
};

use super::Node;
use crate::{
    config::{
        FAREWELL, HANDSHAKE, LINK_OPEN, LINK_OPEN_PASSIVE, LINK_OPEN_STARVING, RETIRE,
        RETIRE_SERVING, STARVING,
    },
    event::Output,
    link::{Link, State},
    timer::Timer,
};

impl Node {
    /// Takes a place, whole.
    pub(super) fn assign(&mut self, now: Duration, assignment: Assignment) {
        self.pending.clear();
        assignment.peers().for_each(|peer| self.try_anew(peer));
        self.assignment = Some(assignment);
        self.settle(now);
    }

    /// A link that is given up is tried again only when the box names the other end anew.
    fn try_anew(&mut self, peer: NodeId) {
        let origin = Parent::Node(peer);
        let broken = |link: &Link| link.state == State::Broken;
        if self.links.get(&origin).is_some_and(broken) {
            self.drop_link(origin);
        }
    }

    /// Takes what changes in the place. False if something before it was lost.
    pub(super) fn change(&mut self, now: Duration, epoch: u32, commands: Vec<Command>) -> bool {
        let Some(place) = &mut self.assignment else {
            return false;
        };
        if epoch > place.epoch {
            if epoch - place.epoch > 1 {
                return false;
            }
            place.epoch = epoch;
            for command in &commands {
                self.pending.take(*command, place);
            }
            for command in commands {
                if let Some(peer) = added(&command.act) {
                    self.try_anew(peer);
                }
            }
            self.settle(now);
        }
        true
    }

    /// Carries out the commands whose trigger has fired.
    pub(super) fn fire(&mut self, now: Duration) {
        let waiting = self.pending.iter().count();
        let Some(place) = self.assignment.as_mut().filter(|_| waiting > 0) else {
            return;
        };
        let links = &self.links;
        let link = |peer| links.get(&Parent::Node(peer)).filter(|link| link.is_open());
        self.pending.fire(place, |trigger| match trigger {
            Trigger::Now => true,
            Trigger::Opens(peer) => link(peer).is_some(),
            Trigger::Ends(peer) => link(peer).is_none_or(|link| !link.is_serving()),
        });
        if self.pending.iter().count() < waiting {
            self.settle(now);
        }
    }

    /// Whom the place asks for links with, and whom it will when all has fired.
    fn neighbours(&self) -> Vec<NodeId> {
        let assigned = self.assignment.iter().flat_map(Assignment::peers);
        let mut wanted: Vec<NodeId> = assigned.collect();
        for command in self.pending.iter() {
            wanted.extend(added(&command.act));
        }
        wanted
    }

    pub(super) fn wants(&self, peer: NodeId) -> bool {
        self.neighbours().contains(&peer)
    }

    /// The place has changed: opens what is new, keeps what stays, and lets what is no
    /// longer assigned go on for a while, until the new links feed.
    fn settle(&mut self, now: Duration) {
        let wanted = self.neighbours();
        for (origin, link) in self.links.iter_mut() {
            let stays = match origin {
                Parent::Box => true,
                Parent::Node(peer) => wanted.contains(peer),
            };
            link.retire = link.retire.or(Some(now + RETIRE)).filter(|_| !stays);
        }
        let hub = self.assignment.as_ref().and_then(|a| a.hub);
        for peer in wanted {
            if !self.links.contains_key(&Parent::Node(peer)) {
                self.open_link(now, peer, hub.filter(|hub| *hub != peer));
            }
        }
        self.tend_signals(now);
        self.timers.by(Timer::Links, now + RETIRE);
        self.timers.by(Timer::Heartbeat, now);
        self.steer(now);
    }

    fn open_link(&mut self, now: Duration, peer: NodeId, via: Option<NodeId>) {
        let link = self.links.get_or_insert(Parent::Node(peer), || {
            Link::new(now, State::Opening { since: now })
        });
        link.interrupt(State::Opening { since: now });
        link.via = via;
        (link.invited, link.met) = (false, None);
        self.timers.by(Timer::Links, now + LINK_OPEN_STARVING);
        if self.begins(peer) {
            let strand = 0;
            self.outputs.push_back(Output::CreateOffer { peer, strand });
        }
    }

    /// Whether this end makes the offer: the one that came later does.
    pub(super) fn begins(&self, peer: NodeId) -> bool {
        self.name.is_some_and(|name| name > peer)
    }

    pub(super) fn local_candidates(
        &mut self,
        now: Duration,
        peer: NodeId,
        strand: u8,
        candidates: Vec<Candidate>,
    ) {
        // What is found once the link is open would only cost the box bytes.
        if (strand > 0 || self.opens(peer)) && !candidates.is_empty() {
            self.signal(now, peer, strand, Signal::Candidates(candidates));
        }
    }

    pub(super) fn offered(
        &mut self,
        now: Duration,
        peer: NodeId,
        offer: Description,
        via: Option<NodeId>,
    ) {
        if !self.wants(peer) || self.begins(peer) {
            return;
        }
        let link = self.links.get_mut(&Parent::Node(peer));
        let same = |link: &&mut Link| link.taken.as_ref() == Some(&offer.ufrag);
        if let Some(link) = link.filter(same) {
            // By another way, since no answer has come by the first.
            link.via = via;
            if let Some(said) = link.said.clone() {
                let signal = Signal::Answer(said);
                self.say(&ToBox::Signal { peer, signal });
            }
            return;
        }
        if self.is_open(peer) {
            // The other end would not begin again if its end still worked.
            self.outputs.push_back(Output::CloseLink { peer });
        }
        self.open_link(now, peer, via);
        if let Some(link) = self.links.get_mut(&Parent::Node(peer)) {
            link.invited = true;
            link.taken = Some(offer.ufrag.clone());
        }
        self.outputs.push_back(Output::CreateAnswer {
            peer,
            strand: 0,
            offer,
        });
    }

    pub(super) fn taken_up(&mut self, now: Duration, peer: NodeId, answer: Description) {
        let meets = |link: &Link| link.met.is_none();
        let waits = self.links.get(&Parent::Node(peer)).is_some_and(meets);
        if waits && self.opens(peer) && self.begins(peer) {
            if let Some(link) = self.links.get_mut(&Parent::Node(peer)) {
                link.answer_by = None;
                link.met = Some(now);
                self.timers.by(Timer::Links, now + LINK_OPEN_STARVING);
            }
            self.outputs.push_back(Output::SetAnswer {
                peer,
                strand: 0,
                answer,
            });
        }
    }

    pub(super) fn link_opened(&mut self, now: Duration, peer: NodeId) {
        let Some(link) = self.links.get_mut(&Parent::Node(peer)) else {
            self.outputs.push_back(Output::CloseLink { peer });
            return;
        };
        link.interrupt(State::Open);
        link.heard = now;
        self.timers.by(Timer::Heartbeat, now);
        self.tend_signals(now);
        self.steer(now);
    }

    /// A link broke, or did not open. If it is still assigned the box is told, once, and by
    /// whoever made the offer; what follows is up to the box.
    pub(super) fn link_closed(&mut self, now: Duration, peer: NodeId) {
        let origin = Parent::Node(peer);
        let (begins, starving) = (self.begins(peer), self.is_starving(now));
        let Some(link) = self.links.get_mut(&origin) else {
            return;
        };
        if link.state == State::Broken {
            return;
        }
        if link.retire.is_some() {
            self.drop_link(origin);
        } else {
            let tells = begins || link.is_open() || !link.invited || starving;
            link.interrupt(State::Broken);
            self.outputs.push_back(Output::CloseLink { peer });
            if tells {
                self.say(&ToBox::LinkFailed { peer });
            }
        }
        self.tend_signals(now);
        self.steer(now);
    }

    /// The other end is leaving, and says so to the box itself.
    pub(super) fn farewell(&mut self, now: Duration, from: Parent) {
        let Parent::Node(peer) = from else { return };
        if let Some(link) = self.links.get_mut(&from) {
            if link.fed.is_some() {
                self.helped = None;
            }
            link.interrupt(State::Broken);
            self.outputs.push_back(Output::CloseLink { peer });
        }
        self.steer(now);
    }

    /// The page is going away: says so to everybody, neighbours first.
    pub(super) fn take_leave(&mut self, now: Duration) {
        let peers: Vec<Parent> = self.links.keys().copied().collect();
        for peer in peers {
            if peer != Parent::Box {
                self.send(now, peer, LinkMessage::Goodbye);
            }
        }
        self.say(&ToBox::Leave);
        // A page that comes back after all is a newcomer.
        self.control.ticket = None;
    }

    /// Whether nothing new has come for so long that the picture stands.
    pub(super) fn is_starving(&self, now: Duration) -> bool {
        self.playout.cursor().is_some() && now >= self.progress + STARVING
    }

    /// Gives up what did not open, tries again what may be tried, ends what has retired.
    pub(super) fn tend_links(&mut self, now: Duration) {
        self.tend_signals(now);
        let mut next = self.waiting.first().map(|waiting| waiting.until);
        let starving = self.is_starving(now);
        let origins: Vec<Parent> = self.links.keys().copied().collect();
        for origin in origins {
            let Parent::Node(peer) = origin else { continue };
            let begins = self.begins(peer);
            let Some(link) = self.links.get(&origin) else {
                continue;
            };
            let retires = link.retire.map(|at| match link.is_serving() {
                true => at + RETIRE_SERVING,
                false => at,
            });
            if retires.is_some_and(|at| at <= now) {
                self.part_from(now, origin);
                next = next.into_iter().chain([now + FAREWELL]).min();
                continue;
            }
            let due = match link.state {
                State::Opening { since } => {
                    // A page that was frozen since then begins anew.
                    let met = link.met.map(|at| at.saturating_sub(since));
                    let limit = since
                        + match begins {
                            // A picture that stands does not wait for bad luck.
                            _ if starving => {
                                LINK_OPEN_STARVING.max(met.unwrap_or_default() + HANDSHAKE)
                            }
                            // What is left is the handshake.
                            true => {
                                met.map_or(LINK_OPEN, |met| LINK_OPEN.min(met + LINK_OPEN_STARVING))
                            }
                            false => LINK_OPEN + LINK_OPEN_PASSIVE,
                        };
                    if limit <= now {
                        self.link_closed(now, peer);
                        continue;
                    }
                    if link.answer_by.is_some_and(|at| at <= now) {
                        self.offer_again(peer);
                        next = next.into_iter().chain([limit]).min();
                        continue;
                    }
                    Some(link.answer_by.unwrap_or(limit).min(limit))
                }
                State::Broken | State::Open => None,
            };
            next = next.into_iter().chain(due).chain(retires).min();
        }
        if let Some(next) = next {
            self.timers.by(Timer::Links, next);
        }
    }

    /// Ends a link whose role has ended, with a word to the other end: the box has told only
    /// one of the two, where the other has nobody new to hear of.
    fn part_from(&mut self, now: Duration, origin: Parent) {
        self.send(now, origin, LinkMessage::Goodbye);
        match self.links.get_mut(&origin) {
            Some(link) if link.is_open() => {
                link.interrupt(State::Broken);
                link.retire = Some(now + FAREWELL);
            }
            _ => self.drop_link(origin),
        }
    }

    pub(super) fn drop_link(&mut self, origin: Parent) {
        let Parent::Node(peer) = origin else { return };
        if self.links.remove(&origin).is_some() {
            self.outputs.push_back(Output::CloseLink { peer });
        }
    }
}

/// The neighbour that a command adds or gives another role.
fn added(act: &Act) -> Option<NodeId> {
    match *act {
        Act::Parent(Parent::Node(peer)) | Act::Adopt(peer) | Act::Guard(peer) => Some(peer),
        Act::Partner(peer) | Act::Reserve(peer) => peer,
        _ => None,
    }
}
