//! All slots, and the lists woven through them.

use super::{
    CLASSES, KINDS, Kind, LEAF_LISTS, LEVELS, LOOSE, List, NO_LIST, NONE, OPEN_LISTS, Slot, State,
    Woven,
};
use crate::pages::Pages;

#[derive(Debug, Clone, Copy)]
struct Ends {
    first: u32,
    last: u32,
    len: u32,
}

const EMPTY: Ends = Ends {
    first: NONE,
    last: NONE,
    len: 0,
};

/// All slots, and the lists.
#[derive(Debug)]
pub(crate) struct Slots {
    slots: Pages<Slot>,
    /// Slots that there is memory for and that have been used.
    used: u32,
    /// Slots that are free, one after the other by `above`.
    free: u32,
    open: [Ends; OPEN_LISTS],
    leaf: [Ends; LEAF_LISTS],
    /// Of each, a bit for every depth at which the list is not empty.
    room_levels: [u32; KINDS],
    leaf_levels: [u32; CLASSES as usize + 1],
}

impl Slots {
    pub(crate) fn new() -> Slots {
        Slots {
            slots: Pages::new(),
            used: 0,
            free: NONE,
            open: [EMPTY; OPEN_LISTS],
            leaf: [EMPTY; LEAF_LISTS],
            room_levels: [0; KINDS],
            leaf_levels: [0; CLASSES as usize + 1],
        }
    }

    /// Depths at which there is room of a kind, a bit each.
    pub(crate) fn room_levels(&self, kind: Kind) -> u32 {
        self.room_levels[kind as usize]
    }

    /// Depths at which there are leaves of a class, a bit each.
    pub(crate) fn leaf_levels(&self, class: u8) -> u32 {
        self.leaf_levels
            .get(usize::from(class))
            .copied()
            .unwrap_or(0)
    }

    /// Depths at which there are links of chains, a bit each.
    pub(crate) fn weak_levels(&self) -> u32 {
        self.leaf_levels[usize::from(CLASSES)]
    }

    /// An empty slot.
    pub(crate) fn claim(&mut self) -> u32 {
        let slot = if self.free == NONE {
            self.slots.reach(self.used);
            self.used += 1;
            self.used - 1
        } else {
            let slot = self.free;
            self.free = self.slots[slot].above;
            slot
        };
        let touched = self.slots[slot].touched;
        self.slots[slot] = Slot {
            state: State::Adrift,
            touched,
            ..Slot::default()
        };
        slot
    }

    /// Gives an empty slot back; it must be in no list.
    pub(crate) fn release(&mut self, slot: u32) {
        let free = self.free;
        let released = &mut self.slots[slot];
        released.state = State::Free;
        released.depth = 0;
        released.above = free;
        self.free = slot;
    }

    /// Gives all memory back.
    pub(crate) fn clear(&mut self) {
        *self = Slots::new();
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Slot> {
        self.slots.get(slot)
    }

    pub(crate) fn at(&self, slot: u32) -> &Slot {
        &self.slots[slot]
    }

    pub(crate) fn at_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.slots[slot]
    }

    pub(crate) fn first(&self, list: List) -> Option<u32> {
        some(self.ends(list).first)
    }

    pub(crate) fn last(&self, list: List) -> Option<u32> {
        some(self.ends(list).last)
    }

    pub(crate) fn len(&self, list: List) -> u32 {
        self.ends(list).len
    }

