//! Signals for new links go through neighbours where they can.

use std::time::Duration;

use peerstream_node::{Input, Output};
use peerstream_wire::{Assignment, Description, LinkMessage, NodeId, Setup, Signal, ToBox, ToNode};

use crate::stage::{CHILD, PARENT, PARTNER, Stage, place};

/// A link with this one is new; the node is to begin it.
const NEW: NodeId = NodeId(5);
/// With this one too; the other end begins.
const YOUNG: NodeId = NodeId(21);

pub(crate) fn description() -> Description {
    Description {
        ufrag: "abcd".into(),
        pwd: "passwordpasswordpassword".into(),
        fingerprint: [7; 32],
        setup: Setup::ActPass,
        candidates: Vec::new(),
    }
}

/// A node with new links, the signals of which this hub passes on.
fn moved(hub: NodeId) -> Stage {
    let mut stage = Stage::assigned();
    stage.outputs.clear();
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        reserve: Some(NEW),
        wards: vec![YOUNG],
        hub: Some(hub),
        ..place()
    }));
    stage
}

fn offer(stage: &mut Stage) {
    assert!(stage.offers(NEW) > 0);
    stage.input(Input::LocalOffer {
        peer: NEW,
        strand: 0,
        description: description(),
    });
}

fn by_box(stage: &Stage, peer: NodeId) -> usize {
    let signal = |said: &&ToBox| matches!(said, ToBox::Signal { peer: to, .. } if *to == peer);
    stage.said().iter().filter(signal).count()
}

fn relay(to: NodeId) -> LinkMessage {
    let signal = Box::new(Signal::Offer(description()));
    LinkMessage::Relay { to, signal }
}

fn relayed(from: NodeId) -> LinkMessage {
    let signal = Box::new(Signal::Offer(description()));
    LinkMessage::Relayed { from, signal }
}

fn answers(stage: &Stage, to: NodeId) -> bool {
    let answer =
        |output: &Output| matches!(output, Output::CreateAnswer { peer, .. } if *peer == to);
    stage.outputs.iter().any(answer)
}

#[test]
fn a_signal_goes_through_the_hub_and_not_the_box() {
    let mut stage = moved(PARTNER);
    offer(&mut stage);
    assert_eq!(stage.sent(PARTNER).last(), Some(&relay(NEW)));
    assert_eq!(by_box(&stage, NEW), 0);
}

#[test]
fn the_link_with_the_hub_itself_goes_by_the_box() {
    let mut stage = moved(NEW);
    offer(&mut stage);
    assert_eq!(by_box(&stage, NEW), 1);
}

#[test]
fn a_signal_waits_for_the_hub_but_not_for_long() {
    for opens in [true, false] {
        let mut stage = moved(YOUNG);
        stage.link(YOUNG, LinkMessage::Ping(1));
        offer(&mut stage);
        stage.pass(Duration::from_millis(1_100));
        assert_eq!((stage.sent(YOUNG).len(), by_box(&stage, NEW)), (0, 0));
        if opens {
            stage.input(Input::LinkOpened {
                peer: YOUNG,
                strand: 0,
            });
            assert!(stage.sent(YOUNG).contains(&relay(NEW)));
        }
        stage.pass(Duration::from_millis(200));
        assert_eq!(by_box(&stage, NEW), usize::from(!opens));
    }
}

#[test]
fn an_offer_that_a_hub_swallows_goes_by_the_box_as_well() {
    let mut stage = moved(PARTNER);
    offer(&mut stage);
    stage.pass(Duration::from_millis(1_100));
    assert_eq!(by_box(&stage, NEW), 0);
    stage.pass(Duration::from_millis(1_800));
    // It is the same, so that an answer to either fits.
    assert_eq!((stage.offers(NEW), by_box(&stage, NEW)), (1, 1));
    let failed = |said: &ToBox| matches!(said, ToBox::LinkFailed { .. });
    assert!(!stage.said().iter().any(failed));
}

#[test]
fn the_same_offer_by_two_ways_is_answered_twice_and_taken_once() {
    let mut stage = moved(PARENT);
    stage.link(PARTNER, relayed(YOUNG));
    stage.input(Input::LocalAnswer {
        peer: YOUNG,
        strand: 0,
        description: description(),
    });
    stage.outputs.clear();
    stage.tell(&ToNode::Signal {
        peer: YOUNG,
        signal: Signal::Offer(description()),
    });
    assert!(!answers(&stage, YOUNG));
    assert_eq!(by_box(&stage, YOUNG), 1);
    let other = Description {
        ufrag: "another".into(),
        ..description()
    };
    stage.tell(&ToNode::Signal {
        peer: YOUNG,
        signal: Signal::Offer(other),
    });
    assert!(answers(&stage, YOUNG));
}

#[test]
fn an_answer_goes_the_way_that_the_offer_came() {
    let mut stage = moved(PARENT);
    stage.link(PARTNER, relayed(YOUNG));
    assert!(answers(&stage, YOUNG));
    stage.input(Input::LocalAnswer {
        peer: YOUNG,
        strand: 0,
        description: description(),
    });
    let last = stage.sent(PARTNER);
    assert!(
        matches!(last.last(), Some(LinkMessage::Relay { to, .. }) if *to == YOUNG),
        "{last:?}"
    );
    assert_eq!(by_box(&stage, YOUNG), 0);
}

#[test]
fn nothing_is_taken_that_strangers_are_said_to_have_sent() {
    let mut stage = Stage::assigned();
    stage.link(PARTNER, relayed(YOUNG));
    stage.pass(Duration::from_secs(2));
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        wards: vec![YOUNG],
        ..place()
    }));
    assert!(!answers(&stage, YOUNG));
}

#[test]
fn a_signal_that_is_quicker_than_the_box_waits_for_it() {
    let mut stage = Stage::assigned();
    stage.link(PARTNER, relayed(YOUNG));
    stage.pass(Duration::from_millis(500));
    assert!(!answers(&stage, YOUNG));
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        wards: vec![YOUNG],
        ..place()
    }));
    assert!(answers(&stage, YOUNG));
}

#[test]
fn a_hub_passes_on_between_its_own_neighbours_only() {
    let mut stage = Stage::assigned();
    stage.link(CHILD, relay(PARENT));
    assert_eq!(stage.sent(PARENT).last(), Some(&relayed(CHILD)));
    for stranger in [NEW, NodeId(10), CHILD] {
        stage.outputs.clear();
        stage.link(CHILD, relay(stranger));
        assert!(stage.outputs.is_empty(), "{:?}", stage.outputs);
    }
}

#[test]
fn a_hub_does_not_let_itself_be_flooded() {
    let mut stage = Stage::assigned();
    for _ in 0..100 {
        stage.link(CHILD, relay(PARENT));
    }
    let passed = stage.sent(PARENT);
    let passed = passed.iter().filter(|m| **m == relayed(CHILD)).count();
    assert!((20..=40).contains(&passed), "{passed}");
}
