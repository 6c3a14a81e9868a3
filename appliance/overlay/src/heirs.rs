//! Who is to take the place of another.

use crate::{
    defaults::MOST_COPIES,
    forest::{Forest, deepest_within},
    place::Place,
    placement::LOOK,
    policy::Profile,
    slots::{CLASSES, List, NONE, State, places},
};
/// Who is to take a place, in which so many slots hang below: nobody is below it, and it
/// can feed as many, or else as many as there is one for. The nearer it is, the more of the
/// links that it will need it has.
pub(crate) fn heir(forest: &Forest, place: Place) -> Option<Place> {
    let kids = forest.slot(place.slot()).kids();
    if kids == 0 {
        return far(forest, place, 0);
    }
    (1..=kids).rev().find_map(|need| {
        // Links: two for each slot below, three more if it comes from far; and four for
        // each slot that has to go elsewhere.
        near(forest, place, need)
            .or_else(|| (need > 2).then(|| child(forest, place, need - 1)).flatten())
            .or_else(|| far(forest, place, need))
    })
}

/// One from the slots right below.
pub(crate) fn child(forest: &Forest, place: Place, need: u8) -> Option<Place> {
    let below = forest.slot(place.slot()).below();
    // Whoever is alone leaves no slot behind that would have to be fed.
    let alone = below
        .iter()
        .copied()
        .filter(|slot| forest.slot(*slot).is_lone());
    let least = need.saturating_sub(1).max(1);
    best(forest, place, alone, least).or_else(|| best(forest, place, below.iter().copied(), need))
}

/// One from right below, from two levels below, or from beside.
pub(crate) fn near(forest: &Forest, place: Place, need: u8) -> Option<Place> {
    let slot = place.slot();
    let at = forest.slot(slot);
    child(forest, place, need)
        .or_else(|| {
            let below = at.below().iter();
            let grandchildren = below.flat_map(|child| forest.slot(*child).below().iter());
            best(forest, place, grandchildren.copied(), need)
        })
        .or_else(|| {
            let above = (at.state == State::Hung).then(|| forest.slot(at.above).below());
            let siblings = above.unwrap_or(&[]).iter().copied();
            best(
                forest,
                place,
                siblings.filter(|sibling| *sibling != slot),
                need,
            )
        })
}

/// One that feeds nobody and can feed so many, or as many as possible up to what hangs below.
pub(crate) fn idle(forest: &Forest, place: Place, least: u8) -> Option<Place> {
    let kids = forest.slot(place.slot()).kids().min(MOST_COPIES);
    (least..=kids)
        .rev()
        .find_map(|need| far(forest, place, need))
}

/// One from anywhere, as deep as there is; the least able last, who may not have shown yet
/// that it can do even that.
fn far(forest: &Forest, place: Place, need: u8) -> Option<Place> {
    let depth = forest.slot(place.slot()).depth;
    let classes = (need..CLASSES)
        .filter(|class| *class > 2)
        .chain(need..3.min(CLASSES));
    classes.into_iter().find_map(|class| {
        let mut levels = forest.slots().leaf_levels(class);
        while let Some(level) = deepest_within(levels, u8::MAX) {
            if level < depth {
                break;
            }
            let leaves = forest
                .slots()
                .oldest_first(List::Leaf(class, level))
                .filter(|leaf| *leaf != place.slot())
                .take(LOOK);
            if let Some(found) = best(forest, place, leaves, need) {
                return Some(found);
            }
            levels &= !(1 << level);
        }
        None
    })
}

/// The one of the occupants of these slots, if nobody is below them, that comes first for
/// a vacant place; of another address than those it will have to do with, if there is one.
fn best(
    forest: &Forest,
    vacant: Place,
    slots: impl Iterator<Item = u32>,
    need: u8,
) -> Option<Place> {
    let placement = forest.policy().placement();
    let above = forest.parent(vacant).and_then(|above| forest.seat(above));
    let above = above.map(|seat| seat.network);
    let partner = forest.seat(vacant.partner()).map(|seat| seat.network);
    let at = forest.slot(vacant.slot());
    let mut around = [NONE; 2 + MOST_COPIES as usize];
    around[..2].copy_from_slice(&[vacant.slot(), at.above]);
    around[2..2 + at.below().len()].copy_from_slice(at.below());
    let rank = |place: &Place| {
        let seat = forest.seat(*place)?;
        let profile = Profile {
            node: seat.node,
            network: seat.network,
            faults: seat.faults,
        };
        let near = [above, partner];
        let mut near = near.into_iter().flatten();
        let crowded = near.any(|network| network.same_address(seat.network));
        // Links at the new place that would fail.
        let origin = seat.origin();
        let misfits: u8 = around
            .iter()
            .map(|slot| forest.misfits(origin, *slot))
            .sum();
        let class = forest.slot(place.slot()).copies[place.side()];
        let rank = placement.heir(&profile, above);
        Some((crowded, seat.untried, class < 3, misfits, rank))
    };
    slots
        .filter(|slot| forest.slot(*slot).below().is_empty())
        .flat_map(places)
        .filter(|place| {
            let at = forest.slot(place.slot());
            at.nodes[place.side()].0 != 0 && at.copies[place.side()] >= need
        })
        .min_by_key(rank)
}

/// Who is to take the place of a node that makes a slot the link of a chain: a leaf further
/// down that can feed more than one, or whoever can in another chain.
pub(crate) fn stronger(forest: &Forest, place: Place) -> Option<Place> {
    far(forest, place, 2).or_else(|| {
        let partner = place.partner();
        if forest.slot(partner.slot()).copies[partner.side()] < 2 {
            // It would take two, and the other chain would be as bad as this one was.
            return None;
        }
        let levels = forest.slots().weak_levels();
        let deepest = deepest_within(levels, u8::MAX)?;
        let chain = forest.slots().newest_first(List::Weak(deepest)).take(LOOK);
        chain
            .filter(|slot| *slot != place.slot())
            .flat_map(places)
            .find(|other| forest.slot(other.slot()).copies[other.side()] > 1)
    })
}