    /// From the slot that came last to the one that came first.
    pub(crate) fn newest_first(&self, list: List) -> impl Iterator<Item = u32> + '_ {
        let leaf = list.is_leaf();
        core::iter::successors(self.first(list), move |slot| {
            some(self.woven(*slot, leaf).after)
        })
    }

    /// From the slot that came first to the one that came last.
    pub(crate) fn oldest_first(&self, list: List) -> impl Iterator<Item = u32> + '_ {
        let leaf = list.is_leaf();
        core::iter::successors(self.last(list), move |slot| {
            some(self.woven(*slot, leaf).before)
        })
    }

    /// Has a slot in these two lists, and in no other.
    pub(crate) fn file(&mut self, slot: u32, open: Option<List>, leaf: Option<List>) {
        self.weave(slot, open, false);
        self.weave(slot, leaf, true);
    }

    fn weave(&mut self, slot: u32, list: Option<List>, leaf: bool) {
        let id = list.map_or(NO_LIST, List::id);
        let Woven {
            before,
            after,
            list: was,
        } = *self.woven(slot, leaf);
        if was == id {
            return;
        }
        if was != NO_LIST {
            match some(before) {
                Some(before) => self.woven_mut(before, leaf).after = after,
                None => self.ends_mut(was, leaf).first = after,
            }
            match some(after) {
                Some(after) => self.woven_mut(after, leaf).before = before,
                None => self.ends_mut(was, leaf).last = before,
            }
            let ends = self.ends_mut(was, leaf);
            ends.len -= 1;
            if ends.len == 0 {
                self.mark(was, leaf, false);
            }
        }
        *self.woven_mut(slot, leaf) = LOOSE;
        if id != NO_LIST {
            let ends = self.ends_mut(id, leaf);
            let first = ends.first;
            ends.first = slot;
            ends.len += 1;
            if first == NONE {
                ends.last = slot;
                self.mark(id, leaf, true);
            } else {
                self.woven_mut(first, leaf).before = slot;
            }
            *self.woven_mut(slot, leaf) = Woven {
                before: NONE,
                after: first,
                list: id,
            };
        }
    }

    /// Notes at which depths there is something.
    fn mark(&mut self, list: u8, leaf: bool, there: bool) {
        let (levels, depth) = if leaf {
            let class = usize::from(list / LEVELS);
            (&mut self.leaf_levels[class], list % LEVELS)
        } else if (CLASSES..CLASSES + KINDS as u8 * LEVELS).contains(&list) {
            let room = list - CLASSES;
            let kind = usize::from(room / LEVELS);
            (&mut self.room_levels[kind], room % LEVELS)
        } else {
            return;
        };
        if there {
            *levels |= 1 << depth;
        } else {
            *levels &= !(1 << depth);
        }
    }

    fn woven(&self, slot: u32, leaf: bool) -> &Woven {
        let slot = &self.slots[slot];
        if leaf { &slot.leaf } else { &slot.open }
    }

    fn woven_mut(&mut self, slot: u32, leaf: bool) -> &mut Woven {
        let slot = &mut self.slots[slot];
        if leaf { &mut slot.leaf } else { &mut slot.open }
    }

    fn ends(&self, list: List) -> &Ends {
        if list.is_leaf() {
            &self.leaf[usize::from(list.id())]
        } else {
            &self.open[usize::from(list.id())]
        }
    }

    fn ends_mut(&mut self, id: u8, leaf: bool) -> &mut Ends {
        if leaf {
            &mut self.leaf[usize::from(id)]
        } else {
            &mut self.open[usize::from(id)]
        }
    }
}

fn some(slot: u32) -> Option<u32> {
    (slot != NONE).then_some(slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_order_and_forget() {
        let mut slots = Slots::new();
        let [a, b, c] = [slots.claim(), slots.claim(), slots.claim()];
        for slot in [a, b, c] {
            slots.file(slot, Some(List::Room(3)), Some(List::Leaf(2, 3)));
        }
        assert_eq!(
            slots.newest_first(List::Room(3)).collect::<Vec<_>>(),
            [c, b, a]
        );
        slots.file(b, Some(List::Lone(1)), None);
        assert_eq!(
            slots.oldest_first(List::Room(3)).collect::<Vec<_>>(),
            [a, c]
        );
        assert_eq!(
            slots.oldest_first(List::Leaf(2, 3)).collect::<Vec<_>>(),
            [a, c]
        );
        assert_eq!(slots.first(List::Lone(1)), Some(b));
        assert_eq!((slots.len(List::Room(3)), slots.len(List::Lone(1))), (2, 1));
        slots.file(a, None, None);
        slots.file(c, None, None);
        assert_eq!(slots.first(List::Room(3)), None);
        assert_eq!(slots.last(List::Leaf(2, 3)), None);
    }
}
