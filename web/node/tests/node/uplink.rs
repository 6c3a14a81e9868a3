//! What a node makes of its uplink.

use std::time::Duration;

use peerstream_wire::{LinkMessage, ToBox};

use crate::{
    line::{Line, ONE_WAY, SECOND},
    stage::CHILD,
};

const MEAN_KEY: usize = 42_000;
const LARGE_KEY: usize = 166_000;

fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() - 1) * percent / 100]
}

fn offers(line: &Line) -> u8 {
    line.stage.node.stats().copies_learned
}

/// Both children fed, from the second on.
fn two_children(kbit: u64, inflow: u64, key: usize, frames: u32) -> Line {
    let mut line = Line::new(kbit);
    line.stream(0, 30, inflow, key);
    line.subscribe(SECOND);
    line.stream(30, frames, inflow, key);
    line.run(Duration::from_secs(1));
    line
}

#[test]
fn a_hop_adds_little_to_what_the_wire_takes() {
    for key in [MEAN_KEY, LARGE_KEY] {
        // The parent has such an uplink and two children as well.
        let line = two_children(10_000, 5_000, key, 420);
        for child in [CHILD, SECOND] {
            let added = line.added(child, 2);
            assert!(added.len() > 300, "{}", added.len());
            let (p50, p99) = (percentile(&added, 50), percentile(&added, 99));
            println!(
                "key {key} {child:?}: p50 {p50:?} p99 {p99:?} max {:?}",
                added.last()
            );
            assert!(p50 <= Duration::from_millis(40), "p50 {p50:?}");
            assert!(p99 <= Duration::from_millis(120), "p99 {p99:?}");
        }
    }
}

#[test]
fn the_uplink_is_learned_from_what_flows() {
    // The line has no headers of its own, so it is a little narrower.
    for kbit in [4_800, 10_000, 20_000] {
        let line = two_children(kbit, 8_000, MEAN_KEY, 600);
        let stats = line.stage.node.stats();
        println!(
            "{kbit}: learned {} kbit/s, {} copies",
            stats.uplink / 1000,
            stats.copies_learned
        );
        let most = kbit * 1000 * 23 / 20;
        assert!(stats.uplink <= most, "{} of {kbit}", stats.uplink);
        assert!(
            stats.uplink >= kbit * 1000 / 2,
            "{} of {kbit}",
            stats.uplink
        );
        let copies = stats.copies_learned;
        match kbit {
            4_800 => assert_eq!(copies, 1),
            10_000 => assert!((2..=3).contains(&copies), "{copies}"),
            _ => assert!(copies >= 3, "{copies}"),
        }
    }
}

#[test]
fn a_shortage_lowers_the_offer_and_what_comes_is_fresh() {
    let line = two_children(3_500, 8_000, MEAN_KEY, 420);
    assert_eq!(offers(&line), 1);
    assert!(line.stage.node.stats().copies <= 1);
    for child in [CHILD, SECOND] {
        // At half of the uplink: 64 KiB in the browser are 0.3 s, what waits in the node is at
        // most 0.8 s old, and a key frame of 42 KB takes 0.2 s; signs of life go between.
        let oldest = line.added(child, 3).pop().unwrap();
        assert!(oldest < Duration::from_millis(1400), "{oldest:?}");
    }
}

#[test]
fn one_slow_child_is_no_shortage() {
    let mut line = Line::new(10_000);
    line.stream(0, 240, 8_000, MEAN_KEY);
    assert_eq!(offers(&line), 2);
}

#[test]
fn a_joining_child_waits_for_what_is_live() {
    let mut line = Line::new(6_000);
    line.stream(0, 115, 8_000, MEAN_KEY);
    let joined = line.stage.now;
    line.subscribe(SECOND);
    line.stream(115, 140, 8_000, MEAN_KEY);
    let live = line.added(CHILD, 2);
    // Two parts of the other child's may be on the wire already, and what its pace lets through.
    let worst = live.last().copied().unwrap();
    assert!(worst < Duration::from_millis(150), "{worst:?}");
    let first = line.arrived.iter().find_map(|(at, peer, message)| {
        let part = matches!(message, LinkMessage::Part { .. });
        (*peer == SECOND && part).then_some(*at)
    });
    assert!(first.unwrap() < joined + ONE_WAY + Duration::from_millis(200));
}

#[test]
fn the_box_is_told_what_was_learned() {
    let mut line = two_children(4_800, 8_000, MEAN_KEY, 420);
    // What it said is gone with what it sent, so the next change is looked for.
    assert_eq!(offers(&line), 1);
    line.stage
        .input(peerstream_node::Input::Sharing { copies_max: 0 });
    let told = line.stage.said();
    assert!(told.contains(&ToBox::Capacity { copies: 0 }), "{told:?}");
}

/// Before the second child comes.
#[test]
fn a_newcomer_finds_out_what_its_uplink_carries() {
    for (kbit, copies) in [(4_800, 1), (10_000, 2), (30_000, 4)] {
        let mut line = Line::new(kbit);
        line.stream(0, 150, 8_000, MEAN_KEY);
        let stats = line.stage.node.stats();
        assert_eq!(stats.copies_learned, copies, "{} bit/s", stats.uplink);
        let padding = line
            .arrived
            .iter()
            .filter_map(|(_, _, message)| match message {
                LinkMessage::Padding(bytes) => Some(bytes.len()),
                _ => None,
            });
        assert!(padding.sum::<usize>() <= 3 * 3 * 64 * 1024);
    }
}

/// What it missed does not make the stream slower than it is.
#[test]
fn a_newcomer_with_holes_in_what_it_has_offers_no_more_for_that() {
    let mut line = Line::new(4_800);
    line.stream(0, 40, 8_000, MEAN_KEY);
    line.stream(110, 260, 8_000, MEAN_KEY);
    assert_eq!(offers(&line), 1);
}
