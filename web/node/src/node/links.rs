//! Which links to have, and how each comes to be and ends.

use core::time::Duration;

use peerstream_wire::{Assignment, Candidate, Description, NodeId, Parent, Signal, ToBox};

use super::Node;
use crate::{
    config::{LINK_OPEN, LINK_RETRY, RETIRE},
    event::Output,
    link::{Link, State},
    timer::Timer,
};

impl Node {
    /// Takes a place, whole: opens what is new, keeps what stays, and lets what is no
    /// longer assigned go on for a while, until the new links feed.
    pub(super) fn assign(&mut self, now: Duration, assignment: Assignment) {
        let outdated = |held: &Assignment| assignment.epoch <= held.epoch;
        if self.assignment.as_ref().is_some_and(outdated) {
            return;
        }
        let peers: Vec<NodeId> = assignment.peers().collect();
        self.assignment = Some(assignment);
        for link in self.links.values_mut() {
            link.retire = link.retire.or(Some(now + RETIRE));
        }
        if let Some(link) = self.links.get_mut(&Parent::Box) {
            link.retire = None;
        }
        for peer in peers {
            match self.links.get_mut(&Parent::Node(peer)) {
                Some(link) => link.retire = None,
                None => self.open_link(now, peer),
            }
        }
        self.timers.by(Timer::Links, now + RETIRE);
        self.timers.by(Timer::Heartbeat, now);
        self.steer(now);
    }

    fn open_link(&mut self, now: Duration, peer: NodeId) {
        let link = self.links.get_or_insert(Parent::Node(peer), || {
            Link::new(now, State::Opening { since: now })
        });
        link.interrupt(State::Opening { since: now });
        self.timers.by(Timer::Links, now + LINK_OPEN);
        if self.begins(peer) {
            self.outputs.push_back(Output::CreateOffer { peer });
        }
    }

    /// Whether this end makes the offer: the one that came later does.
    fn begins(&self, peer: NodeId) -> bool {
        self.name.is_some_and(|name| name > peer)
    }

    pub(super) fn local_offer(&mut self, peer: NodeId, description: Description) {
        if self.links.contains_key(&Parent::Node(peer)) {
            self.say(&ToBox::Signal {
                peer,
                signal: Signal::Offer(description),
            });
        }
    }

    pub(super) fn local_answer(&mut self, peer: NodeId, description: Description) {
        if self.links.contains_key(&Parent::Node(peer)) {
            self.say(&ToBox::Signal {
                peer,
                signal: Signal::Answer(description),
            });
        }
    }

    pub(super) fn local_candidates(&mut self, peer: NodeId, candidates: Vec<Candidate>) {
        let opening = self
            .links
            .get(&Parent::Node(peer))
            .is_some_and(|link| matches!(link.state, State::Opening { .. }));
        // What is found once the link is open would only cost the box bytes.
        if opening && !candidates.is_empty() {
            self.say(&ToBox::Signal {
                peer,
                signal: Signal::Candidates(candidates),
            });
        }
    }

    pub(super) fn offered(&mut self, now: Duration, peer: NodeId, offer: Description) {
        let assigned = self
            .assignment
            .as_ref()
            .is_some_and(|a| a.peers().any(|assigned| assigned == peer));
        if !assigned || self.begins(peer) {
            return;
        }
        if self
            .links
            .get(&Parent::Node(peer))
            .is_some_and(Link::is_open)
        {
            // The other end would not begin again if its end still worked.
            self.outputs.push_back(Output::CloseLink { peer });
        }
        self.open_link(now, peer);
        self.outputs.push_back(Output::CreateAnswer { peer, offer });
    }

    pub(super) fn answered(&mut self, peer: NodeId, answer: Description) {
        let opening = self
            .links
            .get(&Parent::Node(peer))
            .is_some_and(|link| matches!(link.state, State::Opening { .. }));
        if opening && self.begins(peer) {
            self.outputs.push_back(Output::SetAnswer { peer, answer });
        }
    }

    pub(super) fn link_opened(&mut self, now: Duration, peer: NodeId) {
        let Some(link) = self.links.get_mut(&Parent::Node(peer)) else {
            self.outputs.push_back(Output::CloseLink { peer });
            return;
        };
        link.interrupt(State::Open);
        link.heard = now;
        link.failures = 0;
        self.timers.by(Timer::Heartbeat, now);
        self.steer(now);
    }

    /// A link broke. If it is still assigned it is tried again after a pause, in which the
    /// box, which is told, will mostly have arranged something better.
    pub(super) fn link_closed(&mut self, now: Duration, peer: NodeId) {
        let origin = Parent::Node(peer);
        let Some(link) = self.links.get_mut(&origin) else {
            return;
        };
        if matches!(link.state, State::Broken { .. }) {
            return;
        }
        if link.retire.is_some() {
            self.drop_link(origin);
        } else {
            let pause = LINK_RETRY * 2u32.saturating_pow(link.failures.min(5));
            link.failures += 1;
            link.interrupt(State::Broken { retry: now + pause });
            self.timers.by(Timer::Links, now + pause);
            self.outputs.push_back(Output::CloseLink { peer });
            self.say(&ToBox::LinkFailed { peer });
        }
        self.steer(now);
    }

    /// Gives up what did not open, tries again what may be tried, ends what has retired.
    pub(super) fn tend_links(&mut self, now: Duration) {
        let mut next: Option<Duration> = None;
        let origins: Vec<Parent> = self.links.keys().copied().collect();
        for origin in origins {
            let Parent::Node(peer) = origin else { continue };
            let Some(link) = self.links.get(&origin) else {
                continue;
            };
            if link.retire.is_some_and(|at| at <= now) {
                self.drop_link(origin);
                continue;
            }
            let due = match link.state {
                State::Opening { since } if since + LINK_OPEN <= now => {
                    self.link_closed(now, peer);
                    continue;
                }
                State::Broken { retry } if retry <= now => {
                    self.open_link(now, peer);
                    continue;
                }
                State::Opening { since } => Some(since + LINK_OPEN),
                State::Broken { retry } => Some(retry),
                State::Open => None,
            };
            next = next.into_iter().chain(due).chain(link.retire).min();
        }
        if let Some(next) = next {
            self.timers.by(Timer::Links, next);
        }
    }

    pub(super) fn drop_link(&mut self, origin: Parent) {
        let Parent::Node(peer) = origin else { return };
        if self.links.remove(&origin).is_some() {
            self.outputs.push_back(Output::CloseLink { peer });
        }
    }
}
