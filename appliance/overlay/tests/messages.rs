//! What nodes are told, and what comes of what they say.

mod audience;

use core::time::Duration;

use audience::{Audience, Event, events};
use peerstream_overlay::{Misbehaved, Network, Newcomer, Output, defaults};
use peerstream_wire::{Complaint, NodeId, PROTOCOL, Signal, ToBox, ToNode};
use proptest::prelude::*;

/// Does not grow with the audience.
const MOST_ASSIGNMENTS: usize = 64;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_change_is_told(root_pairs in 1..=4u16, events in events()) {
        let mut audience = Audience::new(root_pairs);
        for event in &events {
            let before = audience.told.clone();
            audience.happen(event);
            prop_assert_eq!(audience.known(), audience.meant());
            for (node, told) in &audience.told {
                if let Some(before) = before.get(node) {
                    prop_assert!(told.epoch <= before.epoch + 1, "told once");
                }
            }
        }
    }

    /// Capacities that come and go, links that fail and complaints as well, and a box that
    /// has a word to say only now and then.
    #[test]
    fn whatever_happens_everybody_knows_its_place(
        doings in prop::collection::vec((0..10u8, any::<u16>(), 0..5u8, any::<bool>()), 0..150),
    ) {
        let mut audience = Audience::of(1, 20);
        for (doing, who, copies, speaks) in doings {
            audience.now += Duration::from_millis(700);
            let nodes: Vec<NodeId> = audience.nodes();
            let node = nodes.get(usize::from(who).checked_rem(nodes.len()).unwrap_or(0)).copied();
            let peers = |node| audience.coordinator.assignment(node).into_iter().flat_map(|place| {
                place.peers().collect::<Vec<NodeId>>()
            });
            let peer = node.and_then(|node| peers(node).nth(usize::from(copies)));
            match (doing, node, peer) {
                (0..=2, _, _) | (_, None, _) => {
                    let network = Network { address: u64::from(who % 50), prefix: 0 };
                    audience.coordinator.join(audience.now, Newcomer { network, copies });
                }
                (3..=4, Some(node), _) => audience.vanish(node),
                (5, Some(from), Some(peer)) => {
                    let _ = audience.coordinator.message(audience.now, from, ToBox::LinkFailed { peer });
                }
                (6, Some(from), Some(peer)) => {
                    let complaint = Complaint::Late;
                    let late = ToBox::Report { peer, complaint, behind_ms: 500 };
                    let _ = audience.coordinator.message(audience.now, from, late);
                }
                (_, Some(node), _) => {
                    let _ = audience.coordinator.message(audience.now, node, ToBox::Capacity { copies });
                }
            }
            audience.coordinator.timeout(audience.now);
            if speaks {
                audience.deliver();
                let (mut known, meant) = (audience.known(), audience.meant());
                // Who has to wait has been told so, and keeps what it had.
                let waits = |node: &NodeId| !meant.contains_key(node);
                let mut waiting = known.keys().filter(|node| waits(node));
                let told = |node: &NodeId| audience.notices.iter().any(|(to, _)| to == node);
                prop_assert!(waiting.all(told));
                known.retain(|node, _| !waits(node));
                prop_assert_eq!(known, meant);
            }
        }
    }

    #[test]
    fn an_event_costs_few_messages_whatever_the_audience(
        size in 0..600usize, root_pairs in 1..=4u16, events in events(),
    ) {
        let mut audience = Audience::of(root_pairs, size);
        for event in &events {
            let assignments = audience.happen(event);
            prop_assert!(assignments <= MOST_ASSIGNMENTS, "{} assignments", assignments);
        }
    }

    /// Whoever makes an offer has a hub that is linked with whom it is for, or will be.
    #[test]
    fn hubs_know_both_ends(root_pairs in 1..=3u16, events in events()) {
        hubs(root_pairs, &events)?;
    }

    #[test]
    fn changes_that_are_not_polled_fold(root_pairs in 1..=4u16, events in events()) {
        let mut audience = Audience::of(root_pairs, 20);
        let mut living = audience.nodes();
        for event in &events {
            match event {
                Event::Join => living.push(audience.coordinator.join(audience.now, Newcomer::default())),
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
        prop_assert_eq!(audience.known(), audience.meant());
    }

    #[test]
    fn nothing_that_a_node_says_panics(
        size in 0..40usize,
        says in prop::collection::vec((0..60u32, 0..60u32, 0..10u8, 0..20_000u64), 0..60),
    ) {
        let mut audience = Audience::of(1, size);
        for (from, peer, kind, millis) in says {
            let peer = NodeId(if peer == 59 { u32::MAX } else { peer });
            let message = match kind {
                0 => ToBox::Join { protocol: PROTOCOL, copies: 2, held: None },
                1 => ToBox::Clock { sent: 7 },
                2 => ToBox::Signal { peer, signal: hello() },
                3 => ToBox::LinkFailed { peer },
                4 => ToBox::Capacity { copies: (millis % 7) as u8 },
                5 => ToBox::Alive,
                6 => report(peer, Complaint::Forged),
                7 => report(peer, Complaint::Silent),
                8 => ToBox::Unfed,
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
            prop_assert_eq!(audience.known(), audience.meant());
        }
    }
}

#[test]
fn signals_go_to_assigned_peers_only() {
    let mut audience = Audience::of(1, 30);
    audience.now = defaults::STRAY_GRACE * 2;
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
fn what_a_node_is_to_be_told_goes_before_signals_for_it() {
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
    audience.coordinator.join(audience.now, Newcomer::default());
    audience.deliver();
    let to = |output: &Output, to: NodeId| matches!(output, Output::Send { to: node, .. } if *node == to);
    let is_signal = |output: &Output| {
        matches!(
            output,
            Output::Send {
                message: ToNode::Signal { .. },
                ..
            }
        )
    };
    let signal = audience
        .outputs
        .iter()
        .position(is_signal)
        .expect("passed on");
    let receiver = audience.signals[0].0;
    let later = &audience.outputs[signal + 1..];
    assert!(
        !later.iter().any(|output| to(output, receiver)),
        "{:?}",
        audience.outputs
    );
}

#[test]
fn who_says_too_much_is_told_off_and_nothing_comes_of_it() {
    let mut audience = Audience::of(1, 30);
    let (from, peer) = (
        NodeId(30),
        audience.told[&NodeId(30)].partner.expect("even"),
    );
    let refused = Err(Misbehaved::Flooding(from));
    let said = (0..10_000).position(|_| signal(&mut audience, from, peer) == refused);
    assert_eq!(said, Some(usize::from(defaults::ALLOWANCE)));
    // A complaint costs more than a signal, and nobody else pays for it.
    assert_eq!(signal(&mut audience, peer, from), Ok(()));
    audience.now += Duration::from_secs(1);
    let before = audience.coordinator.status();
    let complain = |audience: &mut Audience| {
        let message = report(peer, Complaint::Silent);
        audience.coordinator.message(audience.now, from, message)
    };
    let said = (0..10_000).position(|_| complain(&mut audience) == refused);
    assert_eq!(said, Some(usize::from(defaults::ALLOWANCE_PER_S / 4)));
    let probes = audience.coordinator.status().probes - before.probes;
    assert_eq!(probes, 1);
}

#[test]
fn a_leaf_departs_without_a_word() {
    let mut audience = Audience::of(1, 63);
    for node in audience.nodes() {
        let told = &audience.told[&node];
        let alone = told.children.is_empty() && told.wards.is_empty();
        if alone && node.0 > 1 {
            audience.leave(node);
            assert_eq!(audience.outputs, [], "{node:?}");
            audience.join();
        }
    }
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

fn report(peer: NodeId, complaint: Complaint) -> ToBox {
    let behind_ms = 100;
    ToBox::Report {
        peer,
        complaint,
        behind_ms,
    }
}

fn hello() -> Signal {
    Signal::Candidates(Vec::new())
}

/// Offers that nodes have to make, and how many of them a hub takes with which the node has a
/// link already, so that nothing passes the box.
fn hubs(root_pairs: u16, events: &[Event]) -> Result<[usize; 2], TestCaseError> {
    let mut audience = Audience::of(root_pairs, 60);
    // They have found out what they can do.
    let found_out = |audience: &mut Audience, node: NodeId| {
        let copies = Newcomer::default().copies;
        audience::complaining::say(audience, node, ToBox::Capacity { copies });
    };
    for node in audience.nodes() {
        found_out(&mut audience, node);
    }
    let (mut offers, mut relayed) = (0, 0);
    // 1 GB/s, of which control takes a good part: where bytes are plenty some go straight.
    audience.coordinator.set_uplink(0, 8_000_000_000);
    for event in events {
        let before = audience.told.clone();
        audience
            .coordinator
            .sent(audience.now, NodeId(1), 1_000_000_000);
        audience.happen(event);
        for node in audience.nodes() {
            if !before.contains_key(&node) {
                found_out(&mut audience, node);
            }
        }
        for (node, place) in &audience.told {
            let Some(was) = before.get(node) else {
                continue;
            };
            let peers: Vec<NodeId> = was.peers().collect();
            let new = place
                .peers()
                .filter(|peer| peer < node && !peers.contains(peer));
            for peer in new {
                offers += 1;
                let Some(hub) = place.hub else { continue };
                prop_assert!(place.peers().any(|other| other == hub), "{:?}", place);
                let linked = audience.told[&hub].peers().any(|other| other == peer);
                prop_assert!(
                    hub == peer || linked,
                    "{:?} for {:?}: {:?}",
                    hub,
                    peer,
                    place
                );
                relayed += usize::from(hub != peer && peers.contains(&hub));
            }
        }
    }
    Ok([offers, relayed])
}

#[test]
fn a_good_part_of_the_offers_passes_no_box() {
    let events: Vec<Event> = (0..400_usize)
        .flat_map(|at| [Event::Leave(at.wrapping_mul(0x9E37_79B9)), Event::Join])
        .collect();
    let [offers, relayed] = hubs(1, &events).expect("hubs know both ends");
    println!("{relayed} of {offers} offers by a hub that is linked already");
    assert!(relayed * 3 > offers, "{relayed} of {offers}");
}
