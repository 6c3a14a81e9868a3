//! The state of a run, and what can happen in it.

use core::time::Duration;

use peerstream_overlay::{Config, Coordinator};
use peerstream_wire::{Letter, ToBox, ToNode};

use super::{
    flow::Media,
    node::{NOBODY, Name, Node},
    survey::Survey,
};
use crate::{
    agenda::Agenda,
    appliance::Ledger,
    world::{Draw, Subject, World},
};

/// Microseconds since the run began.
pub(super) type Time = u64;

/// Something that happens. What names a `turn` or an `attempt` is without effect if there
/// has been another since.
#[derive(Debug)]
pub(super) enum Event {
    /// The box's uplink has room for control again.
    Pull,
    /// The coordinator wants the time.
    Wake,
    /// The viewer of this number has opened a socket and says that it joins.
    Join(u32),
    /// The box hears of a node.
    Heard(Name, Box<ToBox>),
    /// A node hears of the box.
    Told(Name, Box<ToNode>),
    /// The box gives up a socket.
    Lost(Name),
    /// The node's next attempt at a socket, after so many.
    Rejoin(Name, u32),
    /// An offer or answer is gathered.
    Gathered(Missive),
    /// Letters wait for the carrier's links to open, since then.
    Letters(Name, Vec<Letter>, Time),
    /// It arrives.
    Arrived(Missive),
    /// Both ends are through with the handshake; the first has offered.
    Opens(Name, Name, u16),
    /// A link should be open by now, or, to a node to which nothing comes, soon.
    Due(Name, Name, u16, bool),
    /// Links that are assigned no more end.
    Retire(Name),
    /// The other end has closed the link.
    Closed(Name, Name),
    /// The other end is gone, with a good-bye or by all signs.
    Gone {
        node: Name,
        peer: Name,
        goodbye: bool,
    },
    /// A node is asked to feed another.
    Asked { helper: Name, by: Name, turn: u32 },
    /// It does not.
    Declined { by: Name, helper: Name, turn: u32 },
    /// Its first part arrives.
    Fed { node: Name, from: Name, turn: u32 },
    /// It is fed from elsewhere.
    Unsubscribed { feeder: Name, by: Name },
    /// Nothing has been heard of a partner for long.
    Quiet(Name, Name),
    /// What another has promised comes to a node.
    Kept { node: Name, by: Name },
    /// Time to see whether an answer has come.
    Doubt(Name, u32),
    /// A silent feeder's time is up.
    Silence(Name, u32),
    /// Those below a node that is cut look for themselves: the node, who is cut, its turn.
    Late(Name, Name, u32),
    /// Time to see who should feed a node.
    Steer(Name),
    /// The first picture.
    Begins(Name),
    /// A node finds out what its uplink carries.
    Learned(Name),
    /// Time to ask the clock; so many times in a row.
    Clock(Name, u32),
}

/// An offer or an answer on its way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missive {
    pub(super) from: Name,
    pub(super) to: Name,
    pub(super) offer: bool,
    pub(super) attempt: u16,
    /// Who passes it on; [`NOBODY`] for the box.
    pub(super) hub: Name,
    /// When it was written.
    pub(super) since: Time,
}

/// A run.
pub(super) struct Tide<'a> {
    pub(super) world: &'a World,
    pub(super) media: Media,
    pub(super) now: Time,
    pub(super) agenda: Agenda<Event>,
    pub(super) events: u64,
    /// By name.
    pub(super) nodes: Vec<Node>,
    /// By the viewer's number.
    pub(super) names: Vec<Name>,
    pub(super) present: usize,

    pub(super) overlay: Config,
    pub(super) coordinator: Coordinator,
    pub(super) ledger: Ledger,
    /// Until when the box's uplink is taken.
    pub(super) free: Time,
    pub(super) pulling: bool,
    pub(super) wake: Option<Time>,
    /// Direct feeds.
    pub(super) feeds: usize,
    /// Since when the box is not there.
    pub(super) away: Option<Time>,
    /// When it was not, last.
    pub(super) was_away: Option<(Time, Time)>,

    pub(super) attempts: u16,
    pub(super) draws: u64,
    pub(super) pass: u32,
    pub(super) way: Vec<Name>,
    pub(super) survey: Survey,
    pub(super) trace: blake3::Hasher,
}

