//! Audiences at the edge: small, uneven, emptied, with one feed or several pairs of roots.

use std::collections::BTreeMap;

use peerstream_wire::{NodeId, Parent, Tree};
use proptest::prelude::*;

use super::audience::fed;
use super::crowd::{Crowd, Event, depth, events, mutual};

proptest! {
    /// Where all can do the same, a departure moves nobody down.
    #[test]
    fn older_nodes_only_move_up(
        feeds in 2..=6u16,
        copies in 2..=4u8,
        events in events(Just(2u8)),
    ) {
        let mut crowd = Crowd::new(feeds, feeds);
        for event in &events {
            match event {
                Event::Join(_) => {
                    crowd.join(copies);
                }
                Event::Leave(_) => crowd.happen(event),
                Event::Learn(..) | Event::Feeds(_) => continue,
            }
            let before = depths(&crowd);
            crowd.happen(&Event::Leave(events.len()));
            for (node, depth) in depths(&crowd) {
                prop_assert!(depth <= before[&node], "{:?} moved down", node);
            }
        }
    }

    /// Uneven numbers: one node more in a tree, one level more, one node without a partner
    /// of its own.
    #[test]
    fn the_trees_are_alike(feeds in 2..=8u16, size in 1..300usize) {
        let mut crowd = Crowd::new(feeds, feeds);
        for _ in 0..size {
            crowd.join(2);
        }
        let places = crowd.places();
        let deepest = Tree::BOTH.map(|tree| {
            let of = places.iter().filter(|(_, place)| place.tree == tree);
            of.map(|(node, _)| depth(&places, *node)).max().unwrap_or(0)
        });
        prop_assert!(deepest[0].abs_diff(deepest[1]) <= 1, "{:?}", deepest);
        let alone = places.iter().filter(|(node, place)| !mutual(&places, **node, place));
        prop_assert_eq!(alone.count(), size % 2);
    }
}

fn depths(crowd: &Crowd) -> BTreeMap<NodeId, usize> {
    let places = crowd.places();
    places
        .keys()
        .map(|node| (*node, depth(&places, *node)))
        .collect()
}

#[test]
fn a_settled_audience_is_complete() {
    for feeds in 2..=8u16 {
        let mut crowd = Crowd::new(feeds, feeds);
        for size in 1..200usize {
            crowd.join(2);
            let status = crowd.coordinator.status();
            assert_eq!((status.viewers, status.queued), (size, 0));
            assert_eq!(status.nodes, [size.div_ceil(2), size / 2]);
            let places = crowd.places();
            let alone = places
                .iter()
                .filter(|(node, place)| !mutual(&places, **node, place));
            assert_eq!(alone.count(), size % 2);
            let fed = places.values().filter(|place| place.parent == Parent::Box);
            assert_eq!(fed.count(), size.min(usize::from(feeds / 2 * 2)));
        }
    }
}

#[test]
fn a_mass_departure_keeps_the_shape() {
    for feeds in [1, 2, 6] {
        let mut crowd = Crowd::new(feeds, feeds);
        for number in 0..4_000usize {
            crowd.join([2, 3, 0, 4, 1, 3][number % 6]);
        }
        // No newcomers, and whoever leaves is spread over all depths.
        for departure in 0..3_995usize {
            crowd.happen(&Event::Leave(departure * 7_919));
            if departure % 200 == 0 || crowd.offers.len() < 40 {
                crowd.check();
                let places = crowd.places();
                assert_eq!(fed(&places, None).len(), places.len());
            }
        }
    }
}

#[test]
fn an_empty_stream_starts_over() {
    let mut crowd = Crowd::new(4, 4);
    for copies in [2, 0, 3, 4, 1, 0, 2, 2, 0] {
        crowd.join(copies);
    }
    while !crowd.offers.is_empty() {
        crowd.happen(&Event::Leave(3));
    }
    let status = crowd.coordinator.status();
    assert_eq!((status.viewers, status.nodes, status.depth), (0, [0, 0], 0));
    let first = crowd.join(0);
    let place = &crowd.places()[&first];
    assert_eq!(
        (place.tree, place.parent, place.partner),
        (Tree::A, Parent::Box, None)
    );
}

#[test]
fn the_last_of_two_keeps_its_feed() {
    for (feeds, leaver) in [(1, 0), (1, 1), (2, 0), (2, 1)] {
        let mut crowd = Crowd::new(feeds, feeds);
        crowd.join(2);
        crowd.join(2);
        crowd.happen(&Event::Leave(leaver));
        let places = crowd.places();
        let place = places.values().next().expect("one is left");
        assert_eq!(
            (place.parent, place.partner, place.reserve),
            (Parent::Box, None, None)
        );
    }
}

#[test]
fn with_one_feed_the_root_of_tree_b_is_fed_by_that_of_tree_a() {
    let mut crowd = Crowd::new(1, 1);
    let nodes: Vec<NodeId> = (0..8).map(|_| crowd.join(3)).collect();
    let places = crowd.places();
    let (a, b) = (&places[&nodes[0]], &places[&nodes[1]]);
    assert_eq!((a.parent, a.partner), (Parent::Box, Some(nodes[1])));
    assert_eq!(
        (b.parent, b.partner),
        (Parent::Node(nodes[0]), Some(nodes[0]))
    );
    assert!(a.children.contains(&nodes[1]));
    assert_eq!(crowd.coordinator.status().feeds, 1);
}

#[test]
fn staying_is_rewarded() {
    let mut crowd = Crowd::new(2, 2);
    let old: Vec<NodeId> = (0..300).map(|_| crowd.join(3)).collect();
    let mean = |crowd: &Crowd, nodes: &[NodeId]| {
        let places = crowd.places();
        let depths = nodes.iter().map(|node| depth(&places, *node));
        depths.sum::<usize>() as f64 / nodes.len() as f64
    };
    // Two in three of them go, and others come in their place.
    for node in old.iter().filter(|node| node.0 % 3 != 0) {
        crowd.leave(*node);
        crowd.join(3);
    }
    let stayed: Vec<NodeId> = old.iter().copied().filter(|node| node.0 % 3 == 0).collect();
    let came: Vec<NodeId> = crowd
        .offers
        .keys()
        .copied()
        .filter(|node| node.0 > 300)
        .collect();
    assert!(
        mean(&crowd, &stayed) + 0.5 < mean(&crowd, &came),
        "{} against {}",
        mean(&crowd, &stayed),
        mean(&crowd, &came)
    );
}
