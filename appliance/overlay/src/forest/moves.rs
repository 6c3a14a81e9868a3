//! Nodes and slots change places: the books are kept, nothing is decided.

use peerstream_wire::NodeId;

use super::Forest;
use crate::{
    defaults::MOST_COPIES,
    place::Place,
    seat::Seat,
    slots::{NONE, Slot, State, places},
};

impl Forest {
    /// Seats a node in a vacant place; so many of its copies count.
    pub(crate) fn put(&mut self, place: Place, seat: Seat, copies: u8) {
        debug_assert!(self.occupant(place).is_none(), "{place:?} is taken");
        let copies = copies.min(MOST_COPIES);
        self.register.set(seat.node, place);
        self.supply += u64::from(copies);
        if copies > 0 {
            self.addresses.enter(seat.network);
        } else {
            self.leaves += 1;
        }
        self.nodes[place.side()] += 1;
        let slot = self.slots.at_mut(place.slot());
        slot.nodes[place.side()] = seat.node;
        slot.copies[place.side()] = copies;
        slot.untried[place.side()] = seat.untried;
        if slot.state == State::Waiting {
            self.waiting[place.side()] += 1;
        }
        self.seats[place.index()] = seat;
        self.touch_around(place);
        self.refile(place.slot());
    }

    /// Takes whoever is there out. A slot that nobody is left in is gone.
    pub(crate) fn take(&mut self, place: Place) -> Option<(Seat, u8)> {
        self.occupant(place)?;
        self.touch_around(place);
        let seat = core::mem::take(&mut self.seats[place.index()]);
        self.register.remove(seat.node);
        self.nodes[place.side()] -= 1;
        let slot = self.slots.at_mut(place.slot());
        slot.nodes[place.side()] = NodeId(0);
        let copies = core::mem::take(&mut slot.copies[place.side()]);
        slot.untried[place.side()] = false;
        if slot.state == State::Waiting {
            self.waiting[place.side()] -= 1;
        }
        self.supply -= u64::from(copies);
        if copies > 0 {
            self.addresses.leave(seat.network);
        } else {
            self.leaves -= 1;
        }
        if self.slot(place.slot()).is_empty() {
            self.unhang(place.slot());
            debug_assert!(self.slot(place.slot()).below().is_empty());
            self.slots.release(place.slot());
        } else {
            self.refile(place.slot());
        }
        Some((seat, copies))
    }

    /// Moves a node from one place to another that is vacant.
    pub(crate) fn relocate(&mut self, from: Place, to: Place) {
        if let Some((seat, copies)) = self.take(from) {
            self.put(to, seat, copies);
        }
    }

    /// Two nodes of different slots change places.
    pub(crate) fn exchange(&mut self, one: Place, other: Place) {
        // The emptier slot must not vanish meanwhile, so neither is taken out.
        let (Some(first), Some(second)) = (self.occupant(one), self.occupant(other)) else {
            return;
        };
        let what = [one, other].map(|place| {
            let at = self.slot(place.slot());
            (at.copies[place.side()], at.untried[place.side()])
        });
        for (place, node, (copies, untried)) in [(one, second, what[1]), (other, first, what[0])] {
            self.touch_around(place);
            let slot = self.slots.at_mut(place.slot());
            slot.nodes[place.side()] = node;
            slot.copies[place.side()] = copies;
            slot.untried[place.side()] = untried;
            self.register.set(node, place);
        }
        let seat = core::mem::take(&mut self.seats[one.index()]);
        self.seats[one.index()] = core::mem::replace(&mut self.seats[other.index()], seat);
        self.refile(one.slot());
        self.refile(other.slot());
    }

    /// Partners change trees.
    pub(crate) fn swap_sides(&mut self, slot: u32) {
        let [a, b] = places(slot);
        self.touch_around(a);
        self.touch_around(b);
        let at = self.slots.at_mut(slot);
        at.nodes.swap(0, 1);
        at.copies.swap(0, 1);
        at.untried.swap(0, 1);
        let nodes = at.nodes;
        let seat = core::mem::take(&mut self.seats[a.index()]);
        self.seats[a.index()] = core::mem::replace(&mut self.seats[b.index()], seat);
        for (place, node) in [a, b].into_iter().zip(nodes) {
            if node.0 != 0 {
                self.register.set(node, place);
            }
        }
        if nodes[0].0 == 0 || nodes[1].0 == 0 {
            let [from, to] = if nodes[0].0 == 0 { [0, 1] } else { [1, 0] };
            self.nodes[from] -= 1;
            self.nodes[to] += 1;
            if self.slot(slot).state == State::Waiting {
                self.waiting[from] -= 1;
                self.waiting[to] += 1;
            }
        }
        self.touch_around(a);
        self.touch_around(b);
        self.refile(slot);
    }

