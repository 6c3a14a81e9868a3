//! The invariants of the trees, for any sequence of joins, departures and changes of
//! capacity. Everything is judged by where the coordinator says that nodes are.

#[path = "../audience/mod.rs"]
mod audience;
mod capacity;
mod crowd;
mod edges;

use audience::{Audience, fed};
use crowd::{Crowd, Event, depth, events, events_fed, mixed};
use peerstream_overlay::Measure;
use peerstream_wire::Parent;
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_invariants_hold(
        feeds in 1..=8u16, more in 0..4u16, events in events_fed(mixed(), 1),
    ) {
        let mut crowd = Crowd::new(feeds, feeds + more);
        for event in &events {
            crowd.happen(event);
            crowd.check();
        }
    }

    #[test]
    fn any_one_node_can_vanish(feeds in 2..=8u16, events in events(mixed())) {
        let mut crowd = Crowd::new(feeds, feeds);
        for event in &events {
            crowd.happen(event);
        }
        let places = crowd.places();
        prop_assert_eq!(fed(&places, None).len(), places.len());
        for gone in places.keys() {
            prop_assert_eq!(fed(&places, Some(*gone)).len(), places.len() - 1, "without {:?}", gone);
        }
    }

    /// With one feed, everyone but the only one who has it.
    #[test]
    fn with_one_feed_any_other_node_can_vanish(events in events(mixed())) {
        let mut crowd = Crowd::new(1, 1);
        for event in &events {
            crowd.happen(event);
        }
        let places = crowd.places();
        prop_assert_eq!(fed(&places, None).len(), places.len());
        for (gone, place) in &places {
            if place.parent != Parent::Box {
                prop_assert_eq!(fed(&places, Some(*gone)).len(), places.len() - 1);
            }
        }
    }

    #[test]
    fn nobody_waits_while_all_can_forward(feeds in 2..=6u16, events in events(2..=4u8)) {
        let mut crowd = Crowd::new(feeds, feeds);
        for event in &events {
            crowd.happen(event);
            prop_assert_eq!(crowd.coordinator.status().queued, 0);
        }
    }

    #[test]
    fn who_waits_gets_in_when_others_bring_room(leaves in 3..40usize, copies in 2..=4u8) {
        let mut crowd = Crowd::new(2, 2);
        for _ in 0..leaves {
            crowd.join(0);
        }
        prop_assert_eq!(crowd.coordinator.status().queued, leaves - 2);
        prop_assert_eq!(crowd.coordinator.status().measure, Measure::Queue);
        for _ in 0..2 * leaves {
            crowd.join(copies);
            crowd.check();
        }
        prop_assert_eq!(crowd.coordinator.status().queued, 0);
    }

    #[test]
    fn depth_is_logarithmic(size in 1..600usize, seed in any::<u64>(), weak_first in any::<bool>()) {
        let mut crowd = Crowd::new(2, 2);
        let mut draw = seed | 1;
        let mut copies: Vec<u8> = (0..size).map(|_| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // The audience as it is expected: 35 / 20 / 25 / 20% with 0 / 1 / 3 / 4 copies.
            match (draw >> 33) % 100 { 0..35 => 0, 35..55 => 1, 55..80 => 3, _ => 4 }
        }).collect();
        if weak_first {
            copies.sort_unstable();
        }
        for copies in copies {
            crowd.join(copies);
        }
        // The shape comes nearer to what it should be with every event.
        for _ in 0..size {
            crowd.happen(&Event::Leave(0));
            crowd.join(3);
        }
        let places = crowd.places();
        let most = places.keys().map(|node| depth(&places, *node)).max().unwrap_or(0);
        let limit = (size / 2).max(1).ilog2() as usize + 5;
        prop_assert!(most <= limit, "{} levels for {} nodes", most, size);
    }
}

#[test]
fn nodes_are_told_where_they_are() {
    let mut audience = Audience::of(2, 50);
    for node in audience.nodes().into_iter().step_by(3) {
        audience.leave(node);
    }
    assert_eq!(audience.known(), audience.meant());
}
