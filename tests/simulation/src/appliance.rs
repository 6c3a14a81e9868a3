//! The box: the coordinator, the source, and the sockets that the daemon would have.

mod ledger;

use core::time::Duration;

use bytes::Bytes;
use peerstream_budget::{MESSAGE_OVERHEAD, Uplink};
use peerstream_fragment::Position;
use peerstream_overlay::{Config, Coordinator, Misbehaved, Newcomer, Output};
use peerstream_wire::{Envelope, Held, LinkMessage, NodeId, Refusal, Ticket, ToBox, ToNode};

use crate::{
    source::Source,
    world::{Conditions, Network},
};
pub(crate) use ledger::Ledger;

pub(crate) struct Appliance {
    pub(crate) coordinator: Coordinator,
    pub(crate) source: Source,
    config: Config,
    uplink: Uplink,
    /// By number; none once it is closed.
    sockets: Vec<Option<Socket>>,
    /// The socket of each node, by the node's number.
    names: Vec<Option<u32>>,
    /// Who is fed, in the order of their subscribing.
    feeding: Vec<u32>,
    /// To be delivered: over which socket, when it leaves the box, and what.
    pub(crate) outbox: Vec<(u32, Duration, ToPage)>,
    pub(crate) offences: Vec<Misbehaved>,
    pub(crate) ledger: Ledger,
    sent: BoxBytes,
    /// The process is not there.
    pub(crate) away: bool,
}

/// What reaches a page from the box.
pub(crate) enum ToPage {
    /// A message.
    Message(Bytes),
    /// The socket is closed.
    Closed,
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

struct Socket {
    node: Option<NodeId>,
    network: Network,
    may_feed: bool,
    /// When the box ends the feed by itself.
    feed_ends: Option<Duration>,
    feeding: bool,
}

impl Appliance {
    pub(crate) fn new(conditions: &Conditions, config: Config) -> Appliance {
        Appliance {
            coordinator: Coordinator::new(config.clone()),
            source: Source::new(conditions.stream),
            config,
            uplink: Uplink::new(conditions.box_uplink),
            sockets: Vec::new(),
            names: Vec::new(),
            feeding: Vec::new(),
            outbox: Vec::new(),
            offences: Vec::new(),
            ledger: Ledger::default(),
            sent: BoxBytes::default(),
            away: false,
        }
    }

    /// The process ends.
    pub(crate) fn stop(&mut self, now: Duration) {
        self.away = true;
        self.feeding.clear();
        self.names.clear();
        for (socket, rank) in self.sockets.iter_mut().zip(0..) {
            if socket.take().is_some() {
                self.outbox.push((rank, now, ToPage::Closed));
            }
        }
    }

    /// The process is back, and remembers its keys and how far its names went.
    pub(crate) fn start(&mut self, now: Duration) {
        self.away = false;
        self.config.first = self.ledger.newest();
        self.coordinator = Coordinator::new(self.config.clone());
        self.uplink = Uplink::new(self.uplink.rate());
        self.source.resume(now);
    }

    /// Whether there is anybody to take up a socket.
    pub(crate) fn opened(&mut self, socket: u32, network: Network) -> bool {
        if self.away {
            return false;
        }
        let rank = socket as usize;
        if self.sockets.len() <= rank {
            self.sockets.resize_with(rank + 1, || None);
        }
        self.sockets[rank] = Some(Socket {
            node: None,
            network,
            may_feed: false,
            feed_ends: None,
            feeding: false,
        });
        true
    }

    /// The socket is gone, with or without a good-bye before.
    pub(crate) fn lost(&mut self, now: Duration, socket: u32) {
        let Some(state) = self.sockets.get_mut(socket as usize).and_then(Option::take) else {
            return;
        };
        self.feeding.retain(|fed| *fed != socket);
        if let Some(node) = state.node
            && self.socket(node) == Some(socket)
        {
            self.names[node.0 as usize] = None;
            self.ledger.leaves(node);
            self.coordinator.leave(now, node);
        }
    }

    pub(crate) fn received(&mut self, now: Duration, socket: u32, bytes: Bytes) {
        let Some(state) = self.state(socket) else {
            return;
        };
        let node = state.node;
        let envelope = Envelope::decode(bytes);
        let said = match &envelope {
            Ok(Envelope::Control(body)) => ToBox::decode(body).ok(),
            _ => None,
        };
        let acknowledged = self.ledger.heard(now, node, said.as_ref());
        if let Some(node) = node {
            self.coordinator.sent(now, node, acknowledged);
        }
        match (envelope, node) {
            (Ok(Envelope::Control(body)), node) => match (ToBox::decode(&body), node) {
                (Ok(ToBox::Join { copies, held, .. }), None) => {
                    self.joins(now, socket, copies, held);
                }
                (Ok(ToBox::Clock { sent }), _) => {
                    let box_time = Source::clock(now);
                    self.tell(now, socket, &ToNode::Clock { sent, box_time });
                }
                (Ok(message), Some(node)) => {
                    if message == ToBox::Leave {
                        self.ledger.leaves(node);
                    }
                    let said = self.coordinator.message(now, node, message);
                    if let Err(misbehaved) = said {
                        self.offences.push(misbehaved);
                        self.refuse(now, socket, cause(misbehaved));
                    }
                }
                (_, _) => self.refuse(now, socket, Refusal::OutOfOrder),
            },
            (Ok(Envelope::Link(message)), Some(_)) => self.feed_message(now, socket, message),
            (_, _) => self.refuse(now, socket, Refusal::Malformed),
        }
    }

