//! Who goes where, among places that are as good for the shape.

use peerstream_wire::Tree;

use crate::{
    config::Network,
    forest::{Forest, deepest_within, shallowest},
    place::Place,
    seat::Seat,
    slots::{CLASSES, Kind, List, NONE, places},
    succession::vacant_in,
};

/// Candidates that are looked at before one of them is taken.
pub(crate) const LOOK: usize = 4;

/// Who looks for a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) network: Network,
    /// Of it, or of the two that are to be placed; 0 for nobody.
    pub(crate) origins: [u64; 2],
    /// Copies of it that count; `u8::MAX` for a subtree.
    pub(crate) class: u8,
}

impl Wanted {
    /// A node with so many copies that count.
    pub(crate) fn of(seat: &Seat, class: u8) -> Wanted {
        Wanted {
            network: seat.network,
            origins: [seat.origin(), 0],
            class,
        }
    }

    /// How many links with those in a slot are known to fail.
    fn misfits(&self, forest: &Forest, slot: u32) -> u8 {
        self.origins
            .iter()
            .map(|origin| forest.misfits(*origin, slot))
            .sum()
    }
}

/// The place beside a node that is alone and goes well with this one. Those who can feed
/// others are put together, for a slot feeds no more than the weaker of its occupants can;
/// those who feed nobody are put with those who can feed one, and help them so.
pub(crate) fn companion(forest: &Forest, wanted: Wanted) -> Option<Place> {
    let heirs = |slot: u32| {
        let above = forest.slot(slot).above;
        above == NONE || forest.slot(above).kids() > wanted.class
    };
    if wanted.class > 1
        && let Some(place) = beside(forest, wanted, List::Needy, &heirs)
    {
        return Some(place);
    }
    let order: &[u8] = match wanted.class {
        0 => &[1, 0],
        1 => &[0, 1],
        2 => &[2],
        3 => &[3, 4],
        _ => &[4, 3],
    };
    order
        .iter()
        .find_map(|class| beside(forest, wanted, List::Lone(*class), &anywhere))
}

/// The place beside a node that is alone, of a class as near as there is; of another
/// address if there is one.
pub(crate) fn vacancy(
    forest: &Forest,
    wanted: Wanted,
    unfit: &dyn Fn(u32) -> bool,
) -> Option<Place> {
    let class = wanted.class.min(CLASSES - 1);
    let nearest = move || {
        (0..CLASSES)
            .flat_map(move |distance| {
                let lower = class.checked_sub(distance);
                let upper = Some(class + distance).filter(|upper| *upper < CLASSES);
                [lower, upper].into_iter().flatten().map(List::Lone)
            })
            .chain([List::Needy])
    };
    nearest()
        .find_map(|list| beside(forest, wanted, list, unfit))
        .or_else(|| {
            let mut alone = nearest().flat_map(|list| forest.slots().newest_first(list).take(LOOK));
            alone
                .find(|slot| !unfit(*slot))
                .and_then(|slot| vacant_in(forest, slot))
        })
}

/// The place beside a node that is alone, and neither it nor those above have this address.
fn beside(
    forest: &Forest,
    wanted: Wanted,
    list: List,
    unfit: &dyn Fn(u32) -> bool,
) -> Option<Place> {
    let mut alone = forest.slots().newest_first(list).take(LOOK);
    let found = alone.find(|slot| {
        let above = forest.slot(*slot).above;
        let crowded = is_crowded(forest, wanted, *slot) || is_crowded(forest, wanted, above);
        let fails = wanted.misfits(forest, *slot) + wanted.misfits(forest, above) > 0;
        !unfit(*slot) && !crowded && !fails
    })?;
    vacant_in(forest, found)
}

/// Whether somebody in a slot has this address.
pub(crate) fn is_crowded(forest: &Forest, wanted: Wanted, slot: u32) -> bool {
    wanted.network.address != 0
        && slot != NONE
        && places(slot).into_iter().any(|place| {
            forest
                .seat(place)
                .is_some_and(|seat| seat.network.same_address(wanted.network))
        })
}

fn anywhere(_: u32) -> bool {
    false
}

/// A slot that another can hang below.
pub(crate) fn room(forest: &Forest, wanted: Wanted, unfit: &dyn Fn(u32) -> bool) -> Option<u32> {
    let limit = forest.bottom().saturating_sub(1);
    let [first, second] = forest.preference();
    let mut kinds = if wanted.class == 0 {
        [Kind::Tail, first, second, Kind::Fan, Kind::Untried]
    } else {
        [first, second, Kind::Fan, Kind::Untried, Kind::Tail]
    };
    if wanted.class == u8::MAX {
        // There is no telling how much deeper the trees grow.
        kinds[..3].sort_by_key(|kind| forest.slots().room_levels(*kind).trailing_zeros());
    }
    for kind in kinds {
        let mut levels = forest.slots().room_levels(kind);
        while levels != 0 {
            // What can feed others goes as high as it can, what cannot as deep as does
            // not add a level.
            let deep = match wanted.class {
                0 => deepest_within(levels, limit),
                1 => deepest_within(levels, limit.saturating_sub(1)),
                _ => None,
            };
            let Some(depth) = deep.or(shallowest(levels)) else {
                break;
            };
            let list = kind.list(depth);
            let found = forest.slots().newest_first(list).take(2 * LOOK);
            let fit = found.filter(|slot| !unfit(*slot));
            if let Some(found) = nearest(forest, wanted, fit) {
                return Some(found);
            }
            levels &= !(1 << depth);
        }
    }
    None
}

/// The one of these slots that a newcomer had better go below.
fn nearest(forest: &Forest, wanted: Wanted, mut slots: impl Iterator<Item = u32>) -> Option<u32> {
    let first = slots.next()?;
    if wanted.network == Network::default() && forest.failures().is_empty() {
        return Some(first);
    }
    let placement = forest.policy().placement();
    let rank = |slot: u32| {
        let above = forest
            .seat(Place::new(slot, Tree::A))
            .map(|seat| seat.network);
        let rank = placement.parent(above.unwrap_or_default(), wanted.network);
        let crowded = is_crowded(forest, wanted, slot);
        (wanted.misfits(forest, slot), crowded, rank)
    };
    let mut best = (rank(first), first);
    for slot in slots {
        // As good as it gets.
        if matches!(best.0, (0, false, None | Some(0))) {
            break;
        }
        best = best.min((rank(slot), slot));
    }
    Some(best.1)
}
