//! A coordinator with an audience that believes every message it gets.

#![allow(dead_code, reason = "each test file uses a part of it")]

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use peerstream_overlay::{Config, Coordinator, Output};
use peerstream_wire::{Assignment, NodeId, Parent, Signal, ToNode};
use proptest::prelude::*;

/// What happens to the audience. Departures name a node by its rank among the living,
/// modulo their number.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Join,
    Leave(usize),
}

/// Any sequence, with phases of growth, decline and both.
pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let phase = (0..=10u32, 0..60usize).prop_flat_map(|(growth, length)| {
        let event = prop_oneof![
            growth => Just(Event::Join),
            10 - growth => any::<usize>().prop_map(Event::Leave),
        ];
        prop::collection::vec(event, length)
    });
    prop::collection::vec(phase, 1..6).prop_map(|phases| phases.concat())
}

pub(crate) struct Audience {
    pub(crate) coordinator: Coordinator,
    pub(crate) now: Duration,
    /// The last assignment that each living node has been sent.
    pub(crate) told: BTreeMap<NodeId, Assignment>,
    /// Whoever may have a direct feed.
    pub(crate) feeds: BTreeSet<NodeId>,
    /// Signals as they arrive: to, from, what.
    pub(crate) signals: Vec<(NodeId, NodeId, Signal)>,
}

impl Audience {
    pub(crate) fn new(root_pairs: u16) -> Audience {
        Audience {
            coordinator: Coordinator::new(Config { root_pairs }),
            now: Duration::ZERO,
            told: BTreeMap::new(),
            feeds: BTreeSet::new(),
            signals: Vec::new(),
        }
    }

    pub(crate) fn of(root_pairs: u16, nodes: usize) -> Audience {
        let mut audience = Audience::new(root_pairs);
        for _ in 0..nodes {
            audience.join();
        }
        audience
    }

    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        self.told.keys().copied().collect()
    }

    /// Carries the event out and returns how many assignments were sent for it.
    pub(crate) fn happen(&mut self, event: &Event) -> usize {
        match event {
            Event::Join => {
                self.coordinator.join(self.now);
            }
            Event::Leave(rank) => {
                let nodes = self.nodes();
                let Some(rank) = rank.checked_rem(nodes.len()) else {
                    return 0;
                };
                self.forget(nodes[rank]);
                self.coordinator.leave(self.now, nodes[rank]);
            }
        }
        self.deliver()
    }

    pub(crate) fn join(&mut self) -> NodeId {
        let node = self.coordinator.join(self.now);
        self.deliver();
        node
    }

    pub(crate) fn leave(&mut self, node: NodeId) {
        self.forget(node);
        self.coordinator.leave(self.now, node);
        self.deliver();
    }

    fn forget(&mut self, node: NodeId) {
        self.told.remove(&node);
        self.feeds.remove(&node);
    }

    /// Delivers everything that the coordinator has to say; how many assignments it was.
    pub(crate) fn deliver(&mut self) -> usize {
        let mut assignments = 0;
        while let Some(output) = self.coordinator.poll_output() {
            match output {
                Output::Send {
                    to,
                    message: ToNode::Assign(assignment),
                } => {
                    assignments += 1;
                    let epoch = assignment.epoch;
                    let before = self.told.insert(to, assignment);
                    assert!(
                        before.is_none_or(|before| before.epoch < epoch),
                        "epochs ascend"
                    );
                }
                Output::Send {
                    to,
                    message: ToNode::Signal { peer, signal },
                } => {
                    self.signals.push((to, peer, signal));
                }
                Output::Send { message, .. } => panic!("not the coordinator's: {message:?}"),
                Output::Feed {
                    node,
                    allowed: true,
                } => assert!(self.feeds.insert(node)),
                Output::Feed {
                    node,
                    allowed: false,
                } => assert!(self.feeds.remove(&node)),
            }
        }
        assignments
    }

    /// Who is fed after `gone` has vanished without notice and nobody has been told, if
    /// every node takes from its parent, and from its partner where it has one.
    pub(crate) fn fed_without(&self, gone: Option<NodeId>) -> BTreeSet<NodeId> {
        let mut takers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        let mut queue = Vec::new();
        for (&node, told) in &self.told {
            match told.parent {
                Parent::Box => queue.push(node),
                Parent::Node(parent) => takers.entry(parent).or_default().push(node),
            }
            if let Some(partner) = told.partner {
                takers.entry(partner).or_default().push(node);
            }
        }
        let mut fed = BTreeSet::new();
        while let Some(node) = queue.pop() {
            if Some(node) != gone && fed.insert(node) {
                queue.extend(takers.get(&node).into_iter().flatten());
            }
        }
        fed
    }
}
