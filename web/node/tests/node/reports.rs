//! What the box hears of a neighbour that does not do its part.

use std::time::Duration;

use peerstream_node::Input;
use peerstream_wire::{Assignment, Complaint, LinkMessage, NodeId, ToBox, ToNode};

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage, place};

const RESERVE: NodeId = NodeId(2);
/// What has been played when it begins.
const LAST: u16 = 79;

fn reports(stage: &Stage) -> Vec<(NodeId, Complaint)> {
    let report = |said| match said {
        ToBox::Report {
            peer, complaint, ..
        } => Some((peer, complaint)),
        _ => None,
    };
    stage.said().into_iter().filter_map(report).collect()
}

fn playing() -> Stage {
    let mut stage = Stage::assigned();
    stage.tell_time();
    stage.begin(PARENT);
    stage.stream(PARENT, 1, LAST + 1);
    stage
}

#[test]
fn a_new_parent_that_gives_no_sign_of_life_is_reported_as_well() {
    let new = NodeId(5);
    let mut stage = playing();
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        parent: peerstream_wire::Parent::Node(new),
        ..place()
    }));
    stage.input(Input::LinkOpened {
        peer: new,
        strand: 0,
    });
    stage.pass(Duration::from_millis(900));
    assert!(!reports(&stage).contains(&(new, Complaint::Silent)));
    stage.pass(Duration::from_secs(3));
    assert!(reports(&stage).contains(&(new, Complaint::Silent)));
}

#[test]
fn a_silent_parent_is_reported() {
    let mut stage = playing();
    stage.pass(Duration::from_millis(300));
    assert_eq!(reports(&stage), [(PARENT, Complaint::Silent)]);
    let behind = stage.said().into_iter().find_map(|said| match said {
        ToBox::Report { behind_ms, .. } => Some(behind_ms),
        _ => None,
    });
    // The newest was captured as the stage's clock showed when the next one was due.
    let behind = behind.unwrap();
    assert!((100..400).contains(&behind), "{behind}");
}

#[test]
fn a_newcomer_complains_of_nobody_yet() {
    let mut stage = Stage::playing(30);
    stage.pass(Duration::from_millis(300));
    assert_eq!(stage.subscriptions(PARTNER), 1);
    assert_eq!(reports(&stage), []);
}

#[test]
fn a_withholding_parent_is_reported() {
    let mut stage = playing();
    for index in LAST + 1..LAST + 5 {
        stage.alive(PARENT, index);
        stage.pass(FRAGMENT);
    }
    assert_eq!(reports(&stage), [(PARENT, Complaint::Withholding)]);
    assert_eq!(stage.subscriptions(PARTNER), 1);
}

#[test]
fn a_late_parent_is_reported() {
    let mut stage = playing();
    for index in LAST + 1..LAST + 6 {
        stage.alive(PARENT, LAST);
        stage.alive(PARTNER, index);
        stage.pass(FRAGMENT);
    }
    assert_eq!(reports(&stage), [(PARENT, Complaint::Late)]);
    assert_eq!(stage.subscriptions(PARTNER), 1);
}

#[test]
fn a_forger_is_reported_at_once() {
    let mut stage = playing();
    let fragment = stage.media(LAST + 1);
    stage.link(PARENT, LinkMessage::Header(fragment.header.bytes.clone()));
    let at = fragment.at();
    let bytes = vec![1; fragment.part(0).unwrap().len()].into();
    stage.link(PARENT, LinkMessage::Part { at, part: 0, bytes });
    assert_eq!(reports(&stage), [(PARENT, Complaint::Forged)]);
}

#[test]
fn a_neighbour_that_floods_is_reported_once() {
    let mut stage = playing();
    for token in 0..1000 {
        stage.link(CHILD, LinkMessage::Ping(token));
    }
    assert_eq!(reports(&stage), [(CHILD, Complaint::Flooding)]);
}

