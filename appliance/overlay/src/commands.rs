//! The difference between what a node was last told and its place now, as commands.
//!
//! Make before break: a new feeder takes its role when the link with it opens, and whoever
//! is fed no longer is let go when it has ended that itself. Only what is gone already is
//! let go at once. See [`peerstream_wire::Command`] for how commands fold.

use peerstream_wire::{Act, Command, NodeId, Parent, Trigger};

use crate::told::{NOBODY, Told};

/// Whether the difference is worth a message: it names somebody new, or parts two who are
/// both still there. That somebody has merely gone is not; whoever had a link with it
/// knows.
pub(crate) fn is_worth_telling(told: &Told, now: &Told, is_there: &dyn Fn(NodeId) -> bool) -> bool {
    let one = |told: NodeId, now: NodeId| told != now && (now != NOBODY || is_there(told));
    let all = |told: &[NodeId], now: &[NodeId]| {
        let comes = now
            .iter()
            .any(|node| *node != NOBODY && !told.contains(node));
        comes
            || told
                .iter()
                .any(|node| *node != NOBODY && !now.contains(node) && is_there(*node))
    };
    // A partner that has gone leaves the reserve in its stead, without a word.
    let bereft = !now.has_partner() && (told.partner == told.reserve || !is_there(told.partner));
    told.tree != now.tree
        || told.parent != now.parent
        || one(told.reserve, now.reserve)
        || (!bereft && one(told.partner, now.partner))
        || (now.children != told.children && all(&told.children, &now.children))
        || (now.wards != told.wards && all(&told.wards, &now.wards))
}

/// What makes of the place that was told the place that is, once all triggers have fired.
/// `is_there` says who is in the trees.
pub(crate) fn difference(
    told: &Told,
    now: &Told,
    is_there: &dyn Fn(NodeId) -> bool,
) -> Vec<Command> {
    let mut commands = Vec::with_capacity(4);
    let mut say = |when: Trigger, act: Act| commands.push(Command { when, act });
    if (told.tree, told.depth) != (now.tree, now.depth) {
        let (tree, depth) = (now.tree, now.depth);
        say(Trigger::Now, Act::Place { tree, depth });
    }
    if told.hub != now.hub {
        say(Trigger::Now, Act::Hub(anybody(now.hub)));
    }
    for node in added(&told.children, &now.children) {
        say(Trigger::Now, Act::Adopt(node));
    }
    for node in added(&told.wards, &now.wards) {
        say(Trigger::Now, Act::Guard(node));
    }
    let replaces = |old: NodeId, new: NodeId| {
        if new != NOBODY && old != NOBODY && is_there(old) {
            Trigger::Opens(new)
        } else {
            Trigger::Now
        }
    };
    if told.parent != now.parent {
        let parent = anybody(now.parent).map_or(Parent::Box, Parent::Node);
        // From the box: it goes on feeding until the node unsubscribes.
        let fed = told.parent == NOBODY || is_there(told.parent);
        let when = match parent {
            Parent::Node(new) if fed => Trigger::Opens(new),
            _ => Trigger::Now,
        };
        say(when, Act::Parent(parent));
    }
    if told.reserve != now.reserve {
        let when = replaces(told.reserve, now.reserve);
        say(when, Act::Reserve(anybody(now.reserve)));
    }
    if told.partner != now.partner {
        let when = replaces(told.partner, now.partner);
        say(when, Act::Partner(anybody(now.partner)));
    }
    let lets_go = |node: NodeId| {
        if is_there(node) && !now.names(node) {
            Trigger::Ends(node)
        } else {
            Trigger::Now
        }
    };
    for node in added(&now.children, &told.children) {
        say(lets_go(node), Act::Release(node));
    }
    for node in added(&now.wards, &told.wards) {
        say(lets_go(node), Act::Unguard(node));
    }
    commands
}

