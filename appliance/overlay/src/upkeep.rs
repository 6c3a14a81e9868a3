//! What is done for the shape after every event: a bounded amount, so that the cost of an
//! event does not grow with the audience.

mod depth;
mod room;
mod roots;
mod wedge;

pub(crate) use room::{house, house_leaves, shed, splice};
pub(crate) use roots::{right_roots, root_vacancy};

use crate::{
    defaults::{LEVEL_ALWAYS, LEVEL_TURNS, LEVEL_TURNS_PRESSED, VACANCY_SHARE},
    forest::Forest,
    matching,
    placement::{self, Wanted},
    slots::{List, places},
    succession::vacant_in,
    supply,
};
use depth::{level, strengthen, unmix};
use room::relieve;
use roots::{has_too_many, raise_roots};

/// Slots below moved ones whose depth is corrected with every event.
const DEPTHS: usize = 64;
/// Levels beyond those of binary trees from which on they are made shallower at once.
const FAR_TOO_DEEP: u8 = 2;
/// Of everything else, so much is done with every event.
const STEPS: usize = 2;

/// Restores what must be, and, after an event that moved nobody (`idle`) and while the uplink
/// has room, comes nearer to what should be: so no single event costs many links.
pub(crate) fn after(forest: &mut Forest, idle: bool) {
    supply::balance(forest);
    right_roots(forest);
    raise_roots(forest);
    pair_up(forest);
    relieve(forest);
    admit_waiting(forest);
    if forest.is_single() {
        right_roots(forest);
    }
    if idle && !forest.is_pressed() && !strengthen(forest) && !level_sometimes(forest) {
        unmix(forest);
    }
    if forest.waiting() > 0 {
        relieve(forest);
        admit_waiting(forest);
    }
    if has_too_many(forest) {
        right_roots(forest);
        admit_waiting(forest);
    }
    forest.settle_depths(DEPTHS);
    // A tall subtree that has come to hang far below is spread out sooner.
    for _ in 0..STEPS {
        if !is_far_too_deep(forest) || !level(forest) {
            break;
        }
        forest.settle_depths(DEPTHS);
    }
}

/// Whether the trees are so deep that they are to be made shallower now. While the uplink is
/// short, one level too many is worth little of it: links that are needed would come later.
fn is_far_too_deep(forest: &mut Forest) -> bool {
    let usual = forest.usual_depth() + FAR_TOO_DEEP;
    match forest.bottom().saturating_sub(usual) {
        0 => false,
        1 => !forest.is_pressed() || forest.takes_turn(LEVEL_TURNS_PRESSED),
        _ => true,
    }
}

/// Makes the trees shallower merely because they can be: not after every event in a small
/// audience, nor for a single level, since a link costs a few viewers more than a level does.
/// Whether it did.
fn level_sometimes(forest: &mut Forest) -> bool {
    let small = forest.len() <= LEVEL_ALWAYS;
    let much = forest.bottom() > forest.usual_depth() + 1;
    (!small || much && forest.takes_turn(LEVEL_TURNS)) && level(forest)
}

/// Comes nearer to what should be when nothing has happened.
pub(crate) fn settle(forest: &mut Forest) {
    after(forest, true);
}

/// Puts nodes without a partner together when they are too many.
fn pair_up(forest: &mut Forest) {
    for _ in 0..STEPS {
        let is_lone = |root: &&u32| forest.slot(**root).is_lone();
        let roots = forest.roots().iter().filter(is_lone).count();
        if forest.lone() + roots <= 1 + forest.len() / VACANCY_SHARE {
            return;
        }
        let mut lone_roots = forest.roots().iter().filter(is_lone).copied();
        let couple = match (lone_roots.next(), lone_roots.next()) {
            (Some(a), Some(b)) => Some([a, b]),
            (Some(root), None) => matching::lone(forest).map(|other| [root, other]),
            _ => matching::couple(forest),
        };
        let Some([a, b]) = couple else { return };
        let taken = |slot: u32| {
            places(slot)
                .into_iter()
                .find(|place| forest.occupant(*place).is_some())
        };
        // Up rather than down; among equals the younger moves.
        let key = |slot: u32| {
            (
                forest.slot(slot).depth,
                taken(slot).and_then(|p| forest.occupant(p)),
            )
        };
        let [to, from] = if key(a) <= key(b) { [a, b] } else { [b, a] };
        // After a restart somebody alone may still have others below.
        let [to, from] = match forest.slot(from).below().is_empty() {
            true => [to, from],
            false if forest.slot(to).below().is_empty() => [from, to],
            false => return,
        };
        let (Some(from), Some(to)) = (taken(from), vacant_in(forest, to)) else {
            return;
        };
        forest.relocate(from, to);
    }
}

/// Lets in who waits, as far as there is room.
fn admit_waiting(forest: &mut Forest) {
    for _ in 0..2 * STEPS {
        let waiting = forest
            .slots()
            .last(List::WaitingForwarder)
            .or(forest.slots().last(List::Waiting));
        let Some(slot) = waiting else { return };
        let alone = places(slot)
            .into_iter()
            .find(|place| forest.occupant(*place).is_some());
        let copies = forest.slot(slot).copies;
        let vacant = root_vacancy(forest, copies[0].max(copies[1]));
        if let (Some(from), Some(to)) = (alone, vacant) {
            forest.relocate(from, to);
            continue;
        }
        // Beside others who are alone, one after the other.
        let [a, b] = places(slot);
        let last = if forest.occupant(b).is_some() { b } else { a };
        let Some(seat) = forest.seat(last) else {
            return;
        };
        let wanted = Wanted::of(seat, forest.slot(slot).copies[last.side()]);
        if let Some(vacant) = placement::vacancy(forest, wanted, &|_| false) {
            forest.relocate(last, vacant);
            continue;
        }
        if house(forest, slot) {
            continue;
        }
        // Those who can forward are with others who cannot, so that neither does.
        let able = places(slot)
            .into_iter()
            .find(|place| forest.slot(slot).copies[place.side()] > 0);
        let able = able.and_then(|place| {
            let copies = forest.slot(slot).copies[place.side()];
            Some([matching::wasted(forest, copies)?, place])
        });
        let Some([weak, strong]) = able
            .or_else(|| matching::unmixed(forest, 0))
            .or_else(|| matching::mixed(forest))
        else {
            return;
        };
        forest.exchange(weak, strong);
    }
}
