//! Who is where.

use core::time::Duration;

use peerstream_wire::{NodeId, Tree};

use crate::{
    capacity::Addresses,
    config::{Config, Measure, Policy},
    pages::Pages,
    pairs::Pairs,
    place::Place,
    register::Register,
    seat::Seat,
    slots::{NONE, Slot, Slots, State},
};

mod filing;
mod moves;
mod pace;

pub(crate) use filing::{deepest_within, shallowest};

/// The occupants of all places, and how the slots hang together.
///
/// What is done here keeps the books: lists, depths, supply, who is to be told. That a
/// slot with anyone below it is full, and has no more below it than it can feed, is up to
/// `succession` and its neighbours.
#[derive(Debug)]
pub(crate) struct Forest {
    slots: Slots,
    /// By the index of the place.
    seats: Pages<Seat>,
    register: Register,
    roots: Vec<u32>,
    /// Pairs of roots that there should be.
    pairs: usize,
    /// Only tree A is fed by the box.
    single: bool,
    policy: Policy,
    /// Pairs of roots while supply suffices, and whether only tree A is fed then.
    usual: (usize, bool),
    /// Pairs of roots at most; 0 with one feed only.
    most: usize,
    renditions: u8,
    addresses: Addresses,
    /// Who is not to have links with whom.
    failures: Pairs,
    now: Duration,
    /// When a root was last replaced.
    raised: Option<Duration>,
    /// What must be said has no room in the uplink.
    pressed: bool,
    /// Counts what is done once in a while.
    turns: u8,
    /// Nodes none of whose copies count.
    leaves: usize,
    /// Nodes in the trees and in the queue.
    nodes: [usize; 2],
    /// Nodes in the queue.
    waiting: [usize; 2],
    /// Copies of all nodes that count.
    supply: u64,
    /// Slots in the trees, by depth.
    population: [u32; 64],
    /// Places whose occupants have another assignment, perhaps.
    changed: Vec<Place>,
    /// Slots whose depth has changed, and what is below them not yet.
    stale: Vec<u32>,
}

/// Pairs of roots for so many feeds, and whether only tree A is fed.
fn roots_of(feeds: u16) -> (usize, bool) {
    (usize::from(feeds / 2).max(1), feeds < 2)
}

impl Forest {
    pub(crate) fn new(config: &Config) -> Forest {
        let (pairs, single) = roots_of(config.feeds);
        Forest {
            slots: Slots::new(),
            seats: Pages::new(),
            register: Register::default(),
            roots: Vec::new(),
            pairs,
            single,
            policy: config.placement,
            usual: (pairs, single),
            most: usize::from(config.feeds_max.max(config.feeds) / 2),
            renditions: config.renditions,
            addresses: Addresses::default(),
            failures: Pairs::default(),
            now: Duration::ZERO,
            raised: None,
            pressed: false,
            turns: 0,
            leaves: 0,
            nodes: [0; 2],
            waiting: [0; 2],
            supply: 0,
            population: [0; 64],
            changed: Vec::new(),
            stale: Vec::new(),
        }
    }

    /// Nodes in the trees and in the queue.
    pub(crate) fn len(&self) -> usize {
        self.register.len()
    }

    /// Nodes in tree A and in tree B.
    pub(crate) fn nodes(&self) -> [usize; 2] {
        [0, 1].map(|side| self.nodes[side] - self.waiting[side])
    }

