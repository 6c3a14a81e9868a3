//! Where what hangs too much somewhere goes.

use super::{STEPS, wedge::wedge};
use crate::{
    defaults::MOST_COPIES,
    forest::{Forest, deepest_within, shallowest},
    heirs, matching,
    placement::{self, LOOK, Wanted},
    slots::{CLASSES, Kind, List, NONE, State, places},
};
/// Copies that a node is asked for beyond what it offers while there is no other way.
const STRETCH: u8 = 1;

/// Moves what is too much below a slot elsewhere, whole, with the links inside. While supply
/// is short and there is no room anywhere, who forwards at all keeps one more than it
/// offers, so that nobody who has a place loses it; whoever forwards nothing is not made
/// to.
pub(crate) fn shed(forest: &mut Forest, slot: u32) {
    // Each round disposes of a slot below, or of one that stands in the way.
    for _ in 0..64 {
        let (kids, arity) = (forest.slot(slot).kids(), forest.arity(slot));
        if kids <= arity {
            return;
        }
        let child = surplus(forest, slot);
        if wedge(forest, slot, child) || house(forest, child) {
            continue;
        }
        let root = forest.slot(slot).state == State::Root;
        // With one feed only, a root feeds its partner besides.
        let most = MOST_COPIES - u8::from(root && forest.is_single());
        let stretched = arity > 0 && kids <= most.min(arity + STRETCH);
        // Other roots mean other feeds, and for a moment both.
        if root && stretched {
            return;
        }
        if rotate(forest, slot, child) {
            continue;
        }
        if forest.roots().len() < forest.pairs() || forest.can_feed_more() {
            if forest.roots().len() >= forest.pairs() {
                forest.feed_more();
            }
            if forest.roots().len() < forest.pairs() {
                forest.plant(child);
            }
            continue;
        }
        if stretched || !evict(forest) {
            return;
        }
    }
}

/// Moves leaves elsewhere that are too much below a slot, as far as that is enough.
pub(crate) fn house_leaves(forest: &mut Forest, slot: u32) {
    let is_leaf = |forest: &Forest, child: u32| forest.slot(child).below().is_empty();
    let leaves = forest.slot(slot).below().iter();
    let leaves = leaves.filter(|child| is_leaf(forest, **child)).count();
    if leaves + usize::from(forest.arity(slot)) < forest.slot(slot).below().len() {
        return;
    }
    while forest.slot(slot).kids() > forest.arity(slot) {
        let child = surplus(forest, slot);
        if !is_leaf(forest, child) || !house(forest, child) {
            return;
        }
    }
}

/// Relieves those who feed more than they offer.
pub(super) fn relieve(forest: &mut Forest) {
    for _ in 0..STEPS {
        let Some(slot) = forest.slots().last(List::Over) else {
            return;
        };
        let child = surplus(forest, slot);
        if house(forest, child) {
            continue;
        }
        // Fewest links first: those whom nobody is below change partners.
        let pair = (0..2).find_map(|weak| matching::unmixed(forest, weak));
        match pair {
            Some([weak, strong]) => forest.exchange(weak, strong),
            None if fortify(forest) => {}
            None => return,
        }
    }
}

/// Has somebody who feeds more than it offers change places with one who can feed as many and
/// feeds nobody: a slot feeds no more than the weaker of its occupants can. Whether it did.
pub(super) fn fortify(forest: &mut Forest) -> bool {
    let over: Vec<u32> = forest.slots().newest_first(List::Over).take(LOOK).collect();
    for slot in over {
        if !forest.may_replace(slot) {
            continue;
        }
        let at = forest.slot(slot);
        let (kids, copies) = (at.kids(), at.copies);
        for place in places(slot) {
            let offers = copies[place.side()];
            let heir = (offers < kids).then(|| heirs::idle(forest, place, offers + 1));
            if let Some(heir) = heir.flatten() {
                forest.replace(place, heir);
                return true;
            }
        }
    }
    false
}

