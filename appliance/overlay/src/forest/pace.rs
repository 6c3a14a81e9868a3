//! How often roots change that could stay, and who is not to be put together.

use core::time::Duration;

use super::Forest;
use crate::{
    defaults::ROOTS_REST,
    pairs::Pairs,
    place::Place,
    seat::Seat,
    slots::{NONE, State, places},
};

impl Forest {
    /// The time of what happens next.
    pub(crate) fn set_now(&mut self, now: Duration) {
        self.now = now;
    }

    /// Whether what must be said has no room in the uplink now.
    pub(crate) fn set_pressed(&mut self, pressed: bool) {
        self.pressed = pressed;
    }

    /// Whether what would only make the shape better has to wait.
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressed
    }

    /// True once in so many times.
    pub(crate) fn takes_turn(&mut self, of: u8) -> bool {
        self.turns = (self.turns + 1) % of;
        self.turns == 0
    }

    /// Whether a root that could stay may be replaced: each change has the old one and the
    /// new one fed at once, and everybody below waits for it.
    pub(crate) fn may_raise(&self) -> bool {
        self.raised.is_none_or(|at| self.now >= at + ROOTS_REST)
    }

    /// Whether somebody in a slot who could stay may be replaced; see [`Forest::may_raise`].
    pub(crate) fn may_replace(&self, slot: u32) -> bool {
        self.slot(slot).state != State::Root || self.may_raise()
    }

    /// An heir takes somebody's place, who gets the heir's.
    pub(crate) fn replace(&mut self, place: Place, heir: Place) {
        self.exchange(place, heir);
        self.note_if_raised(place.slot());
    }

    /// Somebody in a slot has been replaced.
    pub(crate) fn note_if_raised(&mut self, slot: u32) {
        if self.slot(slot).state == State::Root {
            self.raised = Some(self.now);
        }
    }

    pub(crate) fn failures(&self) -> &Pairs {
        &self.failures
    }

    pub(crate) fn failures_mut(&mut self) -> &mut Pairs {
        &mut self.failures
    }

    /// How many occupants of a slot one of this origin is not to have links with.
    pub(crate) fn misfits(&self, origin: u64, slot: u32) -> u8 {
        if slot == NONE || origin == 0 || self.failures.is_empty() {
            return 0;
        }
        let fails = |place: &Place| {
            self.seat(*place)
                .is_some_and(|seat| self.failures.has(origin, seat.origin()))
        };
        places(slot).iter().filter(|place| fails(place)).count() as u8
    }

    /// The origins of a slot's occupants; 0 for nobody.
    pub(crate) fn origins(&self, slot: u32) -> [u64; 2] {
        if self.failures.is_empty() {
            return [0; 2];
        }
        places(slot).map(|place| self.seat(place).map_or(0, Seat::origin))
    }
}
