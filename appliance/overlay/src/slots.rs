//! The slots in memory, and the lists by which those that matter are found at once.
//!
//! A slot is one line of memory: whoever looks at a slot has all that placing needs. The
//! lists are woven through the slots, so that being in one costs no memory elsewhere, and
//! the slot touched last is found first, while the processor still holds it.

use peerstream_wire::NodeId;

use crate::{defaults::MOST_COPIES, place::Place};

mod lists;

pub(crate) use lists::Slots;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;
/// Depths that are told apart; deeper slots count as this deep.
pub(crate) const LEVELS: u8 = 32;
/// Capacity classes: 0 to [`MOST_COPIES`] copies.
pub(crate) const CLASSES: u8 = MOST_COPIES + 1;

/// What a slot is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// Nobody is in it: it is spare memory.
    #[default]
    Free,
    /// Not in the trees, and on its way there within this very call.
    Adrift,
    /// Not in the trees: in the queue until there is room.
    Waiting,
    /// Fed by the box.
    Root,
    /// Below another slot.
    Hung,
}

/// A dumbbell: a place in tree A and the same in tree B.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Slot {
    /// The slot above.
    pub(crate) above: u32,
    below: [u32; MOST_COPIES as usize],
    /// The occupants; 0 for nobody.
    pub(crate) nodes: [NodeId; 2],
    /// In the list of what is open here.
    open: Woven,
    /// In the list of leaves.
    leaf: Woven,
    /// Copies of the occupants that count.
    pub(crate) copies: [u8; 2],
    /// Which of these are assumed only.
    pub(crate) untried: [bool; 2],
    kids: u8,
    /// Links from the box; 0 if not in the trees.
    pub(crate) depth: u8,
    pub(crate) state: State,
    /// Which occupants are in the list of changed places.
    pub(crate) touched: [bool; 2],
}

/// A slot's neighbours in a list.
#[derive(Debug, Clone, Copy)]
struct Woven {
    before: u32,
    after: u32,
    /// Which list; [`NO_LIST`] if none.
    list: u8,
}

const NO_LIST: u8 = u8::MAX;
const LOOSE: Woven = Woven {
    before: NONE,
    after: NONE,
    list: NO_LIST,
};

impl Default for Slot {
    fn default() -> Slot {
        Slot {
            above: NONE,
            below: [NONE; MOST_COPIES as usize],
            nodes: [NodeId(0); 2],
            open: LOOSE,
            leaf: LOOSE,
            copies: [0; 2],
            untried: [false; 2],
            kids: 0,
            depth: 0,
            state: State::Free,
            touched: [false; 2],
        }
    }
}

impl Slot {
    /// The slots below.
    pub(crate) fn below(&self) -> &[u32] {
        &self.below[..usize::from(self.kids)]
    }

    pub(crate) fn kids(&self) -> u8 {
        self.kids
    }

    pub(crate) fn is_full(&self) -> bool {
        self.nodes[0].0 != 0 && self.nodes[1].0 != 0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.nodes[0].0 == 0 && self.nodes[1].0 == 0
    }

    /// One node is here without a partner.
    pub(crate) fn is_lone(&self) -> bool {
        (self.nodes[0].0 == 0) != (self.nodes[1].0 == 0)
    }

    pub(crate) fn is_attached(&self) -> bool {
        matches!(self.state, State::Root | State::Hung)
    }

    pub(crate) fn occupant(&self, side: usize) -> Option<NodeId> {
        let node = self.nodes[side & 1];
        (node.0 != 0).then_some(node)
    }

    /// Whether one of the occupants could move to where so many slots hang below.
    pub(crate) fn can_succeed(&self, kids: u8) -> bool {
        // Whoever is alone leaves no slot behind, so there is one less to feed.
        let needed = kids.saturating_sub(u8::from(self.is_lone()));
        self.kids == 0 && self.copies[0].max(self.copies[1]) >= needed.max(1)
    }

    /// Adds a slot below; false if there is no room for one.
    pub(crate) fn adopt(&mut self, child: u32) -> bool {
        match self.below.get_mut(usize::from(self.kids)) {
            Some(vacant) => {
                *vacant = child;
                self.kids += 1;
                true
            }
            None => false,
        }
    }

