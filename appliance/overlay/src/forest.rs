//! Who is where.

use core::{
    hash::{BuildHasherDefault, Hasher},
    time::Duration,
};
use std::collections::{BTreeSet, HashMap};

use peerstream_wire::{Assignment, NodeId, Parent, Tree};

use crate::geometry::{Geometry, Place};

/// A node, and what the coordinator remembers of it. It moves with the node, so that an
/// event touches the memory around one place and not all over.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    pub(crate) node: NodeId,
    /// Of the last assignment sent; 0 before the first.
    pub(crate) epoch: u32,
    /// When its assignment last changed, in ms; see [`millis`].
    pub(crate) changed: u32,
    /// Its assignment has changed since it was sent.
    pub(crate) unsent: bool,
    /// The box has been told that this node may have a direct feed.
    pub(crate) fed: bool,
    /// A [`crate::timer::Timer::LinkRetry`] is set.
    pub(crate) retrying: bool,
    /// Retries of the parent link since the assignment last changed for another reason.
    pub(crate) retries: u8,
}

/// The occupants of all places. Places are filled from the top down and kept so that a
/// slot with anyone below it is full; [`Forest::put`] and [`Forest::vacate`] leave that
/// to `succession`.
#[derive(Debug)]
pub(crate) struct Forest {
    geometry: Geometry,
    seats: Vec<Option<Seat>>,
    places: HashMap<NodeId, Place, BuildHasherDefault<IdHasher>>,
    vacancies: BTreeSet<Place>,
    nodes: [usize; 2],
    /// Places whose occupant has changed since [`Forest::take_changed`].
    changed: Vec<Place>,
}

impl Forest {
    pub(crate) fn new(geometry: Geometry) -> Forest {
        Forest {
            geometry,
            seats: Vec::new(),
            places: HashMap::default(),
            vacancies: BTreeSet::new(),
            nodes: [0; 2],
            changed: Vec::new(),
        }
    }

    pub(crate) fn geometry(&self) -> Geometry {
        self.geometry
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Nodes in tree A and in tree B.
    pub(crate) fn nodes(&self) -> [usize; 2] {
        self.nodes
    }

    pub(crate) fn place(&self, node: NodeId) -> Option<Place> {
        self.places.get(&node).copied()
    }

    pub(crate) fn seat(&self, place: Place) -> Option<&Seat> {
        self.seats.get(place.index())?.as_ref()
    }

    pub(crate) fn seat_mut(&mut self, place: Place) -> Option<&mut Seat> {
        self.seats.get_mut(place.index())?.as_mut()
    }

    pub(crate) fn occupant(&self, place: Place) -> Option<NodeId> {
        self.seat(place).map(|seat| seat.node)
    }

    /// The lowest place that is taken, in the order of places.
    pub(crate) fn last(&self) -> Option<Place> {
        let slot = u32::try_from(self.seats.len() / 2).ok()?.checked_sub(1)?;
        let b = Place::new(slot, Tree::B);
        // Slots at the end that nobody is in are dropped, so one of the two is taken.
        Some(if self.seat(b).is_some() {
            b
        } else {
            b.partner()
        })
    }

    /// The highest vacant place above the end. Because a slot with anyone below it is
    /// full, so is the slot above this one.
    pub(crate) fn first_vacancy(&self) -> Option<Place> {
        self.vacancies.first().copied()
    }

    pub(crate) fn vacancies(&self) -> usize {
        self.vacancies.len()
    }

    /// Where a newcomer goes: the first vacancy, else a new slot at the end.
    pub(crate) fn next_place(&mut self) -> Place {
        self.first_vacancy().unwrap_or_else(|| {
            // Two billion slots are more than node ids exist for.
            let slot = u32::try_from(self.seats.len() / 2).unwrap_or(u32::MAX / 2);
            self.seats.extend([None, None]);
            let place = Place::new(slot, Tree::A);
            self.vacancies.extend([place, place.partner()]);
            place
        })
    }

    /// Seats a node in a vacant place.
    pub(crate) fn put(&mut self, place: Place, seat: Seat) {
        debug_assert!(self.seat(place).is_none(), "{place:?} is taken");
        self.vacancies.remove(&place);
        self.places.insert(seat.node, place);
        self.nodes[tree_index(place)] += 1;
        self.changed.push(place);
        if let Some(vacant) = self.seats.get_mut(place.index()) {
            *vacant = Some(seat);
        }
    }

    /// Takes whoever is there out.
    pub(crate) fn vacate(&mut self, place: Place) -> Option<Seat> {
        let seat = self.take(place);
        self.trim();
        seat
    }

    /// Moves a node from one place to another that is vacant.
    pub(crate) fn relocate(&mut self, from: Place, to: Place) {
        if let Some(seat) = self.take(from) {
            self.put(to, seat);
        }
        // Only now: until it is filled, the vacancy may be the end itself.
        self.trim();
    }

    fn take(&mut self, place: Place) -> Option<Seat> {
        let seat = self.seats.get_mut(place.index())?.take()?;
        self.places.remove(&seat.node);
        self.nodes[tree_index(place)] -= 1;
        self.changed.push(place);
        self.vacancies.insert(place);
        Some(seat)
    }

    /// Drops slots at the end that nobody is in, and memory that nobody needs.
    fn trim(&mut self) {
        while let [.., None, None] = self.seats.as_slice() {
            self.seats.truncate(self.seats.len() - 2);
            let end = self.seats.len();
            while self
                .vacancies
                .last()
                .is_some_and(|place| place.index() >= end)
            {
                self.vacancies.pop_last();
            }
        }
        if self.seats.len() < self.seats.capacity() / 4 {
            self.seats.shrink_to(self.seats.len() * 2);
            self.places.shrink_to(self.places.len() * 2);
        }
    }

    /// Takes out one of the places whose occupant has changed.
    pub(crate) fn take_changed(&mut self) -> Option<Place> {
        self.changed.pop()
    }

    /// What the occupant of a place needs to know.
    pub(crate) fn assignment(&self, place: Place) -> Option<Assignment> {
        let seat = self.seat(place)?;
        let geometry = self.geometry;
        let above = geometry.parent(place);
        let below = geometry.children(place);
        let reserve = above.and_then(|above| self.occupant(above.partner()));
        Some(Assignment {
            epoch: seat.epoch,
            tree: place.tree(),
            depth: geometry.depth(place),
            parent: above
                .and_then(|above| self.occupant(above))
                .map_or(Parent::Box, Parent::Node),
            partner: self.occupant(place.partner()).or(reserve),
            reserve,
            children: below
                .iter()
                .filter_map(|&child| self.occupant(child))
                .collect(),
            wards: below
                .iter()
                .filter_map(|child| self.occupant(child.partner()))
                .collect(),
        })
    }
}

/// Time as [`Seat::changed`] keeps it: it wraps after 49 days, which only ever blurs how
/// long ago something was that no longer matters.
pub(crate) fn millis(time: Duration) -> u32 {
    time.as_millis() as u32
}

fn tree_index(place: Place) -> usize {
    usize::from(place.tree() == Tree::B)
}

/// Node ids are handed out by the coordinator, so nobody can choose them to collide, and
/// one multiplication (Fibonacci hashing) spreads them well.
#[derive(Debug, Default)]
pub(crate) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(byte.into());
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.0 = (self.0.rotate_left(32) ^ u64::from(id)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
