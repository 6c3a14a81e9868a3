//! Whom to put together with whom.

use crate::{
    forest::{Forest, shallowest},
    place::Place,
    placement::{LOOK, Wanted, is_crowded},
    seat::Seat,
    slots::{CLASSES, List, places},
};
/// The place of a node that forwards nothing, beside one that could if its partner did.
pub(crate) fn wasted(forest: &Forest, copies: u8) -> Option<Place> {
    let classes = (1..CLASSES).rev().filter(|_| copies > 0);
    classes
        .filter_map(|class| {
            let level = shallowest(forest.slots().leaf_levels(class))?;
            let leaves = forest.slots().newest_first(List::Leaf(class, level));
            leaves.take(LOOK).find_map(|leaf| {
                let at = forest.slot(leaf);
                let idle = (0..2).find(|side| at.copies[*side] == 0)?;
                at.is_full().then(|| places(leaf)[idle])
            })
        })
        .next()
}

/// A slot where a node is alone, roots aside.
pub(crate) fn lone(forest: &Forest) -> Option<u32> {
    lone_lists().find_map(|list| forest.slots().first(list))
}

/// Two slots where a node is alone, of one class if there are.
pub(crate) fn couple(forest: &Forest) -> Option<[u32; 2]> {
    let same = lone_lists().find_map(|list| {
        let mut slots = forest.slots().newest_first(list).take(LOOK);
        let first = slots.next()?;
        let wanted = Wanted::of(occupant(forest, first)?, 0);
        let other = slots.find(|slot| !is_crowded(forest, wanted, *slot))?;
        Some([first, other])
    });
    same.or_else(|| {
        let mut slots = lone_lists().filter_map(|list| forest.slots().first(list));
        Some([slots.next()?, slots.next()?])
    })
}

fn occupant(forest: &Forest, slot: u32) -> Option<&Seat> {
    places(slot)
        .into_iter()
        .find_map(|place| forest.seat(place))
}

/// Two places to exchange so that there is room where there is none: of a node that feeds
/// at most `weak`, and of one that could feed more if it had the partner of the first.
pub(crate) fn unmixed(forest: &Forest, weak: u8) -> Option<[Place; 2]> {
    let able = (weak + 1..CLASSES).rev().flat_map(|class| {
        let level = shallowest(forest.slots().leaf_levels(class));
        level.into_iter().flat_map(move |level| {
            let leaves = forest.slots().newest_first(List::Leaf(class, level));
            leaves.take(LOOK)
        })
    });
    // Slots whose one occupant could feed more, and the other could not, or is not there.
    let able = able.filter_map(|leaf| {
        let copies = forest.slot(leaf).copies;
        let [a, b] = places(leaf);
        match [copies[0] > weak, copies[1] > weak] {
            [true, false] => Some(a),
            [false, true] => Some(b),
            _ => None,
        }
    });
    let able: Vec<Place> = able.collect();
    let first = able
        .iter()
        .find(|place| forest.slot(place.slot()).is_full())?;
    let second = able.iter().find(|place| place.slot() != first.slot())?;
    Some([first.partner(), *second])
}

/// The same of two who have others below them: the weaker occupant of one slot, and the
/// stronger of another whose weaker one feeds as many.
pub(crate) fn mixed(forest: &Forest) -> Option<[Place; 2]> {
    (1..CLASSES).find_map(|class| {
        let slots = || forest.slots().newest_first(List::Mixed(class)).take(LOOK);
        let strongest = |slot: &u32| {
            let copies = forest.slot(*slot).copies;
            copies[0].max(copies[1])
        };
        let one = slots().max_by_key(strongest)?;
        let other = slots().filter(|slot| *slot != one).max_by_key(strongest)?;
        let copies = [one, other].map(|slot| forest.slot(slot).copies);
        let [weak, _] = places(one);
        let weak = if copies[0][0] <= copies[0][1] {
            weak
        } else {
            weak.partner()
        };
        let [strong, _] = places(other);
        let strong = if copies[1][0] >= copies[1][1] {
            strong
        } else {
            strong.partner()
        };
        Some([weak, strong])
    })
}

fn lone_lists() -> impl Iterator<Item = List> {
    (0..CLASSES).map(List::Lone).chain([List::Needy])
}
