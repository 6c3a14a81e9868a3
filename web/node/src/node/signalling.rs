//! How the two ends of a link that is to be hear of one another: through the box, or
//! through a neighbour of both, which costs the box nothing.

use core::time::Duration;

use peerstream_wire::{LinkMessage, NodeId, Parent, Signal, ToBox};

use super::Node;
use crate::{
    config::{HUB_ANSWER, HUB_PATIENCE},
    event::Output,
    link::{Link, State},
    timer::Timer,
};

/// Signals that wait at most, for a link to open or for the box's word; more is nobody's
/// ordinary change of place.
const WAITING: usize = 24;

/// A signal that cannot go on yet.
pub(super) struct Waiting {
    pub(super) until: Duration,
    what: For,
}

enum For {
    /// It is to be sent over this link when that opens.
    Link(NodeId, LinkMessage),
    /// It came through the first, from the second, of whom the box has not told yet.
    Place(NodeId, NodeId, Signal),
}

impl Node {
    /// Hands a signal over to the other end of a link.
    pub(super) fn signal(&mut self, now: Duration, peer: NodeId, strand: u8, signal: Signal) {
        if strand > 0 {
            return self.strand_signal(now, peer, strand, signal);
        }
        let Some(link) = self.links.get_mut(&Parent::Node(peer)) else {
            return;
        };
        match (&signal, &mut link.said) {
            (Signal::Offer(said) | Signal::Answer(said), _) => link.said = Some(said.clone()),
            (Signal::Candidates(more), Some(said)) => said.candidates.extend(more.iter().cloned()),
            (Signal::Candidates(_), None) => {}
        }
        let hub = link
            .via
            .filter(|hub| self.is_open(*hub) || self.opens(*hub));
        let Some(hub) = hub.filter(|_| self.waiting.len() < WAITING) else {
            return self.say(&ToBox::Signal { peer, signal });
        };
        if matches!(signal, Signal::Offer(_))
            && let Some(link) = self.links.get_mut(&Parent::Node(peer))
        {
            // If it is still to open, that may take as long as the answer.
            link.answer_by = Some(now + HUB_PATIENCE);
            self.timers.by(Timer::Links, now + HUB_PATIENCE);
        }
        let signal = Box::new(signal);
        self.send_or_wait(now, hub, LinkMessage::Relay { to: peer, signal });
    }

    /// Whoever was to pass the offer on has not, or not yet: it goes by the box as well. It is
    /// the same, so that the answer fits whichever way it was asked for.
    pub(super) fn offer_again(&mut self, peer: NodeId) {
        if let Some(link) = self.links.get_mut(&Parent::Node(peer)) {
            (link.via, link.answer_by) = (None, None);
            if let Some(said) = link.said.clone() {
                let signal = Signal::Offer(said);
                self.say(&ToBox::Signal { peer, signal });
            }
        }
    }

    /// A neighbour wants a signal passed on. That is done between two nodes that the box
    /// has assigned to this one, and no others.
    pub(super) fn pass_on(&mut self, now: Duration, from: Parent, to: NodeId, signal: Signal) {
        let Parent::Node(peer) = from else { return };
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        let admitted = link.relays.admit(now) && self.waiting.len() < WAITING;
        if admitted && self.wants(peer) && self.wants(to) && peer != to {
            let signal = Box::new(signal);
            let from = peer;
            self.send_or_wait(now, to, LinkMessage::Relayed { from, signal });
        }
    }

    /// A neighbour has passed a signal on.
    pub(super) fn relayed(&mut self, now: Duration, hub: Parent, from: NodeId, signal: Signal) {
        let Parent::Node(hub) = hub else { return };
        if !self.wants(hub) {
            return;
        }
        if self.wants(from) {
            self.signalled(now, from, signal, Some(hub));
        } else if self.waiting.len() < WAITING {
            self.wait(now, For::Place(hub, from, signal));
        }
    }

    /// The other end of a link has sent a signal, through the box or through a hub; what
    /// is said in return goes the same way.
    pub(super) fn signalled(
        &mut self,
        now: Duration,
        peer: NodeId,
        signal: Signal,
        via: Option<NodeId>,
    ) {
        match signal {
            Signal::Offer(offer) => self.offered(now, peer, offer, via),
            Signal::Answer(answer) => self.taken_up(now, peer, answer),
            Signal::Candidates(candidates) => {
                if self.links.contains_key(&Parent::Node(peer)) {
                    self.outputs.push_back(Output::AddCandidates {
                        peer,
                        strand: 0,
                        candidates,
                    });
                }
            }
        }
    }

    pub(super) fn send_or_wait(&mut self, now: Duration, over: NodeId, message: LinkMessage) {
        if self.is_open(over) {
            self.send(now, Parent::Node(over), message);
        } else if self.opens(over) {
            self.wait(now, For::Link(over, message));
        } else {
            self.cannot_deliver(over, &message);
        }
    }

    /// Of a letter nobody else knows that it has not arrived.
    fn cannot_deliver(&mut self, peer: NodeId, message: &LinkMessage) {
        if let LinkMessage::Letter(_) = message {
            self.say(&ToBox::LinkFailed { peer });
        }
    }

    fn wait(&mut self, now: Duration, what: For) {
        let until = now + HUB_PATIENCE;
        self.waiting.push(Waiting { until, what });
        self.timers.by(Timer::Links, until);
    }

    /// Sends on what can go on by now, and gives up what has waited for too long: a signal
    /// of this node's own goes by the box then.
    pub(super) fn tend_signals(&mut self, now: Duration) {
        for waiting in core::mem::take(&mut self.waiting) {
            match waiting.what {
                For::Link(over, message) if self.is_open(over) => {
                    if let LinkMessage::Relay { to, .. } = message
                        && let Some(link) = self.links.get_mut(&Parent::Node(to))
                        && let Some(by) = &mut link.answer_by
                    {
                        *by = (*by).max(now + HUB_ANSWER);
                    }
                    self.send(now, Parent::Node(over), message);
                }
                For::Link(over, message) => {
                    if now < waiting.until && self.opens(over) {
                        let what = For::Link(over, message);
                        self.waiting.push(Waiting { what, ..waiting });
                    } else if let LinkMessage::Relay { to, signal } = message {
                        let link = self.links.get_mut(&Parent::Node(to));
                        // Unless it has gone by the box already.
                        if let Some(link) = link.filter(|link| link.via.is_some()) {
                            (link.via, link.answer_by) = (None, None);
                            self.say(&ToBox::Signal {
                                peer: to,
                                signal: *signal,
                            });
                        }
                    } else {
                        self.cannot_deliver(over, &message);
                    }
                }
                For::Place(hub, from, signal) => {
                    if self.wants(from) {
                        self.signalled(now, from, signal, Some(hub));
                    } else if now < waiting.until {
                        let what = For::Place(hub, from, signal);
                        self.waiting.push(Waiting { what, ..waiting });
                    }
                }
            }
        }
    }

    /// Whether a link is open.
    pub(super) fn is_open(&self, peer: NodeId) -> bool {
        self.links
            .get(&Parent::Node(peer))
            .is_some_and(Link::is_open)
    }

    /// Whether a link is about to open.
    pub(super) fn opens(&self, peer: NodeId) -> bool {
        self.links
            .get(&Parent::Node(peer))
            .is_some_and(|link| matches!(link.state, State::Opening { .. }))
    }
}
