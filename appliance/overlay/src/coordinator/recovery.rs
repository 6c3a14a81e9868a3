//! The box has started anew, and its audience comes back.

use peerstream_wire::{Held, NodeId};

use super::{Coordinator, Output};
use crate::{
    config::Newcomer,
    defaults::RECOVERY,
    place::Place,
    seat::{Carrier, Seat, Whole},
    timer::Timer,
    told::{NOBODY, Told},
};

impl Coordinator {
    /// Seats a node under the name that it had.
    pub(super) fn take_back(&mut self, newcomer: Newcomer, held: &Held) {
        let node = held.node;
        self.newest = self.newest.max(node.0);
        if let Some(place) = self.forest.place(node) {
            // The box has not noticed that the old socket is gone.
            self.counts.returned += 1;
            self.missed_letter(place, held.place.epoch);
            if let Some(seat) = self.forest.seat_mut(place) {
                if held.place.epoch < seat.epoch {
                    seat.lacks_a_letter();
                    seat.carrier = Carrier::Other;
                }
                seat.whole = Whole::Always;
                seat.epoch = seat.epoch.max(held.place.epoch);
                (seat.network, seat.fed) = (newcomer.network, false);
            }
            if !self.recovery.is_running() {
                self.note_need(place);
            }
            return;
        }
        let mut seat = Seat {
            epoch: held.place.epoch,
            told: Told::claimed(&held.place),
            ..self.seat(node, newcomer)
        };
        if !self.recovery.has_begun() && (node.0 <= self.first || self.forest.len() == 0) {
            self.begin_recovery();
        }
        if self.recovery.is_running() {
            seat.whole = Whole::IfDifferent;
            self.recovery.sit(&mut self.forest, seat);
            self.feed_at_once(node);
        } else {
            seat.whole = Whole::Always;
            self.admit(seat);
        }
    }

    fn begin_recovery(&mut self) {
        let mut early: Vec<NodeId> = Vec::new();
        let mut slots = self.forest.roots().to_vec();
        while let Some(slot) = slots.pop() {
            let at = self.forest.slot(slot);
            slots.extend(at.below());
            early.extend(at.nodes.into_iter().filter(|node| *node != NOBODY));
        }
        self.recovery.begin();
        self.timers.set(self.now + RECOVERY, Timer::Recovered);
        // Those who came before the first of the old audience: the box feeds them as it
        // does, and they wait with the others.
        for node in early.into_iter().rev() {
            if let Some(seat) = self
                .forest
                .place(node)
                .and_then(|place| self.drop_out(place))
            {
                self.wait(seat);
            }
        }
    }

    /// Who says that the box fed it is fed again, before it is known who is right: without
    /// that the picture would stand for as long as the recovery takes. No more are than the
    /// uplink carries.
    fn feed_at_once(&mut self, node: NodeId) {
        let most = self.forest.feeds().max(self.feeds_max.into());
        let Some(seat) = self
            .forest
            .place(node)
            .and_then(|place| self.forest.seat_mut(place))
        else {
            return;
        };
        if seat.told.parent == NOBODY && self.recovery.feed(most) {
            seat.fed = true;
            let allowed = true;
            self.instant.push_back(Output::Feed { node, allowed });
        }
    }

    /// Has a node wait until everybody is back.
    pub(super) fn wait(&mut self, seat: Seat) {
        self.recovery.wait(&mut self.forest, seat);
    }

    /// A node goes away that has just come back.
    pub(super) fn drop_out(&mut self, place: Place) -> Option<Seat> {
        self.recovery.drop_out(&mut self.forest, place)
    }

    pub(super) fn recovered(&mut self) {
        self.recovery.finish(&mut self.forest);
        self.look_after_queue();
    }
}
