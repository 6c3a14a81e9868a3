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
/// feeds more, as far as its uplink goes; and it feeds fewer again when others do.
pub(crate) fn balance(forest: &mut Forest) {
    if is_short(forest) {
        capacity::call_upon(forest, 2);
        if is_short(forest) && forest.can_feed_more() {
            forest.feed_more();
        }
    } else if forest.feeds_extra() && !is_below(forest, SUPPLY_AGAIN) {
        let roots = forest.roots().iter().copied();
        let last = roots.min_by_key(|root| (forest.slot(*root).kids(), forest.arity(*root)));
        let surplus = forest.roots().len() >= forest.pairs() && forest.roots().len() > 1;
        match last {
            // As long as there is room for it, which there is while supply is ample.
            Some(root) if surplus && forest.pairs() > 1 => {
                forest.feed_less();
                if !upkeep::house(forest, root) {
                    forest.feed_more();
                }
            }
            _ => forest.feed_less(),
        }
    }
}
