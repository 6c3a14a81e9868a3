//! What one node is given to pass on to others, while the uplink is short.

mod audience;

use core::time::Duration;
use std::collections::BTreeSet;

use audience::Audience;
use peerstream_overlay::{Newcomer, Output};
use peerstream_wire::{Assignment, Held, Letter, NodeId, ToBox, ToNode};

/// Time passes until all links are open and all letters have arrived, and control takes a good
/// part of the uplink.
fn pass(audience: &mut Audience) {
    audience.now += Duration::from_secs(10);
    audience.coordinator.timeout(audience.now);
    audience.coordinator.set_uplink(0, 1_000_000);
    let node = audience.nodes()[0];
    audience.coordinator.sent(audience.now, node, 100_000);
}

/// An audience that has been there for a while.
fn settled(size: usize) -> Audience {
    let mut audience = Audience::of(1, size);
    pass(&mut audience);
    audience
}

/// The letters that have been given out of late, and to whom.
fn letters(audience: &Audience) -> Vec<(NodeId, Letter)> {
    let given = audience.outputs.iter().filter_map(|output| match output {
        Output::Send {
            to,
            message: ToNode::Change { letters, .. },
        } => Some(letters.iter().map(|letter| (*to, letter.clone()))),
        _ => None,
    });
    given.flatten().collect()
}

#[test]
fn most_of_what_a_departure_brings_about_goes_by_letter_over_links_that_are_open() {
    let mut audience = settled(500);
    let (mut packets, mut carried) = (0, 0);
    for rank in 0..100 {
        let before = audience.told.clone();
        let linked = |one: &NodeId, other| before[one].peers().any(|peer| peer == other);
        let node = audience.nodes()[3 * rank];
        audience.vanish(node);
        packets += audience.deliver();
        for (carrier, letter) in letters(&audience) {
            assert!(linked(&carrier, letter.to) && linked(&letter.to, carrier));
            carried += 1;
        }
        assert_eq!(audience.known(), audience.meant());
        pass(&mut audience);
    }
    assert!(carried > packets, "{carried} letters in {packets} packets");
}

#[test]
fn while_the_uplink_has_time_nobody_depends_on_another() {
    let mut audience = Audience::of(1, 500);
    for rank in 0..100 {
        audience.now += Duration::from_secs(10);
        audience.leave(audience.nodes()[3 * rank]);
        assert!(letters(&audience).is_empty());
    }
}

#[test]
fn whom_a_letter_has_perhaps_not_reached_is_told_its_place_whole_by_the_box() {
    let mut audience = settled(500);
    let mut again = 0;
    for rank in 0..60 {
        audience.leave(audience.nodes()[3 * rank]);
        let lately: BTreeSet<NodeId> = letters(&audience).iter().map(|(_, l)| l.to).collect();
        // At once somebody else goes whose neighbour is one of those.
        let peers = |node: &NodeId| audience.told.get(node).map(Assignment::peers);
        let next = lately.iter().filter_map(peers).flatten();
        let next = next.filter(|peer| audience.told.contains_key(peer) && !lately.contains(peer));
        if let Some(next) = next.last() {
            audience.leave(next);
            assert!(
                letters(&audience)
                    .iter()
                    .all(|(_, l)| !lately.contains(&l.to))
            );
            for output in &audience.outputs {
                if let Output::Send { to, message } = output
                    && lately.contains(to)
                {
                    assert!(matches!(message, ToNode::Assign(_)), "{message:?}");
                    again += 1;
                }
            }
        }
        pass(&mut audience);
    }
    assert!(again > 20, "{again} were told twice");
}

#[test]
fn what_was_to_go_over_a_link_that_there_is_not_is_told_by_the_box() {
    for carrier_says_so in [true, false] {
        let mut audience = settled(500);
        let mut again = 0;
        for rank in 0..30 {
            audience.leave(audience.nodes()[3 * rank]);
            for (carrier, letter) in letters(&audience).into_iter().take(1) {
                let (from, peer) = if carrier_says_so {
                    (carrier, letter.to)
                } else {
                    (letter.to, carrier)
                };
                audience.now += Duration::from_secs(4);
                let said = ToBox::LinkFailed { peer };
                let heard = audience.coordinator.message(audience.now, from, said);
                assert_eq!(heard, Ok(()));
                audience.deliver();
                assert!(audience.outputs.iter().any(|output| matches!(
                    output,
                    Output::Send { to, message: ToNode::Assign(_) } if *to == letter.to
                )));
                again += 1;
            }
            pass(&mut audience);
        }
        assert!(again > 10, "{again} were told once more");
    }
}

/// How many letters a node is given while others around it go, once two of its letters have
/// arrived or not.
fn given_afterwards(lost: bool) -> usize {
    let mut audience = settled(500);
    let mut rank = 0;
    let (carrier, receivers) = loop {
        let before = audience.told.clone();
        audience.leave(audience.nodes()[3 * rank]);
        let given = letters(&audience);
        let first = given.first().map(|(carrier, _)| *carrier);
        let of_first = given.iter().filter(|(carrier, _)| Some(*carrier) == first);
        let receivers: Vec<_> = of_first.map(|(_, letter)| letter.to).take(2).collect();
        if let (Some(carrier), [_, _]) = (first, &receivers[..]) {
            let held = receivers.into_iter().map(|to| (to, before[&to].clone()));
            break (carrier, held.collect::<Vec<_>>());
        }
        rank += 1;
        pass(&mut audience);
    };
    if lost {
        for (node, place) in receivers {
            let held = Held {
                node,
                ticket: [0; 16],
                open: place.peers().collect(),
                place,
            };
            let newcomer = Newcomer::default();
            audience.coordinator.rejoin(audience.now, newcomer, held);
            audience.feeds.remove(&node);
            audience.deliver();
        }
    }
    let mut given = 0;
    for _ in 0..30 {
        pass(&mut audience);
        let there = |peer: &NodeId| audience.told.contains_key(peer);
        let Some(next) = audience.told[&carrier].peers().find(there) else {
            break;
        };
        audience.leave(next);
        let mine = letters(&audience);
        given += mine.iter().filter(|(by, _)| *by == carrier).count();
        assert_eq!(audience.known(), audience.meant());
    }
    given
}

#[test]
fn who_does_not_deliver_is_given_no_more() {
    assert!(given_afterwards(false) > 0);
    assert_eq!(given_afterwards(true), 0);
}
