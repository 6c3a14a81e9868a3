//! The conversation with the box.

use core::time::Duration;

use bytes::Bytes;
use peerstream_fragment::StreamId;
use peerstream_wire::{
    Assignment, DEFAULT_COPIES, Envelope, Held, Letter, LinkMessage, MAX_CHILDREN, MAX_HELD,
    NodeId, Notice, PROTOCOL, Parent, Refusal, Ticket, ToBox, ToNode,
};

use super::Node;
use crate::{
    config::{CAPACITY, CLOCK, CLOCK_FIRST, RECONNECT, RECONNECT_MAX, RECONNECT_MIN, WIND_UP},
    event::Phase,
    intake::Intake,
    link::{Link, State},
    timer::Timer,
};

/// What a node keeps about the control socket and the box's clock.
pub(super) struct Control {
    /// Since when it is open.
    pub(super) open: Option<Duration>,
    attempts: u32,
    jitter: u64,
    /// The box's clock minus this node's in microseconds, and the round trip it was
    /// learned with: the quickest answer is the truest.
    clock: Option<(i128, Duration)>,
    clocks_asked: u32,
    /// Shows a box that has forgotten all that the node's name is its own.
    pub(super) ticket: Option<Ticket>,
    /// The box has welcomed the node, and a whole place has not come since.
    whole_due: bool,
    /// The stream's title.
    pub(super) title: String,
    /// Copies that may be passed on at most.
    copies_max: u8,
    /// Nothing is passed on from then on, to whomever.
    pub(super) no_more: Option<Duration>,
    /// What the box was told of that, and when.
    copies_told: (u8, Duration),
    /// It has been told what was learned.
    capacity_told: bool,
    /// What the viewer is to know.
    pub(super) notice: Option<Notice>,
}

impl Control {
    pub(super) fn new(seed: u64) -> Self {
        Control {
            open: None,
            attempts: 0,
            jitter: seed,
            clock: None,
            clocks_asked: 0,
            ticket: None,
            whole_due: false,
            title: String::new(),
            copies_max: u8::MAX,
            no_more: None,
            copies_told: (DEFAULT_COPIES, Duration::ZERO),
            capacity_told: false,
            notice: None,
        }
    }

    pub(super) fn box_time(&self, now: Duration) -> Option<u64> {
        let (offset, _) = self.clock?;
        u64::try_from(i128::try_from(now.as_micros()).ok()? + offset).ok()
    }

    /// Whether anything may be passed on at all.
    pub(super) fn shares(&self) -> bool {
        self.copies_max > 0
    }

    /// How long to wait before the socket is opened again.
    fn pause(&mut self, depth: u8) -> Duration {
        let doublings = self.attempts + u32::from(depth.saturating_sub(10)) / 2;
        let spread = (RECONNECT * 2u32.pow(doublings.min(8))).min(RECONNECT_MAX);
        self.attempts += 1;
        // SplitMix64 (Steele, Lea, Flood 2014): spreads the reconnections of an audience.
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (z ^ (z >> 31)) >> 44;
        RECONNECT_MIN + spread * u32::try_from(share).unwrap_or(0) / (1 << 20)
    }
}

impl Node {
    pub(super) fn control_opened(&mut self, now: Duration) {
        self.control.open = Some(now);
        self.links.insert(Parent::Box, Link::new(now, State::Open));
        self.control.copies_told = (self.copies(), now);
        self.say(&ToBox::Join {
            protocol: PROTOCOL,
            copies: self.copies(),
            held: self.held(),
        });
    }

    /// The socket is gone, and with it only what came over it: the links stay, and what
    /// there is goes on being passed on.
    pub(super) fn control_closed(&mut self, now: Duration) {
        self.control.open = None;
        self.links.remove(&Parent::Box);
        self.timers.stop(Timer::Clock);
        if let Phase::Refused(Refusal::Protocol) | Phase::OtherStream = self.phase {
            return;
        }
        if self.phase == Phase::Waiting {
            self.phase(Phase::Connecting);
        }
        let depth = self.assignment.as_ref().map_or(0, |a| a.depth);
        let pause = self.control.pause(depth);
        self.timers.set(Timer::Reconnect, now + pause);
        self.steer(now);
    }

    /// What a box that knows nothing any more needs, to take this node up where it is.
    fn held(&self) -> Option<Held> {
        let mut place: Assignment = self.assignment.clone()?;
        // Where the node was to end up is what its neighbours were told, too.
        self.pending.clone().fire(&mut place, |_| true);
        place.children.truncate(MAX_CHILDREN);
        place.wards.truncate(MAX_CHILDREN);
        let open = self.links.iter().filter_map(|(origin, link)| match origin {
            Parent::Node(peer) if link.is_open() => Some(*peer),
            _ => None,
        });
        Some(Held {
            node: self.name?,
            ticket: self.control.ticket?,
            place,
            open: open.take(MAX_HELD).collect(),
        })
    }

    /// The copies that this node offers to pass on.
    pub(super) fn copies(&self) -> u8 {
        let learned = self.learned_copies().unwrap_or(DEFAULT_COPIES);
        learned.min(self.control.copies_max)
    }

    /// The owner's word on what may be passed on, or the device's.
    pub(super) fn may_share(&mut self, now: Duration, copies_max: u8) {
        self.control.copies_max = copies_max;
        // The box finds others to feed the children, if there are any.
        self.control.no_more = (copies_max == 0).then_some(now + WIND_UP);
        self.capacity_changed(now);
    }

