//! Neighbours that ask for or send too much cost only their own link.

use std::time::Duration;

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_node::Input;
use peerstream_wire::{Complaint, LinkMessage, NodeId, ToBox, ToNode};

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage, place};

const WARD: NodeId = NodeId(30);

fn request(index: u16, parts: u64) -> LinkMessage {
    let at = Position { segment: 1, index };
    LinkMessage::Request { at, parts }
}

fn bytes_sent(stage: &Stage, to: NodeId) -> usize {
    let parts = stage.parts_sent(to);
    parts.iter().map(|(.., bytes)| bytes.len()).sum()
}

#[test]
fn a_flooders_parts_do_not_push_out_those_of_others() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let one = stage.media(1);
    let at = one.at();
    for (part, bytes) in one.parts() {
        stage.link(PARENT, LinkMessage::Part { at, part, bytes });
    }
    for index in 0..2_000u16 {
        let at = Position { segment: 9, index };
        let bytes = Bytes::from_static(&[1; 4096]);
        stage.link(PARTNER, LinkMessage::Part { at, part: 0, bytes });
    }
    stage.link(PARENT, LinkMessage::Header(one.header.bytes.clone()));
    assert_eq!(stage.played(), [1]);
    assert!(stage.said().contains(&ToBox::Report {
        peer: PARTNER,
        complaint: Complaint::Flooding,
        behind_ms: u16::MAX
    }));
}

#[test]
fn what_is_longer_than_a_part_names_its_sender() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let at = Position {
        segment: 9,
        index: 1,
    };
    let bytes = Bytes::from(vec![1; 5000]);
    stage.link(PARTNER, LinkMessage::Part { at, part: 0, bytes });
    assert_eq!(stage.node.stats().fragments_refused, 1);
}

#[test]
fn a_replayed_fragment_is_counted_and_dropped() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let one = stage.media(1);
    stage.deliver(PARENT, &one);
    let again = stage.node.stats().bytes_again;
    for _ in 0..3 {
        stage.deliver(PARTNER, &one);
    }
    let stats = stage.node.stats();
    assert_eq!(stats.fragments_verified, 2);
    assert!(stats.bytes_again - again >= 30_000, "{}", stats.bytes_again);
    assert_eq!(stage.played(), [1]);
}

#[test]
fn what_is_asked_for_again_is_bounded_in_bytes() {
    let mut stage = Stage::playing(3);
    for _ in 0..100 {
        stage.link(PARTNER, request(1, 0));
        stage.drained(PARTNER);
    }
    let sent = bytes_sent(&stage, PARTNER);
    assert!((200_000..300_000).contains(&sent), "{sent}");
}

#[test]
fn subscribing_again_and_again_does_not_bring_it_all_again() {
    let mut stage = Stage::playing(4);
    for _ in 0..50 {
        stage.link(CHILD, LinkMessage::Subscribe { after: None });
        stage.drained(CHILD);
        stage.drained(CHILD);
    }
    let sent = bytes_sent(&stage, CHILD);
    assert!(sent <= 6 * 30_000, "{sent}");
}

#[test]
fn a_part_that_left_a_moment_ago_does_not_leave_twice() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let one = stage.media(1);
    // The child is full up: what is asked for is on its way.
    stage.input(Input::LinkBuffered {
        peer: CHILD,
        bytes: 64 * 1024,
    });
    stage.deliver(PARENT, &one);
    stage.link(CHILD, request(1, 0b010));
    stage.drained(CHILD);
    let second = stage
        .parts_sent(CHILD)
        .into_iter()
        .filter(|(.., part, _)| *part == 1);
    assert_eq!(second.count(), 1);
}

#[test]
fn only_so_much_waits_for_a_child_and_the_newest_goes_first() {
    let mut stage = Stage::playing(60);
    // Nothing was ever said to have left.
    assert!(bytes_sent(&stage, CHILD) <= 64 * 1024);
    let before = stage.parts_sent(CHILD).len();
    stage.drained(CHILD);
    let fresh = stage.parts_sent(CHILD);
    let oldest = fresh[before..]
        .iter()
        .map(|(at, ..)| at.index)
        .min()
        .unwrap();
    // 800 ms are ten fragments.
    assert!((49..=51).contains(&oldest), "{oldest}");
}

#[test]
fn a_leaf_serves_nobody_and_says_so() {
    let mut stage = Stage::new();
    stage.input(Input::Sharing { copies_max: 0 });
    let place = peerstream_wire::Assignment {
        wards: vec![WARD],
        ..place()
    };
    stage.tell(&ToNode::Assign(place));
    for peer in [PARENT, PARTNER, CHILD, WARD] {
        stage.input(Input::LinkOpened { peer, strand: 0 });
    }
    stage.begin(PARENT);
    stage.stream(PARENT, 1, 3);
    for peer in [CHILD, WARD] {
        stage.link(peer, LinkMessage::Subscribe { after: None });
        assert_eq!(stage.sent(peer).last(), Some(&LinkMessage::Decline));
    }
    stage.link(PARTNER, request(1, 0));
    assert_eq!(stage.sent(PARTNER).last(), Some(&LinkMessage::Decline));
    stage.stream(PARENT, 3, 5);
    for peer in [CHILD, WARD, PARTNER] {
        assert!(stage.parts_sent(peer).is_empty());
    }
}

#[test]
fn who_is_declined_asks_the_next() {
    let mut stage = Stage::new();
    let reserve = NodeId(5);
    let place = peerstream_wire::Assignment {
        reserve: Some(reserve),
        ..place()
    };
    stage.tell(&ToNode::Assign(place));
    for peer in [PARENT, PARTNER, reserve] {
        stage.input(Input::LinkOpened { peer, strand: 0 });
    }
    stage.begin(PARENT);
    stage.stream(PARENT, 1, 10);
    for _ in 0..40 {
        stage.alive(PARTNER, 12);
        stage.alive(reserve, 12);
        if stage.subscriptions(PARTNER) > 0 {
            break;
        }
        stage.pass(Duration::from_millis(20));
    }
    assert_eq!(stage.subscriptions(PARTNER), 1);
    stage.link(PARTNER, LinkMessage::Decline);
    stage.pass(FRAGMENT / 4);
    assert_eq!(stage.subscriptions(reserve), 1);
    assert_eq!(stage.subscriptions(PARTNER), 1);
}
