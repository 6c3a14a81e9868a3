//! Who feeds a node when its parent does not.

use std::time::Duration;

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage, place};
use peerstream_node::Input;
use peerstream_wire::{Assignment, LinkMessage, NodeId, Parent, ToBox, ToNode};

#[test]
fn a_parent_that_delivers_keeps_its_child() {
    let stage = Stage::playing(60);
    assert_eq!(stage.subscriptions(PARENT), 1);
    assert_eq!(stage.subscriptions(PARTNER), 0);
    assert_eq!(stage.node.stats().takeovers, 0);
}

#[test]
fn the_partner_takes_over_from_a_silent_parent_and_gives_back() {
    let mut stage = Stage::playing(30);
    stage.pass(Duration::from_millis(250));
    assert_eq!(stage.subscriptions(PARTNER), 1, "2 L are over");
    stage.stream(PARTNER, 30, 60);
    assert_eq!(stage.played().len(), 59);
    assert_eq!(stage.subscriptions(PARENT), 1);
    stage.alive(PARENT, 59);
    assert_eq!(stage.subscriptions(PARENT), 2, "it has caught up");
    stage.stream(PARENT, 60, 62);
    assert!(
        stage.sent(PARTNER).contains(&LinkMessage::Unsubscribe),
        "the parent is back"
    );
}

#[test]
fn a_node_below_a_takeover_waits() {
    let mut stage = Stage::playing(30);
    // The parent is an orphan itself: it lives, and says that it has nothing newer.
    for _ in 0..3 {
        stage.pass(Duration::from_millis(60));
        stage.alive(PARENT, 29);
    }
    assert_eq!(stage.subscriptions(PARTNER), 0);
}

#[test]
fn whom_nobody_feeds_says_so_once_in_each_outage() {
    let cries = |stage: &Stage| {
        let said = stage.said();
        said.iter().filter(|said| **said == ToBox::Unfed).count()
    };
    let mut stage = Stage::playing(30);
    stage.input(Input::LinkClosed {
        peer: PARENT,
        strand: 0,
    });
    stage.pass(Duration::from_millis(900));
    assert_eq!(cries(&stage), 0, "the partner may help");
    stage.pass(Duration::from_secs(4));
    assert_eq!(cries(&stage), 1);
    stage.stream(PARTNER, 30, 40);
    stage.pass(Duration::from_secs(4));
    assert_eq!(cries(&stage), 2);
}

#[test]
fn below_an_outage_nobody_cries() {
    let mut stage = Stage::playing(30);
    for _ in 0..50 {
        stage.pass(Duration::from_millis(60));
        stage.alive(PARENT, 29);
    }
    assert!(!stage.said().contains(&ToBox::Unfed));
}

#[test]
fn the_old_parent_feeds_until_the_new_one_does() {
    let new = NodeId(5);
    let mut stage = Stage::playing(10);
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        parent: Parent::Node(new),
        ..place()
    }));
    stage.stream(PARENT, 10, 15);
    assert!(!stage.sent(PARENT).contains(&LinkMessage::Unsubscribe));
    stage.input(Input::LinkOpened {
        peer: new,
        strand: 0,
    });
    // Not before it has said that it has come up to its own place.
    assert_eq!(stage.subscriptions(new), 0);
    stage.alive(new, 14);
    assert_eq!(stage.subscriptions(new), 1);
    stage.stream(new, 15, 17);
    assert!(stage.sent(PARENT).contains(&LinkMessage::Unsubscribe));
    assert_eq!(stage.played().len(), 16);
    assert_eq!(stage.node.stats().takeovers, 0);
}

/// The reserve in [`with_reserve`].
const RESERVE: NodeId = NodeId(2);
/// The parent that is to be in [`with_new_parent`].
const NEW: NodeId = NodeId(5);

/// It plays, and has a link with a reserve.
fn with_reserve() -> Stage {
    with(
        Assignment {
            reserve: Some(RESERVE),
            ..place()
        },
        RESERVE,
    )
}

/// It plays, and has a link with a parent that does not feed it yet.
fn with_new_parent() -> Stage {
    with(
        Assignment {
            parent: Parent::Node(NEW),
            ..place()
        },
        NEW,
    )
}

fn with(place: Assignment, peer: NodeId) -> Stage {
    let mut stage = Stage::playing(30);
    stage.tell(&ToNode::Assign(Assignment { epoch: 2, ..place }));
    stage.input(Input::LinkOpened { peer, strand: 0 });
    stage
}

