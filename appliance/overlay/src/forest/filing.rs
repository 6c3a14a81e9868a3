//! In which lists slots are, by what they are: who is alone, where there is room, from where
//! an heir can come; and at which depth.

use super::Forest;
use crate::{
    defaults::MOST_COPIES,
    slots::{CLASSES, Kind, LEVELS, List, State},
};

/// Slots that hang below one before others get their first: each one more costs the
/// successor of either occupant two links.
const FAN: u8 = 3;

/// So many slots make a large audience. 100,000 nodes are 0.05 s nearer to the source by the level
/// less, for no more new links a departure (2.3 to 2.5); with two levels less it is 3.4.
const SHALLOWER: u32 = 1_000;

/// Hundredths of demand from which supply is generous.
const GENEROUS: u64 = 165;

impl Forest {
    /// Slots in the trees where a node is alone, roots aside.
    pub(crate) fn lone(&self) -> usize {
        (0..CLASSES)
            .map(List::Lone)
            .chain([List::Needy])
            .map(|list| self.slots.len(list) as usize)
            .sum()
    }

    /// Whether somebody has more below it than it offers to feed.
    pub(crate) fn is_stretched(&self) -> bool {
        self.slots.first(List::Over).is_some()
    }

    /// Brings depths below slots that have moved up to date, some at a time.
    pub(crate) fn settle_depths(&mut self, most: usize) {
        for _ in 0..most {
            let Some(slot) = self.stale.pop() else { return };
            if !self.slot(slot).is_attached() {
                continue;
            }
            let depth = self.slot(slot).depth.saturating_add(1);
            for at in 0..self.slot(slot).below().len() {
                let child = self.slot(slot).below()[at];
                if self.slot(child).depth != depth {
                    self.set_depth(child, depth);
                    self.refile(child);
                }
            }
        }
    }

    pub(super) fn set_depth(&mut self, slot: u32, depth: u8) {
        let at = self.slots.at_mut(slot);
        let before = core::mem::replace(&mut at.depth, depth);
        if before == depth {
            return;
        }
        let below = at.kids() > 0 && depth > 0;
        let level = |depth: u8| usize::from(depth).min(63);
        if before > 0 {
            self.population[level(before)] -= 1;
        }
        if depth > 0 {
            self.population[level(depth)] += 1;
        }
        if below {
            self.stale.push(slot);
        }
    }

    /// Has a slot in the lists that it belongs in.
    pub(super) fn refile(&mut self, slot: u32) {
        let at = self.slot(slot);
        let class = at.copies[0].max(at.copies[1]);
        let (open, leaf) = match at.state {
            State::Free | State::Adrift => (None, None),
            State::Waiting if at.is_lone() && class > 0 => (Some(List::WaitingForwarder), None),
            State::Waiting => (Some(List::Waiting), None),
            State::Root | State::Hung => {
                let open = if at.is_lone() {
                    (at.state == State::Hung).then(|| {
                        if class > 1 && self.is_needy(slot) {
                            List::Needy
                        } else {
                            List::Lone(class)
                        }
                    })
                } else {
                    self.room(slot)
                };
                let leaf = match at.kids() {
                    0 => Some(List::Leaf(class, at.depth)),
                    1 if self.is_link_of_chain(slot) => Some(List::Weak(at.depth)),
                    _ => None,
                };
                (open, leaf)
            }
        };
        self.slots.file(slot, open, leaf);
    }

    /// Whether nodes offer so much more than is needed that some of it may lie idle.
    fn is_generous(&self) -> bool {
        self.supply() * 100 >= self.len() as u64 * GENEROUS
    }

    fn is_link_of_chain(&self, slot: u32) -> bool {
        let below = self.slot(slot).below();
        self.arity(slot) < 2 && below.iter().any(|child| self.slot(*child).kids() > 0)
    }

    fn room(&self, slot: u32) -> Option<List> {
        let at = self.slot(slot);
        let arity = self.arity(slot);
        if at.kids() > arity {
            return Some(List::Over);
        }
        if at.kids() == arity {
            let mixed = arity > 0 && at.copies[0] != at.copies[1];
            return mixed.then_some(List::Mixed(arity));
        }
        if arity == 1 && at.kids() == 0 && self.bottom() > 2 {
            return Some(List::Tail(at.depth));
        }
        let most = at.copies[0].max(at.copies[1]);
        let fan = if self.is_generous() {
            FAN.min(most.saturating_sub(1).max(2))
        } else {
            MOST_COPIES
        };
        let spare = at.kids() == 0 && arity > 1 && self.is_spare(slot);
        let untried = arity > 1 && at.untried.contains(&true);
        Some(if untried {
            List::Untried(at.depth)
        } else if at.kids() >= fan {
            List::Fan(at.depth)
        } else if spare {
            List::Reluctant(at.depth)
        } else {
            List::Room(at.depth)
        })
    }

    /// Depth that the trees are kept to: that of binary ones of this size, in large audiences one
    /// level less, since there are always some who can feed three or four.
    pub(crate) fn usual_depth(&self) -> u8 {
        let slots: u32 = self.population.iter().sum();
        let binary = slots.max(1).ilog2() as u8 + 1;
        binary - u8::from(slots >= SHALLOWER)
    }

    /// Whether rooms that are better left as they are come second, or first: if the trees
    /// would grow deep without them.
    pub(crate) fn preference(&self) -> [Kind; 2] {
        let [room, reluctant] =
            [Kind::Free, Kind::Reluctant].map(|kind| self.slots.room_levels(kind).trailing_zeros());
        if room > u32::from(self.usual_depth()) && reluctant + 1 < room {
            [Kind::Reluctant, Kind::Free]
        } else {
            [Kind::Free, Kind::Reluctant]
        }
    }

    /// Whether a leaf is the only one there from which an heir could come if a node in the
    /// slot above went.
    fn is_spare(&self, slot: u32) -> bool {
        let at = self.slot(slot);
        if at.state != State::Hung {
            return false;
        }
        let above = self.slot(at.above);
        above.kids() > 1
            && at.can_succeed(above.kids())
            && !above
                .below()
                .iter()
                .any(|sibling| *sibling != slot && self.slot(*sibling).can_succeed(above.kids()))
    }

    /// Whether nobody in a slot or beside it could take the place of one in the slot above.
    fn is_needy(&self, slot: u32) -> bool {
        let at = self.slot(slot);
        if at.state != State::Hung {
            return false;
        }
        let above = self.slot(at.above);
        above.kids() > 1
            && !above
                .below()
                .iter()
                .any(|child| self.slot(*child).can_succeed(above.kids()))
    }
}

/// The depth of the shallowest, or the deepest, of those that have their bit set.
pub(crate) fn shallowest(levels: u32) -> Option<u8> {
    (levels != 0).then(|| levels.trailing_zeros() as u8)
}

/// The deepest below `limit`, or at it.
pub(crate) fn deepest_within(levels: u32, limit: u8) -> Option<u8> {
    let mask = u32::MAX >> (LEVELS - 1 - limit.min(LEVELS - 1));
    let levels = levels & mask;
    (levels != 0).then(|| (31 - levels.leading_zeros()) as u8)
}
