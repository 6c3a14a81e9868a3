//! In which order nodes are told what has changed.

use std::collections::VecDeque;

use crate::{place::Place, slots::LEVELS};

/// How much a node needs to hear, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Parent, partner and reserve are gone: nobody feeds it, nor whoever is below it.
    Unfed,
    /// The parent is gone, and whoever could feed it has too many others to feed.
    Crowded,
    /// The parent is gone, and partner or reserve feed it meanwhile.
    Orphaned,
    /// It has just come and waits for a picture.
    New,
    /// Anything else.
    Other,
}

/// How urgent it was to tell a node of its place, and so are the signals of its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Rush {
    /// Nobody feeds it.
    Unfed,
    /// It has lost its parent, or is one of those who help somebody who has.
    Orphaned,
    /// Neither.
    #[default]
    Idle,
}

/// The rank of a need: lower goes first. Among those in need the higher place does, which
/// has more below it.
pub(crate) fn rank(need: Need, depth: u8) -> u8 {
    match need {
        Need::Unfed => depth.min(LEVELS - 1),
        Need::Crowded => LEVELS + depth.min(LEVELS - 1),
        Need::Orphaned => 2 * LEVELS + depth.min(LEVELS - 1),
        Need::New => 3 * LEVELS,
        Need::Other => 3 * LEVELS + 1,
    }
}

const RANKS: usize = 3 * LEVELS as usize + 2;

/// Places whose occupants have something to be told, by rank, and among equals in the
/// order of their coming.
#[derive(Debug)]
pub(crate) struct Urgency {
    queues: [VecDeque<Place>; RANKS],
    /// A bit for each queue that is not empty.
    filled: u128,
}

impl Default for Urgency {
    fn default() -> Urgency {
        Urgency {
            queues: [const { VecDeque::new() }; RANKS],
            filled: 0,
        }
    }
}

impl Urgency {
    pub(crate) fn push(&mut self, rank: u8, place: Place) {
        if let Some(queue) = self.queues.get_mut(usize::from(rank)) {
            queue.push_back(place);
            self.filled |= 1 << rank;
        }
    }

    /// Puts one back at the head of its queue.
    pub(crate) fn push_front(&mut self, rank: u8, place: Place) {
        if let Some(queue) = self.queues.get_mut(usize::from(rank)) {
            queue.push_front(place);
            self.filled |= 1 << rank;
        }
    }

    /// The first of those who need it more than this.
    pub(crate) fn pop_before(&mut self, need: Need) -> Option<(u8, Place)> {
        let urgent = self.filled.trailing_zeros() < rank(need, 0).into();
        if urgent { self.pop() } else { None }
    }

    pub(crate) fn pop(&mut self) -> Option<(u8, Place)> {
        if self.filled == 0 {
            return None;
        }
        let rank = self.filled.trailing_zeros() as u8;
        let queue = self.queues.get_mut(usize::from(rank))?;
        let place = queue.pop_front()?;
        if queue.is_empty() {
            self.filled &= !(1 << rank);
            if queue.capacity() > KEPT {
                *queue = VecDeque::new();
            }
        }
        Some((rank, place))
    }
}

/// Memory that an empty queue keeps, in places; what a mass departure needed is given back.
const KEPT: usize = 256;

#[cfg(test)]
mod tests {
    use peerstream_wire::Tree;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_neediest_goes_first_and_among_equals_the_first(
            ranks in prop::collection::vec(0..RANKS as u8, 0..200),
        ) {
            let mut urgency = Urgency::default();
            for (slot, rank) in (0..).zip(&ranks) {
                urgency.push(*rank, Place::new(slot, Tree::A));
            }
            let mut expected: Vec<(u8, u32)> = ranks.iter().copied().zip(0..).collect();
            expected.sort();
            for (rank, slot) in expected {
                prop_assert_eq!(urgency.pop(), Some((rank, Place::new(slot, Tree::A))));
            }
            prop_assert_eq!(urgency.pop(), None);
        }
    }

    #[test]
    fn the_unfed_go_before_orphans_before_newcomers() {
        let ranks = [
            rank(Need::Unfed, 2),
            rank(Need::Unfed, 200),
            rank(Need::Crowded, 1),
            rank(Need::Crowded, 30),
            rank(Need::Orphaned, 1),
            rank(Need::Orphaned, 30),
            rank(Need::New, 1),
            rank(Need::Other, 1),
        ];
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        assert_eq!(usize::from(ranks[7]), RANKS - 1);
    }
}