#[test]
fn a_helper_without_room_is_not_waited_for() {
    let mut stage = with_reserve();
    stage.alive(PARTNER, 30);
    stage.pass(Duration::from_millis(220));
    assert_eq!(stage.subscriptions(PARTNER), 1);
    stage.link(PARTNER, LinkMessage::Decline);
    assert_eq!(stage.subscriptions(RESERVE), 1);
}

#[test]
fn of_two_who_ask_each_other_one_may_stop() {
    let mut stage = Stage::playing(30);
    stage.pass(Duration::from_millis(220));
    stage.link(PARTNER, LinkMessage::Subscribe { after: None });
    stage.link(PARTNER, LinkMessage::Unsubscribe);
    let before = stage.sent(PARTNER).len();
    stage.stream(PARTNER, 30, 60);
    assert_eq!(stage.subscriptions(PARTNER), 1);
    stage.alive(PARENT, 59);
    stage.stream(PARENT, 60, 62);
    let sent = stage.sent(PARTNER).split_off(before);
    assert!(
        sent.contains(&LinkMessage::Unsubscribe),
        "it has fed until now"
    );
}

/// Each end of a link may feed the other: that one declines says nothing about what it gets.
#[test]
fn a_child_that_declines_is_still_fed() {
    let mut stage = Stage::playing(10);
    stage.link(CHILD, LinkMessage::Decline);
    stage.drained(CHILD);
    let before = stage.sent(CHILD).len();
    stage.stream(PARENT, 10, 11);
    assert!(stage.sent(CHILD).len() >= before + 4);
}

#[test]
fn a_parent_that_has_more_and_sends_nothing_is_asked_again() {
    let mut stage = Stage::playing(20);
    let before = stage.subscriptions(PARENT);
    for index in 20..60 {
        // The partner fills in, as far as that goes.
        stage.alive(PARENT, index);
        stage.pass(FRAGMENT);
    }
    let asked = stage.subscriptions(PARENT) - before;
    assert!((1..=4).contains(&asked), "{asked} times in 3.2 s");
}

#[test]
fn garbage_from_a_neighbour_costs_only_that_neighbour() {
    let mut stage = Stage::playing(5);
    for length in 0..200usize {
        let bytes = vec![u8::try_from(length).unwrap(); length];
        stage.input(Input::LinkMessage {
            peer: CHILD,
            bytes: bytes.into(),
        });
    }
    stage.stream(PARENT, 5, 10);
    assert_eq!(stage.played().len(), 9);
}

#[test]
fn a_partner_that_holds_no_more_is_asked_last() {
    let mut stage = with_reserve();
    stage.alive(RESERVE, 29);
    stage.pass(Duration::from_millis(190));
    stage.alive(PARTNER, 29);
    stage.pass(Duration::from_millis(50));
    assert_eq!(
        (stage.subscriptions(RESERVE), stage.subscriptions(PARTNER)),
        (1, 0)
    );
}

#[test]
fn who_is_far_behind_is_not_turned_to_while_others_feed() {
    let mut stage = with_new_parent();
    // 800 ms behind.
    stage.alive(NEW, 20);
    stage.stream(PARENT, 30, 40);
    assert_eq!(stage.subscriptions(NEW), 0);
    stage.alive(NEW, 40);
    assert_eq!(stage.subscriptions(NEW), 1);
}

#[test]
fn who_stays_behind_is_turned_to_in_the_end() {
    let mut stage = with_new_parent();
    let until = stage.now + Duration::from_millis(12_100);
    for at in 30..300 {
        if stage.now >= until {
            break;
        }
        stage.alive(NEW, at - 10);
        stage.stream(PARENT, at, at + 1);
    }
    assert!(stage.now >= until);
    assert_eq!(stage.subscriptions(NEW), 1);
}

#[test]
fn another_is_asked_soon_where_the_first_holds_no_more() {
    let asked = |claim: u16| {
        let mut stage = with_reserve();
        stage.alive(RESERVE, 29);
        stage.alive(PARTNER, claim);
        let mut times = Vec::new();
        while times.len() < 2 {
            let asked = stage.subscriptions(PARTNER) + stage.subscriptions(RESERVE);
            if asked > times.len() {
                times.push(stage.now);
            }
            stage.pass(Duration::from_millis(10));
        }
        times[1] - times[0]
    };
    let (hopeful, hopeless) = (asked(30), asked(29));
    assert!(hopeful >= Duration::from_millis(190), "{hopeful:?}");
    assert!(hopeless <= Duration::from_millis(170), "{hopeless:?}");
}
