mod control;
mod forwarding;
mod links;
mod media;
mod missing;
mod reports;
mod sharing;
mod signalling;
mod steering;
mod strands;
mod takeover;
mod trial;

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_wire::{
    Assignment, Envelope, LinkMessage, NodeId, Notice, Parent, Pending, Signal, ToBox,
};

use crate::{
    config::{CATCH_UP, Config, FROZEN, GAP_PATIENCE, LATENCY_CEILING},
    event::{Input, Lane, Output, Phase},
    intake::Intake,
    lateness::Lateness,
    link::{Link, State},
    ordered::Map,
    pacer::Pacer,
    playout::Playout,
    serving::Piece,
    stats::{LinkState, Neighbour, Stats, Traffic},
    store::Store,
    timer::{Timer, Timers},
    uplink::Uplink,
};

pub(crate) use strands::Strands;

/// A viewer's node. See the crate's documentation for its contract.
pub struct Node {
    config: Config,
    outputs: VecDeque<Output>,
    timers: Timers,
    phase: Phase,
    name: Option<NodeId>,
    control: control::Control,
    assignment: Option<Assignment>,
    /// What is to change in it.
    pending: Pending,
    /// Signals that cannot go on yet.
    waiting: Vec<signalling::Waiting>,
    /// By the other end; the box is one while the control socket is open.
    links: Map<Parent, Link>,
    intake: Option<Intake>,
    store: Store,
    playout: Playout,
    lateness: Lateness,
    /// When the newest fragment last grew newer.
    progress: Duration,
    /// What [`Node::progress`] and the parent were when the box was last told that nobody feeds
    /// this node.
    cried: Option<(Duration, Parent)>,
    /// When a helper was asked last.
    helped: Option<Duration>,
    /// The parent that is given time to come up to its own place, and since when.
    awaited: Option<(Parent, Duration)>,
    /// When the first picture came.
    began: Option<Duration>,
    /// When somebody was asked last whose word parent and partner have no part in.
    doubted: Option<Duration>,
    /// What was asked for again: when, and how often.
    asked: Map<Position, missing::Asked>,
    /// Since when the parent's link does not keep up.
    slow: Option<Duration>,
    /// Who brings the other half of the stream, if the parent brings only one, and until when.
    shared: Option<(Parent, Duration)>,
    trial: trial::Trial,
    /// The stream's rate in bytes a second; 0 until that is known.
    rate: u64,
    uplink: Uplink,
    pacer: Pacer,
    /// Who was served last.
    turn: NodeId,
    /// What was passed on lately, and when.
    passed: Vec<(Piece, Duration)>,
    bytes_in: Traffic,
    bytes_out: Traffic,
    /// Media bytes that were of no use.
    bytes_again: u64,
    takeovers: u64,
}

impl Node {
    /// A node that knows nothing yet and wants to talk to the box.
    #[must_use]
    pub fn new(config: Config, now: Duration) -> Self {
        let mut node = Node {
            control: control::Control::new(config.seed),
            intake: config
                .pinned
                .map(|key| Intake::new(peerstream_fragment::StreamId(key))),
            uplink: Uplink::new(config.seed),
            config,
            outputs: VecDeque::new(),
            timers: Timers::default(),
            phase: Phase::Connecting,
            name: None,
            assignment: None,
            pending: Pending::default(),
            waiting: Vec::new(),
            links: Map::new(),
            store: Store::default(),
            playout: Playout::default(),
            lateness: Lateness::default(),
            progress: now,
            cried: None,
            helped: None,
            awaited: None,
            began: None,
            doubted: None,
            asked: Map::new(),
            slow: None,
            shared: None,
            trial: trial::Trial::Due,
            rate: 0,
            pacer: Pacer::default(),
            turn: NodeId(0),
            passed: Vec::new(),
            bytes_again: 0,
            bytes_in: Traffic::default(),
            bytes_out: Traffic::default(),
            takeovers: 0,
        };
        node.outputs.push_back(Output::Phase(Phase::Connecting));
        node.outputs.push_back(Output::OpenControl);
        node
    }