/// Who is in the second list and not in the first.
fn added<'a>(first: &'a [NodeId], second: &'a [NodeId]) -> impl Iterator<Item = NodeId> + 'a {
    second
        .iter()
        .copied()
        .filter(|node| *node != NOBODY && !first.contains(node))
}

fn anybody(node: NodeId) -> Option<NodeId> {
    (node != NOBODY).then_some(node)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use peerstream_wire::{Assignment, MAX_CHILDREN, Pending, Tree};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_difference_leads_from_one_place_to_the_other(
            told in place(), now in place(), there: u16, order: u64,
        ) {
            let is_there = |node: NodeId| there >> (node.0 % 16) & 1 == 1;
            let mut place = told.assignment(1);
            let mut pending = Pending::default();
            for command in difference(&told, &now, &is_there) {
                pending.take(command, &mut place);
            }
            // Triggers fire in any order.
            let mut waiting: Vec<Command> = pending.iter().copied().collect();
            while !waiting.is_empty() {
                let when = waiting[order as usize % waiting.len()].when;
                pending.fire(&mut place, |trigger| trigger == when);
                waiting = pending.iter().copied().collect();
            }
            prop_assert_eq!(sorted(place), sorted(now.assignment(1)));
        }

        #[test]
        fn feeders_are_made_before_they_are_broken(told in place(), now in place()) {
            for command in difference(&told, &now, &|_| true) {
                let expected = match command.act {
                    Act::Parent(Parent::Node(new)) => Trigger::Opens(new),
                    Act::Reserve(Some(new)) if told.reserve != NOBODY => Trigger::Opens(new),
                    Act::Partner(Some(new)) if told.partner != NOBODY => Trigger::Opens(new),
                    Act::Release(old) | Act::Unguard(old) if !now.names(old) => Trigger::Ends(old),
                    _ => Trigger::Now,
                };
                prop_assert_eq!(command.when, expected);
            }
        }

        #[test]
        fn what_is_not_told_is_that_somebody_has_gone(told in place(), there: u16) {
            let is_there = |node: NodeId| there >> (node.0 % 16) & 1 == 1;
            let stays = |node: NodeId| if is_there(node) { node } else { NOBODY };
            let mut now = told;
            now.children = now.children.map(stays);
            now.wards = now.wards.map(stays);
            now.reserve = stays(now.reserve);
            now.partner = if is_there(now.partner) { now.partner } else { now.reserve };
            if is_there(told.partner) || told.partner != told.reserve {
                prop_assert!(!is_worth_telling(&told, &now, &is_there));
            }
            // A place that has a parent in it never loses it without another.
            now.parent = NodeId(99);
            prop_assert!(is_worth_telling(&told, &now, &is_there));
        }

        #[test]
        fn the_same_is_never_told(told in place()) {
            prop_assert!(!is_worth_telling(&told, &told, &|_| true));
            prop_assert_eq!(difference(&told, &told, &|_| true), vec![]);
        }
    }

    fn sorted(mut place: Assignment) -> Assignment {
        place.children.sort();
        place.wards.sort();
        place
    }

    fn place() -> impl Strategy<Value = Told> {
        let nodes = prop::collection::btree_set(1..30u32, 0..=MAX_CHILDREN);
        let one = || (0..30u32).prop_map(NodeId);
        let sides = prop::sample::select(&Tree::BOTH[..]);
        (one(), one(), one(), nodes.clone(), nodes, sides, 1..5u8).prop_map(
            |(parent, partner, reserve, children, wards, tree, depth)| Told {
                parent,
                partner,
                reserve,
                hub: NOBODY,
                children: list(children),
                wards: list(wards),
                tree,
                depth,
            },
        )
    }

    fn list(nodes: BTreeSet<u32>) -> [NodeId; MAX_CHILDREN] {
        let mut list = [NOBODY; MAX_CHILDREN];
        for (at, node) in list.iter_mut().zip(nodes) {
            *at = NodeId(node);
        }
        list
    }
}
