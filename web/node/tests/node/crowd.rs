//! Some hundred nodes in virtual time, in two full trees that nobody mends: the box says who
//! is where and then only feeds the roots, so that what goes on is the nodes' own doing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use peerstream_fragment::{Fragment, IdentityKey, Meta, Signer};
use peerstream_node::{Config, Input, Lane, Node, Output, Stats};
use peerstream_wire::{
    Assignment, Complaint, Envelope, LinkMessage, NodeId, Parent, ToBox, ToNode, Tree,
};

use crate::stage::{FRAGMENT, init, meta, signer};

/// One way between a page and the box.
const CONTROL: Duration = Duration::from_millis(20);

pub(crate) struct Crowd {
    seed: u64,
    pub(crate) now: Duration,
    nodes: BTreeMap<NodeId, Node>,
    agenda: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    wakes: BTreeMap<NodeId, Duration>,
    identity: IdentityKey,
    signer: Signer,
    init: Fragment,
    newest: u16,
    feeding: BTreeSet<NodeId>,
    /// What these send is held back for now.
    stuck: BTreeMap<NodeId, Vec<(NodeId, Bytes)>>,
    /// Who was given up on.
    pub(crate) skipped: BTreeSet<NodeId>,
    /// The newest fragment that each has shown, and when.
    pub(crate) shown: BTreeMap<NodeId, (u16, Duration)>,
    /// The longest that each has been without a new fragment.
    pub(crate) waited: BTreeMap<NodeId, Duration>,
    pub(crate) reports: Vec<(NodeId, NodeId, Complaint)>,
}

enum Event {
    Wake(NodeId),
    Link(NodeId, NodeId, Bytes),
    ToNode(NodeId, Bytes),
    ToBox(NodeId, Bytes),
    Capture,
}

/// The node of a tree in a slot; the slot at the top is 1, the two below s are 2 s and 2 s + 1.
pub(crate) fn at(slot: u32, tree: Tree) -> NodeId {
    NodeId(2 * slot + u32::from(tree == Tree::B))
}

impl Crowd {
    /// An audience of this many levels that has played for a while.
    pub(crate) fn playing(seed: u64, levels: u32) -> Crowd {
        let identity = IdentityKey::from_seed([1; 32]);
        let signer = signer(&identity, 1);
        let mut crowd = Crowd {
            seed,
            now: Duration::from_secs(100),
            nodes: BTreeMap::new(),
            agenda: BTreeMap::new(),
            scheduled: 0,
            wakes: BTreeMap::new(),
            init: init(&signer),
            identity,
            signer,
            newest: 0,
            feeding: BTreeSet::new(),
            stuck: BTreeMap::new(),
            skipped: BTreeSet::new(),
            shown: BTreeMap::new(),
            waited: BTreeMap::new(),
            reports: Vec::new(),
        };
        let slots = (1 << levels) - 1;
        let places: Vec<(NodeId, Assignment)> = (1..=slots)
            .flat_map(|slot| Tree::BOTH.map(|tree| (at(slot, tree), place(slot, tree, slots))))
            .collect();
        for (id, place) in &places {
            let seed = crowd.chance(u64::from(id.0));
            let config = Config {
                seed,
                ..Config::default()
            };
            crowd.nodes.insert(*id, Node::new(config, crowd.now));
            crowd.input(*id, Input::ControlOpened);
            let stream = crowd.identity.stream().0;
            let welcome = ToNode::Welcome {
                node: *id,
                stream,
                title: String::new(),
                ticket: [0; 16],
            };
            crowd.tell(*id, &welcome);
            crowd.tell(*id, &ToNode::Assign(place.clone()));
        }
        crowd.run(2 * CONTROL);
        for (id, place) in &places {
            for peer in place.peers() {
                crowd.input(*id, Input::LinkOpened { peer, strand: 0 });
            }
        }
        crowd.schedule(FRAGMENT, Event::Capture);
        crowd.run(Duration::from_secs(9));
        crowd.waited.clear();
        crowd
    }

    /// Ends a node without a word; how many takeovers it has had itself.
    pub(crate) fn kill(&mut self, id: NodeId) -> u64 {
        self.feeding.remove(&id);
        let node = self.nodes.remove(&id);
        node.map_or(0, |node| node.stats().takeovers)
    }

    /// What a node sends to others stays on its way, until it is let loose.
    pub(crate) fn hold(&mut self, id: NodeId) {
        self.stuck.insert(id, Vec::new());
    }

    pub(crate) fn release(&mut self, id: NodeId) {
        for (to, bytes) in self.stuck.remove(&id).unwrap_or_default() {
            self.schedule(Duration::ZERO, Event::Link(to, id, bytes));
        }
    }

