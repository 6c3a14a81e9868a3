//! The overlay put together again from what those who were in it say.
//!
//! Each says whom it has above, beside and below it. Two slots belong together where an
//! occupant of each names the other in the roles that go together; what one alone says is
//! worth nothing. So whoever lies about its place loses its own and nobody else's, and a
//! node that does not come back is a vacant place whose neighbours still find each other
//! through its partner. Links that were open stay what they were.

use peerstream_wire::NodeId;

use crate::{
    forest::Forest,
    place::Place,
    seat::Seat,
    slots::{CLASSES, List, Slot, State, places},
    succession::{self, succeed, vacant_in},
    told::{NOBODY, Told},
    upkeep,
};

/// Whether an audience is coming back, and what has been put together so far.
#[derive(Debug, Default)]
pub(crate) struct Recovery {
    state: Progress,
    /// Slots that have been founded for those who came back; some may be free again.
    slots: Vec<u32>,
    /// Who waits until it is over.
    waiting: Vec<NodeId>,
    /// Nodes that are fed because they say that they were.
    feeds: usize,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Progress {
    #[default]
    NotYet,
    Running,
    Over,
}

impl Recovery {
    pub(crate) fn is_running(&self) -> bool {
        self.state == Progress::Running
    }

    /// Begins, if it has not been yet; whether it runs now.
    pub(crate) fn begin(&mut self) -> bool {
        if self.state == Progress::NotYet {
            self.state = Progress::Running;
        }
        self.is_running()
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.state != Progress::NotYet
    }

    /// Counts a feed, if there may be one more.
    pub(crate) fn feed(&mut self, most: usize) -> bool {
        let may = self.feeds < most;
        self.feeds += usize::from(may);
        may
    }

    /// Seats a newcomer in the queue until it is over.
    pub(crate) fn wait(&mut self, forest: &mut Forest, seat: Seat) {
        self.waiting.push(seat.node);
        let slot = forest.found();
        let copies = seat.copies;
        let [place, _] = places(slot);
        forest.put(place, seat, copies);
        forest.park(slot);
    }

    /// Seats a node that has come back, with what it says it was told.
    pub(crate) fn sit(&mut self, forest: &mut Forest, seat: Seat) {
        let (node, told, copies) = (seat.node, seat.told, seat.copies);
        let beside = agrees(forest, told.partner, told.tree.other(), |partner| {
            told.has_partner() && partner.partner == node
        })
        .map(Place::partner)
        .filter(|place| forest.occupant(*place).is_none());
        let place = beside.unwrap_or_else(|| {
            let slot = forest.found();
            self.slots.push(slot);
            Place::new(slot, told.tree)
        });
        forest.put(place, seat, copies);
        let slot = place.slot();
        let other = told.tree.other();
        let above = [
            agrees(forest, told.parent, told.tree, |parent| {
                parent.children.contains(&node)
            }),
            agrees(forest, told.reserve, other, |reserve| {
                reserve.wards.contains(&node)
            }),
        ];
        for upper in above.into_iter().flatten() {
            join(forest, slot, upper.slot());
        }
        for child in told.children {
            if let Some(lower) = agrees(forest, child, told.tree, |child| child.parent == node) {
                join(forest, lower.slot(), slot);
            }
        }
        for ward in told.wards {
            if let Some(lower) = agrees(forest, ward, other, |ward| ward.reserve == node) {
                join(forest, lower.slot(), slot);
            }
        }
        let fed = |place: Place| {
            forest.seat(place).is_some_and(|seat| {
                seat.told.parent == NOBODY || forest.is_single() && seat.told.parent == node
            })
        };
        let wanted = forest.roots().len() < forest.pairs();
        if wanted && is_adrift(forest, slot) && places(slot).into_iter().all(fed) {
            forest.plant(slot);
        }
    }

    /// Takes a node out again, leaving everything else as it is.
    pub(crate) fn drop_out(&mut self, forest: &mut Forest, place: Place) -> Option<Seat> {
        let slot = place.slot();
        let last = forest.slot(slot).is_lone();
        while let Some(child) = forest.slot(slot).below().first().copied().filter(|_| last) {
            forest.unhang(child);
        }
        forest.take(place).map(|(seat, _)| seat)
    }

