//! How a tall subtree that is too much somewhere stays high.

use crate::{
    forest::{Forest, deepest_within, shallowest},
    placement::LOOK,
    slots::{CLASSES, Kind, List, State},
};

/// Puts a slot that can feed two, and that nobody is below, between a slot that has one too
/// many below it and two of those: they come one level deeper. Hung whole where there is room,
/// which is near the bottom, a tall one would make the trees nearly twice as deep. Whether it
/// did; it does not where that is no gain.
pub(super) fn wedge(forest: &mut Forest, slot: u32, child: u32) -> bool {
    if !is_tall(forest, child) || !is_far(forest, child) {
        return false;
    }
    let below = forest.slot(slot).below().iter().rev().copied();
    // Whoever has much below it as well gains as much by a strong slot above it.
    let mut others: Vec<u32> = below.filter(|other| *other != child).collect();
    others.sort_by_key(|other| !is_tall(forest, *other));
    let Some(&other) = others.first() else {
        return false;
    };
    let Some(between) = idle(forest, [slot, child, other]) else {
        return false;
    };
    for moved in [between, child, other] {
        forest.unhang(moved);
    }
    forest.hang(between, slot) && forest.hang(child, between) && forest.hang(other, between)
}

/// Whether somebody is two levels below a slot.
fn is_tall(forest: &Forest, slot: u32) -> bool {
    let below = forest.slot(slot).below().iter();
    below
        .into_iter()
        .any(|child| !forest.slot(*child).below().is_empty())
}

/// Whether all room there is lies deeper than a slot.
fn is_far(forest: &Forest, slot: u32) -> bool {
    let depth = forest.slot(slot).depth;
    let kinds = [Kind::Free, Kind::Reluctant, Kind::Fan, Kind::Untried];
    let rooms = kinds.iter().map(|kind| forest.slots().room_levels(*kind));
    rooms
        .filter_map(shallowest)
        .min()
        .is_none_or(|room| room > depth)
}

/// A slot near the bottom that can feed two, the stronger before the others, and that has no
/// failed links with whom it would be above or below.
fn idle(forest: &Forest, around: [u32; 3]) -> Option<u32> {
    let fits = |leaf: u32| {
        let origins = forest.origins(leaf);
        let mut pairs = origins
            .iter()
            .flat_map(|origin| around.map(|slot| (*origin, slot)));
        pairs.all(|(origin, slot)| forest.misfits(origin, slot) == 0)
    };
    (2..CLASSES).rev().find_map(|class| {
        let depth = deepest_within(forest.slots().leaf_levels(class), u8::MAX)?;
        let leaves = forest.slots().newest_first(List::Leaf(class, depth));
        leaves.take(LOOK).find(|leaf| {
            let at = forest.slot(*leaf);
            let there = at.state == State::Hung && !around.contains(&at.above);
            there && forest.arity(*leaf) >= 2 && fits(*leaf)
        })
    })
}
