//! What nodes can feed, what they learn of it, and what their addresses have to do with it.

use peerstream_overlay::{Measure, Network};
use peerstream_wire::NodeId;

use super::crowd::{Crowd, Event, depth};

#[test]
fn who_loses_capacity_keeps_its_place_and_feeds_fewer() {
    let mut crowd = Crowd::new(2, 2);
    let nodes: Vec<NodeId> = (0..200).map(|_| crowd.join(4)).collect();
    for copies in [3, 2, 1] {
        crowd.learn(nodes[0], copies);
        crowd.check();
        assert!(crowd.places()[&nodes[0]].children.len() <= usize::from(copies));
    }
    crowd.learn(nodes[0], 0);
    crowd.check();
    let places = crowd.places();
    assert!(places[&nodes[0]].children.is_empty());
    assert_eq!(places.len(), 200);
}

#[test]
fn who_loses_capacity_high_up_has_no_tall_subtree_hung_at_the_bottom() {
    let mut crowd = Crowd::new(2, 2);
    let nodes: Vec<NodeId> = (0..1_000).map(|_| crowd.join(2)).collect();
    let before = crowd.coordinator.status().depth;
    for node in &nodes[..6] {
        crowd.learn(*node, 1);
    }
    crowd.check();
    let after = crowd.coordinator.status().depth;
    assert!(after <= before + 2, "{before} then {after}");
}

#[test]
fn the_second_feed_ends_and_returns_with_few_new_links() {
    let mut crowd = Crowd::new(2, 2);
    for _ in 0..1_000 {
        crowd.join(3);
    }
    let before = crowd.coordinator.status();
    let told = |crowd: &Crowd| crowd.coordinator.status().commands;
    for feeds in [1, 2] {
        let commands = told(&crowd);
        crowd.set_feeds(feeds);
        crowd.check();
        let status = crowd.coordinator.status();
        assert_eq!((status.feeds, status.queued), (feeds.into(), 0));
        assert!(status.depth <= before.depth + 2, "{}", status.depth);
        let commands = told(&crowd) - commands;
        assert!(commands < 200, "{commands} commands");
    }
}

#[test]
fn what_grows_stronger_makes_the_trees_shallower() {
    let mut crowd = Crowd::new(2, 2);
    let nodes: Vec<NodeId> = (0..400).map(|_| crowd.join(1)).collect();
    let before = crowd.coordinator.status().depth;
    for node in &nodes {
        crowd.learn(*node, 4);
    }
    for _ in 0..400 {
        crowd.happen(&Event::Leave(399));
        crowd.join(4);
    }
    crowd.check();
    let after = crowd.coordinator.status().depth;
    assert!(before > 20 && after <= 9, "{before} then {after}");
}

/// As audiences are: nobody knows at first how much it can do, but for those who are not
/// to do anything.
#[test]
fn an_audience_that_learns_stays_shallow() {
    for size in [60, 200, 1_000] {
        let mut crowd = Crowd::new(2, 2);
        let copies = |number: usize| match number * 7_919 % 100 {
            0..35 => 0,
            35..55 => 1,
            55..80 => 3,
            _ => 4,
        };
        for number in 0..size + size / 2 {
            let learns = copies(number);
            let node = crowd.join(learns.min(2));
            crowd.learn(node, learns);
            if number >= size {
                crowd.happen(&Event::Leave(number * 31));
            }
        }
        let places = crowd.places();
        let most = places
            .keys()
            .map(|node| depth(&places, *node))
            .max()
            .unwrap_or(0);
        let limit = (size / 2).ilog2() as usize + 5;
        assert!(most <= limit, "{most} levels for {size} nodes");
        assert_eq!(crowd.coordinator.status().queued, 0);
    }
}

