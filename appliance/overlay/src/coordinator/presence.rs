//! Nodes of which nobody knows whether they are still there.

use peerstream_wire::{NodeId, Refusal, ToNode};

use super::{Coordinator, Output};
use crate::{
    defaults::ABSENT,
    place::Place,
    probe::{Accuser, Asked},
    seat::{Seat, Standing, Whole},
    timer::Timer,
};

impl Coordinator {
    /// An open link with a node has broken, or nothing comes over it.
    pub(super) fn is_gone(&mut self, by: NodeId, about: NodeId, broken: bool) {
        let Some(accuser) = self.accuser(by, broken) else {
            return;
        };
        let asked = self.probes.accuse(self.now, about, accuser);
        self.ask(about, asked);
        if asked == Asked::Lives {
            self.unheard(by, about, broken);
        }
    }

    /// Whether another who is in the trees is a neighbour, as far as a place's occupant knows.
    pub(super) fn was_told_of(&self, place: Place, other: NodeId) -> bool {
        let seat = self.forest.seat(place);
        self.forest.place(other).is_some() && seat.is_some_and(|seat| seat.told.names(other))
    }

    pub(super) fn accuser(&self, node: NodeId, broken: bool) -> Option<Accuser> {
        let origin = self.origin(node)?;
        Some(Accuser {
            node,
            origin,
            broken,
        })
    }

    pub(super) fn ask(&mut self, node: NodeId, asked: Asked) {
        match asked {
            Asked::Ask => {
                self.counts.probes += 1;
                self.doubts.note(self.now);
                let (to, message) = (node, ToNode::Probe);
                self.instant.push_back(Output::Send { to, message });
                self.doubt_changes(node);
            }
            Asked::Wait => {
                let next = self.probes.next(self.now, node);
                self.timers.set(next, Timer::Probe(node));
            }
            Asked::Lives => {}
        }
    }

    /// A probe is on its way; false if the node has gone meanwhile. Its time begins now,
    /// however long the message has waited for the uplink.
    pub(super) fn probe_sent(&mut self, node: NodeId) -> bool {
        let there = self.forest.place(node).is_some();
        if there {
            self.probes.sent(self.now, node);
            let next = self.probes.next(self.now, node);
            self.timers.set(next, Timer::Probe(node));
        }
        there
    }

    /// A node has answered a probe: it lives, but not for those who said otherwise.
    pub(super) fn lives(&mut self, node: NodeId) {
        for by in self.probes.answered(node) {
            self.unheard(by.node, node, by.broken);
        }
        self.doubt_changes(node);
    }

    pub(super) fn probe_over(&mut self, node: NodeId) {
        if self.probes.is_silent(self.now, node) {
            self.is_absent(node);
        } else if let Some(again) = self.probes.expire(self.now, node) {
            self.timers.set(again, Timer::Probe(node));
        }
    }

    /// A node has not answered in time. Its place is wanted; but it may only be slow, so it
    /// is given a while to say so before it is out.
    fn is_absent(&mut self, node: NodeId) {
        let place = self.forest.place(node);
        let seat = place.and_then(|place| self.forest.seat(place)).cloned();
        self.depart(node);
        if let Some(mut seat) = seat {
            if core::mem::take(&mut seat.fed) {
                let allowed = false;
                self.instant.push_back(Output::Feed { node, allowed });
            }
            self.absent.insert(node, seat);
            self.timers.set(self.now + ABSENT, Timer::Absent(node));
        }
    }

    /// It has spoken up.
    pub(super) fn is_back(&mut self, seat: Seat) {
        if seat.standing != Standing::Good {
            self.counts.underperforming += 1;
        }
        self.admit(Seat {
            whole: Whole::Always,
            faults: seat.faults.saturating_add(1),
            noted: 0,
            retrying: false,
            ..seat
        });
    }

    /// It has not.
    pub(super) fn is_out(&mut self, node: NodeId) {
        if self.absent.remove(&node).is_some() {
            self.refuse(node, Refusal::TooSlow);
        }
    }

    pub(super) fn refuse(&mut self, node: NodeId, reason: Refusal) {
        self.instant.push_back(Output::Refuse { node, reason });
    }
}
