//! Who passes on the signals for links that are new, so that the box need not.
//!
//! Links come in bundles: with a node that moves, or with two partners who move with all that
//! is below them. One link of each bundle is its *seed*; its signals go by the box if they
//! must, and those of all the others over it. Seeds are told from the places alone, so that
//! both ends of each link and whoever is between them agree, whoever of them is told first:
//! the link between partners is one, and the link from tree A's occupant of a slot to the one
//! above, or that of whoever is alone.

use peerstream_wire::{NodeId, Tree};

use crate::{
    forest::Forest,
    place::Place,
    slots::State,
    told::{NOBODY, Told},
};

/// Who can pass on the offers that a change has the occupant of a place make. As it was told
/// if it makes none; [`NOBODY`] if nobody can.
/// `failed` says which two are known not to reach each other.
pub(crate) fn hub(
    forest: &Forest,
    place: Place,
    told: &Told,
    now: &Told,
    failed: &dyn Fn(Place, Place) -> bool,
) -> NodeId {
    let Some(node) = forest.occupant(place) else {
        return NOBODY;
    };
    let new = |peer: &NodeId| *peer < node && !told.names(*peer);
    if !now.named().any(|peer| new(&peer)) {
        return told.hub;
    }
    let own = forest.occupant(place.partner()).unwrap_or(NOBODY);
    let mut best = (0, NOBODY);
    for hub in core::iter::once(own).chain(now.named()) {
        if hub == NOBODY || hub == best.1 {
            continue;
        }
        let mut worth = 0;
        for peer in now.named().filter(new).filter(|peer| *peer != hub) {
            match forest.place(peer) {
                Some(at) => worth += way(forest, [place, at], hub, failed),
                None => continue,
            }
        }
        if worth > best.0 {
            best = (worth, hub);
        }
    }
    best.1
}

/// Outweighs whatever the hub is good for besides.
const NEVER: i32 = -1000;

/// How good a way the one by a hub is, or [`NEVER`].
fn way(
    forest: &Forest,
    [from, to]: [Place; 2],
    hub: NodeId,
    failed: &dyn Fn(Place, Place) -> bool,
) -> i32 {
    let reaches = |hub: Place, end: Place| forest.linked(hub, end) && !failed(hub, end);
    let hub = forest.place(hub);
    let Some(hub) = hub.filter(|hub| reaches(*hub, from) && reaches(*hub, to)) else {
        return NEVER;
    };
    let steps = [step(forest, from, hub), step(forest, hub, to)];
    let worth = match steps {
        [Step::Open, Step::Open] => 8,
        [Step::Open, Step::Partners] | [Step::Partners, Step::Open] => 6,
        [Step::New, _] | [_, Step::New] => 1,
        _ => 4,
    };
    match step(forest, from, to) {
        // The seed itself must not wait for what waits for it.
        Step::Partners if worth < 8 => NEVER,
        Step::Above if worth < 6 => NEVER,
        _ => worth,
    }
}

/// What is known of a link.
enum Step {
    /// Both ends have been told of it.
    Open,
    /// New, and a seed: between partners,
    Partners,
    /// or with the one above.
    Above,
    /// New.
    New,
}

fn step(forest: &Forest, one: Place, other: Place) -> Step {
    let knows = |place: Place, peer: Place| {
        let peer = forest.occupant(peer).unwrap_or(NOBODY);
        forest.seat(place).is_some_and(|seat| seat.told.names(peer))
    };
    if knows(one, other) && knows(other, one) {
        Step::Open
    } else if one.partner() == other {
        Step::Partners
    } else if is_seed(forest, one, other) || is_seed(forest, other, one) {
        Step::Above
    } else {
        Step::New
    }
}

/// Whether the link from a place to the one above it is its slot's seed.
fn is_seed(forest: &Forest, lower: Place, upper: Place) -> bool {
    let hangs = forest
        .slots()
        .get(lower.slot())
        .is_some_and(|slot| slot.state == State::Hung && slot.above == upper.slot());
    let alone = forest.occupant(lower.partner()).is_none();
    hangs && lower.tree() == upper.tree() && (alone || lower.tree() == Tree::A)
}