    pub(crate) fn timeout(&mut self, now: Duration) {
        self.coordinator.timeout(now);
    }

    /// A fragment is complete: it goes to every feed.
    pub(crate) fn capture(&mut self, now: Duration) {
        if self.away {
            return;
        }
        let messages = self
            .source
            .capture(now)
            .map(|sealed| sealed.messages.clone());
        self.sent.sealed = self.source.bytes;
        let feeds = self.feeding.clone();
        // Part by part, so that no feed waits for another's whole key frame.
        for message in messages.into_iter().flatten() {
            for &socket in &feeds {
                self.send_media(now, socket, message.clone());
            }
        }
    }

    /// A sign of life for every feed.
    pub(crate) fn heartbeat(&mut self, now: Duration) {
        self.end_feeds(now);
        let newest = self.source.newest();
        for socket in self.feeding.clone() {
            let message = LinkMessage::Heartbeat {
                patience_ms: 0,
                newest,
            };
            self.send_link(now, socket, message);
        }
    }

    pub(crate) fn bytes(&self) -> BoxBytes {
        self.sent
    }

    /// Does what the coordinator wants done, the most urgent first, as the uplink allows.
    /// When to come back, if it does not allow all.
    pub(crate) fn carry_out(&mut self, now: Duration) -> Option<Duration> {
        if self.away {
            return None;
        }
        let (feeds, left) = (self.uplink.feeds(now), self.uplink.left(now));
        self.coordinator.set_uplink(feeds, left);
        loop {
            if let Some(at) = self.uplink.busy(now) {
                return Some(at);
            }
            match self.coordinator.poll_output()? {
                Output::Welcome { node } => {
                    let welcome = ToNode::Welcome {
                        node,
                        stream: self.source.stream().0,
                        title: "simulated".into(),
                        ticket: ticket(node),
                    };
                    if let Some(socket) = self.socket(node) {
                        self.tell(now, socket, &welcome);
                    }
                }
                Output::Send { to, mut message } => {
                    message.seal(ticket);
                    if let Some(socket) = self.socket(to) {
                        self.tell(now, socket, &message);
                    }
                }
                Output::Feed { node, allowed } => {
                    let socket = self.socket(node);
                    if let Some(state) = socket.and_then(|socket| self.state(socket)) {
                        state.may_feed = allowed;
                        state.feed_ends = (!allowed).then_some(now + FEED_GRACE);
                    }
                }
                Output::Refuse { node, reason } => {
                    if let Some(socket) = self.socket(node) {
                        self.refuse(now, socket, reason);
                    }
                }
            }
        }
    }

    /// The socket of a node that is in the audience.
    pub(crate) fn socket(&self, node: NodeId) -> Option<u32> {
        self.names.get(node.0 as usize).copied().flatten()
    }

    /// Who is fed, the longest first.
    pub(crate) fn feeding(&self) -> &[u32] {
        &self.feeding
    }

    fn state(&mut self, socket: u32) -> Option<&mut Socket> {
        self.sockets.get_mut(socket as usize)?.as_mut()
    }

    fn joins(&mut self, now: Duration, socket: u32, copies: u8, held: Option<Held>) {
        let Some(state) = self.state(socket) else {
            return;
        };
        let newcomer = Newcomer {
            network: state.network,
            copies,
        };
        // Who has no ticket for the name that it claims comes as a stranger.
        let held = held.filter(|held| held.ticket == ticket(held.node));
        let node = match held {
            Some(held) => {
                let place = held.place.clone();
                let node = self.coordinator.rejoin(now, newcomer, held);
                self.ledger.rejoins(now, node, place);
                node
            }
            None => {
                let node = self.coordinator.join(now, newcomer);
                self.ledger.joins(now, node);
                node
            }
        };
        if let Some(state) = self.state(socket) {
            state.node = Some(node);
        }
        let rank = node.0 as usize;
        if self.names.len() <= rank {
            self.names.resize(rank + 1, None);
        }
        self.names[rank] = Some(socket);
    }

    /// Closes a socket, and says why.
    fn refuse(&mut self, now: Duration, socket: u32, reason: Refusal) {
        self.tell(now, socket, &ToNode::Refused(reason));
        let at = self.uplink.control(now, 0);
        self.outbox.push((socket, at, ToPage::Closed));
        self.lost(now, socket);
    }

