//! The slots that the box feeds.

use super::{STEPS, room::shed};
use crate::{
    defaults::MOST_COPIES,
    forest::Forest,
    place::Place,
    slots::places,
    succession::{succeed, vacant_in},
};
/// With one feed only, the root of tree A feeds its partner, so it had better be the
/// stronger of them; if it can feed nobody, its partner waits. And whoever has come to be a
/// root feeds no more than it can.
pub(crate) fn right_roots(forest: &mut Forest) {
    let mut at = 0;
    while let Some(root) = forest.roots().get(at).copied() {
        at += 1;
        if forest.is_single() {
            let at = forest.slot(root);
            let [a, b] = at.copies;
            if a < b || at.occupant(0).is_none() {
                forest.swap_sides(root);
            } else if a == 0 && at.is_full() && at.below().is_empty() {
                let [_, b] = places(root);
                let slot = forest.found();
                forest.relocate(b, Place::new(slot, b.tree()));
                forest.park(slot);
            }
        }
        shed(forest, root);
    }
}

/// Whether one who has come to be a root cannot feed its partner besides.
pub(super) fn has_too_many(forest: &Forest) -> bool {
    let full = |root: &u32| forest.slot(*root).kids() >= MOST_COPIES;
    forest.is_single() && forest.roots().iter().any(full)
}

/// The vacant place of a root, if a node with so many copies can be there.
pub(crate) fn root_vacancy(forest: &Forest, copies: u8) -> Option<Place> {
    let roots = forest.roots().iter().copied();
    let mut vacant = roots.filter(|root| {
        let at = forest.slot(*root);
        at.is_lone() && !(forest.is_single() && copies == 0 && at.copies == [0, 0])
    });
    vacant_in(forest, vacant.next()?)
}

/// Sees to it that all feeds are used, by full pairs as soon as anyone is below them.
pub(super) fn raise_roots(forest: &mut Forest) {
    for _ in 0..STEPS {
        if forest.roots().len() >= forest.pairs() {
            break;
        }
        let mut below = forest
            .roots()
            .iter()
            .flat_map(|root| forest.slot(*root).below());
        let best = below
            .clone()
            .max_by_key(|child| forest.arity(**child))
            .or(below.next())
            .copied();
        let Some(child) = best else { break };
        forest.plant(child);
    }
    let mut at = 0;
    while let Some(root) = forest.roots().get(at).copied() {
        at += 1;
        if forest.slot(root).is_lone()
            && forest.bottom() > 1
            && let Some(vacant) = vacant_in(forest, root)
        {
            succeed(forest, vacant);
        }
    }
}
