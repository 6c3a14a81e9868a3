//! Who moves where when places fall vacant.
//!
//! Staying is rewarded: nodes move up, never down, and where there is a choice the older
//! one does (the lower [`NodeId`](peerstream_wire::NodeId)). What is young is at the
//! bottom, where its going hurts nobody.

use crate::{
    defaults::{CLIMB, VACANCY_SHARE},
    forest::{Forest, Seat},
    geometry::Place,
};

/// Takes out whoever is at a place and mends the shape.
pub(crate) fn depart(forest: &mut Forest, place: Place) -> Option<Seat> {
    let seat = forest.vacate(place)?;
    succeed(forest, place);
    while let Some((from, to)) = filling(forest) {
        forest.relocate(from, to);
    }
    Some(seat)
}

/// Fills a place from below: by its older child, whose own place the older grandchild
/// takes, or, high up, by the node at the bottom of that line alone. What falls vacant in
/// the end has no children in its tree.
fn succeed(forest: &mut Forest, vacant: Place) {
    let mut heirs = [vacant; CLIMB + 1];
    let mut generations = 0;
    let mut bottom = vacant;
    while let Some(child) = older_child(forest, bottom) {
        generations += 1;
        bottom = child;
        if let Some(heir) = heirs.get_mut(generations) {
            *heir = child;
        }
    }
    if generations > CLIMB {
        forest.relocate(bottom, vacant);
    } else {
        for step in 0..generations {
            forest.relocate(heirs[step + 1], heirs[step]);
        }
    }
    // A slot with anyone below it must be full. If only the other tree goes on below this
    // one, then those nodes are alone in their slots, so they are leaves: one changes over.
    if let Some(ward) = older_child(forest, bottom.partner()) {
        forest.relocate(ward, bottom);
    }
}

/// The next node to move up into a vacancy that may not stay: one of the last slot, of
/// the vacancy's own tree if there is one.
fn filling(forest: &Forest) -> Option<(Place, Place)> {
    let vacancy = forest.first_vacancy()?;
    let last = forest.last()?;
    let needed = forest.geometry().is_root(vacancy) && !forest.geometry().is_root(last);
    let too_many = forest.vacancies() > 1 + forest.len() / VACANCY_SHARE;
    if !(needed || too_many) || vacancy.slot() == last.slot() {
        return None;
    }
    let same_tree = Place::new(last.slot(), vacancy.tree());
    let from = if forest.seat(same_tree).is_some() {
        same_tree
    } else {
        last
    };
    Some((from, vacancy))
}

/// The older (or the only) occupant of the two places below, in the same tree.
fn older_child(forest: &Forest, place: Place) -> Option<Place> {
    let occupied = |child: &Place| forest.occupant(*child).map(|node| (node, *child));
    let children = forest.geometry().children(place);
    children
        .iter()
        .filter_map(occupied)
        .min()
        .map(|(_, child)| child)
}

/// Where a newcomer goes.
pub(crate) fn admit(forest: &mut Forest, seat: Seat) {
    let place = forest.next_place();
    forest.put(place, seat);
}
