//! What one node is given to pass on to its neighbours, so that several messages take one
//! packet: a change is 23 bytes, and what is around it 76.
//!
//! Whenever somebody is told of a new neighbour, so are most of those around it, and one of them
//! has open links with nearly all the others: the partner of whoever has gone. Its change
//! takes those of the others along ([`Letter`]). That a letter is lost with its carrier, or by it,
//! nobody says. So whoever was told by letter a moment ago is told its place whole
//! next time, or at once when its carrier goes or one of the two says that they have no link; and whoever finds, by the epoch, that a change is missing comes back, is told its
//! place whole, and who was to bring the letter loses the office in the end, and nothing else.
//!
//! Where the uplink has time nobody need depend on anybody, and each is told by the box itself.
//! So it is where many are being asked whether they are there: a letter would be lost with them.

use core::time::Duration;

use peerstream_wire::{Letter, NodeId, ToNode};

use super::{Coordinator, Output, telling::is_there};
use crate::{
    defaults::{DOUBTS_MEAN, LETTER_SETTLES, LETTER_UNSURE, LETTERS_DOUBT, LETTERS_LOST},
    place::Place,
    seat::{Carrier, Seat, Whole, millis},
    told::Told,
    urgency::{Need, rank},
};

/// How many have been asked of late whether they are there.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    count: f64,
    at: Duration,
}

impl Doubts {
    /// One more is asked.
    pub(super) fn note(&mut self, now: Duration) {
        self.count = self.of_late(now) + 1.0;
        self.at = now;
    }

    /// Each counts less as time goes.
    fn of_late(&self, now: Duration) -> f64 {
        let passed = now.saturating_sub(self.at);
        self.count * (-passed.as_secs_f64() / DOUBTS_MEAN.as_secs_f64()).exp()
    }
}

impl Coordinator {
    /// Tells one of those around a place, and the place's occupant and others by letter; none if
    /// nobody is to be told who could pass it on.
    pub(super) fn by_carrier(&mut self, rank: u8, place: Place) -> Option<Output> {
        let seat = self.forest.seat(place)?;
        if seat.noted != rank + 1 || seat.noted_at != place.index() || !self.is_letter_time() {
            return None;
        }
        let own = self.receivers(place);
        let others = if self.takes_letters(seat) {
            own.clone()
        } else {
            Vec::new()
        };
        let (mut carrier, mut receivers) = (place, own);
        for other in others {
            let theirs = self.receivers(other);
            if theirs.len() > receivers.len() {
                (carrier, receivers) = (other, theirs);
            }
        }
        if receivers.is_empty() {
            return None;
        }
        let seat = self.forest.seat(carrier)?;
        let (node, noted) = (seat.node, seat.noted.checked_sub(1)?);
        let mut output = self.announce(noted, carrier);
        if let Some(Output::Send {
            message: ToNode::Change { letters, .. },
            ..
        }) = &mut output
        {
            for receiver in receivers {
                letters.extend(self.letter(node, receiver));
            }
        }
        if carrier != place {
            // If it is told already, this is without effect.
            self.urgency.push_front(rank, place);
        }
        output
    }

    /// Whether bytes are short, and not too many of those who would carry letters may be gone.
    fn is_letter_time(&self) -> bool {
        !self.has_time() && !self.is_in_doubt()
    }

    fn is_in_doubt(&self) -> bool {
        self.doubts.of_late(self.now) * LETTERS_DOUBT > self.forest.len() as f64
    }

    /// The change of a place, as a letter.
    fn letter(&mut self, carrier: NodeId, place: Place) -> Option<Letter> {
        let seat = self.forest.seat_mut(place)?;
        // What changes is enough: it is settled, so the last letter has most likely arrived.
        seat.carrier = Carrier::None;
        let noted = seat.noted.checked_sub(1)?;
        match self.announce(noted, place)? {
            Output::Send { to, message } => {
                if let Some(seat) = self.forest.seat_mut(place) {
                    seat.is_brought_by(carrier);
                }
                self.counts.letters += 1;
                Some(Letter::new(to, &message))
            }
            _ => None,
        }
    }

