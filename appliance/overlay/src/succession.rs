//! Who moves where when places fall vacant, and how newcomers come in.
//!
//! Staying is rewarded: nodes move up, and where there is a choice those who deliver and
//! those who are older do. What is young is at the bottom, where its going hurts nobody.

use crate::{
    capacity,
    defaults::VACANCY_SHARE,
    forest::Forest,
    heirs, matching,
    place::Place,
    placement,
    seat::Seat,
    slots::{List, State, places},
    upkeep::{self, after},
};

/// Seats a newcomer: in the trees, or in the queue if there is no room. Where it is.
pub(crate) fn admit(forest: &mut Forest, seat: Seat) -> Place {
    let node = seat.node;
    let place = enter(forest, seat);
    after(forest, true);
    forest.place(node).unwrap_or(place)
}

/// Takes out whoever is at a place and mends the shape.
pub(crate) fn depart(forest: &mut Forest, place: Place) -> Option<Seat> {
    let (seat, _) = forest.take(place)?;
    let moved = succeed(forest, place);
    after(forest, !moved);
    forest.forget_if_empty();
    Some(seat)
}

/// A node's copies have changed: learned while forwarding, or its owner's decision. If
/// fewer slots can now hang below its own, the youngest of those go elsewhere.
pub(crate) fn set_copies(forest: &mut Forest, place: Place, copies: u8) {
    let Some(seat) = forest.seat_mut(place) else {
        return;
    };
    seat.copies = copies;
    let seat = seat.clone();
    let before = forest.slot(place.slot()).copies[place.side()];
    let copies = capacity::counted(forest, &seat, before);
    forest.count(place, copies);
    upkeep::right_roots(forest);
    // It may be on the other side of the slot by now.
    let node = seat.node;
    if copies < 2
        && let Some(place) = forest.place(node)
        && (copies == 0 || forest.may_replace(place.slot()))
    {
        step_down(forest, place);
    }
    upkeep::shed(forest, place.slot());
    after(forest, false);
}

/// To the bottom, and a leaf from now on: the exception from moving up.
pub(crate) fn demote(forest: &mut Forest, place: Place) {
    let Some(seat) = forest.seat_mut(place) else {
        return;
    };
    seat.copies = 0;
    let node = seat.node;
    forest.count(place, 0);
    upkeep::right_roots(forest);
    if let Some(place) = forest.place(node) {
        step_down(forest, place);
        upkeep::shed(forest, place.slot());
    }
    after(forest, false);
}

/// Whoever cannot feed those below it any more changes places with an heir: most of the
/// links that it needs there it has. Leaves below it are moved with fewer links than an
/// heir from far away.
fn step_down(forest: &mut Forest, place: Place) {
    let slot = place.slot();
    let too_many = |forest: &Forest| forest.slot(slot).kids() > forest.arity(slot);
    if !too_many(forest) {
        return;
    }
    let near = heirs::near(forest, place, forest.slot(slot).kids());
    if near.is_none() {
        upkeep::house_leaves(forest, slot);
    }
    if too_many(forest) {
        let heir = near.or_else(|| heirs::heir(forest, place));
        let copies = |place: Place| forest.slot(place.slot()).copies[place.side()];
        if let Some(heir) = heir.filter(|heir| copies(*heir) > copies(place)) {
            forest.replace(place, heir);
        }
        upkeep::shed(forest, slot);
    }
}

/// Moves a node that nobody is below to under others, none of whom it is known not to reach;
/// alone, so that its partner stays. False if it is no leaf or there is no other place.
pub(crate) fn relocate_leaf(forest: &mut Forest, place: Place) -> bool {
    let leaf = forest
        .slots()
        .get(place.slot())
        .is_some_and(|slot| slot.state == State::Hung && slot.below().is_empty());
    let Some(seat) = forest.seat(place).filter(|_| leaf) else {
        return false;
    };
    let origin = seat.origin();
    let wanted = placement::Wanted::of(seat, forest.slot(place.slot()).copies[place.side()]);
    let shunned = |slot: u32| slot == place.slot() || forest.misfits(origin, slot) > 0;
    let unfit = |slot: u32| {
        shunned(slot) || {
            let at = forest.slot(slot);
            at.state == State::Hung && at.is_lone() && shunned(at.above)
        }
    };
    if let Some(vacant) = placement::vacancy(forest, wanted, &unfit) {
        forest.relocate(place, vacant);
    } else if let Some(room) = placement::room(forest, wanted, &shunned) {
        let slot = forest.found();
        forest.relocate(place, Place::new(slot, place.tree()));
        forest.hang(slot, room);
    } else {
        return false;
    }
    after(forest, false);
    true
}

