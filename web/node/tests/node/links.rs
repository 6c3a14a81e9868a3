//! How links end, and what the box hears of it.

use std::time::Duration;

use peerstream_node::Input;
use peerstream_wire::{
    Act, Assignment, Command, LinkMessage, NodeId, Parent, Signal, ToBox, ToNode, Trigger,
};

use crate::{
    signalling::description,
    stage::{CHILD, PARENT, PARTNER, Stage, place},
};

fn failures(stage: &Stage) -> Vec<NodeId> {
    let failed = |said| match said {
        ToBox::LinkFailed { peer } => Some(peer),
        _ => None,
    };
    stage.said().into_iter().filter_map(failed).collect()
}

#[test]
fn a_link_that_breaks_is_reported_once_and_tried_again_when_the_box_says_so() {
    let mut stage = Stage::assigned();
    stage.input(Input::LinkClosed {
        peer: PARENT,
        strand: 0,
    });
    stage.input(Input::LinkClosed {
        peer: PARENT,
        strand: 0,
    });
    stage.pass(Duration::from_secs(600));
    assert_eq!(failures(&stage), [PARENT]);
    assert_eq!(stage.offers(PARENT), 1);
    let act = Act::Parent(Parent::Node(PARENT));
    stage.tell(&change(2, act));
    assert_eq!(stage.offers(PARENT), 2);
    stage.pass(Duration::from_millis(3_100));
    assert_eq!(failures(&stage), [PARENT, PARENT], "another failure");
    // What concerns others changes nothing.
    stage.tell(&change(3, Act::Partner(None)));
    assert_eq!(stage.offers(PARENT), 2);
}

fn change(epoch: u32, act: Act) -> ToNode {
    let when = Trigger::Now;
    let commands = vec![Command { when, act }];
    let letters = Vec::new();
    ToNode::Change {
        epoch,
        commands,
        letters,
    }
}

#[test]
fn the_end_that_does_not_begin_leaves_the_report_to_the_other() {
    let mut stage = Stage::new();
    stage.tell(&ToNode::Assign(place()));
    stage.pass(Duration::from_millis(3_500));
    assert_eq!(failures(&stage), [PARENT, PARTNER]);
    stage.pass(Duration::from_millis(600));
    assert_eq!(
        failures(&stage),
        [PARENT, PARTNER, CHILD],
        "unless that is dead"
    );
    stage.pass(Duration::from_secs(1));
    assert_eq!(stage.offers(CHILD), 0);
}

/// A node with a place, whose parent has answered its offer.
fn answered() -> Stage {
    let mut stage = Stage::new();
    stage.tell(&ToNode::Assign(place()));
    stage.pass(Duration::from_millis(500));
    stage.tell(&ToNode::Signal {
        peer: PARENT,
        signal: Signal::Answer(description()),
    });
    stage
}

#[test]
fn after_the_answer_there_is_only_the_handshake_to_wait_for() {
    let mut stage = answered();
    stage.pass(Duration::from_millis(1_450));
    assert_eq!(failures(&stage), []);
    stage.pass(Duration::from_millis(100));
    assert_eq!(failures(&stage), [PARENT]);
}

#[test]
fn a_page_that_was_frozen_gives_the_handshake_its_time() {
    let mut stage = answered();
    stage.now += Duration::from_secs(20);
    stage.input(Input::Tick);
    stage.pass(Duration::from_millis(1_400));
    assert_eq!(failures(&stage), []);
    stage.pass(Duration::from_millis(200));
    assert_eq!(failures(&stage), [PARENT]);
}

#[test]
fn what_the_box_has_changed_itself_is_no_failure() {
    let mut stage = Stage::assigned();
    stage.tell(&change(2, Act::Partner(None)));
    stage.input(Input::LinkClosed {
        peer: PARTNER,
        strand: 0,
    });
    assert_eq!(failures(&stage), []);
}

#[test]
fn a_farewell_is_no_failure_and_not_tried_again() {
    let mut stage = Stage::assigned();
    stage.link(PARTNER, LinkMessage::Goodbye);
    stage.input(Input::LinkClosed {
        peer: PARTNER,
        strand: 0,
    });
    stage.pass(Duration::from_secs(60));
    assert_eq!(failures(&stage), []);
    assert_eq!(stage.offers(PARTNER), 1);
}

#[test]
fn a_parent_that_takes_its_leave_is_replaced_at_once() {
    let mut stage = Stage::playing(20);
    stage.link(PARENT, LinkMessage::Goodbye);
    assert_eq!(stage.subscriptions(PARTNER), 1);
}

#[test]
fn a_parent_whose_link_closes_is_replaced_at_once() {
    let mut stage = Stage::playing(20);
    stage.input(Input::LinkClosed {
        peer: PARENT,
        strand: 0,
    });
    assert_eq!(stage.subscriptions(PARTNER), 1);
}

#[test]
fn a_page_that_goes_says_so_to_its_neighbours_and_then_to_the_box() {
    let mut stage = Stage::assigned();
    stage.outputs.clear();
    stage.input(Input::PageHidden);
    for peer in [PARENT, PARTNER, CHILD] {
        assert!(stage.sent(peer).contains(&LinkMessage::Goodbye));
    }
    assert_eq!(stage.said(), [ToBox::Leave]);
    let last = stage.outputs.back();
    assert!(matches!(last, Some(peerstream_node::Output::Control(_))));
}

/// The child is fed, and is assigned no more.
fn without_child() -> Stage {
    let mut stage = Stage::assigned();
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        children: vec![],
        ..place()
    }));
    stage
}

fn is_closed(stage: &Stage) -> bool {
    let ends = |output: &peerstream_node::Output| matches!(output, peerstream_node::Output::CloseLink { peer } if *peer == CHILD);
    stage.outputs.iter().any(ends)
}

#[test]
fn what_is_assigned_no_more_goes_on_for_a_while() {
    let mut stage = without_child();
    stage.link(CHILD, LinkMessage::Unsubscribe);
    stage.pass(Duration::from_secs(29));
    assert!(!is_closed(&stage));
    assert!(!stage.sent(CHILD).contains(&LinkMessage::Goodbye));
    stage.pass(Duration::from_millis(1_500));
    assert!(stage.sent(CHILD).contains(&LinkMessage::Goodbye));
    assert!(!is_closed(&stage), "the word has to arrive");
    stage.pass(Duration::from_secs(1));
    assert!(is_closed(&stage));
}

#[test]
fn who_is_still_fed_is_let_go_when_it_has_found_another_or_after_a_minute() {
    let mut stage = without_child();
    stage.pass(Duration::from_secs(40));
    assert!(!is_closed(&stage));
    stage.link(CHILD, LinkMessage::Unsubscribe);
    stage.pass(Duration::from_millis(1_500));
    assert!(is_closed(&stage));

    let mut stage = without_child();
    stage.pass(Duration::from_secs(80));
    assert!(!is_closed(&stage));
    stage.pass(Duration::from_secs(13));
    assert!(is_closed(&stage));
}