/// Hangs a slot, with all that is below it, where there is room outside of it.
pub(crate) fn house(forest: &mut Forest, slot: u32) -> bool {
    let at = forest.slot(slot);
    let leaf = at.below().is_empty();
    let class = if leaf {
        at.copies[0].min(at.copies[1])
    } else {
        u8::MAX
    };
    let wanted = Wanted {
        network: crate::Network::default(),
        origins: forest.origins(slot),
        class,
    };
    let inside = |room: u32| !leaf && forest.is_within(room, slot) || room == slot;
    match placement::room(forest, wanted, &inside) {
        Some(room) => forest.hang(slot, room),
        None => false,
    }
}

/// Puts a pair that brings its own room above one that has none, or in the queue.
pub(crate) fn splice(forest: &mut Forest, slot: u32) {
    let mut leaves = (0..CLASSES).filter_map(|class| {
        let depth = shallowest(forest.slots().leaf_levels(class))?;
        let mut list = forest.slots().newest_first(List::Leaf(class, depth));
        list.find(|leaf| *leaf != slot)
    });
    let Some(victim) = leaves.next() else {
        return;
    };
    drop(leaves);
    replace(forest, victim, slot);
    if forest.arity(slot) > forest.slot(slot).kids() {
        forest.hang(victim, slot);
    } else {
        forest.park(victim);
    }
}

/// The slot below that is best moved: one with nobody below it, else the last that came.
fn surplus(forest: &Forest, slot: u32) -> u32 {
    let below = forest.slot(slot).below();
    let leaf = below
        .iter()
        .rev()
        .find(|child| forest.slot(**child).below().is_empty());
    leaf.or(below.last()).copied().unwrap_or(NONE)
}

/// The child takes its parent's position, and the parent hangs below it: when all the
/// room there is is below the child.
fn rotate(forest: &mut Forest, slot: u32, child: u32) -> bool {
    let wanted = Wanted {
        network: crate::Network::default(),
        origins: forest.origins(slot),
        class: u8::MAX,
    };
    let outside = |room: u32| !forest.is_within(room, child);
    let Some(room) = placement::room(forest, wanted, &outside) else {
        return false;
    };
    forest.unhang(child);
    replace(forest, slot, child);
    forest.hang(slot, room)
}

/// Puts a slot in the position of another, which is adrift then.
fn replace(forest: &mut Forest, old: u32, new: u32) {
    let (state, above) = (forest.slot(old).state, forest.slot(old).above);
    forest.unhang(old);
    if state == State::Root {
        forest.plant(new);
    } else {
        forest.hang(new, above);
    }
}

/// Sends a slot that nobody is below, and that nobody can be below, to the queue.
fn evict(forest: &mut Forest) -> bool {
    let leaf = (0..CLASSES).find_map(|class| {
        deepest_leaves(forest, class).find(|leaf| forest.slot(*leaf).state == State::Hung)
    });
    let Some(leaf) = leaf else {
        return false;
    };
    forest.park(leaf);
    true
}

/// Slots of a class that nobody is below, those that lie deepest, the newest first.
pub(super) fn deepest_leaves(forest: &Forest, class: u8) -> impl Iterator<Item = u32> + '_ {
    let depth = deepest_within(forest.slots().leaf_levels(class), u8::MAX);
    depth
        .into_iter()
        .flat_map(move |depth| forest.slots().newest_first(List::Leaf(class, depth)))
}

/// The depth of the highest slot that one which can feed others can hang below.
pub(super) fn shallowest_room(forest: &Forest) -> Option<u8> {
    let kinds = [Kind::Free, Kind::Reluctant, Kind::Fan, Kind::Untried];
    let rooms = kinds.map(|kind| forest.slots().room_levels(kind));
    rooms.into_iter().filter_map(shallowest).min()
}
