//! A node whose children are at the other end of an uplink.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;
use peerstream_fragment::{Flags, Fragment, Meta, Position};
use peerstream_node::{Input, Lane, Output};
use peerstream_wire::{LinkMessage, NodeId, ToNode};

use crate::stage::{CHILD, PARENT, PARTNER, Stage, meta, place};

/// The second child.
pub(crate) const SECOND: NodeId = NodeId(21);
/// A picture each.
const FRAME: u64 = 33_333;
/// Frames in a segment.
pub(crate) const SEGMENT: u16 = 60;
/// One way to a child.
pub(crate) const ONE_WAY: Duration = Duration::from_millis(20);

pub(crate) struct Line {
    pub(crate) stage: Stage,
    /// Bytes a second.
    rate: u64,
    free: Duration,
    agenda: BTreeMap<(Duration, u64), Happening>,
    number: u64,
    buffered: BTreeMap<NodeId, usize>,
    /// What came to whom, and when.
    pub(crate) arrived: Vec<(Duration, NodeId, LinkMessage)>,
    /// When the last part of each fragment came to the node.
    pub(crate) came: BTreeMap<Position, Duration>,
}

enum Happening {
    Comes(LinkMessage),
    Leaves(NodeId, usize),
    Arrives(NodeId, LinkMessage),
    Answered(NodeId, u32),
}

impl Line {
    /// A node with two children, of which the second has not subscribed yet, on an uplink of
    /// so many kbit/s.
    pub(crate) fn new(kbit: u64) -> Self {
        let mut stage = Stage::new();
        let mut place = place();
        place.children.push(SECOND);
        stage.tell(&ToNode::Assign(place));
        let mut line = Line {
            stage,
            rate: kbit * 125,
            free: Duration::ZERO,
            agenda: BTreeMap::new(),
            number: 0,
            buffered: BTreeMap::new(),
            arrived: Vec::new(),
            came: BTreeMap::new(),
        };
        for peer in [PARENT, PARTNER, CHILD, SECOND] {
            line.input(Input::LinkOpened { peer, strand: 0 });
        }
        line.run(Duration::from_millis(100));
        let certificate = line.stage.signer.certificate().clone();
        let init = line.stage.init();
        let header = LinkMessage::Header(init.header.bytes.clone());
        for message in [LinkMessage::Certificate(certificate), header] {
            line.comes(Duration::ZERO, message);
        }
        line.parts(&init, Duration::ZERO, 1_000_000);
        line.subscribe(CHILD);
        line
    }

    pub(crate) fn subscribe(&mut self, peer: NodeId) {
        let bytes = LinkMessage::Subscribe { after: None }.encode();
        self.input(Input::LinkMessage { peer, bytes });
    }

    /// The parent brings frames `from..to`, each at its time and at so many kbit/s, and the
    /// first of each segment is `key` bytes long.
    pub(crate) fn stream(&mut self, from: u32, to: u32, kbit: u64, key: usize) {
        let start = self.stage.now;
        for frame in from..to {
            let due = start + Duration::from_micros(FRAME) * (frame - from);
            self.run(due.saturating_sub(self.stage.now));
            let fragment = self.frame(frame, key);
            self.comes(
                Duration::ZERO,
                LinkMessage::Header(fragment.header.bytes.clone()),
            );
            self.parts(&fragment, Duration::ZERO, kbit * 125);
            // Whoever lives says so.
            if frame % 3 == 0 {
                for peer in [PARTNER, CHILD, SECOND] {
                    self.stage.alive(peer, 1);
                    self.look();
                }
            }
        }
    }

