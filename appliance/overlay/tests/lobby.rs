//! Newcomers while the uplink is short: let in one after the other, after all that is more
//! urgent, and none forgotten.

mod audience;

use core::time::Duration;
use std::collections::BTreeSet;

use audience::Audience;
use peerstream_overlay::{Misbehaved, Newcomer, Output, defaults};
use peerstream_wire::{NodeId, Notice, Signal, ToBox, ToNode};

/// Bytes that any message takes.
const MESSAGE: u64 = 100;

/// Polls as often as an uplink of so many bit/s sends, for so long; who has been welcomed.
fn pass(audience: &mut Audience, bits_per_s: u64, time: Duration) -> Vec<NodeId> {
    let step = Duration::from_secs_f64(MESSAGE as f64 * 8.0 / bits_per_s as f64);
    let end = audience.now + time;
    let mut welcomed = Vec::new();
    while audience.now < end {
        audience.now += step;
        audience.coordinator.timeout(audience.now);
        match audience.coordinator.poll_output() {
            Some(Output::Welcome { node }) => {
                audience.coordinator.sent(audience.now, node, MESSAGE);
                welcomed.push(node);
            }
            Some(Output::Send { to, message }) => {
                audience.coordinator.sent(audience.now, to, MESSAGE);
                if let ToNode::Notice(notice) = message {
                    audience.notices.push((to, notice));
                }
            }
            _ => {}
        }
    }
    welcomed
}

fn crowd(audience: &mut Audience, count: usize) -> Vec<NodeId> {
    (0..count)
        .map(|_| audience.coordinator.join(audience.now, Newcomer::default()))
        .collect()
}

#[test]
fn with_room_enough_nobody_waits() {
    let mut audience = Audience::of(1, 100);
    audience.coordinator.set_uplink(0, 1_000_000_000);
    let node = audience.join();
    assert!(audience.told.contains_key(&node));
    assert_eq!(audience.coordinator.status().queued, 0);
    assert!(audience.notices.is_empty());
}

#[test]
fn a_crowd_is_let_in_in_order_and_nobody_is_lost() {
    let mut audience = Audience::of(1, 100);
    audience.coordinator.set_uplink(0, 1_000_000);
    let crowd = crowd(&mut audience, 2_000);
    let first = pass(&mut audience, 1_000_000, Duration::from_secs(2));
    assert!((50..1_000).contains(&first.len()), "{}", first.len());
    let status = audience.coordinator.status();
    assert_eq!(
        (status.viewers, status.queued),
        (2_100, 2_000 - first.len())
    );
    let told: BTreeSet<NodeId> = audience.notices.iter().map(|(node, _)| *node).collect();
    assert!(told.len() > 20, "{} know that they wait", told.len());
    let places = audience.notices.iter().map(|(node, notice)| match notice {
        Notice::Queued { ahead } => (*node, *ahead),
        _ => panic!("{notice:?}"),
    });
    for (node, ahead) in places {
        assert!(ahead > 0 && ahead < node.0, "{ahead} before {node:?}");
    }

    let mut welcomed = first;
    while audience.coordinator.status().queued > 0 {
        assert!(
            audience.now < Duration::from_secs(120),
            "somebody waits for ever"
        );
        welcomed.extend(pass(&mut audience, 1_000_000, Duration::from_secs(1)));
    }
    welcomed.extend(pass(&mut audience, 1_000_000, Duration::from_secs(1)));
    assert_eq!(welcomed, crowd);
}

#[test]
fn repairs_go_before_newcomers() {
    let mut audience = Audience::of(1, 1_000);
    audience.coordinator.set_uplink(0, 500_000);
    for node in audience.nodes().iter().step_by(10) {
        audience.vanish(*node);
    }
    crowd(&mut audience, 100);
    let mut repairs = 0;
    while let Some(output) = audience.coordinator.poll_output() {
        match output {
            Output::Send {
                message: ToNode::Change { .. },
                ..
            } => repairs += 1,
            Output::Welcome { .. } => break,
            _ => {}
        }
    }
    assert!(repairs > 100, "{repairs} changes before the first newcomer");
}

#[test]
fn the_second_feed_ends_while_words_wait_and_returns_even_if_few_are_left() {
    let mut audience = Audience::of(1, 300);
    let feeds = |audience: &Audience| audience.coordinator.status().feeds;
    audience.coordinator.set_uplink(5_000_000, 5_000_000);
    let node = audience.nodes()[20];
    audience.leave(node);
    assert_eq!(feeds(&audience), 2);
    // Nobody takes what is to be said of this one.
    let node = audience.nodes()[20];
    audience.coordinator.leave(audience.now, node);
    audience.now += defaults::FEEDS_YIELD;
    audience.coordinator.timeout(audience.now);
    audience.coordinator.set_uplink(5_000_000, 5_000_000);
    assert_eq!(feeds(&audience), 1);
    audience.told.remove(&node);
    audience.deliver();
    assert_eq!(audience.feeds.len(), 1);
    for node in audience.nodes().into_iter().skip(50) {
        audience.leave(node);
    }
    for _ in 0..2 * defaults::FEEDS_RETURN.as_secs() {
        audience.now += Duration::from_secs(1);
        audience.coordinator.timeout(audience.now);
        audience.coordinator.set_uplink(2_500_000, 7_500_000);
        audience.deliver();
    }
    assert_eq!((feeds(&audience), audience.feeds.len()), (2, 2));
}

#[test]
fn who_waits_may_leave_and_can_do_nothing_else() {
    let mut audience = Audience::of(1, 100);
    audience.coordinator.set_uplink(0, 1_000_000);
    let crowd = crowd(&mut audience, 500);
    let (last, before) = (crowd[499], crowd[498]);
    let now = audience.now;
    let mut say = |node, message| audience.coordinator.message(now, node, message);
    let signal = Signal::Candidates(Vec::new());
    let peer = NodeId(1);
    assert_eq!(say(last, ToBox::Signal { peer, signal }), Ok(()));
    assert_eq!(say(last, ToBox::LinkFailed { peer }), Ok(()));
    assert_eq!(say(last, ToBox::Capacity { copies: 3 }), Ok(()));
    assert_eq!(say(last, ToBox::Leave), Ok(()));
    assert_eq!(say(last, ToBox::Alive), Err(Misbehaved::NotJoined(last)));
    let flood = (0..10_000).find_map(|_| say(before, ToBox::Alive).err());
    assert_eq!(flood, Some(Misbehaved::Flooding(before)));
    audience.coordinator.leave(now, before);
    assert_eq!(audience.coordinator.status().queued, 498);
    let mut welcomed = Vec::new();
    while audience.coordinator.status().queued > 0 {
        welcomed.extend(pass(&mut audience, 1_000_000, Duration::from_secs(1)));
    }
    welcomed.extend(pass(&mut audience, 1_000_000, Duration::from_secs(1)));
    assert_eq!(welcomed, crowd[..498]);
}