    /// A node has gone, perhaps before it passed on what it was given of late.
    pub(super) fn letters_gone(&mut self, carrier: NodeId, told: &Told) {
        for peer in told.named() {
            let Some(place) = self.forest.place(peer) else {
                continue;
            };
            let lost = |seat: &Seat| {
                let brought = seat.carrier == Carrier::Other || seat.brought_by() == Some(carrier);
                brought && self.is_fresh(seat)
            };
            if self.forest.seat(place).is_some_and(lost) {
                self.lacks_a_letter(place);
            }
        }
    }

    /// Two have no link: what one of them was to bring the other of late has not arrived.
    pub(super) fn letters_between(&mut self, one: NodeId, other: NodeId) {
        for (node, carrier) in [(one, other), (other, one)] {
            let Some(place) = self.forest.place(node) else {
                continue;
            };
            let lost = |seat: &Seat| {
                seat.brought_by() == Some(carrier) && self.was_told_within(seat, LETTER_UNSURE)
            };
            if self.forest.seat(place).is_some_and(lost) {
                self.lacks_a_letter(place);
            }
        }
    }

    /// What was told last to a place's occupant has not arrived, so it is told its place whole.
    fn lacks_a_letter(&mut self, place: Place) {
        if let Some(seat) = self.forest.seat_mut(place) {
            seat.lacks_a_letter();
            seat.whole = Whole::Always;
            self.note_need(place);
        }
    }

    /// Whose changes the occupant of a place could take along.
    fn receivers(&self, place: Place) -> Vec<Place> {
        let carries = |seat: &&Seat| self.is_settled(seat) && seat.lost < LETTERS_LOST;
        let Some(seat) = self.forest.seat(place).filter(carries) else {
            return Vec::new();
        };
        let mut receivers: Vec<Place> = Vec::new();
        for peer in seat.told.named() {
            let Some(other) = self.forest.place(peer) else {
                continue;
            };
            let reached = |theirs: &Seat| {
                self.takes_letters(theirs)
                    && theirs.fed == self.is_direct(other)
                    && theirs.told.names(seat.node)
                    && is_there(&self.forest, peer)
                    && !seat.down.is(&seat.told, peer)
                    && !theirs.down.is(&theirs.told, seat.node)
                    && !self.forest.failures().has(seat.origin(), theirs.origin())
            };
            if !receivers.contains(&other) && self.forest.seat(other).is_some_and(reached) {
                receivers.push(other);
            }
        }
        receivers
    }

    /// Whether somebody is to be told something that can go by letter.
    fn takes_letters(&self, seat: &Seat) -> bool {
        seat.noted > rank(Need::Crowded, 0) && self.is_settled(seat)
    }

    /// Whether a node has had the place for long enough that its links are as they are to be, and
    /// is to be told what changes in it.
    fn is_settled(&self, seat: &Seat) -> bool {
        let told = seat.noted != 0 && seat.epoch != 0 && seat.whole == Whole::No;
        told && !self.is_fresh(seat) && !self.probes.is_doubted(seat.node)
    }

    /// A node has come back that knows of its place what was true at `epoch`. If what came after
    /// that went by letter, the letter has not arrived.
    pub(super) fn missed_letter(&mut self, place: Place, epoch: u32) {
        let seat = self.forest.seat(place).filter(|seat| epoch < seat.epoch);
        let carrier = seat.and_then(Seat::brought_by);
        let carrier = carrier.and_then(|carrier| self.forest.place(carrier));
        if let Some(carrier) = carrier.and_then(|place| self.forest.seat_mut(place)) {
            carrier.lost = carrier.lost.saturating_add(1);
        }
    }

    fn is_fresh(&self, seat: &Seat) -> bool {
        self.was_told_within(seat, LETTER_SETTLES)
    }

    fn was_told_within(&self, seat: &Seat, time: Duration) -> bool {
        millis(self.now).wrapping_sub(seat.changed) < millis(time)
    }

    /// Whether the last that a place's occupant was told went by letter, and may be lost.
    pub(super) fn is_lettered(&self, place: Place) -> bool {
        let unsure = if self.is_in_doubt() {
            LETTER_UNSURE
        } else {
            LETTER_SETTLES
        };
        let lately =
            |seat: &Seat| seat.carrier != Carrier::None && self.was_told_within(seat, unsure);
        self.forest.seat(place).is_some_and(lately)
    }
}