/// Gives a node that is not in the trees a place; where it is.
pub(crate) fn enter(forest: &mut Forest, seat: Seat) -> Place {
    let copies = capacity::counted(forest, &seat, 0);
    let wanted = placement::Wanted::of(&seat, copies);
    let anyone = |_: u32| false;
    // The top first, so that the box's feeds are all used.
    if let Some(place) = upkeep::root_vacancy(forest, copies) {
        forest.put(place, seat, copies);
        return place;
    }
    if forest.roots().len() < forest.pairs() {
        return settle_in(forest, seat, copies, |forest, slot| forest.plant(slot));
    }
    let crowded = forest.lone() > forest.len() / VACANCY_SHARE;
    let beside = placement::companion(forest, wanted);
    let beside = beside.or_else(|| {
        let any = crowded.then(|| placement::vacancy(forest, wanted, &anyone));
        any.flatten()
    });
    if let Some(place) = beside {
        forest.put(place, seat, copies);
        return place;
    }
    if let Some(room) = placement::room(forest, wanted, &anyone) {
        return settle_in(forest, seat, copies, |forest, slot| {
            forest.hang(slot, room);
        });
    }
    if let Some(place) = placement::vacancy(forest, wanted, &anyone) {
        forest.put(place, seat, copies);
        return place;
    }
    // Beside one who could feed others, if it had a partner who can as well.
    if let Some(place) = matching::wasted(forest, copies) {
        if let Some((weak, counted)) = forest.take(place) {
            forest.put(place, seat, copies);
            let slot = forest.found();
            forest.put(Place::new(slot, place.tree()), weak, counted);
            if !upkeep::house(forest, slot) {
                forest.park(slot);
            }
        }
        return place;
    }
    // Two who can forward bring their own room: as soon as they are two.
    let waiting = forest.slots().first(List::WaitingForwarder);
    if let Some(place) = waiting
        .filter(|_| copies > 0)
        .and_then(|slot| vacant_in(forest, slot))
    {
        forest.put(place, seat, copies);
        upkeep::splice(forest, place.slot());
        return place;
    }
    settle_in(forest, seat, copies, |forest, slot| forest.park(slot))
}

/// Founds a slot for a node.
fn settle_in(forest: &mut Forest, seat: Seat, copies: u8, put: impl Fn(&mut Forest, u32)) -> Place {
    let slot = forest.found();
    let place = Place::new(slot, peerstream_wire::Tree::A);
    forest.put(place, seat, copies);
    put(forest, slot);
    place
}

/// The vacant place of a slot.
pub(crate) fn vacant_in(forest: &Forest, slot: u32) -> Option<Place> {
    places(slot)
        .into_iter()
        .find(|place| forest.occupant(*place).is_none())
}

/// Fills a place that has fallen vacant, if it must not stay so: with a node that nobody
/// is below, from as near as there is one that can do what the place asks for. What hangs
/// below and is too much for the new pair goes elsewhere. Whether anyone moved.
pub(crate) fn succeed(forest: &mut Forest, vacant: Place) -> bool {
    let slot = vacant.slot();
    let mut vacant = vacant;
    let at = forest.slot(slot);
    if !at.is_attached() || at.is_empty() {
        return false;
    }
    let root = at.state == State::Root;
    if root && forest.is_single() && vacant.side() == 0 {
        // Only tree A is fed, so whoever is left goes there.
        forest.swap_sides(slot);
        vacant = vacant.partner();
    }
    let at = forest.slot(slot);
    if at.below().is_empty() && !(root && forest.bottom() > 1) {
        return false;
    }
    let single = at.below().first().filter(|_| at.kids() == 1).copied();
    if let Some(child) = single.filter(|child| !root && forest.slot(*child).below().is_empty()) {
        // Fewer links than with an heir from far away.
        if heirs::near(forest, vacant, 1).is_none() && upkeep::house(forest, child) {
            return true;
        }
    }
    if let Some(heir) = heirs::heir(forest, vacant) {
        forest.relocate(heir, vacant);
        forest.note_if_raised(slot);
    }
    upkeep::shed(forest, slot);
    true
}
