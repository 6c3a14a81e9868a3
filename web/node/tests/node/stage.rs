//! One node on a stage: the test plays the box and every neighbour.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use peerstream_fragment::{
    Flags, Fragment, IdentityKey, Init, InitTrack, Kind, Meta, Position, Signer, SigningKey,
    TrackKind, Validity,
};
use peerstream_node::{Config, Input, Lane, Node, Output};
use peerstream_wire::{Assignment, Envelope, LinkMessage, NodeId, Parent, ToBox, ToNode, Tree};

/// Media in one fragment.
pub(crate) const FRAGMENT: Duration = Duration::from_millis(80);
/// The parent in [`Stage::assigned`].
pub(crate) const PARENT: NodeId = NodeId(3);
/// The partner there.
pub(crate) const PARTNER: NodeId = NodeId(4);
/// The child there.
pub(crate) const CHILD: NodeId = NodeId(20);

pub(crate) struct Stage {
    pub(crate) node: Node,
    pub(crate) now: Duration,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) identity: IdentityKey,
    pub(crate) signer: Signer,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let identity = IdentityKey::from_seed([1; 32]);
        let signer = signer(&identity, 1);
        let mut stage = Stage {
            node: Node::new(
                Config {
                    pinned: None,
                    seed: 7,
                },
                Duration::ZERO,
            ),
            now: Duration::ZERO,
            outputs: VecDeque::new(),
            identity,
            signer,
        };
        stage.input(Input::ControlOpened);
        stage.welcome(10);
        stage
    }

    /// A node with a parent, a partner and a child, all linked and the child subscribed.
    pub(crate) fn assigned() -> Self {
        let mut stage = Stage::new();
        stage.tell(&ToNode::Assign(place()));
        for peer in [PARENT, PARTNER, CHILD] {
            stage.input(Input::LinkOpened { peer, strand: 0 });
        }
        stage.link(CHILD, LinkMessage::Subscribe { after: None });
        stage
    }

    /// The parent has fed it, up to this fragment.
    pub(crate) fn playing(until: u16) -> Stage {
        let mut stage = Stage::assigned();
        stage.begin(PARENT);
        stage.stream(PARENT, 1, until);
        stage
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.node.handle(self.now, input);
        while let Some(output) = self.node.poll() {
            self.outputs.push_back(output);
        }
    }

    /// The browser has sent all that it had queued for a neighbour.
    pub(crate) fn drained(&mut self, peer: NodeId) {
        self.input(Input::LinkBuffered { peer, bytes: 0 });
    }

    /// Lets time pass, waking the node whenever it asked to be.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.node.deadline().filter(|at| *at <= end) {
            self.now = self.now.max(deadline);
            self.input(Input::Tick);
        }
        self.now = end;
    }

    pub(crate) fn tell(&mut self, message: &ToNode) {
        let bytes = Envelope::Control(message.encode().into()).encode();
        self.input(Input::Control(bytes));
    }

    pub(crate) fn link(&mut self, peer: NodeId, message: LinkMessage) {
        self.input(Input::LinkMessage {
            peer,
            bytes: message.encode(),
        });
    }

    /// Certificate and init data, as every feeder begins.
    pub(crate) fn begin(&mut self, from: NodeId) {
        let certificate = self.signer.certificate().clone();
        self.link(from, LinkMessage::Certificate(certificate));
        let init = self.init();
        self.deliver(from, &init);
    }

    /// The same over the direct feed.
    pub(crate) fn feed(&mut self, message: LinkMessage) {
        self.input(Input::Control(Envelope::Link(message).encode()));
    }

    pub(crate) fn feed_fragment(&mut self, fragment: &Fragment) {
        self.feed(LinkMessage::Header(fragment.header.bytes.clone()));
        let at = fragment.at();
        for (part, bytes) in fragment.parts() {
            self.feed(LinkMessage::Part { at, part, bytes });
        }
    }

    pub(crate) fn deliver(&mut self, from: NodeId, fragment: &Fragment) {
        self.link(from, LinkMessage::Header(fragment.header.bytes.clone()));
        for (part, bytes) in fragment.parts() {
            self.link(
                from,
                LinkMessage::Part {
                    at: fragment.at(),
                    part,
                    bytes,
                },
            );
        }
    }

    /// A neighbour delivers fragments `from..to`, one each fragment time.
    pub(crate) fn stream(&mut self, feeder: NodeId, from: u16, to: u16) {
        for index in from..to {
            let fragment = self.media(index);
            self.deliver(feeder, &fragment);
            self.pass(FRAGMENT);
        }
    }

    pub(crate) fn init(&self) -> Fragment {
        init(&self.signer)
    }

    /// The media fragment at index `index` of segment 1, three parts long.
    pub(crate) fn media(&self, index: u16) -> Fragment {
        let payload = Bytes::from(vec![index.to_le_bytes()[0]; 10_000]);
        self.signer.seal(meta(1, index), payload).unwrap()
    }

    /// What the player was given, by index.
    pub(crate) fn played(&self) -> Vec<u16> {
        self.outputs
            .iter()
            .filter_map(|output| match output {
                Output::Chunk(fragment) => Some(fragment.at().index),
                _ => None,
            })
            .collect()
    }

    /// What a neighbour was sent.
    pub(crate) fn sent(&self, to: NodeId) -> Vec<LinkMessage> {
        self.outputs
            .iter()
            .filter_map(|output| match output {
                Output::Send { peer, bytes, .. } if *peer == to => {
                    Some(LinkMessage::decode(bytes.clone()).unwrap())
                }
                _ => None,
            })
            .collect()
    }

    /// What the box was sent, subscriptions aside.
    pub(crate) fn said(&self) -> Vec<ToBox> {
        let control = self.outputs.iter().filter_map(|output| match output {
            Output::Control(bytes) => Some(Envelope::decode(bytes.clone()).unwrap()),
            _ => None,
        });
        control
            .filter_map(|envelope| match envelope {
                Envelope::Control(body) => Some(ToBox::decode(&body).unwrap()),
                Envelope::Link(_) => None,
            })
            .collect()
    }

    /// How often a neighbour was asked to feed this node.
    pub(crate) fn subscriptions(&self, to: NodeId) -> usize {
        let subscribe = |m: &LinkMessage| matches!(m, LinkMessage::Subscribe { .. });
        self.sent(to).into_iter().filter(subscribe).count()
    }

    /// How often a link with a neighbour was begun.
    pub(crate) fn offers(&self, to: NodeId) -> usize {
        let begun =
            |output: &&Output| matches!(output, Output::CreateOffer { peer, .. } if *peer == to);
        self.outputs.iter().filter(begun).count()
    }

    /// A neighbour says that it lives, and what it has.
    pub(crate) fn alive(&mut self, peer: NodeId, index: u16) {
        let newest = Some(Position { segment: 1, index });
        self.link(
            peer,
            LinkMessage::Heartbeat {
                patience_ms: 100,
                newest,
            },
        );
    }

    /// The box tells the time: its clock is that of the captures.
    pub(crate) fn tell_time(&mut self) {
        let micros = u64::try_from(self.now.as_micros()).unwrap();
        self.tell(&ToNode::Clock {
            sent: micros,
            box_time: micros,
        });
    }

    /// The box gives the node a name.
    pub(crate) fn welcome(&mut self, node: u32) {
        self.tell(&ToNode::Welcome {
            ticket: [9; 16],
            node: NodeId(node),
            stream: self.identity.stream().0,
            title: String::new(),
        });
    }

    /// The parts that a neighbour was sent over the media channel.
    pub(crate) fn parts_sent(&self, to: NodeId) -> Vec<(Position, u8, Bytes)> {
        let media = self.outputs.iter().filter_map(|output| match output {
            Output::Send {
                peer,
                lane: Lane::Media,
                bytes,
            } if *peer == to => Some(bytes.clone()),
            _ => None,
        });
        media
            .filter_map(|bytes| match LinkMessage::decode(bytes).unwrap() {
                LinkMessage::Part { at, part, bytes } => Some((at, part, bytes)),
                _ => None,
            })
            .collect()
    }
}

