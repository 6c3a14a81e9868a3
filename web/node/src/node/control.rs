//! The conversation with the box.

use core::time::Duration;

use bytes::Bytes;
use peerstream_fragment::StreamId;
use peerstream_wire::{Envelope, PROTOCOL, Parent, Refusal, Signal, ToBox, ToNode};

use super::Node;
use crate::{
    config::{CLOCK, CLOCK_FIRST, RECONNECT, RECONNECT_MAX},
    event::{Output, Phase},
    intake::Intake,
    link::{Link, State},
    timer::Timer,
};

/// What a node keeps about the control socket and the box's clock.
pub(super) struct Control {
    open: bool,
    attempts: u32,
    jitter: u64,
    /// The box's clock minus this node's in microseconds, and the round trip it was
    /// learned with: the quickest answer is the truest.
    clock: Option<(i128, Duration)>,
    clocks_asked: u32,
    /// The stream's title.
    pub(super) title: String,
}

impl Control {
    pub(super) fn new(seed: u64) -> Self {
        Control {
            open: false,
            attempts: 0,
            jitter: seed,
            clock: None,
            clocks_asked: 0,
            title: String::new(),
        }
    }

    pub(super) fn box_time(&self, now: Duration) -> Option<u64> {
        let (offset, _) = self.clock?;
        u64::try_from(i128::try_from(now.as_micros()).ok()? + offset).ok()
    }

    fn pause(&mut self) -> Duration {
        let base = (RECONNECT * 2u32.saturating_pow(self.attempts.min(8))).min(RECONNECT_MAX);
        self.attempts += 1;
        // SplitMix64 (Steele, Lea, Flood 2014): spreads the reconnections of an audience.
        self.jitter = self.jitter.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.jitter;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let share = (z ^ (z >> 31)) >> 44;
        base + base * u32::try_from(share).unwrap_or(0) / (1 << 20)
    }
}

impl Node {
    pub(super) fn control_opened(&mut self, now: Duration) {
        self.control.open = true;
        self.links.insert(Parent::Box, Link::new(now, State::Open));
        self.say(&ToBox::Join { protocol: PROTOCOL });
        self.control.clocks_asked = 0;
        self.ask_clock(now);
    }

    pub(super) fn control_closed(&mut self, now: Duration) {
        self.control.open = false;
        self.links.remove(&Parent::Box);
        self.timers.stop(Timer::Clock);
        if let Phase::Refused(Refusal::Protocol) | Phase::OtherStream = self.phase {
            return;
        }
        if self.phase == Phase::Waiting {
            self.phase(Phase::Connecting);
        }
        let pause = self.control.pause();
        self.timers.set(Timer::Reconnect, now + pause);
        self.steer(now);
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
        let length = bytes.len() as u64;
        match Envelope::decode(bytes) {
            Ok(Envelope::Link(message)) => self.link_message(now, Parent::Box, message, length),
            Ok(Envelope::Control(body)) => {
                if let Ok(message) = ToNode::decode(&body) {
                    self.told(now, message);
                }
            }
            Err(_) => {}
        }
    }

    fn told(&mut self, now: Duration, message: ToNode) {
        match message {
            ToNode::Welcome {
                node,
                stream,
                title,
            } => {
                self.control.title = title;
                self.welcome(now, node, stream);
            }
            ToNode::Assign(assignment) => self.assign(now, assignment),
            ToNode::Signal { peer, signal } => match signal {
                Signal::Offer(offer) => self.offered(now, peer, offer),
                Signal::Answer(answer) => self.answered(peer, answer),
                Signal::Candidates(candidates) => {
                    if self.links.contains_key(&Parent::Node(peer)) {
                        self.outputs
                            .push_back(Output::AddCandidates { peer, candidates });
                    }
                }
            },
            ToNode::Clock { sent, box_time } => self.learn_clock(now, sent, box_time),
            ToNode::Refused(refusal) => self.phase(Phase::Refused(refusal)),
        }
    }

    fn welcome(&mut self, now: Duration, node: peerstream_wire::NodeId, stream: [u8; 32]) {
        if *self.config.pinned.get_or_insert(stream) != stream {
            self.phase(Phase::OtherStream);
            return;
        }
        if self.intake.is_none() {
            self.intake = Some(Intake::new(StreamId(stream)));
        }
        self.control.attempts = 0;
        if self.name.replace(node).is_some_and(|before| before != node) {
            // The box knows this page by another name now, and so will its neighbours:
            // every link is made anew.
            let peers: Vec<_> = self.links.keys().copied().collect();
            for peer in peers {
                self.drop_link(peer);
            }
            self.assignment = None;
        }
        if matches!(self.phase, Phase::Connecting | Phase::Refused(_)) {
            self.phase(Phase::Waiting);
        }
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
            .is_none_or(|(_, best)| round_trip <= best * 3 / 2);
        if better {
            self.control.clock = Some((offset, round_trip));
        } else if let Some((_, best)) = &mut self.control.clock {
            *best = *best * 5 / 4;
        }
    }
}