/// Everybody is taken for average at first, so that those who turn out strong have partners
/// who do not, and a slot feeds no more than the weaker of the two can.
#[test]
fn nobody_feeds_more_than_it_offers_where_other_partners_would_do() {
    for size in [40, 60, 100] {
        let mut crowd = Crowd::new(2, 2);
        let nodes: Vec<NodeId> = (0..size).map(|_| crowd.join(2)).collect();
        let copies = [4, 0, 1, 4, 0, 0, 3, 0, 1, 1];
        let lessons = nodes.iter().copied().zip(copies.into_iter().cycle());
        let lessons: Vec<(NodeId, u8)> = lessons.collect();
        crowd.learn_at_once(&lessons);
        crowd.learn_at_once(&[]);
        crowd.check();
        let places = crowd.places();
        let over = |(node, place): &(&NodeId, &peerstream_wire::Assignment)| {
            place.children.len() > usize::from(crowd.offers[*node])
        };
        let over: Vec<_> = places.iter().filter(over).collect();
        assert!(over.is_empty(), "of {size}: {over:?}");
        assert_eq!(places.len(), size);
    }
}

#[test]
fn a_thousand_from_one_address_hold_few_places() {
    let mut crowd = Crowd::new(2, 2);
    let honest = |number: u64| Network {
        address: number + 1,
        prefix: 1,
    };
    for number in 0..600 {
        crowd.enter(3, honest(number));
    }
    let crowded = Network {
        address: 7_777,
        prefix: 2,
    };
    let sybils: Vec<NodeId> = (0..1_000).map(|_| crowd.enter(4, crowded)).collect();
    for number in 0..600 {
        crowd.leave(NodeId(number + 1));
        crowd.enter(3, honest(u64::from(number) + 10_000));
    }
    crowd.check();
    let places = crowd.places();
    let forwarding = sybils
        .iter()
        .filter(|node| !places[node].children.is_empty())
        .count();
    let interior = places
        .values()
        .filter(|place| !place.children.is_empty())
        .count();
    // While the 600 alone suffice, the 1,000 hold a few; when they are needed, no more
    // than that.
    assert!(forwarding * 2 <= interior, "{forwarding} of {interior}");
    assert_eq!(crowd.coordinator.status().queued, 0);
}

#[test]
fn few_of_one_address_forward_while_others_suffice() {
    let mut crowd = Crowd::new(2, 2);
    for number in 0..2_000 {
        crowd.enter(
            4,
            Network {
                address: number + 1,
                prefix: 1,
            },
        );
    }
    let crowded = Network {
        address: 7_777,
        prefix: 2,
    };
    let sybils: Vec<NodeId> = (0..1_000).map(|_| crowd.enter(4, crowded)).collect();
    let places = crowd.places();
    let forwarding = sybils
        .iter()
        .filter(|node| !places[node].children.is_empty())
        .count();
    assert!(forwarding <= 11, "{forwarding} places");
}

#[test]
fn partners_have_different_addresses_where_there_is_a_choice() {
    let mut crowd = Crowd::new(2, 2);
    for number in 0..400u64 {
        // Families of four come together.
        crowd.enter(
            2,
            Network {
                address: number / 4 + 1,
                prefix: 1,
            },
        );
    }
    let places = crowd.places();
    let address = |node: &NodeId| (node.0 - 1) / 4;
    let shared = places.iter().filter(|(node, place)| {
        place
            .partner
            .is_some_and(|partner| address(&partner) == address(node))
    });
    assert!(shared.count() <= 20);
}

#[test]
fn more_feeds_are_used_while_supply_is_short_and_given_back() {
    let mut crowd = Crowd::new(2, 6);
    for _ in 0..6 {
        crowd.join(0);
    }
    let status = crowd.coordinator.status();
    assert_eq!((status.feeds, status.queued), (6, 0));
    for _ in 0..40 {
        crowd.join(4);
    }
    crowd.check();
    assert_eq!(crowd.coordinator.status().feeds, 2);
    assert_eq!(crowd.coordinator.status().measure, Measure::Enough);
}
