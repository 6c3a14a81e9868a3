//! What keeps the trees from growing deep.

use super::room::shallowest_room;
use crate::{
    forest::{Forest, shallowest},
    heirs, matching,
    slots::{CLASSES, Kind, List, NONE, State, places},
};
/// Levels beyond those of binary trees that the trees may have before leaves are moved down
/// for the depth alone.
const SLACK: u8 = 1;

/// While the trees are deeper than they need be: moves a slot of those that the deepest
/// hang from up to where there is room, with what is below it, or to where leaves are,
/// which take its place. Whether it did.
pub(super) fn level(forest: &mut Forest) -> bool {
    let bottom = forest.bottom();
    if bottom <= forest.usual_depth() {
        return false;
    }
    let room = [Kind::Free, Kind::Reluctant]
        .into_iter()
        .filter_map(|kind| Some((shallowest(forest.slots().room_levels(kind))?, kind)))
        .min_by_key(|(depth, _)| *depth);
    if let Some((depth, kind)) = room {
        let under = forest.slots().first(kind.list(depth));
        let riser = under.and_then(|under| Some((under, riser(forest, depth + 1)?)));
        if let Some((under, slot)) = riser.filter(|(under, slot)| !forest.is_within(*under, *slot))
        {
            return forest.hang(slot, under);
        }
    }
    let leaf = (0..2)
        .filter_map(|class| {
            let depth = shallowest(forest.slots().leaf_levels(class))?;
            let leaf = forest.slots().first(List::Leaf(class, depth))?;
            (forest.slot(leaf).state == State::Hung).then_some((depth, leaf))
        })
        .min();
    let Some((depth, leaf)) = leaf.filter(|_| bottom > forest.usual_depth() + SLACK) else {
        return false;
    };
    let Some(slot) = riser(forest, depth) else {
        return false;
    };
    let [higher, lower] = [leaf, slot].map(|slot| forest.slot(slot).above);
    // Depths may not be up to date.
    if forest.is_within(higher, slot) {
        return false;
    }
    forest.unhang(leaf);
    forest.hang(slot, higher);
    forest.hang(leaf, lower)
}

/// A slot that the deepest hang from, at least two levels below a depth. Half way up: as
/// much gains as much as possible.
fn riser(forest: &Forest, depth: u8) -> Option<u32> {
    let bottom = forest.bottom();
    if depth + 2 > bottom {
        return None;
    }
    let mut deepest = (0..CLASSES)
        .rev()
        .filter_map(|class| forest.slots().last(List::Leaf(class, bottom)));
    let mut slot = deepest.next()?;
    let half = (depth + bottom).div_ceil(2);
    while forest.slot(slot).depth > half.max(depth + 2) && forest.slot(slot).above != NONE {
        slot = forest.slot(slot).above;
    }
    let at = forest.slot(slot);
    (at.state == State::Hung && at.depth >= depth + 2).then_some(slot)
}

/// Has a strong node and one that makes a slot the link of a chain change places, if there
/// is much below. Whether it did.
pub(super) fn strengthen(forest: &mut Forest) -> bool {
    let Some(depth) = shallowest(forest.slots().weak_levels()) else {
        return false;
    };
    if depth + 2 >= forest.bottom() {
        return false;
    }
    let Some(weak) = forest.slots().last(List::Weak(depth)) else {
        return false;
    };
    if !forest.may_replace(weak) {
        return false;
    }
    let [a, b] = places(weak);
    let copies = forest.slot(weak).copies;
    let place = if copies[0] <= copies[1] { a } else { b };
    match heirs::stronger(forest, place) {
        Some(heir) => {
            forest.replace(place, heir);
            true
        }
        None => false,
    }
}

/// If only leaves can be taken in, makes partners of those who could feed more than one.
pub(super) fn unmix(forest: &mut Forest) {
    if shallowest_room(forest).is_some() {
        return;
    }
    let pair = matching::unmixed(forest, 1).or_else(|| matching::mixed(forest));
    if let Some([weak, strong]) = pair {
        forest.exchange(weak, strong);
    }
}
