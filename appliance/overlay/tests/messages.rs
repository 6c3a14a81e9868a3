//! What nodes are told, and what comes of what they say.

mod audience;

use core::time::Duration;

use audience::{Audience, Event, events};
use peerstream_overlay::{Misbehaved, defaults};
use peerstream_wire::{NodeId, PROTOCOL, Parent, Signal, ToBox};
use proptest::prelude::*;

/// Does not grow with the audience.
const MOST_ASSIGNMENTS: usize = 64;

proptest! {
    #[test]
    fn every_change_is_told(root_pairs in 1..=4u16, events in events()) {
        let mut audience = Audience::new(root_pairs);
        for event in &events {
            let before = audience.told.clone();
            audience.happen(event);
            for (node, told) in &audience.told {
                prop_assert_eq!(Some(told.clone()), audience.coordinator.assignment(*node));
                if let Some(before) = before.get(node) {
                    prop_assert!(told.epoch <= before.epoch + 1, "told once");
                }
            }
        }
    }

    #[test]
    fn an_event_costs_few_messages_whatever_the_audience(
        size in 0..3000usize, root_pairs in 1..=4u16, events in events(),
    ) {
        let mut audience = Audience::of(root_pairs, size);
        for event in &events {
            let assignments = audience.happen(event);
            prop_assert!(assignments <= MOST_ASSIGNMENTS, "{} assignments", assignments);
        }
    }

    #[test]
    fn changes_that_are_not_polled_fold(root_pairs in 1..=4u16, events in events()) {
        let mut audience = Audience::of(root_pairs, 20);
        let mut living = audience.nodes();
        for event in &events {
            match event {
                Event::Join => living.push(audience.coordinator.join(audience.now)),
                Event::Leave(rank) => {
                    let Some(rank) = rank.checked_rem(living.len()) else { continue };
                    audience.coordinator.leave(audience.now, living.swap_remove(rank));
                }
            }
        }
        audience.told.retain(|node, _| living.contains(node));
        audience.feeds.retain(|node| living.contains(node));
        let assignments = audience.deliver();
        prop_assert!(assignments <= living.len());
        for node in living {
            prop_assert_eq!(audience.told.get(&node).cloned(), audience.coordinator.assignment(node));
        }
    }

    #[test]
    fn nothing_that_a_node_says_panics(
        size in 0..40usize,
        says in prop::collection::vec((0..60u32, 0..60u32, 0..5u8, 0..20_000u64), 0..60),
    ) {
        let mut audience = Audience::of(1, size);
        for (from, peer, kind, millis) in says {
            let peer = NodeId(if peer == 59 { u32::MAX } else { peer });
            let message = match kind {
                0 => ToBox::Join { protocol: PROTOCOL },
                1 => ToBox::Clock { sent: 7 },
                2 => ToBox::Signal { peer, signal: hello() },
                3 => ToBox::LinkFailed { peer },
                _ => ToBox::Leave,
            };
            // Time does not step back, but nothing breaks if it does.
            let now = Duration::from_millis(millis);
            let leaves = message == ToBox::Leave;
            let known = audience.told.contains_key(&NodeId(from));
            let said = audience.coordinator.message(now, NodeId(from), message);
            prop_assert_eq!(known, said != Err(Misbehaved::NotJoined(NodeId(from))));
            if leaves {
                audience.told.remove(&NodeId(from));
                audience.feeds.remove(&NodeId(from));
            }
            audience.coordinator.timeout(now);
            audience.deliver();
            for (node, told) in &audience.told {
                prop_assert_eq!(Some(told.clone()), audience.coordinator.assignment(*node));
            }
        }
    }
}

#[test]
fn signals_go_to_assigned_peers_only() {
    let mut audience = Audience::of(1, 30);
    audience.now = Duration::from_secs(60);
    let nodes = audience.nodes();
    for &from in &nodes {
        let peers: Vec<NodeId> = audience.told[&from].peers().collect();
        for &peer in &nodes {
            let said = signal(&mut audience, from, peer);
            if peers.contains(&peer) {
                assert_eq!(said, Ok(()));
                assert_eq!(audience.signals.pop(), Some((peer, from, hello())));
            } else {
                assert_eq!(said, Err(Misbehaved::NotLinked(peer)));
            }
            assert!(audience.signals.is_empty());
        }
    }
}

#[test]
fn a_late_signal_is_no_offence() {
    let mut audience = Audience::of(1, 2);
    audience.now = Duration::from_secs(60);
    let (leaver, third, fourth) = (audience.nodes()[0], audience.join(), audience.join());
    let fifth = audience.join();
    assert_eq!(audience.told[&fourth].reserve, Some(leaver));
    // To one that has left.
    audience.leave(leaver);
    assert_eq!(signal(&mut audience, fourth, leaver), Ok(()));
    // To one that is another's child by now.
    audience.leave(fourth);
    let peers: Vec<NodeId> = audience.told[&fifth].peers().collect();
    let stranger = audience
        .nodes()
        .into_iter()
        .find(|n| *n != fifth && !peers.contains(n));
    if let Some(stranger) = stranger {
        assert_eq!(signal(&mut audience, fifth, stranger), Ok(()));
    }
    assert!(audience.signals.is_empty());
    assert!(audience.told.contains_key(&third));
}