    /// Nodes in the queue.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.iter().sum()
    }

    /// Copies that count: of all nodes, and of the box.
    pub(crate) fn supply(&self) -> u64 {
        self.supply + self.feeds() as u64
    }

    /// Direct feeds that there may be.
    pub(crate) fn feeds(&self) -> usize {
        if self.single { 1 } else { 2 * self.pairs }
    }

    /// Pairs of roots that there should be.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs
    }

    /// Whether the box's uplink carries more feeds than there are.
    pub(crate) fn can_feed_more(&self) -> bool {
        self.pairs < self.most || self.single && self.most > 0
    }

    /// Whether there are more feeds than usual.
    pub(crate) fn feeds_extra(&self) -> bool {
        (self.pairs, self.single) != self.usual
    }

    /// Whether there are more feeds than the uplink carries.
    pub(crate) fn feeds_too_many(&self) -> bool {
        self.pairs > self.most.max(1) || !self.single && self.most == 0
    }

    /// Direct feeds from now on: while supply suffices, and at most. Those that are too many
    /// end when supply is balanced next, as far as there is room.
    pub(crate) fn set_feeds(&mut self, usual: u16, most: u16) {
        self.usual = roots_of(usual);
        self.most = usize::from(most.max(usual) / 2);
        if !self.usual.1 && self.single {
            self.set_single(false);
        }
        self.pairs = self.pairs.max(self.usual.0);
    }

    /// One more pair of roots; with one feed only, the second.
    pub(crate) fn feed_more(&mut self) {
        if self.single {
            self.set_single(false);
        } else {
            self.pairs += 1;
        }
    }

    /// One pair of roots less, or the second feed.
    pub(crate) fn feed_less(&mut self) {
        if self.pairs > 1 {
            self.pairs -= 1;
        } else {
            self.set_single(self.usual.1);
        }
    }

    fn set_single(&mut self, single: bool) {
        self.single = single;
        for at in 0..self.roots.len() {
            let root = self.roots[at];
            self.touch_slot(root);
            self.refile(root);
        }
    }

    pub(crate) fn renditions(&self) -> u8 {
        self.renditions
    }

    /// What would help the audience most.
    pub(crate) fn measure(&self) -> Measure {
        crate::supply::measure(self)
    }

    /// Nodes none of whose copies count.
    pub(crate) fn leaves(&self) -> usize {
        self.leaves
    }

    pub(crate) fn addresses_mut(&mut self) -> &mut Addresses {
        &mut self.addresses
    }

    /// Whether only tree A is fed by the box.
    pub(crate) fn is_single(&self) -> bool {
        self.single
    }

    pub(crate) fn roots(&self) -> &[u32] {
        &self.roots
    }

    pub(crate) fn policy(&self) -> Policy {
        self.policy
    }

    /// Depth of the deepest slot; 0 without an audience.
    pub(crate) fn bottom(&self) -> u8 {
        let deepest = self.population.iter().rposition(|slots| *slots > 0);
        deepest.unwrap_or(0) as u8
    }

    /// Links from the box to the node farthest away; 0 without an audience. With one feed,
    /// one more than that if nobody in tree B is as deep as the deepest in tree A.
    pub(crate) fn deepest(&self) -> u8 {
        self.bottom() + u8::from(self.single && self.nodes()[1] > 0)
    }

    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) fn slot(&self, slot: u32) -> &Slot {
        self.slots.at(slot)
    }

    pub(crate) fn place(&self, node: NodeId) -> Option<Place> {
        self.register.get(node)
    }

    pub(crate) fn occupant(&self, place: Place) -> Option<NodeId> {
        self.slots.get(place.slot())?.occupant(place.side())
    }

    pub(crate) fn seat(&self, place: Place) -> Option<&Seat> {
        self.seats
            .get(place.index())
            .filter(|seat| seat.node.0 != 0)
    }

    pub(crate) fn seat_mut(&mut self, place: Place) -> Option<&mut Seat> {
        self.seats
            .get_mut(place.index())
            .filter(|seat| seat.node.0 != 0)
    }

    /// Has a direct feed.
    pub(crate) fn is_root(&self, place: Place) -> bool {
        let root = |slot: &Slot| slot.state == State::Root;
        self.slots.get(place.slot()).is_some_and(root) && !self.is_fed_by_partner(place)
    }

    /// Is in the queue.
    pub(crate) fn is_waiting(&self, place: Place) -> bool {
        let waiting = |slot: &Slot| slot.state == State::Waiting;
        self.slots.get(place.slot()).is_some_and(waiting)
    }

    /// With one direct feed, the root of tree B is fed by that of tree A.
    pub(crate) fn is_fed_by_partner(&self, place: Place) -> bool {
        let root = |slot: &Slot| slot.state == State::Root;
        self.single && place.tree() == Tree::B && self.slots.get(place.slot()).is_some_and(root)
    }

    /// The place that feeds this one.
    pub(crate) fn parent(&self, place: Place) -> Option<Place> {
        let slot = self.slots.get(place.slot())?;
        match slot.state {
            State::Hung => Some(Place::new(slot.above, place.tree())),
            State::Root if self.is_fed_by_partner(place) => Some(place.partner()),
            _ => None,
        }
    }

    /// The occupied places that this one feeds.
    pub(crate) fn children(&self, place: Place) -> impl Iterator<Item = Place> + '_ {
        let partner = place.partner();
        let fed = self.is_fed_by_partner(partner).then_some(partner);
        let below = self.slots.get(place.slot()).map_or(&[][..], Slot::below);
        below
            .iter()
            .map(move |slot| Place::new(*slot, place.tree()))
            .chain(fed)
            .filter(|place| self.occupant(*place).is_some())
    }

    /// Whether occupants of the two places have a link: in one slot, or in one slot and
    /// the slot above it.
    pub(crate) fn linked(&self, a: Place, b: Place) -> bool {
        let above = |lower: Place, upper: Place| {
            self.slots
                .get(lower.slot())
                .is_some_and(|slot| slot.state == State::Hung && slot.above == upper.slot())
        };
        a.partner() == b || above(a, b) || above(b, a)
    }

    /// Links from the box to the place: 1 for one that it feeds, 0 for one that is in the
    /// queue.
    pub(crate) fn depth(&self, place: Place) -> u8 {
        let depth = self.slots.get(place.slot()).map_or(0, |slot| slot.depth);
        depth + u8::from(self.single && depth > 0 && place.tree() == Tree::B)
    }

    /// How many slots can hang below this one: as many as both occupants can feed.
    pub(crate) fn arity(&self, slot: u32) -> u8 {
        let at = self.slot(slot);
        if !at.is_full() {
            return 0;
        }
        let mut first = at.copies[0];
        if self.single && at.state == State::Root {
            // It feeds its partner as well.
            first = first.saturating_sub(1);
        }
        first.min(at.copies[1])
    }

    /// Takes out one of the places whose occupant's assignment may have changed. It may be
    /// vacant by now.
    pub(crate) fn take_changed(&mut self) -> Option<Place> {
        let place = self.changed.pop()?;
        self.slots.at_mut(place.slot()).touched[place.side()] = false;
        Some(place)
    }

    /// A slot that nobody is in and that is in no tree.
    pub(crate) fn found(&mut self) -> u32 {
        let slot = self.slots.claim();
        self.seats.reach(Place::new(slot, Tree::B).index());
        slot
    }

    /// Gives all memory back once nobody is there.
    pub(crate) fn forget_if_empty(&mut self) {
        if self.register.len() == 0 {
            self.slots.clear();
            self.seats.clear();
            self.roots.clear();
            self.addresses.forget();
            (self.pairs, self.single) = self.usual;
            self.population = [0; 64];
            self.changed = Vec::new();
            self.stale = Vec::new();
        }
    }

    /// Whether a slot is below another, or is it.
    pub(crate) fn is_within(&self, slot: u32, top: u32) -> bool {
        let mut at = slot;
        loop {
            if at == top {
                return true;
            }
            at = self.slot(at).above;
            if at == NONE {
                return false;
            }
        }
    }
}
