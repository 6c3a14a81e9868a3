//! Who turns to whom when nodes die, and that nobody misses anything by it.

use std::time::Duration;

use peerstream_wire::Tree;

use crate::crowd::{Crowd, at};

/// 126 nodes.
const LEVELS: u32 = 6;

/// The picture may stand still for as long as the player holds back, and no longer: 2 L and
/// what a helper's answer takes.
const PAUSE: Duration = Duration::from_millis(600);

#[test]
fn one_death_costs_few_takeovers_whatever_the_depth() {
    for seed in 1..=2 {
        let mut crowd = Crowd::playing(seed, LEVELS);
        assert_eq!(crowd.takeovers(), 0);
        for depth in 0..LEVELS {
            let before = crowd.takeovers();
            crowd.waited.clear();
            let victim = at((1 << depth) + depth, Tree::A);
            let of_its_own = crowd.kill(victim);
            crowd.run(Duration::from_secs(5));
            let takeovers = crowd.takeovers() + of_its_own - before;
            assert!(takeovers <= 6, "{takeovers} at depth {depth}, seed {seed}");
            crowd.all_play();
            let (_, waited) = crowd.waited.iter().max_by_key(|(_, at)| **at).unwrap();
            assert!(*waited < PAUSE, "{waited:?} at depth {depth}, seed {seed}");
        }
    }
}

#[test]
fn the_reserve_feeds_whoever_loses_parent_and_partner_at_once() {
    for seed in 1..=2 {
        for slot in [2, 5, 10] {
            let mut crowd = Crowd::playing(seed, 5);
            crowd.kill(at(slot / 2, Tree::A));
            crowd.kill(at(slot, Tree::B));
            crowd.run(Duration::from_secs(8));
            crowd.all_play();
            let takeovers = crowd.takeovers();
            assert!(takeovers <= 12, "{takeovers} at slot {slot}, seed {seed}");
        }
    }
}

#[test]
fn a_parent_that_comes_back_is_given_back_to_and_little_comes_twice() {
    for seed in 1..=2 {
        let mut crowd = Crowd::playing(seed, 4);
        let parent = at(2, Tree::A);
        for _ in 0..3 {
            crowd.hold(parent);
            crowd.run(Duration::from_secs(1));
            crowd.release(parent);
            crowd.run(Duration::from_secs(9));
        }
        crowd.all_play();
        assert!(crowd.takeovers() >= 6, "its two children each time");
        let (mut twice, mut all) = (0, 0);
        for (id, stats) in crowd.stats() {
            let helped = stats
                .partner
                .is_some_and(|partner| partner.state == peerstream_node::LinkState::Feeding);
            assert!(!helped, "{id:?} is still helped");
            twice += stats.bytes_again;
            all += stats.bytes_in.total();
        }
        assert!(twice * 100 < all * 2, "{twice} of {all} bytes came twice");
    }
}
