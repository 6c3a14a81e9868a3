//! The box: the coordinator, the source, and the sockets that the daemon would have.

use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use peerstream_fragment::{Fragment, Position};
use peerstream_overlay::{Config, Coordinator, Misbehaved, Output};
use peerstream_wire::{Envelope, LinkMessage, NodeId, ToBox, ToNode};

use crate::{profile::Profile, source::Source};

pub(crate) struct Appliance {
    pub(crate) coordinator: Coordinator,
    pub(crate) source: Source,
    sockets: BTreeMap<u32, Socket>,
    names: BTreeMap<NodeId, u32>,
    /// To be delivered: over which socket, and what.
    pub(crate) outbox: Vec<(u32, Bytes)>,
    pub(crate) offences: Vec<Misbehaved>,
    sent: BoxBytes,
}

/// What the box has sealed and sent, in bytes of messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BoxBytes {
    /// Signed fragments, each counted once.
    pub sealed: u64,
    /// Sent over direct feeds.
    pub feeds: u64,
    /// Sent otherwise: assignments, signals, clocks.
    pub control: u64,
}

#[derive(Default)]
struct Socket {
    node: Option<NodeId>,
    may_feed: bool,
    feeding: bool,
}

impl Appliance {
    pub(crate) fn new(profile: &Profile) -> Appliance {
        Appliance {
            coordinator: Coordinator::new(Config {
                root_pairs: profile.root_pairs,
            }),
            source: Source::new(profile),
            sockets: BTreeMap::new(),
            names: BTreeMap::new(),
            outbox: Vec::new(),
            offences: Vec::new(),
            sent: BoxBytes::default(),
        }
    }

    pub(crate) fn opened(&mut self, socket: u32) {
        self.sockets.insert(socket, Socket::default());
    }

    /// The socket is gone, with or without a good-bye before.
    pub(crate) fn lost(&mut self, now: Duration, socket: u32) {
        if let Some(node) = self.sockets.remove(&socket).and_then(|socket| socket.node) {
            self.names.remove(&node);
            self.coordinator.leave(now, node);
            self.carry_out();
        }
    }

    pub(crate) fn received(&mut self, now: Duration, socket: u32, bytes: Bytes) {
        let Some(node) = self.sockets.get(&socket).map(|socket| socket.node) else {
            return;
        };
        match (Envelope::decode(bytes), node) {
            (Ok(Envelope::Control(body)), node) => match (ToBox::decode(&body), node) {
                (Ok(ToBox::Join { .. }), None) => self.welcome(now, socket),
                (Ok(ToBox::Clock { sent }), _) => {
                    let box_time = Source::clock(now);
                    self.tell(socket, &ToNode::Clock { sent, box_time });
                }
                (Ok(message), Some(node)) => {
                    let said = self.coordinator.message(now, node, message);
                    self.offences.extend(said.err());
                    self.carry_out();
                }
                (message, None) => panic!("before the join: {message:?}"),
                (Err(error), _) => panic!("a node sent no message: {error}"),
            },
            (Ok(Envelope::Link(message)), Some(_)) => self.feed_message(socket, message),
            (envelope, _) => panic!("out of place: {envelope:?}"),
        }
    }

    pub(crate) fn timeout(&mut self, now: Duration) {
        self.coordinator.timeout(now);
        self.carry_out();
    }

    /// A fragment is complete: it goes to every feed.
    pub(crate) fn capture(&mut self, now: Duration) {
        let fragment = self.source.capture(now);
        self.sent.sealed += fragment.signed_len() as u64;
        for socket in self.feeds() {
            self.send_fragment(socket, &fragment);
        }
    }

    /// A sign of life for every feed.
    pub(crate) fn heartbeat(&mut self) {
        let newest = self.source.newest();
        for socket in self.feeds() {
            self.send_link(socket, LinkMessage::Heartbeat { newest });
        }
    }

    pub(crate) fn bytes(&self) -> BoxBytes {
        self.sent
    }

    fn welcome(&mut self, now: Duration, socket: u32) {
        let node = self.coordinator.join(now);
        self.names.insert(node, socket);
        if let Some(socket) = self.sockets.get_mut(&socket) {
            socket.node = Some(node);
        }
        let stream = self.source.stream().0;
        self.tell(
            socket,
            &ToNode::Welcome {
                node,
                stream,
                title: "simulated".into(),
            },
        );
        self.carry_out();
    }

    /// Does what the coordinator wants done.
    fn carry_out(&mut self) {
        while let Some(output) = self.coordinator.poll_output() {
            match output {
                Output::Send { to, message } => {
                    if let Some(&socket) = self.names.get(&to) {
                        self.tell(socket, &message);
                    }
                }
                Output::Feed { node, allowed } => {
                    let socket = self
                        .names
                        .get(&node)
                        .and_then(|name| self.sockets.get_mut(name));
                    if let Some(socket) = socket {
                        socket.may_feed = allowed;
                    }
                }
            }
        }
    }

    fn feed_message(&mut self, socket: u32, message: LinkMessage) {
        match message {
            LinkMessage::Subscribe { after } => self.begin_feed(socket, after),
            LinkMessage::Unsubscribe => {
                if let Some(socket) = self.sockets.get_mut(&socket) {
                    socket.feeding = false;
                }
            }
            LinkMessage::Request { at, parts } => self.send_again(socket, at, parts),
            LinkMessage::Ping(token) => self.send_link(socket, LinkMessage::Pong(token)),
            _ => {}
        }
    }

    fn begin_feed(&mut self, socket: u32, after: Option<Position>) {
        let Some(state) = self.sockets.get_mut(&socket).filter(|state| state.may_feed) else {
            return;
        };
        state.feeding = true;
        let certificate = LinkMessage::Certificate(self.source.certificate().clone());
        self.send_link(socket, certificate);
        let init = self.source.init().clone();
        self.send_fragment(socket, &init);
        let backlog: Vec<Fragment> = self.source.backlog(after).cloned().collect();
        for fragment in backlog {
            self.send_fragment(socket, &fragment);
        }
    }

    fn send_again(&mut self, socket: u32, at: Position, parts: u64) {
        let Some(fragment) = self.source.sealed(at).cloned() else {
            return;
        };
        if parts == 0 {
            return self.send_fragment(socket, &fragment);
        }
        for (part, bytes) in fragment.parts() {
            if part < 64 && parts & (1 << part) != 0 {
                self.send_link(socket, LinkMessage::Part { at, part, bytes });
            }
        }
    }

    fn send_fragment(&mut self, socket: u32, fragment: &Fragment) {
        let at = fragment.at();
        self.send_link(socket, LinkMessage::Header(fragment.header.bytes.clone()));
        for (part, bytes) in fragment.parts() {
            self.send_link(socket, LinkMessage::Part { at, part, bytes });
        }
    }

    fn send_link(&mut self, socket: u32, message: LinkMessage) {
        let bytes = Envelope::Link(message).encode();
        self.sent.feeds += bytes.len() as u64;
        self.outbox.push((socket, bytes));
    }

    fn tell(&mut self, socket: u32, message: &ToNode) {
        let bytes = Envelope::Control(message.encode().into()).encode();
        self.sent.control += bytes.len() as u64;
        self.outbox.push((socket, bytes));
    }

    fn feeds(&self) -> Vec<u32> {
        self.sockets
            .iter()
            .filter(|(_, socket)| socket.feeding)
            .map(|(id, _)| *id)
            .collect()
    }
}