    /// Everybody who was going to come back has: puts together what is in pieces, fills
    /// what is vacant, and lets in who has waited.
    pub(crate) fn finish(&mut self, forest: &mut Forest) {
        self.state = Progress::Over;
        let slots = core::mem::take(&mut self.slots);
        // Depths below what was adrift are not true yet.
        settle_depths(forest);
        plant_roots(forest, &slots);
        settle_depths(forest);
        // Heirs first: whoever has nobody beside it can have nobody below it either.
        complete(forest, &slots);
        let mut alone = Vec::new();
        for &slot in &slots {
            if !is_adrift(forest, slot) {
                continue;
            }
            let at = forest.slot(slot);
            if at.below().is_empty() && at.is_lone() {
                let place = places(slot)
                    .into_iter()
                    .find(|place| forest.occupant(*place).is_some());
                alone.extend(
                    place
                        .and_then(|place| forest.take(place))
                        .map(|(seat, _)| seat),
                );
            } else if !upkeep::house(forest, slot) {
                forest.plant(slot);
            }
            settle_depths(forest);
        }
        complete(forest, &slots);
        for &slot in &slots {
            if forest.slot(slot).is_attached() {
                upkeep::shed(forest, slot);
            }
        }
        for node in core::mem::take(&mut self.waiting) {
            let place = forest.place(node);
            alone.extend(
                place
                    .filter(|place| forest.is_waiting(*place))
                    .and_then(|place| forest.take(place))
                    .map(|(seat, _)| seat),
            );
        }
        for seat in alone {
            succession::enter(forest, seat);
        }
        settle_depths(forest);
    }
}

/// Fills the places beside those who have somebody below them.
fn complete(forest: &mut Forest, slots: &[u32]) {
    for &slot in slots {
        let at = forest.slot(slot);
        let needs_two = at.is_lone() && at.is_attached() && !at.below().is_empty();
        let Some(vacant) = vacant_in(forest, slot).filter(|_| needs_two) else {
            continue;
        };
        match lone_leaf(forest, forest.slot(slot).kids()) {
            Some(heir) => forest.relocate(heir, vacant),
            None => {
                succeed(forest, vacant);
            }
        }
    }
}

/// A leaf that has lost its partner and can feed so many: it loses the least by moving.
fn lone_leaf(forest: &Forest, kids: u8) -> Option<Place> {
    (kids..CLASSES).find_map(|class| {
        let lone = forest.slots().newest_first(List::Lone(class));
        let leaf = lone
            .take(LOOK)
            .find(|slot| forest.slot(*slot).below().is_empty())?;
        let mut both = places(leaf).into_iter();
        both.find(|place| forest.occupant(*place).is_some())
    })
}

/// Slots that are looked at for one whose occupant can move.
const LOOK: usize = 16;

/// The place of a node that is in this tree and of which what it was told holds.
fn agrees(
    forest: &Forest,
    node: NodeId,
    tree: peerstream_wire::Tree,
    holds: impl Fn(&Told) -> bool,
) -> Option<Place> {
    let place = forest.place(node).filter(|place| place.tree() == tree)?;
    let seat = forest.seat(place)?;
    (node != NOBODY && holds(&seat.told)).then_some(place)
}

/// Hangs a slot under another, unless it is somewhere already or above that one.
fn join(forest: &mut Forest, lower: u32, upper: u32) {
    if is_adrift(forest, lower)
        && forest.slot(upper).state != State::Waiting
        && !forest.is_within(upper, lower)
    {
        forest.hang(lower, upper);
    }
}

fn is_adrift(forest: &Forest, slot: u32) -> bool {
    forest.slot(slot).state == State::Adrift
}

/// Makes roots of those who say that the box fed them, and of the eldest if there are none.
fn plant_roots(forest: &mut Forest, slots: &[u32]) {
    let key = |slot: &Slot| {
        let nodes = slot.nodes.into_iter().filter(|node| *node != NOBODY);
        nodes.min()
    };
    let was_fed = |forest: &Forest, slot: u32| {
        places(slot).into_iter().any(|place| {
            let seat = forest.seat(place);
            seat.is_some_and(|seat| seat.told.parent == NOBODY)
        })
    };
    while forest.roots().len() < forest.pairs() {
        let adrift = slots
            .iter()
            .copied()
            .filter(|slot| is_adrift(forest, *slot));
        let best = adrift.min_by_key(|slot| {
            let at = forest.slot(*slot);
            // With somebody below it, and fed by the box, and the eldest.
            (at.below().is_empty(), !was_fed(forest, *slot), key(at))
        });
        match best {
            Some(slot) if forest.roots().is_empty() || was_fed(forest, slot) => forest.plant(slot),
            _ => return,
        }
    }
}

fn settle_depths(forest: &mut Forest) {
    forest.settle_depths(usize::MAX);
}