#[test]
fn a_stranger_is_an_offence_once_the_dust_has_settled() {
    let mut audience = Audience::of(1, 30);
    let (first, last) = (audience.nodes()[0], audience.nodes()[29]);
    audience.now = defaults::STRAY_GRACE;
    assert_eq!(signal(&mut audience, last, first), Ok(()));
    audience.now += Duration::from_millis(1);
    assert_eq!(
        signal(&mut audience, last, first),
        Err(Misbehaved::NotLinked(first))
    );
    let nobody = NodeId(31);
    assert_eq!(
        signal(&mut audience, last, nobody),
        Err(Misbehaved::NoSuchPeer(nobody))
    );
    let gone = audience.nodes()[15];
    audience.leave(gone);
    audience.now += Duration::from_secs(3600);
    assert_eq!(signal(&mut audience, last, gone), Ok(()));
    assert!(audience.signals.is_empty());
}

#[test]
fn assignments_go_before_signals() {
    let mut audience = Audience::of(1, 2);
    let [first, second] = audience.nodes()[..] else {
        panic!("two nodes")
    };
    // The newcomer is told of its peers although their signals have come before.
    let signalled = ToBox::Signal {
        peer: second,
        signal: hello(),
    };
    audience
        .coordinator
        .message(audience.now, first, signalled)
        .expect("partners");
    audience.coordinator.join(audience.now);
    let first_output = audience.coordinator.poll_output();
    let is_assign = |output: &peerstream_overlay::Output| {
        matches!(
            output,
            peerstream_overlay::Output::Send {
                message: peerstream_wire::ToNode::Assign(_),
                ..
            }
        )
    };
    assert!(
        first_output.as_ref().is_some_and(is_assign),
        "{first_output:?}"
    );
}

#[test]
fn a_failed_parent_link_is_tried_again_and_ever_more_rarely() {
    let mut audience = Audience::of(1, 3);
    let child = audience.nodes()[2];
    let Parent::Node(parent) = audience.told[&child].parent else {
        panic!("has a parent")
    };
    let mut waits = Vec::new();
    for _ in 0..8 {
        let before = audience.told.clone();
        let failed_at = audience.now;
        fail(&mut audience, child, parent);
        fail(&mut audience, child, parent);
        let due = audience.coordinator.poll_timeout().expect("a retry");
        audience.now = due;
        audience.coordinator.timeout(due);
        assert_eq!(audience.deliver(), 2, "both ends are told");
        for node in [child, parent] {
            assert_eq!(audience.told[&node].epoch, before[&node].epoch + 1);
        }
        assert_eq!(audience.coordinator.poll_timeout(), None);
        waits.push((due - failed_at).as_secs());
    }
    assert_eq!(waits, [3, 6, 12, 24, 48, 96, 96, 96]);
    assert_eq!(audience.coordinator.status().link_failures, 16);
}

#[test]
fn a_failed_reserve_link_is_only_counted() {
    let mut audience = Audience::of(1, 4);
    let child = audience.nodes()[2];
    let reserve = audience.told[&child].reserve.expect("a reserve");
    fail(&mut audience, child, reserve);
    assert_eq!(audience.coordinator.poll_timeout(), None);
    assert_eq!(audience.coordinator.status().link_failures, 1);
}

#[test]
fn leave_is_a_message_too() {
    let mut audience = Audience::of(1, 5);
    let nodes = audience.nodes();
    assert_eq!(
        audience
            .coordinator
            .message(audience.now, nodes[0], ToBox::Leave),
        Ok(())
    );
    assert_eq!(audience.coordinator.assignment(nodes[0]), None);
    assert_eq!(audience.coordinator.status().viewers, 4);
}

fn signal(audience: &mut Audience, from: NodeId, peer: NodeId) -> Result<(), Misbehaved> {
    let message = ToBox::Signal {
        peer,
        signal: hello(),
    };
    let said = audience.coordinator.message(audience.now, from, message);
    audience.deliver();
    said
}

fn fail(audience: &mut Audience, from: NodeId, peer: NodeId) {
    let message = ToBox::LinkFailed { peer };
    audience
        .coordinator
        .message(audience.now, from, message)
        .expect("linked");
    assert_eq!(audience.deliver(), 0, "nothing at once");
}

fn hello() -> Signal {
    Signal::Candidates(Vec::new())
}