    /// So many copies of a node count from now on.
    pub(crate) fn count(&mut self, place: Place, copies: u8) {
        if self.occupant(place).is_none() {
            return;
        }
        let copies = copies.min(MOST_COPIES);
        let untried = self.seats[place.index()].untried;
        let slot = self.slots.at_mut(place.slot());
        slot.untried[place.side()] = untried;
        let held = &mut slot.copies[place.side()];
        let before = core::mem::replace(held, copies);
        self.supply = self.supply - u64::from(before) + u64::from(copies);
        let network = self.seats[place.index()].network;
        if before == 0 && copies > 0 {
            self.leaves -= 1;
            self.addresses.enter(network);
        } else if before > 0 && copies == 0 {
            self.leaves += 1;
            self.addresses.leave(network);
        }
        self.refile(place.slot());
    }

    /// Hangs a slot with all that is below it under another; false if that has as many
    /// below it as any slot can have.
    pub(crate) fn hang(&mut self, slot: u32, under: u32) -> bool {
        self.unhang(slot);
        if !self.slots.at_mut(under).adopt(slot) {
            return false;
        }
        let at = self.slots.at_mut(slot);
        at.above = under;
        at.state = State::Hung;
        let depth = self.slot(under).depth.saturating_add(1);
        self.set_depth(slot, depth);
        self.touch_slot(slot);
        self.touch_slot(under);
        self.refile(under);
        self.refile(slot);
        if self.slot(under).kids() == 1 && self.slot(under).state == State::Hung {
            // Another leaf beside it may be the only one left.
            let above = self.slot(under).above;
            self.refile(above);
            for at in 0..self.slot(above).below().len() {
                let sibling = self.slot(above).below()[at];
                if self.slot(sibling).below().is_empty() {
                    self.refile(sibling);
                }
            }
        }
        true
    }

    /// Makes a slot one that the box feeds.
    pub(crate) fn plant(&mut self, slot: u32) {
        self.unhang(slot);
        self.slots.at_mut(slot).state = State::Root;
        self.roots.push(slot);
        self.set_depth(slot, 1);
        self.touch_slot(slot);
        self.refile(slot);
    }

    /// Puts a slot with nobody below it into the queue.
    pub(crate) fn park(&mut self, slot: u32) {
        self.unhang(slot);
        self.slots.at_mut(slot).state = State::Waiting;
        for place in places(slot) {
            self.waiting[place.side()] += usize::from(self.occupant(place).is_some());
        }
        self.touch_slot(slot);
        self.refile(slot);
    }

    /// Takes a slot with all that is below it from where it is.
    pub(crate) fn unhang(&mut self, slot: u32) {
        let Slot { state, above, .. } = *self.slot(slot);
        match state {
            State::Hung => {
                self.slots.at_mut(above).disown(slot);
                self.touch_slot(above);
                self.refile(above);
                let Slot { state, above, .. } = *self.slot(above);
                if state == State::Hung {
                    self.refile(above);
                }
            }
            State::Root => self.roots.retain(|root| *root != slot),
            State::Waiting => {
                for place in places(slot) {
                    self.waiting[place.side()] -= usize::from(self.occupant(place).is_some());
                }
            }
            State::Adrift | State::Free => {}
        }
        self.set_depth(slot, 0);
        let at = self.slots.at_mut(slot);
        at.above = NONE;
        at.state = State::Adrift;
        self.touch_slot(slot);
        self.refile(slot);
    }

    pub(super) fn touch_around(&mut self, place: Place) {
        let Slot { state, above, .. } = *self.slot(place.slot());
        self.touch_slot(place.slot());
        if state == State::Hung {
            self.touch_slot(above);
        }
        for at in 0..self.slot(place.slot()).below().len() {
            let child = self.slot(place.slot()).below()[at];
            self.touch_slot(child);
        }
    }

    pub(super) fn touch_slot(&mut self, slot: u32) {
        let at = self.slots.at_mut(slot);
        for place in places(slot) {
            if at.nodes[place.side()].0 != 0 && !at.touched[place.side()] {
                at.touched[place.side()] = true;
                self.changed.push(place);
            }
        }
    }
}