/// The place in [`Stage::assigned`].
pub(crate) fn place() -> Assignment {
    Assignment {
        epoch: 1,
        tree: Tree::A,
        depth: 2,
        parent: Parent::Node(PARENT),
        partner: Some(PARTNER),
        reserve: None,
        children: vec![CHILD],
        wards: vec![],
        hub: None,
        rendition: 0,
    }
}

/// Init data of segment 1.
pub(crate) fn init(signer: &Signer) -> Fragment {
    let tracks = vec![InitTrack {
        kind: TrackKind::Video,
        codec: "avc1.42C01F".into(),
        segment: Bytes::from_static(b"ftypmoov"),
    }];
    let meta = Meta {
        kind: Kind::Init,
        video_len: 0,
        ..meta(1, 0)
    };
    signer.seal(meta, Init { tracks }.encode()).unwrap()
}

pub(crate) fn signer(identity: &IdentityKey, serial: u32) -> Signer {
    let key = SigningKey::from_seed([serial.to_le_bytes()[0]; 32]);
    let validity = Validity {
        not_before: 0,
        not_after: u64::MAX,
    };
    let certificate = identity.certify(serial, validity, key.public());
    Signer::new(identity.stream(), certificate, key).unwrap()
}

pub(crate) fn meta(segment: u32, index: u16) -> Meta {
    let media_time = u64::from(index) * 80_000;
    Meta {
        kind: Kind::Media,
        rendition: 0,
        at: Position { segment, index },
        flags: if index == 1 { Flags::KEY } else { Flags::NONE },
        init: 1,
        media_time,
        duration: 80_000,
        capture_time: media_time,
        video_len: 8,
    }
}
