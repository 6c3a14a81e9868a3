//! When many leave at once: who is told first, and how much need not be told at all.

mod audience;

use std::collections::BTreeMap;

use audience::Audience;
use peerstream_overlay::Output;
use peerstream_wire::{Assignment, NodeId, Parent, ToNode};

/// 5% of an audience leave at once, and nobody is told before all have.
fn mass_departure(size: usize) -> (Audience, BTreeMap<NodeId, Assignment>) {
    let mut audience = Audience::of(1, size);
    let before = audience.told.clone();
    let nodes = audience.nodes();
    // Spread over the whole audience, and a few families with it.
    for (at, node) in nodes.iter().enumerate() {
        if at % 20 == 3 || (at > 40 && at % 400 < 8) {
            audience.told.remove(node);
            audience.feeds.remove(node);
            audience.coordinator.leave(audience.now, *node);
        }
    }
    (audience, before)
}

#[test]
fn whoever_nobody_feeds_is_told_first_the_largest_subtree_before_the_others() {
    let (mut audience, before) = mass_departure(4_000);
    let there: Vec<NodeId> = audience.nodes();
    let gone = |node: Option<NodeId>| node.is_none_or(|node| there.binary_search(&node).is_err());
    audience.deliver();

    // Whoever has a new link with one of those is told along with it.
    let mut along: Vec<NodeId> = Vec::new();
    let mut told = Vec::new();
    for output in &audience.outputs {
        if let Output::Send {
            to,
            message: ToNode::Change { .. },
        } = output
        {
            if !along.contains(to) {
                told.push(*to);
            }
            let new = audience.told[to].peers();
            along.extend(new.filter(|peer| !before[to].peers().any(|was| was == *peer)));
        }
    }
    let ranks: Vec<u8> = told
        .into_iter()
        .map(|node| {
            let place = &before[&node];
            match place.parent {
                Parent::Node(parent) if gone(Some(parent)) => {
                    let helpers = [place.partner, place.reserve].into_iter().flatten();
                    // A partner whose parent is gone as well has nothing to give.
                    let fed = |helper: &NodeId| match before[helper].parent {
                        Parent::Node(above) => !gone(Some(above)),
                        Parent::Box => true,
                    };
                    let helps = |helper: &NodeId| !gone(Some(*helper)) && fed(helper);
                    u8::from(helpers.filter(helps).count() > 0)
                }
                _ => 2,
            }
        })
        .collect();
    assert!(ranks.is_sorted(), "{ranks:?}");
    for rank in 0..=2 {
        assert!(ranks.contains(&rank), "nobody of rank {rank}");
    }
}

#[test]
fn who_says_that_nobody_feeds_it_is_believed() {
    let (mut audience, before) = mass_departure(4_000);
    let there = audience.nodes();
    // It looks as if its reserve fed it.
    let orphan = there.iter().rev().find(|node| {
        let place = &before[node];
        let is_there = |node: &NodeId| there.binary_search(node).is_ok();
        matches!(place.parent, Parent::Node(parent) if !is_there(&parent))
            && place.partner.as_ref().is_some_and(is_there)
            && place.reserve.as_ref().is_some_and(is_there)
    });
    let orphan = *orphan.expect("some have lost nobody but their parent");
    let rank = |audience: &Audience| {
        let to_it = |output: &Output| matches!(output, Output::Send { to, .. } if *to == orphan);
        audience.outputs.iter().position(to_it)
    };
    let said = audience
        .coordinator
        .message(audience.now, orphan, peerstream_wire::ToBox::Unfed);
    assert_eq!(said, Ok(()));
    audience.deliver();
    let (mut other, _) = mass_departure(4_000);
    other.deliver();
    let [heard, not_heard] = [rank(&audience), rank(&other)].map(|rank| rank.expect("is told"));
    assert!(heard * 2 < not_heard, "{heard}, otherwise {not_heard}");
}

#[test]
fn signals_for_whom_nobody_feeds_go_before_those_for_all_others() {
    let (mut audience, before) = mass_departure(4_000);
    let there = audience.nodes();
    audience.deliver();
    let is_there =
        |node: Option<NodeId>| node.is_some_and(|node| there.binary_search(&node).is_ok());
    let orphans = there.iter().filter_map(|node| {
        let (was, is) = (&before[node], audience.told.get(node)?);
        let (Parent::Node(old), Parent::Node(new)) = (was.parent, is.parent) else {
            return None;
        };
        (!is_there(Some(old)) && old != new).then(|| {
            let helped = is_there(was.partner) || is_there(was.reserve);
            (*node, new, helped)
        })
    });
    let (helped, unfed): (Vec<_>, Vec<_>) = orphans.partition(|(.., helped)| *helped);
    let (first, second) = (helped[0], unfed[0]);
    for (from, peer, _) in [first, second] {
        let signal = peerstream_wire::Signal::Candidates(Vec::new());
        let said = peerstream_wire::ToBox::Signal { peer, signal };
        let said = audience.coordinator.message(audience.now, from, said);
        assert_eq!(said, Ok(()));
    }
    audience.signals.clear();
    audience.deliver();
    let senders: Vec<NodeId> = audience.signals.iter().map(|(_, from, _)| *from).collect();
    assert_eq!(senders, [second.0, first.0]);
}

#[test]
fn in_a_mass_departure_many_changes_fold() {
    for size in [1_000, 10_000] {
        let (mut audience, before) = mass_departure(size);
        let gone = before.len() - audience.told.len();
        let told = audience.coordinator.status().commands;
        let messages = audience.deliver();
        let status = audience.coordinator.status();
        println!(
            "{gone} of {size} leave at once: {messages} messages, {} commands, {} changes folded",
            status.commands - told,
            status.folded
        );
        assert_eq!(audience.known(), audience.meant());
        assert!(status.folded > 0);
        assert!(
            messages <= 4 * gone,
            "{messages} messages for {gone} departures"
        );
    }
}

#[test]
fn a_probe_waits_for_nothing() {
    let (mut audience, _) = mass_departure(1_000);
    let node = *audience.told.keys().next_back().expect("large");
    let peers: Vec<NodeId> = audience.told[&node].peers().collect();
    audience.now += core::time::Duration::from_secs(60);
    for peer in peers {
        let message = peerstream_wire::ToBox::LinkFailed { peer };
        let _ = audience.coordinator.message(audience.now, node, message);
    }
    if audience.coordinator.status().probes > 0 {
        let first = audience.coordinator.poll_output();
        let message = ToNode::Probe;
        assert!(matches!(first, Some(Output::Send { message: ref m, .. }) if *m == message));
    }
}