#[test]
fn one_neighbour_is_reported_every_ten_seconds_at_most() {
    let mut stage = playing();
    let mut index = LAST + 1;
    let end = stage.now + Duration::from_secs(9);
    while stage.now < end {
        // Silent for 400 ms, in which the partner takes over, and back for as long.
        stage.pass(Duration::from_millis(400));
        stage.stream(PARENT, index, index + 5);
        index += 5;
    }
    assert_eq!(reports(&stage).len(), 1);
}

#[test]
fn a_page_that_was_frozen_accuses_nobody() {
    let mut stage = playing();
    stage.now += Duration::from_secs(20);
    stage.input(Input::Tick);
    // What came meanwhile is handed over after the first timer.
    for peer in [PARENT, PARTNER] {
        stage.alive(peer, LAST + 2);
    }
    for index in LAST + 1..LAST + 3 {
        let fragment = stage.media(index);
        stage.deliver(PARENT, &fragment);
    }
    stage.pass(Duration::from_millis(150));
    assert_eq!(reports(&stage), []);
    assert_eq!(stage.node.stats().takeovers, 0);
    assert!(
        !stage
            .said()
            .iter()
            .any(|said| matches!(said, ToBox::LinkFailed { .. }))
    );
}

/// Parent and partner both agree that nothing newer than this is to be had.
fn conspire(stage: &mut Stage, index: u16, rounds: usize) {
    for _ in 0..rounds {
        stage.alive(PARENT, index);
        stage.alive(PARTNER, index);
        stage.pass(FRAGMENT);
    }
}

fn with_reserve() -> Stage {
    let mut stage = playing();
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        reserve: Some(RESERVE),
        ..place()
    }));
    stage.input(Input::LinkOpened {
        peer: RESERVE,
        strand: 0,
    });
    stage
}

#[test]
fn when_parent_and_partner_hide_each_other_the_reserve_is_asked() {
    let mut stage = with_reserve();
    conspire(&mut stage, LAST, 20);
    assert_eq!(
        stage.subscriptions(RESERVE),
        0,
        "the source may have paused"
    );
    conspire(&mut stage, LAST, 15);
    assert_eq!(stage.subscriptions(RESERVE), 1);
    assert_eq!(reports(&stage), [], "there is no evidence yet");
    let now = u16::try_from(stage.now.as_millis() / FRAGMENT.as_millis()).unwrap();
    for index in LAST + 1..now + 20 {
        let fragment = stage.media(index);
        stage.deliver(RESERVE, &fragment);
        if index > now {
            conspire(&mut stage, LAST, 1);
        }
    }
    assert_eq!(stage.played().last(), Some(&(now + 19)));
    let reported = reports(&stage);
    assert!(
        reported.contains(&(PARENT, Complaint::Late)),
        "{reported:?}"
    );
    assert!(
        reported.contains(&(PARTNER, Complaint::Late)),
        "{reported:?}"
    );
}

#[test]
fn where_the_source_itself_stands_still_nobody_is_accused() {
    let mut stage = with_reserve();
    for _ in 0..125 {
        stage.alive(RESERVE, LAST);
        conspire(&mut stage, LAST, 1);
    }
    assert_eq!(reports(&stage), []);
    assert!(stage.subscriptions(RESERVE) <= 1);
    assert_eq!(stage.subscriptions(PARTNER), 0);
}

#[test]
fn a_parent_that_feeds_a_trickle_is_replaced() {
    let mut stage = with_reserve();
    for round in 0..50u16 {
        // Live goes on at full speed, and the parent passes on every fourth.
        let live = LAST + 1 + round;
        stage.alive(PARTNER, live);
        stage.alive(RESERVE, live);
        if round % 4 == 0 {
            let fragment = stage.media(LAST + 1 + round / 4);
            stage.deliver(PARENT, &fragment);
        }
        stage.pass(FRAGMENT);
    }
    assert!(stage.subscriptions(RESERVE) + stage.subscriptions(PARTNER) > 0);
}
