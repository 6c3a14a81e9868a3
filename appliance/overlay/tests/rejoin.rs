//! The box has lost its memory, and the audience tells it where everybody was.

mod audience;

use core::time::Duration;
use std::collections::BTreeMap;

use audience::{Audience, events};
use peerstream_overlay::{Config, Coordinator, Newcomer, defaults};
use peerstream_wire::{Assignment, Held, NodeId, Parent, Tree};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_together_stays_together(
        root_pairs in 1..=3u16,
        size in 0..400usize,
        events in events(),
        missing in 0..=10u64,
        liars in 0..=2u64,
        seed: u64,
    ) {
        let mut before = Audience::of(root_pairs, size);
        for event in &events {
            before.happen(event);
        }
        let mut after = restarted(root_pairs, &before);
        let lies = |node: NodeId| mixed(seed ^ 7 ^ u64::from(node.0)) % 100 < liars;
        let stays_away = |node: NodeId| mixed(seed ^ u64::from(node.0)) % 100 < missing;
        let back: Vec<NodeId> = shuffled(before.nodes(), seed)
            .into_iter()
            .filter(|node| !stays_away(*node))
            .collect();
        for node in &back {
            let mut place = before.told[node].clone();
            if lies(*node) {
                place = a_lie(&before, seed ^ u64::from(node.0));
            }
            rejoin(&mut after, *node, place);
        }
        recover(&mut after);
        let status = after.coordinator.status();
        prop_assert_eq!(status.viewers, back.len());
        let meant = after.meant();
        prop_assert_eq!(after.known(), meant.clone());
        sound(&after, root_pairs);

        // Of the pairs of parent and child that both came back and told the truth.
        let honest = |node: &NodeId| back.contains(node) && !lies(*node);
        let pairs = back.iter().filter(|node| honest(node)).filter_map(|node| {
            let Parent::Node(parent) = before.told[node].parent else { return None };
            honest(&parent).then_some((*node, parent))
        });
        let pairs: Vec<(NodeId, NodeId)> = pairs.collect();
        let kept = pairs
            .iter()
            .filter(|(child, parent)| meant[child].parent == Parent::Node(*parent))
            .count();
        let lost = pairs.len() - kept;
        // Whoever is missing from above others has to have an heir, who loses its parent.
        let fed = |node: &NodeId| {
            let place = &before.told[node];
            !place.children.is_empty() || !place.wards.is_empty()
        };
        let heirs = before.told.keys().filter(|node| !honest(node) && fed(node));
        let allowed = 4 + heirs.count() + pairs.len() * 3 / 100;
        let share = if missing + liars <= 5 { 95 } else { 88 };
        let most = 4 + pairs.len() * (100 - share) / 100;
        prop_assert!(
            lost <= allowed && lost <= most,
            "{} of {} kept, {} of {} back, {} allowed",
            kept, pairs.len(), back.len(), before.told.len(), allowed.min(most),
        );
    }

    /// If everyone comes back and tells the truth, nothing changes and nobody is told
    /// anything.
    #[test]
    fn if_everyone_comes_back_nothing_happens(
        root_pairs in 1..=3u16, size in 0..300usize, events in events(), seed: u64,
    ) {
        let mut before = Audience::of(root_pairs, size);
        for event in &events {
            before.happen(event);
        }
        let mut after = restarted(root_pairs, &before);
        for node in shuffled(before.nodes(), seed) {
            rejoin(&mut after, node, before.known()[&node].clone());
        }
        let told = recover(&mut after);
        let moved = before.known().iter().filter(|(node, place)| {
            after.known()[node].parent != place.parent
        }).count();
        prop_assert!(moved * 50 <= before.told.len() + 50, "{} moved", moved);
        prop_assert!(told * 10 <= before.told.len() + 50, "{} told", told);
    }
}

#[test]
fn roots_are_fed_at_once_and_newcomers_wait() {
    let before = Audience::of(1, 50);
    let mut after = restarted(1, &before);
    for node in [NodeId(2), NodeId(30), NodeId(1)] {
        rejoin(&mut after, node, before.told[&node].clone());
    }
    assert_eq!(after.feeds, [NodeId(1), NodeId(2)].into());
    let newcomer = after.coordinator.join(after.now, Newcomer::default());
    after.deliver();
    assert_eq!(after.coordinator.assignment(newcomer), None);
    assert!(newcomer.0 > 50);
    recover(&mut after);
    assert!(after.coordinator.assignment(newcomer).is_some());
    assert!(after.told.contains_key(&newcomer));
    assert_eq!(after.feeds, [NodeId(1), NodeId(2)].into());
}

