//! A coordinator with an audience that believes every message it gets.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod complaining;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use peerstream_overlay::{Config, Coordinator, Newcomer, Output};
use peerstream_wire::{
    Assignment, Command, Letter, NodeId, Notice, Parent, Pending, Refusal, Signal, ToNode,
};
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
    /// Where each living node is as far as it has been told, all triggers having fired.
    pub(crate) told: BTreeMap<NodeId, Assignment>,
    /// Whoever may have a direct feed.
    pub(crate) feeds: BTreeSet<NodeId>,
    /// Signals as they arrive: to, from, what.
    pub(crate) signals: Vec<(NodeId, NodeId, Signal)>,
    /// Everything that has been sent of late, in its order.
    pub(crate) outputs: Vec<Output>,
    /// Who has been probed, refused or notified since the start.
    pub(crate) probed: Vec<NodeId>,
    pub(crate) refused: Vec<(NodeId, Refusal)>,
    pub(crate) notices: Vec<(NodeId, Notice)>,
}

impl Audience {
    pub(crate) fn new(root_pairs: u16) -> Audience {
        Audience {
            coordinator: Coordinator::new(Config {
                feeds: 2 * root_pairs,
                ..Config::default()
            }),
            now: Duration::ZERO,
            told: BTreeMap::new(),
            feeds: BTreeSet::new(),
            signals: Vec::new(),
            outputs: Vec::new(),
            probed: Vec::new(),
            refused: Vec::new(),
            notices: Vec::new(),
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
                self.coordinator.join(self.now, Newcomer::default());
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
        self.newcomer(Newcomer::default())
    }

    pub(crate) fn newcomer(&mut self, newcomer: Newcomer) -> NodeId {
        let node = self.coordinator.join(self.now, newcomer);
        self.deliver();
        node
    }

    pub(crate) fn leave(&mut self, node: NodeId) {
        self.forget(node);
        self.coordinator.leave(self.now, node);
        self.deliver();
    }

    /// It goes, and nobody is told yet.
    pub(crate) fn vanish(&mut self, node: NodeId) {
        self.forget(node);
        self.coordinator.leave(self.now, node);
    }

    fn forget(&mut self, node: NodeId) {
        self.told.remove(&node);
        self.feeds.remove(&node);
    }

    /// Delivers everything that the coordinator has to say; how many messages tell nodes
    /// of their place.
    pub(crate) fn deliver(&mut self) -> usize {
        let mut places = 0;
        self.outputs.clear();
        while let Some(output) = self.coordinator.poll_output() {
            self.outputs.push(output.clone());
            match output {
                Output::Welcome { .. } => {}
                Output::Send {
                    to,
                    message: ToNode::Assign(assignment),
                } => {
                    places += 1;
                    let epoch = assignment.epoch;
                    let before = self.told.insert(to, assignment);
                    assert!(
                        before.is_none_or(|before| before.epoch < epoch),
                        "epochs ascend"
                    );
                }
                Output::Send {
                    to,
                    message:
                        ToNode::Change {
                            epoch,
                            commands,
                            letters,
                        },
                } => {
                    places += 1;
                    self.change(to, epoch, &commands);
                    for letter in letters {
                        self.take(&letter);
                    }
                }
                Output::Send {
                    to,
                    message: ToNode::Signal { peer, signal },
                } => {
                    self.signals.push((to, peer, signal));
                }
                Output::Send {
                    to,
                    message: ToNode::Probe,
                } => self.probed.push(to),
                Output::Send {
                    to,
                    message: ToNode::Notice(notice),
                } => self.notices.push((to, notice)),
                Output::Send { message, .. } => panic!("not the coordinator's: {message:?}"),
                Output::Feed {
                    node,
                    allowed: true,
                } => assert!(self.feeds.insert(node)),
                Output::Feed {
                    node,
                    allowed: false,
                } => assert!(self.feeds.remove(&node)),
                Output::Refuse { node, reason } => {
                    self.forget(node);
                    self.refused.push((node, reason));
                }
            }
        }
        places
    }

    /// A letter arrives.
    pub(crate) fn take(&mut self, letter: &Letter) {
        match ToNode::decode(letter.body()) {
            Ok(ToNode::Change {
                epoch, commands, ..
            }) => self.change(letter.to, epoch, &commands),
            message => panic!("not for a letter: {message:?}"),
        }
    }

    fn change(&mut self, to: NodeId, epoch: u32, commands: &[Command]) {
        let place = self
            .told
            .get_mut(&to)
            .expect("it has been assigned a place");
        assert_eq!(epoch, place.epoch + 1, "nothing is left out");
        assert!(!commands.is_empty(), "nothing is told for nothing");
        place.epoch = epoch;
        let mut pending = Pending::default();
        for command in commands {
            pending.take(*command, place);
        }
        pending.fire(place, |_| true);
    }

    /// What every node has been told, without those that have gone, or have been told that
    /// they are no neighbours any more: it knows that by its links. A partner that has gone
    /// leaves the reserve in its stead.
    pub(crate) fn known(&self) -> BTreeMap<NodeId, Assignment> {
        let known = |node: NodeId, told: &Assignment| {
            let there = |peer: &NodeId| {
                let theirs = self.told.get(peer).filter(|_| !self.is_absent(*peer));
                theirs.is_some_and(|theirs| theirs.peers().any(|peer| peer == node))
            };
            let mut told = told.clone();
            told.children.retain(there);
            told.wards.retain(there);
            told.reserve = told.reserve.filter(there);
            told.partner = told.partner.filter(there).or(told.reserve);
            comparable(told)
        };
        self.told
            .iter()
            .filter(|(node, _)| !self.is_absent(**node))
            .map(|(node, told)| (*node, known(*node, told)))
            .collect()
    }

    /// Has not answered in time, and has no place until it speaks up.
    fn is_absent(&self, node: NodeId) -> bool {
        self.probed.contains(&node) && self.coordinator.assignment(node).is_none()
    }

    /// What the coordinator says of every node that is there.
    pub(crate) fn meant(&self) -> BTreeMap<NodeId, Assignment> {
        self.told
            .keys()
            .filter_map(|node| Some((*node, comparable(self.coordinator.assignment(*node)?))))
            .collect()
    }

    /// Who is fed after `gone` has vanished without notice and nobody has been told, if
    /// every node takes from its parent, and from its partner where it has one.
    pub(crate) fn fed_without(&self, gone: Option<NodeId>) -> BTreeSet<NodeId> {
        fed(&self.told, gone)
    }
}

/// The same for any places.
pub(crate) fn fed(places: &BTreeMap<NodeId, Assignment>, gone: Option<NodeId>) -> BTreeSet<NodeId> {
    let mut takers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let mut queue = Vec::new();
    for (&node, place) in places {
        match place.parent {
            Parent::Box => queue.push(node),
            Parent::Node(parent) => takers.entry(parent).or_default().push(node),
        }
        if let Some(partner) = place.partner {
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

/// Without what nobody is told for its own sake, and without order.
pub(crate) fn comparable(mut place: Assignment) -> Assignment {
    place.children.sort();
    place.wards.sort();
    (place.depth, place.hub) = (0, None);
    place
}
