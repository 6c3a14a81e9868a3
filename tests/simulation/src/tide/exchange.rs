//! The conversation with the box: real messages to and from the coordinator that ships, one
//! after the other over the box's uplink.

use peerstream_budget::{AHEAD, MESSAGE_OVERHEAD};
use peerstream_overlay::Output;
use peerstream_wire::{Description, Envelope, Letter, NodeId, Signal, ToBox, ToNode};

use super::{
    node::{NOBODY, Name, Node, Picture, State},
    rules,
    state::{Event, Missive, Tide, Time},
    words::{added, newcomer, viewer_copies, welcome},
};
use crate::{
    wire::SOCKET_ROUND_TRIPS,
    world::{Subject, Viewer},
};

impl Tide<'_> {
    /// A viewer opens the page.
    pub(super) fn open(&mut self, number: u32) {
        if self.names.len() <= number as usize {
            self.names.resize(number as usize + 1, NOBODY);
        }
        let control = micros(self.world.viewer(number).control);
        let round_trips = u64::from(SOCKET_ROUND_TRIPS);
        self.note(
            self.now + control * (2 * round_trips + 1),
            Event::Join(number),
        );
    }

    /// Its first message is at the box.
    pub(super) fn joins(&mut self, number: u32) {
        let viewer = self.world.viewer(number);
        let control = micros(viewer.control);
        if self.away.is_some() {
            // The page tries again; when exactly matters to nobody.
            return self.note(self.now + 1_000_000, Event::Join(number));
        }
        let name = self.seat(number, &viewer, viewer_copies(&viewer));
        let opened = control * (2 * u64::from(SOCKET_ROUND_TRIPS) + 1);
        self.nodes[name as usize].picture.opened = self.now.saturating_sub(opened);
        self.mark(1, name.into());
        self.carry_out();
    }

    /// Gives a viewer its name.
    pub(super) fn seat(&mut self, number: u32, viewer: &Viewer, copies: u8) -> Name {
        let time = self.time();
        let NodeId(name) = self.coordinator.join(time, newcomer(viewer, copies));
        let bitrate = self.media.bitrate;
        while self.nodes.len() <= name as usize {
            self.nodes.push(Node::absent());
        }
        let able = rules::copies(viewer.uplink as f64, bitrate);
        self.nodes[name as usize] = Node {
            number,
            alive: true,
            leaf_only: viewer.leaf_only,
            copies,
            able: if viewer.leaf_only { 0 } else { able },
            uplink: viewer.uplink as f32,
            loss: viewer.loss as f32,
            control: u32::try_from(viewer.control.as_micros()).unwrap_or(u32::MAX),
            picture: Picture {
                opened: self.now,
                ..Picture::default()
            },
            ..Node::absent()
        };
        if self.names.len() <= number as usize {
            self.names.resize(number as usize + 1, NOBODY);
        }
        self.names[number as usize] = name;
        self.present += 1;
        self.ledger.joins(time, NodeId(name));
        name
    }

    /// A node says something to the box.
    pub(super) fn say(&mut self, from: Name, message: ToBox) {
        let Some(node) = self.nodes.get(from as usize) else {
            return;
        };
        let at = self.now + Time::from(node.control);
        self.note(at, Event::Heard(from, Box::new(message)));
    }

    pub(super) fn heard(&mut self, from: Name, message: ToBox) {
        if self.away.is_some() {
            return;
        }
        let (time, id) = (self.time(), NodeId(from));
        let acknowledged = self.ledger.heard(time, Some(id), Some(&message));
        self.coordinator.sent(time, id, acknowledged);
        match message {
            ToBox::Clock { sent } => self.tell(
                from,
                ToNode::Clock {
                    sent,
                    box_time: EPOCH + self.now,
                },
            ),
            message => {
                if message == ToBox::Leave {
                    self.ledger.leaves(id);
                }
                if self.coordinator.message(time, id, message).is_err() {
                    self.survey.offences += 1;
                }
            }
        }
        self.carry_out();
    }

    /// A socket has closed without a word.
    pub(super) fn lost(&mut self, name: Name) {
        if self.away.is_some() {
            return;
        }
        self.ledger.leaves(NodeId(name));
        self.coordinator.leave(self.time(), NodeId(name));
        self.carry_out();
    }

    pub(super) fn wake(&mut self) {
        self.wake = None;
        if self.away.is_none() {
            self.coordinator.timeout(self.time());
            self.carry_out();
        }
    }

    /// After everything that the coordinator was told.
    pub(super) fn carry_out(&mut self) {
        self.pull();
        if let Some(at) = self.coordinator.poll_timeout() {
            // A shell sleeps for a millisecond at least.
            let at = micros(at).max(self.now + 1_000);
            if self.wake.is_none_or(|set| at < set) {
                self.wake = Some(at);
                self.note(at, Event::Wake);
            }
        }
    }

    /// Takes from the coordinator what the uplink can carry now.
    pub(super) fn pull(&mut self) {
        if self.pulling || self.away.is_some() {
            return;
        }
        let [feeds, left] = self.uplink();
        self.coordinator.set_uplink(feeds as u64, left as u64);
        loop {
            let ahead = micros(AHEAD);
            if self.free > self.now + ahead {
                self.pulling = true;
                let at = self.free - ahead;
                return self.note(at, Event::Pull);
            }
            match self.coordinator.poll_output() {
                None => return,
                Some(Output::Welcome { node }) => self.tell(node.0, welcome(node.0)),
                Some(Output::Send { to, message }) => self.tell(to.0, message),
                Some(Output::Feed { node, allowed }) => self.allow(node.0, allowed),
                Some(Output::Refuse { node, .. }) => {
                    self.ledger.leaves(node);
                    if self.present(node.0).is_some() {
                        self.survey.expelled += 1;
                        self.depart(node.0, true, false);
                    }
                }
            }
        }
    }

    /// What the feeds take of the box's uplink, and what they leave, in bit/s.
    fn uplink(&self) -> [f64; 2] {
        let uplink = self.world.conditions().box_uplink as f64;
        let feeds = self.feeds as f64 * f64::from(self.media.rate);
        [feeds, (uplink - feeds).max(uplink / 20.0)]
    }

    pub(super) fn allow(&mut self, name: Name, allowed: bool) {
        if let Some(node) = self.nodes.get_mut(name as usize) {
            if node.may_feed != allowed {
                self.feeds = if allowed {
                    self.feeds + 1
                } else {
                    self.feeds.saturating_sub(1)
                };
            }
            node.may_feed = allowed;
        }
    }

    /// Sends a message: its bytes are those of the wire.
    pub(super) fn tell(&mut self, to: Name, message: ToNode) {
        let length = Envelope::Control(message.encode().into()).encode().len() as u64;
        let bytes = length + MESSAGE_OVERHEAD;
        let [_, left] = self.uplink();
        self.free = self.now.max(self.free) + (bytes as f64 * 8e6 / left) as Time;
        let time = self.time();
        self.ledger.sent(time, Some(NodeId(to)), &message, bytes);
        self.coordinator.sent(time, NodeId(to), bytes);
        let control = self.nodes.get(to as usize).map_or(0, |node| node.control);
        self.note(
            self.free + Time::from(control),
            Event::Told(to, Box::new(message)),
        );
    }

    pub(super) fn told(&mut self, to: Name, message: ToNode) {
        if self.present(to).is_none() {
            return;
        }
        let kind = match message {
            ToNode::Assign(_) => 2,
            ToNode::Change { .. } => 3,
            _ => 4,
        };
        self.mark(kind, to.into());
        let node = &mut self.nodes[to as usize];
        match message {
            ToNode::Welcome { .. } => {
                if !core::mem::replace(&mut node.welcome, true) {
                    self.ask_clock(to, 0);
                }
            }
            ToNode::Assign(place) => {
                let named: Vec<Name> = place.peers().map(|peer| peer.0).collect();
                node.place = place;
                node.pending.clear();
                for peer in named {
                    self.try_anew(to, peer);
                }
                self.reconcile(to);
                self.settle(to);
                self.steer(to);
            }
            ToNode::Change {
                epoch,
                commands,
                letters,
            } => {
                self.pass_on(to, letters, self.now);
                let node = &mut self.nodes[to as usize];
                if epoch <= node.place.epoch {
                    return;
                }
                if epoch > node.place.epoch + 1 {
                    // Something was lost, which only a new beginning makes good.
                    let at = self.now + Time::from(node.control);
                    return self.note(at, Event::Rejoin(to, 0));
                }
                node.place.epoch = epoch;
                for command in &commands {
                    node.pending.take(*command, &mut node.place);
                }
                for command in commands {
                    if let Some(NodeId(peer)) = added(&command.act) {
                        self.try_anew(to, peer);
                    }
                }
                self.reconcile(to);
                self.settle(to);
                self.steer(to);
            }
            ToNode::Signal { peer, signal } => {
                let missive = |offer, description: &Description| Missive {
                    from: peer.0,
                    to,
                    offer,
                    attempt: description.ufrag.parse().unwrap_or(0),
                    hub: NOBODY,
                    since: self.now,
                };
                match &signal {
                    Signal::Offer(description) => self.delivered(missive(true, description)),
                    Signal::Answer(description) => self.delivered(missive(false, description)),
                    Signal::Candidates(_) => {}
                }
            }
            ToNode::Probe => self.say(to, ToBox::Alive),
            ToNode::Clock { .. } | ToNode::Notice(_) => {}
            ToNode::Refused(_) => {}
        }
    }

    /// Hands the box's letters to neighbours. Where the link is still to open, they wait for it.
    pub(super) fn pass_on(&mut self, carrier: Name, letters: Vec<Letter>, since: Time) {
        let Some(node) = self.present(carrier) else {
            return;
        };
        let late = self.now >= since + rules::HUB_PATIENCE;
        let (mut waiting, mut ways, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for letter in letters {
            let NodeId(to) = letter.to;
            match node.link(to).map(|link| (link.state, link.delay)) {
                Some((State::Open, delay)) => ways.push((to, delay, letter)),
                Some((State::Opening, _)) if !late => waiting.push(letter),
                _ => lost.push(letter.to),
            }
        }
        for (to, delay, letter) in ways {
            if let Ok(message) = ToNode::decode(letter.body()) {
                let at = self.now + Time::from(delay) + 1_000;
                self.note(at, Event::Told(to, Box::new(message)));
            }
        }
        for peer in lost {
            self.say(carrier, ToBox::LinkFailed { peer });
        }
        if !waiting.is_empty() {
            let at = self.now + 100_000;
            self.note(at, Event::Letters(carrier, waiting, since));
        }
    }

    pub(super) fn ask_clock(&mut self, name: Name, times: u32) {
        if self.present(name).is_none() {
            return;
        }
        let sent = self.now;
        self.say(name, ToBox::Clock { sent });
        let (often, first) = rules::CLOCK_FIRST;
        let pause = if times + 1 < first {
            often
        } else {
            rules::CLOCK
        };
        self.note(self.now + pause, Event::Clock(name, times + 1));
    }

    /// A node finds out what its uplink carries, and says so. It does not try while it feeds
    /// several others, who show it in the end.
    pub(super) fn learned(&mut self, name: Name) {
        let Some(node) = self.nodes.get_mut(name as usize).filter(|node| node.alive) else {
            return;
        };
        let shown = node.picture.began + rules::TRIAL_FEEDING;
        if node.leaf_only {
            return;
        }
        if node.served > 1 && self.now < shown {
            return self.note(shown.min(self.now + 500_000), Event::Learned(name));
        }
        (node.copies, node.tried) = (node.able, true);
        let copies = node.able;
        self.say(name, ToBox::Capacity { copies });
    }
}

pub(super) fn micros(time: core::time::Duration) -> Time {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX / 4)
}

impl Tide<'_> {
    /// When somebody who was there before asks the clock next: evenly spread.
    pub(super) fn clock_phase(&self, number: u32) -> Time {
        let mut draw = self.world.draw(Subject::Event, u64::from(number) << 32);
        draw.number() % rules::CLOCK
    }
}

/// The box's clock when the run begins.
const EPOCH: u64 = 1_790_000_000_000_000;
