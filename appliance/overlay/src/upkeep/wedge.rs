//! How a tall subtree that is too much somewhere stays high.

use super::room::{deepest_leaves, shallowest_room};
use crate::{
    forest::Forest,
    placement::LOOK,
    slots::{CLASSES, State},
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
    let others = below.filter(|other| *other != child);
    // Whoever has much below it as well gains as much by a strong slot above it.
    let Some(other) = others.min_by_key(|other| !is_tall(forest, *other)) else {
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
    let mut below = forest.slot(slot).below().iter();
    below.any(|child| !forest.slot(*child).below().is_empty())
}

/// Whether all room there is lies deeper than a slot.
fn is_far(forest: &Forest, slot: u32) -> bool {
    shallowest_room(forest).is_none_or(|room| room > forest.slot(slot).depth)
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
        deepest_leaves(forest, class).take(LOOK).find(|leaf| {
            let at = forest.slot(*leaf);
            let there = at.state == State::Hung && !around.contains(&at.above);
            there && forest.arity(*leaf) >= 2 && fits(*leaf)
        })
    })
}