    /// Takes what happened. To be followed by [`Node::poll`] until that has nothing more.
    pub fn handle(&mut self, now: Duration, input: Input) {
        if self.timers.next().is_some_and(|due| now > due + FROZEN) {
            self.thaw(now);
        }
        match input {
            Input::ControlOpened => self.control_opened(now),
            Input::ControlClosed => self.control_closed(now),
            Input::Control(bytes) => self.control_message(now, bytes),
            Input::LocalOffer {
                peer,
                strand,
                description,
            } => self.signal(now, peer, strand, Signal::Offer(description)),
            Input::LocalAnswer {
                peer,
                strand,
                description,
            } => self.signal(now, peer, strand, Signal::Answer(description)),
            Input::LocalCandidates {
                peer,
                strand,
                candidates,
            } => self.local_candidates(now, peer, strand, candidates),
            Input::LinkOpened { peer, strand: 0 } => self.link_opened(now, peer),
            Input::LinkOpened { peer, strand } => self.strand_is(peer, strand, true),
            Input::LinkClosed { peer, strand: 0 } => self.link_closed(now, peer),
            Input::LinkClosed { peer, strand } => self.strand_is(peer, strand, false),
            Input::LinkMessage { peer, bytes } => self.link_bytes(now, peer, bytes),
            Input::LinkBuffered { peer, bytes } => {
                if let Some(link) = self.links.get_mut(&Parent::Node(peer)) {
                    link.buffered = bytes;
                    link.strands.queued(now, bytes);
                }
                self.pump(now);
            }
            Input::PageHidden => self.take_leave(now),
            Input::Sharing { copies_max } => self.may_share(now, copies_max),
            Input::Tick => {}
        }
        self.run_timers(now);
        self.fire(now);
    }

    /// The next thing to do, until there is none.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Node::handle`] is to be called again at the latest.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// The box's capture clock at a moment of this node's clock, in microseconds, once
    /// that is known.
    #[must_use]
    pub fn box_time(&self, now: Duration) -> Option<u64> {
        self.control.box_time(now)
    }