    fn feed_message(&mut self, now: Duration, socket: u32, message: LinkMessage) {
        match message {
            LinkMessage::Subscribe { after } => self.begin_feed(now, socket, after),
            LinkMessage::Unsubscribe => {
                self.feeding.retain(|fed| *fed != socket);
                if let Some(state) = self.state(socket) {
                    state.feeding = false;
                }
            }
            LinkMessage::Request { at, parts } => self.send_again(now, socket, at, parts),
            LinkMessage::Ping(token) => {
                self.send_link(now, socket, LinkMessage::Pong { token, at: 0 });
            }
            _ => {}
        }
    }

    /// Whoever is to be fed by somebody else has had the time to turn to it. The last feed
    /// never ends.
    fn end_feeds(&mut self, now: Duration) {
        while let Some((_, socket)) = self.next_ending().filter(|(at, _)| *at <= now)
            && self.feeding.len() > 1
        {
            self.end_feed(now, socket);
        }
    }

    fn next_ending(&self) -> Option<(Duration, u32)> {
        let ending = self.feeding.iter().filter_map(|socket| {
            let state = self.sockets.get(*socket as usize)?.as_ref()?;
            Some((state.feed_ends?, *socket))
        });
        ending.min()
    }

    fn end_feed(&mut self, now: Duration, socket: u32) {
        self.feeding.retain(|fed| *fed != socket);
        if let Some(state) = self.state(socket) {
            state.feeding = false;
        }
        self.send_link(now, socket, LinkMessage::Decline);
    }

    fn begin_feed(&mut self, now: Duration, socket: u32, after: Option<Position>) {
        let Some(state) = self.state(socket).filter(|state| state.may_feed) else {
            return;
        };
        if !core::mem::replace(&mut state.feeding, true) {
            self.feeding.push(socket);
        }
        let certificate = LinkMessage::Certificate(self.source.certificate().clone());
        self.send_link(now, socket, certificate);
        let init = self.source.init().into_iter();
        let backlog = init.chain(self.source.backlog(after));
        let backlog: Vec<Bytes> = backlog.flat_map(|sealed| sealed.messages.clone()).collect();
        for message in backlog {
            self.send_media(now, socket, message);
        }
        // One that is not to be ends as soon as there is another in its stead.
        if let Some((_, replaced)) = self.next_ending() {
            self.end_feed(now, replaced);
        }
    }

    fn send_again(&mut self, now: Duration, socket: u32, at: Position, parts: u64) {
        let Some(sealed) = self.source.sealed(at) else {
            return;
        };
        let wanted = |rank: usize| match rank {
            0 => parts == 0,
            part => parts == 0 || part <= 64 && parts & (1 << (part - 1)) != 0,
        };
        let messages = sealed.messages.iter().enumerate();
        let messages = messages.filter(|(rank, _)| wanted(*rank));
        let messages: Vec<Bytes> = messages.map(|(_, message)| message.clone()).collect();
        for message in messages {
            self.send_media(now, socket, message);
        }
    }

    fn send_link(&mut self, now: Duration, socket: u32, message: LinkMessage) {
        self.send_media(now, socket, Envelope::Link(message).encode());
    }

    fn send_media(&mut self, now: Duration, socket: u32, bytes: Bytes) {
        if self.uplink.wait(now) > STALE {
            return;
        }
        let at = self.uplink.feed(now, bytes.len() as u64);
        self.sent.feeds += bytes.len() as u64;
        self.outbox.push((socket, at, ToPage::Message(bytes)));
    }

    fn tell(&mut self, now: Duration, socket: u32, message: &ToNode) {
        let bytes = Envelope::Control(message.encode().into()).encode();
        self.sent.control += bytes.len() as u64;
        let node = self.state(socket).and_then(|state| state.node);
        let on_wire = bytes.len() as u64 + MESSAGE_OVERHEAD;
        self.ledger.sent(now, node, message, on_wire);
        if let Some(node) = node {
            self.coordinator.sent(now, node, on_wire);
        }
        let at = self.uplink.control(now, bytes.len() as u64);
        self.outbox.push((socket, at, ToPage::Message(bytes)));
    }
}

/// What would wait for longer is of no use any more.
const STALE: Duration = Duration::from_secs(1);
/// A direct feed that is not allowed any more goes on for so long at most.
const FEED_GRACE: Duration = Duration::from_secs(3);

/// As the daemon says it.
fn cause(misbehaved: Misbehaved) -> Refusal {
    match misbehaved {
        Misbehaved::Flooding(_) => Refusal::Flooding,
        _ => Refusal::OutOfOrder,
    }
}

/// Under a key that outlives the process.
fn ticket(node: NodeId) -> Ticket {
    let mac = blake3::keyed_hash(&[3; 32], &node.0.to_be_bytes());
    let mut ticket = Ticket::default();
    ticket.copy_from_slice(&mac.as_bytes()[..16]);
    ticket
}