    pub(crate) fn disown(&mut self, child: u32) {
        if let Some(at) = self.below().iter().position(|kid| *kid == child) {
            self.kids -= 1;
            self.below.swap(at, usize::from(self.kids));
            self.below[usize::from(self.kids)] = NONE;
        }
    }
}

/// A list of slots; which slots are in one follows from what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// One node alone, by its class.
    Lone(u8),
    /// One node alone, and near it there is none that could take the place of one in the
    /// slot above.
    Needy,
    /// Full, with more slots below than the occupants offer to feed.
    Over,
    /// Full, with as many slots below as the weaker occupant, which offers so much, can
    /// feed; the other could feed more.
    Mixed(u8),
    /// Full, and more slots can go below, by depth.
    Room(u8),
    /// The same, but better left as it is while there is other room.
    Reluctant(u8),
    /// Full, and a single slot can go below, which had better stay a leaf: whatever hung
    /// below it in turn would hang from a chain.
    Tail(u8),
    /// Full, with as many below as is good: each one more costs the successor of either
    /// occupant two links, and there are few who could succeed.
    Fan(u8),
    /// Full, and more slots can go below, as far as is known: somebody in it has not found
    /// out yet what it can do. Whoever hung below might have to move soon. By depth.
    Untried(u8),
    /// In the queue: a node that forwards nothing, or a pair of such.
    Waiting,
    /// In the queue: a node that can forward, and waits for a partner.
    WaitingForwarder,
    /// In the trees with nobody below, by the larger of its occupants' classes, and depth.
    Leaf(u8, u8),
    /// In the trees with a single slot below, and no more can be, which has others below
    /// it: a link of a chain. By depth.
    Weak(u8),
}

const OPEN_LISTS: usize = CLASSES as usize + KINDS * LEVELS as usize + 4 + CLASSES as usize;
/// Kinds of room.
const KINDS: usize = 5;
const LEAF_LISTS: usize = (CLASSES as usize + 1) * LEVELS as usize;

/// Kinds of room, in the order of their lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As good as any.
    Free,
    /// Better left as it is; see [`List::Reluctant`].
    Reluctant,
    /// For a leaf; see [`List::Tail`].
    Tail,
    /// See [`List::Fan`].
    Fan,
    /// See [`List::Untried`].
    Untried,
}

impl Kind {
    pub(crate) fn list(self, depth: u8) -> List {
        match self {
            Kind::Free => List::Room(depth),
            Kind::Reluctant => List::Reluctant(depth),
            Kind::Tail => List::Tail(depth),
            Kind::Fan => List::Fan(depth),
            Kind::Untried => List::Untried(depth),
        }
    }
}

impl List {
    fn id(self) -> u8 {
        let level = |depth: u8| depth.min(LEVELS - 1);
        match self {
            List::Lone(class) => class,
            List::Room(depth) => CLASSES + level(depth),
            List::Reluctant(depth) => CLASSES + LEVELS + level(depth),
            List::Tail(depth) => CLASSES + 2 * LEVELS + level(depth),
            List::Fan(depth) => CLASSES + 3 * LEVELS + level(depth),
            List::Untried(depth) => CLASSES + 4 * LEVELS + level(depth),
            List::Waiting => CLASSES + 5 * LEVELS,
            List::WaitingForwarder => CLASSES + 5 * LEVELS + 1,
            List::Needy => CLASSES + 5 * LEVELS + 2,
            List::Over => CLASSES + 5 * LEVELS + 3,
            List::Mixed(class) => CLASSES + 5 * LEVELS + 4 + class,
            List::Leaf(class, depth) => class * LEVELS + level(depth),
            List::Weak(depth) => CLASSES * LEVELS + level(depth),
        }
    }

    fn is_leaf(self) -> bool {
        matches!(self, List::Leaf(..) | List::Weak(_))
    }
}

/// Both places of a slot.
pub(crate) fn places(slot: u32) -> [Place; 2] {
    peerstream_wire::Tree::BOTH.map(|tree| Place::new(slot, tree))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_one_line_of_memory() {
        assert_eq!(size_of::<Slot>(), 64);
    }
}