impl<'a> Tide<'a> {
    pub(super) fn new(world: &'a World, overlay: Config) -> Tide<'a> {
        Tide {
            world,
            media: Media::of(world.conditions()),
            now: 0,
            agenda: Agenda::new(),
            events: 0,
            nodes: vec![Node::absent()],
            names: Vec::new(),
            present: 0,
            coordinator: Coordinator::new(overlay.clone()),
            overlay,
            ledger: Ledger::default(),
            free: 0,
            pulling: false,
            wake: None,
            feeds: 0,
            away: None,
            was_away: None,
            attempts: 0,
            draws: 0,
            pass: 0,
            way: Vec::new(),
            survey: Survey::new(),
            trace: blake3::Hasher::new(),
        }
    }

    pub(super) fn note(&mut self, at: Time, event: Event) {
        self.agenda.note(Duration::from_micros(at), event);
    }

    pub(super) fn time(&self) -> Duration {
        Duration::from_micros(self.now)
    }

    /// Lets time pass until then.
    pub(super) fn run(&mut self, until: Time) {
        while let Some((at, event)) = self.agenda.next(Duration::from_micros(until)) {
            self.now = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
            self.events += 1;
            self.happen(event);
        }
        self.now = until;
    }

    /// One of `0..end`, by chance.
    pub(super) fn draw(&mut self, end: u64) -> u64 {
        self.draws += 1;
        let mut draw: Draw = self.world.draw(Subject::Event, self.draws);
        draw.number() % end.max(1)
    }

    /// What there is of a node that is here.
    pub(super) fn present(&self, name: Name) -> Option<&Node> {
        self.nodes.get(name as usize).filter(|node| node.alive)
    }

    pub(super) fn name_of(&self, number: u32) -> Name {
        self.names.get(number as usize).copied().unwrap_or(NOBODY)
    }

    pub(super) fn mark(&mut self, kind: u64, whose: u64) {
        for word in [self.now, kind, whose] {
            self.trace.update(&word.to_be_bytes());
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Pull => {
                self.pulling = false;
                self.pull();
            }
            Event::Wake => self.wake(),
            Event::Join(number) => self.joins(number),
            Event::Heard(from, message) => self.heard(from, *message),
            Event::Told(to, message) => self.told(to, *message),
            Event::Lost(name) => self.lost(name),
            Event::Rejoin(name, attempts) => self.rejoins(name, attempts),
            Event::Gathered(missive) => self.post(missive),
            Event::Letters(carrier, letters, since) => self.pass_on(carrier, letters, since),
            Event::Arrived(missive) => self.delivered(missive),
            Event::Opens(one, other, attempt) => self.opens(one, other, attempt),
            Event::Due(node, peer, attempt, early) => self.due(node, peer, attempt, early),
            Event::Retire(node) => self.retire(node),
            Event::Closed(node, peer) => self.closed(node, peer),
            Event::Gone {
                node,
                peer,
                goodbye,
            } => self.gone(node, peer, goodbye),
            Event::Asked { helper, by, turn } => self.asked(helper, by, turn),
            Event::Declined { by, helper, turn } => self.declined(by, helper, turn),
            Event::Fed { node, from, turn } => self.fed(node, from, turn),
            Event::Unsubscribed { feeder, by } => self.unserve(feeder, by),
            Event::Quiet(node, partner) => self.quiet(node, partner),
            Event::Doubt(node, turn) => self.doubt(node, turn),
            Event::Kept { node, by } => self.is_kept(node, by),
            Event::Silence(node, turn) => self.silence(node, turn),
            Event::Late(node, head, turn) => self.late(node, head, turn),
            Event::Steer(node) => self.steer(node),
            Event::Begins(node) => self.begins(node),
            Event::Learned(node) => self.learned(node),
            Event::Clock(node, times) => self.ask_clock(node, times),
        }
    }
}

/// Whole microseconds.
pub(super) fn seconds(time: f32) -> Time {
    (f64::from(time.max(0.0)) * 1e6) as Time
}
