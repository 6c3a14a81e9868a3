//! Supply and demand: copies that nodes and the box can send, and nodes that want one.

use crate::{
    capacity,
    config::Measure,
    defaults::{SUPPLY, SUPPLY_AGAIN},
    forest::Forest,
    upkeep,
};

/// Whether supply is below [`SUPPLY`] times demand.
pub(crate) fn is_short(forest: &Forest) -> bool {
    is_below(forest, SUPPLY)
}

fn is_below(forest: &Forest, hundredths: u64) -> bool {
    // As if one more came.
    forest.supply() * 100 < (forest.len() as u64 + 1) * hundredths
}

/// What would help most.
pub(crate) fn measure(forest: &Forest) -> Measure {
    let stretched = forest.is_stretched();
    if !is_short(forest) && forest.waiting() == 0 && !stretched {
        Measure::Enough
    } else if forest.can_feed_more() {
        Measure::MoreFeeds
    } else if forest.renditions() > 1 {
        Measure::SmallerRendition
    } else {
        Measure::Queue
    }
}

/// Does what can be done here: first those are called upon who were held back, then the box
/// feeds more, as far as its uplink goes; and it feeds fewer again when others do, or when its
/// uplink does not carry so many any more.
pub(crate) fn balance(forest: &mut Forest) {
    while forest.feeds_too_many() && feed_fewer(forest) {}
    if is_short(forest) {
        capacity::call_upon(forest, 2);
        if is_short(forest) && forest.can_feed_more() {
            forest.feed_more();
        }
    } else if forest.feeds_extra() && !is_below(forest, SUPPLY_AGAIN) {
        feed_fewer(forest);
    }
}

/// Gives up a pair of feeds, or the second of the last pair, if there is room below for who had
/// it. Where the uplink does not carry it and nobody is below, they wait for room. Whether it
/// did.
fn feed_fewer(forest: &mut Forest) -> bool {
    let too_many = forest.feeds_too_many();
    let last = forest.pairs() == 1;
    forest.feed_less();
    if last || forest.roots().len() <= forest.pairs() {
        return true;
    }
    let mut roots = forest.roots().to_vec();
    roots.sort_by_key(|root| (forest.slot(*root).kids(), forest.arity(*root)));
    // As long as there is room, which there is while supply is ample.
    if roots.iter().any(|root| upkeep::house(forest, *root)) {
        return true;
    }
    match roots.first().filter(|root| forest.slot(**root).kids() == 0) {
        Some(root) if too_many => forest.park(*root),
        _ => {
            forest.feed_more();
            return false;
        }
    }
    true
}