    /// The stream's title, for people; empty until the box has said it.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.control.title
    }

    /// What the box wants the viewer to know, as long as it holds.
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        self.control.notice
    }

    /// How much the player should hold back, so that a takeover is not seen: 2 L, a round
    /// trip, and a little to catch up.
    #[must_use]
    pub fn playout_delay(&self) -> Duration {
        2 * self.latency().min(LATENCY_CEILING) + self.round_trip() + CATCH_UP
    }

    /// The node's figures.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            node: self.name,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            takeovers: self.takeovers,
            working_latency: self.latency(),
            copies: self.copies(),
            copies_learned: self
                .learned_copies()
                .unwrap_or(peerstream_wire::DEFAULT_COPIES),
            uplink: self.uplink.rate().unwrap_or(0) * 8,
            bytes_again: self.bytes_again,
            ..Stats::default()
        };
        if let Some(intake) = &self.intake {
            stats.fragments_verified = intake.verified;
            stats.fragments_refused = intake.refused;
        }
        if let Some(assignment) = &self.assignment {
            let neighbour = |peer: NodeId| Neighbour {
                peer,
                state: self.link_state(Parent::Node(peer)),
            };
            stats.tree = Some(assignment.tree);
            stats.depth = assignment.depth;
            stats.parent = Some((assignment.parent, self.link_state(assignment.parent)));
            stats.partner = assignment.partner.map(neighbour);
            stats.reserve = assignment.reserve.map(neighbour);
            stats.children = assignment.children.iter().copied().map(neighbour).collect();
        }
        stats
    }

    fn link_state(&self, origin: Parent) -> LinkState {
        match self.links.get(&origin) {
            None => LinkState::Broken,
            Some(link) => match link.state {
                State::Opening { .. } => LinkState::Opening,
                State::Broken => LinkState::Broken,
                State::Open if link.fed.is_some() || link.is_serving() => LinkState::Feeding,
                State::Open => LinkState::Idle,
            },
        }
    }

    fn run_timers(&mut self, now: Duration) {
        if self.timers.take(Timer::Reconnect, now) {
            self.outputs.push_back(Output::OpenControl);
        }
        if self.timers.take(Timer::Clock, now) {
            self.ask_clock(now);
        }
        if self.timers.take(Timer::Capacity, now) {
            self.capacity_changed(now);
        }
        if self.timers.take(Timer::Links, now) {
            self.tend_links(now);
        }
        if self.timers.take(Timer::Heartbeat, now) {
            self.heartbeat(now);
        }
        if self.timers.take(Timer::Gap, now) {
            self.play(now);
            self.ask_again(now);
        }
        if self.timers.take(Timer::Pace, now) {
            self.pump(now);
        }
        if self.timers.take(Timer::Upstream, now) {
            self.steer(now);
        }
    }

    /// The page was frozen, or its machine asleep. What came meanwhile is only being handed
    /// over now, so nobody has been silent and nothing has failed as far as this node knows.
    fn thaw(&mut self, now: Duration) {
        self.progress = now;
        self.control.open = self.control.open.map(|_| now);
        for link in self.links.values_mut() {
            link.heard = now;
            link.ahead = None;
            if let Some(fed) = &mut link.fed {
                fed.since = now;
            }
            if let State::Opening { since } = &mut link.state {
                *since = now;
            }
        }
    }

    fn phase(&mut self, phase: Phase) {
        if self.phase != phase {
            self.phase = phase;
            self.outputs.push_back(Output::Phase(phase));
        }
    }

    /// Who is to feed this node, once it has a place.
    fn parent(&self) -> Option<Parent> {
        self.assignment.as_ref().map(|a| a.parent)
    }

    fn parent_link(&self) -> Option<&Link> {
        self.links.get(&self.parent()?)
    }

    /// L, over the link to the parent.
    fn latency(&self) -> Duration {
        // What queues add to it is in the jitter.
        let quickest = self.parent_link().and_then(|link| link.quickest);
        self.lateness.working_latency(quickest.unwrap_or_default())
    }

    /// The round trip to the parent, as far as it is known.
    fn round_trip(&self) -> Duration {
        let round_trip = self.parent_link().and_then(|link| link.round_trip);
        round_trip.unwrap_or_default()
    }

    /// How long the player waits for what is missing: as long as it can.
    fn patience(&self) -> Duration {
        self.playout_delay().min(GAP_PATIENCE)
    }

    /// Sends a control message to the box, if it is there.
    fn say(&mut self, message: &ToBox) {
        if self.control.open.is_none() {
            return;
        }
        let message = Envelope::Control(Bytes::from(message.encode()));
        self.outputs.push_back(Output::Control(message.encode()));
    }

    /// Sends a command over a link.
    fn send(&mut self, now: Duration, to: Parent, message: LinkMessage) {
        let Some(link) = self.links.get_mut(&to).filter(|link| link.is_open()) else {
            return;
        };
        link.sent = now;
        self.outputs.push_back(match to {
            Parent::Box => Output::Control(Envelope::Link(message).encode()),
            Parent::Node(peer) => Output::Send {
                peer,
                lane: Lane::Command,
                bytes: message.encode(),
            },
        });
    }

    /// The counter for what comes from or goes to one neighbour.
    fn meter<'a>(
        traffic: &'a mut Traffic,
        assignment: Option<&Assignment>,
        origin: Parent,
    ) -> &'a mut u64 {
        let Parent::Node(peer) = origin else {
            return &mut traffic.from_box;
        };
        match assignment {
            Some(a) if a.parent == origin => &mut traffic.parent,
            Some(a) if a.children.contains(&peer) => &mut traffic.children,
            Some(a) if a.partner == Some(peer) => &mut traffic.partner,
            _ => &mut traffic.other,
        }
    }
}