    /// Tells the box how many copies this node can and may pass on, if that is news.
    pub(super) fn capacity_changed(&mut self, now: Duration) {
        let copies = self.copies();
        let (told, at) = self.control.copies_told;
        let first = !self.control.capacity_told && self.learned_copies().is_some();
        if (copies == told && !first) || self.name.is_none() || self.control.open.is_none() {
            return;
        }
        // A leaf is one at once: its owner's word is not put off. Nor is what a newcomer finds
        // out, before anybody depends on it.
        if now < at + CAPACITY && copies > 0 && !first {
            self.timers.by(Timer::Capacity, at + CAPACITY);
            return;
        }
        self.control.copies_told = (copies, now);
        self.control.capacity_told = true;
        self.say(&ToBox::Capacity { copies });
    }

    pub(super) fn ask_clock(&mut self, now: Duration) {
        let sent = u64::try_from(now.as_micros()).unwrap_or(0);
        self.say(&ToBox::Clock { sent });
        self.control.clocks_asked += 1;
        let (often, times) = CLOCK_FIRST;
        let next = if self.control.clocks_asked < times {
            often
        } else {
            CLOCK
        };
        self.timers.set(Timer::Clock, now + next);
    }

    /// A whole binary message from the box. One that makes no sense is dropped: the box
    /// is trusted no further than its signatures.
    pub(super) fn control_message(&mut self, now: Duration, bytes: Bytes) {
        if self.control.open.is_none() {
            return;
        }
        let length = bytes.len() as u64;
        match Envelope::decode(bytes) {
            Ok(Envelope::Link(message)) => self.link_message(now, Parent::Box, message, length),
            Ok(Envelope::Control(body)) => self.told(now, &body),
            Err(_) => {}
        }
    }

    fn told(&mut self, now: Duration, message: &[u8]) {
        let Ok(message) = ToNode::decode(message) else {
            return;
        };
        match message {
            ToNode::Welcome {
                node,
                stream,
                title,
                ticket,
            } => {
                self.control.title = title;
                self.control.ticket = Some(ticket);
                self.control.notice = None;
                self.welcome(now, node, stream);
            }
            ToNode::Assign(assignment) => {
                self.control.notice = None;
                let newer = |held: &Assignment| assignment.epoch > held.epoch;
                if core::mem::take(&mut self.control.whole_due)
                    || self.assignment.as_ref().is_none_or(newer)
                {
                    self.assign(now, assignment);
                }
            }
            ToNode::Change {
                epoch,
                commands,
                letters,
            } => {
                for Letter { to, sealed } in letters {
                    self.send_or_wait(now, to, LinkMessage::Letter(sealed.into()));
                }
                self.control.notice = None;
                if !self.change(now, epoch, commands) {
                    // Something was lost, which only a new beginning makes good.
                    self.control_closed(now);
                }
            }
            ToNode::Signal { peer, signal } => self.signalled(now, peer, signal, None),
            ToNode::Clock { sent, box_time } => self.learn_clock(now, sent, box_time),
            ToNode::Probe => self.say(&ToBox::Alive),
            ToNode::Notice(notice) => self.control.notice = Some(notice),
            // A box that restarts is back before anybody need know; the socket closes.
            ToNode::Refused(Refusal::ShuttingDown) => {}
            ToNode::Refused(refusal) => self.phase(Phase::Refused(refusal)),
        }
    }

    /// A neighbour has brought a letter. What is not from the box is nobody's word, and the box
    /// need not hear of it.
    pub(super) fn letter(&mut self, now: Duration, sealed: &[u8]) {
        if let Some(ticket) = &self.control.ticket
            && let Some(message) = Letter::open(ticket, sealed)
        {
            self.told(now, message);
        }
    }

    fn welcome(&mut self, now: Duration, node: NodeId, stream: [u8; 32]) {
        if *self.config.pinned.get_or_insert(stream) != stream {
            self.phase(Phase::OtherStream);
            return;
        }
        if self.intake.is_none() {
            self.intake = Some(Intake::new(StreamId(stream)));
        }
        self.control.attempts = 0;
        self.control.clocks_asked = 0;
        self.ask_clock(now);
        self.control.whole_due = true;
        if let Some((_, best)) = &mut self.control.clock {
            // Another box, or one that has started again, may have another clock.
            *best = Duration::MAX / 2;
        }
        if self.name.replace(node).is_some_and(|before| before != node) {
            // The box knows this page by another name now, and so will its neighbours:
            // every link is made anew.
            let peers: Vec<_> = self.links.keys().copied().collect();
            for peer in peers {
                self.drop_link(peer);
            }
            self.assignment = None;
            self.pending.clear();
            self.waiting.clear();
        }
        if matches!(self.phase, Phase::Connecting | Phase::Refused(_)) {
            self.phase(Phase::Waiting);
        }
        self.timers.by(Timer::Links, now);
        self.timers.by(Timer::Upstream, now);
        self.timers.by(Timer::Heartbeat, now);
    }

    fn learn_clock(&mut self, now: Duration, sent: u64, box_time: u64) {
        let Some(round_trip) = now.checked_sub(Duration::from_micros(sent)) else {
            return;
        };
        let offset = i128::from(box_time) + i128::try_from(round_trip.as_micros() / 2).unwrap_or(0)
            - i128::try_from(now.as_micros()).unwrap_or(0);
        // The clocks drift apart, so that an old answer must not stay the best for ever.
        let better = self
            .control
            .clock
            .is_none_or(|(_, best)| round_trip <= best.saturating_mul(3) / 2);
        if better {
            self.control.clock = Some((offset, round_trip));
        } else if let Some((_, best)) = &mut self.control.clock {
            *best = *best * 5 / 4;
        }
    }
}