    /// A stream of 2.5 Mbit/s.
    pub(crate) fn frame(&self, frame: u32, key: usize) -> Fragment {
        let index = u16::try_from(frame % u32::from(SEGMENT)).unwrap() + 1;
        let segment = frame / u32::from(SEGMENT) + 1;
        let media_time = u64::from(frame) * FRAME;
        let meta = Meta {
            flags: if index == 1 { Flags::KEY } else { Flags::NONE },
            at: Position {
                segment,
                // The first segment has its init data in front.
                index: if segment == 1 { index } else { index - 1 },
            },
            media_time,
            duration: 33_333,
            capture_time: media_time,
            ..meta(1, 0)
        };
        let bytes = if index == 1 {
            key
        } else {
            (625_000 - key) / usize::from(SEGMENT - 1)
        };
        let payload = Bytes::from(vec![7; bytes]);
        self.stage.signer.seal(meta, payload).unwrap()
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.stage.now + time;
        loop {
            let next = self.agenda.first_key_value().map(|((at, _), _)| *at);
            let wake = self.stage.node.deadline().map(|at| at.max(self.stage.now));
            let Some(at) = next.into_iter().chain(wake).min().filter(|at| *at <= end) else {
                break;
            };
            self.stage.now = at.max(self.stage.now);
            if wake.is_some_and(|wake| wake <= at) && next != Some(at) {
                self.input(Input::Tick);
                // Browsers' timers are no finer.
                self.stage.now += Duration::from_millis(1);
                continue;
            }
            let Some((_, happening)) = self.agenda.pop_first() else {
                break;
            };
            self.happen(happening);
        }
        self.stage.now = self.stage.now.max(end);
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Comes(message) => {
                if let LinkMessage::Part { at, .. } = &message {
                    self.came.insert(*at, self.stage.now);
                }
                self.input(Input::LinkMessage {
                    peer: PARENT,
                    bytes: message.encode(),
                });
            }
            Happening::Leaves(peer, bytes) => {
                let buffered = self.buffered.entry(peer).or_default();
                let before = *buffered;
                *buffered -= bytes;
                // The threshold of `bufferedamountlow`.
                if before > 32 * 1024 && *buffered <= 32 * 1024 {
                    let bytes = *buffered;
                    self.input(Input::LinkBuffered { peer, bytes });
                }
            }
            Happening::Arrives(peer, message) => {
                self.arrived.push((self.stage.now, peer, message));
            }
            Happening::Answered(peer, token) => {
                // It came one way before the answer is back.
                let came = self.stage.now.saturating_sub(ONE_WAY).as_micros();
                let at = u32::try_from(came & 0xffff_ffff).unwrap();
                let bytes = LinkMessage::Pong { token, at }.encode();
                self.input(Input::LinkMessage { peer, bytes });
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.stage.input(input);
        self.look();
    }

    /// Puts what the node sends onto the wire.
    fn look(&mut self) {
        loop {
            let outputs: VecDeque<Output> = std::mem::take(&mut self.stage.outputs);
            let mut written = Vec::new();
            for output in outputs {
                if let Output::Send { peer, lane, bytes } = &output {
                    self.put(*peer, *lane, bytes);
                    written.push(*peer);
                }
            }
            written.dedup();
            if written.is_empty() {
                return;
            }
            for peer in written {
                let bytes = self.buffered.get(&peer).copied().unwrap_or(0);
                self.stage.input(Input::LinkBuffered { peer, bytes });
            }
        }
    }

    fn put(&mut self, peer: NodeId, lane: Lane, bytes: &Bytes) {
        let nanos = bytes.len() as u64 * 1_000_000_000 / self.rate;
        self.free = self.free.max(self.stage.now) + Duration::from_nanos(nanos);
        let left = self.free;
        if lane == Lane::Media {
            *self.buffered.entry(peer).or_default() += bytes.len();
            self.note(left, Happening::Leaves(peer, bytes.len()));
        }
        match LinkMessage::decode(bytes.clone()).unwrap() {
            LinkMessage::Ping(token) => {
                self.note(left + 2 * ONE_WAY, Happening::Answered(peer, token));
            }
            message => self.note(left + ONE_WAY, Happening::Arrives(peer, message)),
        }
    }

    fn comes(&mut self, after: Duration, message: LinkMessage) {
        self.note(self.stage.now + after, Happening::Comes(message));
    }

    fn parts(&mut self, fragment: &Fragment, after: Duration, rate: u64) {
        let mut at_wire = after;
        for (part, bytes) in fragment.parts() {
            at_wire += Duration::from_nanos(bytes.len() as u64 * 1_000_000_000 / rate);
            let at = fragment.at();
            self.comes(at_wire, LinkMessage::Part { at, part, bytes });
        }
    }

    fn note(&mut self, at: Duration, happening: Happening) {
        self.number += 1;
        self.agenda.insert((at, self.number), happening);
    }

    /// How much longer than the wire takes each fragment took to a child that it came to
    /// whole, in order of length.
    pub(crate) fn added(&self, child: NodeId, from: u32) -> Vec<Duration> {
        let mut last: BTreeMap<Position, Duration> = BTreeMap::new();
        for (when, peer, message) in &self.arrived {
            if let LinkMessage::Part { at, .. } = message
                && *peer == child
                && at.segment >= from
            {
                last.insert(*at, *when);
            }
        }
        let mut added: Vec<Duration> = last
            .into_iter()
            .filter_map(|(at, when)| Some(when.saturating_sub(*self.came.get(&at)? + ONE_WAY)))
            .collect();
        added.sort_unstable();
        added
    }
}
