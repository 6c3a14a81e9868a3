//! Who feeds a node when its parent does not.

use std::time::Duration;

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage};
use peerstream_node::Input;
use peerstream_wire::{Assignment, LinkMessage, NodeId, Parent, ToNode, Tree};

fn subscriptions(stage: &Stage, to: NodeId) -> usize {
    let subscribe = |m: &LinkMessage| matches!(m, LinkMessage::Subscribe { .. });
    stage.sent(to).into_iter().filter(subscribe).count()
}

/// The parent delivers fragments `from..to`, one each fragment time.
fn stream(stage: &mut Stage, feeder: NodeId, from: u16, to: u16) {
    for index in from..to {
        let fragment = stage.media(index);
        stage.deliver(feeder, &fragment);
        stage.pass(FRAGMENT);
    }
}

#[test]
fn a_parent_that_delivers_keeps_its_child() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    stream(&mut stage, PARENT, 1, 60);
    assert_eq!(subscriptions(&stage, PARENT), 1);
    assert_eq!(subscriptions(&stage, PARTNER), 0);
    assert_eq!(stage.node.stats().takeovers, 0);
}

#[test]
fn the_partner_takes_over_from_a_silent_parent_and_gives_back() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    stream(&mut stage, PARENT, 1, 30);
    stage.pass(Duration::from_millis(250));
    assert_eq!(subscriptions(&stage, PARTNER), 1, "2 L are over");
    stream(&mut stage, PARTNER, 30, 40);
    assert_eq!(stage.played().len(), 39);
    stream(&mut stage, PARENT, 40, 42);
    assert!(
        stage.sent(PARTNER).contains(&LinkMessage::Unsubscribe),
        "the parent is back"
    );
}

#[test]
fn a_node_below_a_takeover_waits() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    stream(&mut stage, PARENT, 1, 30);
    // The parent is an orphan itself: it lives, and says that it has nothing newer.
    let newest = Some(stage.media(29).at());
    for _ in 0..3 {
        stage.pass(Duration::from_millis(60));
        stage.link(PARENT, LinkMessage::Heartbeat { newest });
    }
    assert_eq!(subscriptions(&stage, PARTNER), 0);
}

#[test]
fn the_old_parent_feeds_until_the_new_one_does() {
    let new = NodeId(5);
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    stream(&mut stage, PARENT, 1, 10);
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        tree: Tree::A,
        depth: 2,
        parent: Parent::Node(new),
        partner: Some(PARTNER),
        reserve: None,
        children: vec![CHILD],
        wards: vec![],
    }));
    stream(&mut stage, PARENT, 10, 15);
    assert!(!stage.sent(PARENT).contains(&LinkMessage::Unsubscribe));
    stage.input(Input::LinkOpened { peer: new });
    assert_eq!(subscriptions(&stage, new), 1);
    stream(&mut stage, new, 15, 17);
    assert!(stage.sent(PARENT).contains(&LinkMessage::Unsubscribe));
    assert_eq!(stage.played().len(), 16);
    assert_eq!(stage.node.stats().takeovers, 0);
}

#[test]
fn garbage_from_a_neighbour_costs_only_that_neighbour() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    stream(&mut stage, PARENT, 1, 5);
    for length in 0..200usize {
        let bytes = vec![u8::try_from(length).unwrap(); length];
        stage.input(Input::LinkMessage {
            peer: CHILD,
            bytes: bytes.into(),
        });
    }
    stream(&mut stage, PARENT, 5, 10);
    assert_eq!(stage.played().len(), 9);
}