    pub(crate) fn stats(&self) -> impl Iterator<Item = (NodeId, Stats)> + '_ {
        self.nodes.iter().map(|(id, node)| (*id, node.stats()))
    }

    pub(crate) fn takeovers(&self) -> u64 {
        self.stats().map(|(_, stats)| stats.takeovers).sum()
    }

    /// Everybody has shown the newest, but for what is on its way.
    pub(crate) fn all_play(&self) {
        assert!(self.skipped.is_empty(), "gaps at {:?}", self.skipped);
        for id in self.nodes.keys() {
            let (shown, _) = self.shown[id];
            assert!(
                shown + 8 > self.newest,
                "{id:?}: {shown} of {}",
                self.newest
            );
        }
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            match event {
                Event::Wake(id) => {
                    if self.wakes.get(&id) == Some(&at) {
                        self.wakes.remove(&id);
                        self.input(id, Input::Tick);
                    }
                }
                Event::Link(to, peer, bytes) => self.input(to, Input::LinkMessage { peer, bytes }),
                Event::ToNode(to, bytes) => self.input(to, Input::Control(bytes)),
                Event::ToBox(from, bytes) => self.box_hears(from, bytes),
                Event::Capture => self.capture(),
            }
        }
        self.now = end;
    }

    fn capture(&mut self) {
        self.newest += 1;
        let micros = u64::try_from(self.now.as_micros()).unwrap();
        let meta = Meta {
            capture_time: micros,
            ..meta(1, self.newest)
        };
        let payload = Bytes::from(vec![self.newest.to_le_bytes()[0]; 5_000]);
        let fragment = self.signer.seal(meta, payload).unwrap();
        for id in self.feeding.clone() {
            self.feed(id, &fragment);
        }
        self.schedule(FRAGMENT, Event::Capture);
    }

    fn feed(&mut self, to: NodeId, fragment: &Fragment) {
        let header = LinkMessage::Header(fragment.header.bytes.clone());
        self.schedule_control(to, &Envelope::Link(header));
        let at = fragment.at();
        for (part, bytes) in fragment.parts() {
            let part = LinkMessage::Part { at, part, bytes };
            self.schedule_control(to, &Envelope::Link(part));
        }
    }

    fn box_hears(&mut self, from: NodeId, bytes: Bytes) {
        match Envelope::decode(bytes).unwrap() {
            Envelope::Link(LinkMessage::Subscribe { .. }) => {
                let certificate = self.signer.certificate().clone();
                let certificate = LinkMessage::Certificate(certificate);
                self.schedule_control(from, &Envelope::Link(certificate));
                let init = self.init.clone();
                self.feed(from, &init);
                self.feeding.insert(from);
            }
            Envelope::Link(LinkMessage::Unsubscribe) => {
                self.feeding.remove(&from);
            }
            Envelope::Link(_) => {}
            Envelope::Control(body) => match ToBox::decode(&body).unwrap() {
                ToBox::Clock { sent } => {
                    let box_time = u64::try_from(self.now.as_micros()).unwrap();
                    self.tell(from, &ToNode::Clock { sent, box_time });
                }
                ToBox::Report {
                    peer, complaint, ..
                } => self.reports.push((from, peer, complaint)),
                _ => {}
            },
        }
    }

    fn tell(&mut self, to: NodeId, message: &ToNode) {
        self.schedule_control(to, &Envelope::Control(message.encode().into()));
    }

    fn schedule_control(&mut self, to: NodeId, envelope: &Envelope) {
        self.schedule(CONTROL, Event::ToNode(to, envelope.encode()));
    }

    fn input(&mut self, id: NodeId, input: Input) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.handle(self.now, input);
        let mut outputs = Vec::new();
        while let Some(output) = node.poll() {
            if let Output::Send {
                peer,
                lane: Lane::Media,
                ..
            } = &output
            {
                let sent = Input::LinkBuffered {
                    peer: *peer,
                    bytes: 0,
                };
                node.handle(self.now, sent);
            }
            outputs.push(output);
        }
        let wake = node.deadline().map(|at| at.max(self.now));
        for output in outputs {
            self.carry_out(id, output);
        }
        if let Some(wake) = wake
            && self.wakes.get(&id).is_none_or(|at| wake < *at)
        {
            self.wakes.insert(id, wake);
            self.schedule(wake - self.now, Event::Wake(id));
        }
    }

    fn carry_out(&mut self, id: NodeId, output: Output) {
        match output {
            Output::Control(bytes) => self.schedule(CONTROL, Event::ToBox(id, bytes)),
            Output::Send { peer, lane, bytes } => {
                if let Some(held) = self.stuck.get_mut(&id) {
                    held.push((peer, bytes));
                    return;
                }
                let pair = u64::from(id.0.min(peer.0)) << 32 | u64::from(id.0.max(peer.0));
                let mut micros = 5_000 + self.chance(pair) % 35_000;
                if lane == Lane::Media {
                    micros += self.chance(self.scheduled << 8) % 4_000;
                }
                let delay = Duration::from_micros(micros);
                self.schedule(delay, Event::Link(peer, id, bytes));
            }
            Output::Chunk(fragment) => {
                let last = self.shown.insert(id, (fragment.at().index, self.now));
                let waited = self.now - last.map_or(self.now, |(_, at)| at);
                let longest = self.waited.entry(id).or_default();
                *longest = waited.max(*longest);
            }
            Output::Skipped(_) => {
                self.skipped.insert(id);
            }
            _ => {}
        }
    }

    fn schedule(&mut self, after: Duration, event: Event) {
        self.scheduled += 1;
        self.agenda
            .insert((self.now + after, self.scheduled), event);
    }

    /// SplitMix64 (Steele, Lea, Flood 2014) of the seed and a number.
    fn chance(&self, number: u64) -> u64 {
        let mut z = (self.seed ^ number.rotate_left(17)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn place(slot: u32, tree: Tree, slots: u32) -> Assignment {
    let above = slot / 2;
    let below = |tree| -> Vec<NodeId> {
        let below = [2 * slot, 2 * slot + 1].into_iter();
        below
            .filter(|slot| *slot <= slots)
            .map(|slot| at(slot, tree))
            .collect()
    };
    Assignment {
        epoch: 1,
        tree,
        depth: u8::try_from(slot.ilog2() + 1).unwrap(),
        parent: if above == 0 {
            Parent::Box
        } else {
            Parent::Node(at(above, tree))
        },
        partner: Some(at(slot, tree.other())),
        reserve: (above > 0).then(|| at(above, tree.other())),
        children: below(tree),
        wards: below(tree.other()),
        hub: None,
        rendition: 0,
    }
}