#[test]
fn who_lost_its_socket_only_keeps_its_place() {
    let mut audience = Audience::of(1, 30);
    let node = NodeId(5);
    let before = audience.told[&node].clone();
    let held = held(node, before.clone());
    let back = audience
        .coordinator
        .rejoin(audience.now, Newcomer::default(), held);
    assert_eq!(back, node);
    assert_eq!(audience.deliver(), 1);
    let mut after = audience.told[&node].clone();
    assert_eq!(after.epoch, before.epoch + 1);
    after.epoch = before.epoch;
    assert_eq!(after, before);
    assert_eq!(audience.coordinator.status().viewers, 30);
}

#[test]
fn who_comes_back_late_keeps_its_name() {
    let mut audience = Audience::of(1, 30);
    let node = NodeId(5);
    let place = audience.told[&node].clone();
    audience.leave(node);
    audience.join();
    let held = held(node, place.clone());
    let back = audience
        .coordinator
        .rejoin(audience.now, Newcomer::default(), held);
    assert_eq!(back, node);
    audience.deliver();
    assert!(audience.told[&node].epoch > place.epoch);
    assert_eq!(audience.known(), audience.meant());
}

#[test]
fn who_goes_while_others_come_back_leaves_no_trace() {
    let before = Audience::of(1, 40);
    let mut after = restarted(1, &before);
    for node in before.nodes() {
        rejoin(&mut after, node, before.told[&node].clone());
        if node.0 % 4 == 0 {
            after.leave(node);
        }
    }
    recover(&mut after);
    assert_eq!(after.coordinator.status().viewers, 30);
    assert_eq!(after.known(), after.meant());
    sound(&after, 1);
}

fn restarted(root_pairs: u16, before: &Audience) -> Audience {
    let mut after = Audience::new(root_pairs);
    after.coordinator = Coordinator::new(Config {
        feeds: 2 * root_pairs,
        feeds_max: 2 * root_pairs,
        first: before.nodes().last().map_or(0, |node| node.0),
        ..Config::default()
    });
    after
}

fn held(node: NodeId, place: Assignment) -> Held {
    Held {
        node,
        ticket: [0; 16],
        open: place.peers().collect(),
        place,
    }
}

fn rejoin(audience: &mut Audience, node: NodeId, place: Assignment) {
    audience.told.insert(node, place.clone());
    audience.now += Duration::from_millis(1);
    let back = audience
        .coordinator
        .rejoin(audience.now, Newcomer::default(), held(node, place));
    assert_eq!(back, node);
    assert_eq!(audience.deliver(), 0, "nobody is told while they come back");
}

/// How many are told something.
fn recover(audience: &mut Audience) -> usize {
    audience.now += defaults::RECOVERY;
    audience.coordinator.timeout(audience.now);
    audience.deliver()
}

/// One parent of the same tree each, one partner of the other, and what one says of the
/// other that says as well; nobody feeds itself, however far around.
fn sound(audience: &Audience, root_pairs: u16) {
    let meant = audience.meant();
    let feeds = audience.feeds.len();
    assert!(feeds <= 2 * usize::from(root_pairs), "{feeds} feeds");
    for (node, place) in &meant {
        let boxed = place.parent == Parent::Box;
        assert_eq!(boxed, audience.feeds.contains(node), "{node:?}");
        for child in &place.children {
            assert_eq!(meant[child].parent, Parent::Node(*node));
            assert_eq!(meant[child].tree, place.tree);
        }
        for ward in &place.wards {
            assert_eq!(meant[ward].reserve, Some(*node));
        }
        if !place.children.is_empty() {
            let partner = place.partner.expect("nobody feeds others alone");
            assert_eq!(meant[&partner].partner, Some(*node));
        }
        assert!(steps_to_the_box(&meant, *node) <= 40, "{node:?}");
    }
}

fn steps_to_the_box(meant: &BTreeMap<NodeId, Assignment>, node: NodeId) -> usize {
    let mut at = node;
    for steps in 0..meant.len() + 1 {
        match meant[&at].parent {
            Parent::Box => return steps,
            Parent::Node(parent) => at = parent,
        }
    }
    usize::MAX
}

/// Anything, about nodes that there are.
fn a_lie(before: &Audience, seed: u64) -> Assignment {
    let nodes = before.nodes();
    let mut draw = seed;
    let mut any = || {
        draw = mixed(draw);
        nodes[draw as usize % nodes.len()]
    };
    let lists = [vec![any(), any()], vec![any(), any(), any()]];
    let [children, wards] = lists;
    Assignment {
        epoch: 3,
        tree: if seed.is_multiple_of(2) {
            Tree::A
        } else {
            Tree::B
        },
        depth: 1,
        parent: if seed.is_multiple_of(3) {
            Parent::Box
        } else {
            Parent::Node(any())
        },
        partner: Some(any()),
        reserve: Some(any()),
        children,
        wards,
        hub: None,
        rendition: 0,
    }
}

fn shuffled(mut nodes: Vec<NodeId>, seed: u64) -> Vec<NodeId> {
    nodes.sort_by_key(|node| mixed(seed ^ u64::from(node.0)));
    nodes
}

/// SplitMix64's finish.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
