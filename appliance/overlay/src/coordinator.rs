use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use peerstream_wire::{Assignment, Complaint, Held, NodeId, Notice, ToBox, ToNode};

use crate::{
    Misbehaved,
    answered::Answered,
    config::{Config, Newcomer},
    defaults::{DEFAULT_COPIES, MOST_COPIES},
    forest::Forest,
    judgement::Judgement,
    lobby::Lobby,
    place::Place,
    probe::Probes,
    rebuild::Recovery,
    seat::{Seat, Standing, millis},
    succession,
    thrift::Thrift,
    timer::{Timer, Timers},
    told::Told,
    upkeep,
    urgency::Urgency,
};

mod complaints;
mod failures;
mod letters;
mod lobby;
mod need;
mod output;
mod presence;
mod recovery;
mod relief;
mod signals;
mod telling;

pub(crate) use need::Down;
pub use output::{Output, Status};
use signals::Relayed;

/// Owns the overlay: takes joins, departures and messages, and tells nodes their places.
/// The crate's docs have the contract.
#[derive(Debug)]
pub struct Coordinator {
    forest: Forest,
    /// The newest node, 0 before the first.
    newest: u32,
    /// Direct feeds as a rule, and those that the uplink carries.
    feeds: u16,
    feeds_max: u16,
    thrift: Thrift,
    /// Whoever has at most this name had it from the box before it started anew.
    first: u32,
    now: Duration,
    /// Places whose occupant may have something to be told.
    urgency: Urgency,
    /// What goes before all that: small and soon.
    instant: VecDeque<Output>,
    /// Links to be tried once more, of those whom nobody feeds, then of the others.
    again: [VecDeque<Again>; 2],
    /// Signals by [`Rush`], of each answers before offers and the rest.
    relayed: [[VecDeque<Relayed>; 2]; 3],
    /// By [`Rush`]: signals wait for the uplink for so long that links fail for that alone;
    /// until then nobody is blamed for one that does not open,
    behind: [Duration; 3],
    /// unless its answer has been passed on: it had its chance.
    answered: Answered,
    timers: Timers,
    probes: Probes,
    doubts: letters::Doubts,
    /// Nodes that have not answered in time: their places are others', but who of them
    /// speaks up gets another.
    absent: BTreeMap<NodeId, Seat>,
    judgement: Judgement,
    recovery: Recovery,
    /// Newcomers for whose joining the uplink has no room yet.
    lobby: Lobby,
    /// A [`Timer::Lobby`] is set.
    lobby_timer: bool,
    /// A [`Timer::Queue`] is set.
    queueing: bool,
    counts: Counts,
}

/// One end of the link between a child and its parent is to try it once more.
#[derive(Debug, Clone, Copy)]
struct Again {
    to: NodeId,
    child: NodeId,
    parent: NodeId,
}

/// What [`Status`] counts and nobody else knows.
#[derive(Debug, Default)]
struct Counts {
    link_failures: u64,
    underperforming: usize,
    separated: u64,
    refused: u64,
    commands: u64,
    folded: u64,
    probes: u64,
    letters: u64,
    returned: u64,
}

impl Coordinator {
    /// An overlay without nodes.
    #[must_use]
    pub fn new(config: Config) -> Coordinator {
        Coordinator {
            forest: Forest::new(&config),
            newest: config.first,
            feeds: config.feeds,
            feeds_max: config.feeds_max,
            thrift: Thrift::default(),
            first: config.first,
            now: Duration::ZERO,
            urgency: Urgency::default(),
            instant: VecDeque::new(),
            again: Default::default(),
            relayed: Default::default(),
            behind: [Duration::ZERO; 3],
            answered: Answered::default(),
            timers: Timers::default(),
            probes: Probes::default(),
            doubts: letters::Doubts::default(),
            absent: BTreeMap::new(),
            judgement: Judgement::default(),
            recovery: Recovery::default(),
            lobby: Lobby::default(),
            lobby_timer: false,
            queueing: false,
            counts: Counts::default(),
        }
    }

    /// A node has come. Ids ascend; after four billion joins they begin anew, passing
    /// over those that are still in use. While an audience comes back after a restart,
    /// newcomers wait, and while the uplink has no room for them (see
    /// [`Coordinator::set_uplink`]).
    pub fn join(&mut self, now: Duration, newcomer: Newcomer) -> NodeId {
        self.is_now(now);
        let node = loop {
            self.newest = self.newest.checked_add(1).unwrap_or(1);
            let newest = NodeId(self.newest);
            if self.forest.place(newest).is_none() && !self.lobby.holds(newest) {
                break NodeId(self.newest);
            }
        };
        let mut seat = self.seat(node, newcomer);
        // What a newcomer says that is usual is what it has not tried out.
        seat.untried = seat.copies == DEFAULT_COPIES;
        if self.recovery.is_running() {
            self.welcome(node);
            self.wait(seat);
        } else if self.lobby.is_open() {
            self.welcome(node);
            self.admit(seat);
        } else {
            self.lobby.push(seat);
        }
        self.note_changes();
        node
    }

    /// A node has come back that shows (to the caller, who must have checked its ticket)
    /// that it had a name: after it lost its socket, or the box its memory. It keeps the
    /// name, and its place and links as far as others confirm what it says.
    ///
    /// With the first one that names itself from before the box started, a recovery
    /// begins, for [`RECOVERY`](crate::defaults::RECOVERY): nobody is told anything
    /// until it is over, and then only those whose place is not what they said.
    pub fn rejoin(&mut self, now: Duration, newcomer: Newcomer, held: Held) -> NodeId {
        self.is_now(now);
        if held.node == NodeId(0) {
            return self.join(now, newcomer);
        }
        self.absent.remove(&held.node);
        self.welcome(held.node);
        self.take_back(newcomer, &held);
        self.note_changes();
        held.node
    }

    /// A node has gone, with or without notice. Without effect if it is not there.
    pub fn leave(&mut self, now: Duration, node: NodeId) {
        self.is_now(now);
        self.depart(node);
        self.note_changes();
    }

    /// A node has sent something.
    ///
    /// [`ToBox::Signal`] is passed on between nodes that have a link assigned. What comes
    /// for a node that has just left, or with which the link has just been unassigned, is
    /// dropped without a word: the news was on its way.
    ///
    /// [`ToBox::LinkFailed`] of a link that never opened is remembered for that pair of
    /// addresses, and the one below finds another feeder: it changes trees with its
    /// partner, or moves to another slot, or does with its reserve. Of a link that was
    /// open, and with [`Complaint::Silent`](peerstream_wire::Complaint::Silent), the
    /// accused is asked whether it is there; only if it does not answer it is out.
    ///
    /// # Errors
    /// What no honest node sends, and no effect then.
    pub fn message(
        &mut self,
        now: Duration,
        from: NodeId,
        message: ToBox,
    ) -> Result<(), Misbehaved> {
        self.is_now(now);
        if let Some(seat) = self.absent.remove(&from) {
            if message == ToBox::Leave {
                return Ok(());
            }
            self.is_back(seat);
        }
        if self.lobby.holds(from) {
            return self.heard_in_lobby(from, &message);
        }
        let place = self.forest.place(from).ok_or(Misbehaved::NotJoined(from))?;
        let seat = self.forest.seat_mut(place);
        if !seat.is_some_and(|seat| seat.spend(now, cost(&message))) {
            return Err(Misbehaved::Flooding(from));
        }
        match message {
            ToBox::Join { .. } | ToBox::Clock { .. } => return Err(Misbehaved::OutOfOrder),
            ToBox::Leave => self.depart(from),
            ToBox::Signal { peer, signal } => {
                if let Some(other) = self.linked(from, place, peer)? {
                    self.relay(self.rush(place, other), from, peer, signal);
                }
            }
            ToBox::LinkFailed { peer } => {
                match self.linked(from, place, peer)? {
                    Some(other) => self.link_failed(place, other),
                    // What comes next is all the more urgent.
                    None => self.note_down(from, peer),
                }
            }
            ToBox::Report {
                peer,
                complaint,
                behind_ms,
            } => {
                match self.linked(from, place, peer)? {
                    Some(other) => self.complained(place, other, complaint, behind_ms),
                    // Whom it takes for a neighbour is another's by now, who had better know.
                    None if complaint == Complaint::Silent && self.was_told_of(place, peer) => {
                        self.is_gone(from, peer, false);
                    }
                    None => {}
                }
            }
            ToBox::Capacity { copies } => self.learned(place, copies.min(MOST_COPIES)),
            ToBox::Alive => self.lives(from),
            ToBox::Unfed => self.starves(place),
        }
        self.note_changes();
        Ok(())
    }

    /// Time has passed; see [`Coordinator::poll_timeout`].
    pub fn timeout(&mut self, now: Duration) {
        self.is_now(now);
        self.forest.failures_mut().age(now);
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::Retry { child, parent } => self.retry(child, parent),
                Timer::Probe(node) => self.probe_over(node),
                Timer::Absent(node) => self.is_out(node),
                Timer::Pardon(node) => self.pardon(node),
                Timer::Recovered => self.recovered(),
                Timer::Lobby => self.lobby_timer = false,
                Timer::Queue => {
                    self.queueing = false;
                    // Nobody is to move while those above and below are still to come back.
                    if !self.recovery.is_running() {
                        upkeep::settle(&mut self.forest);
                    }
                    self.look_after_queue();
                }
            }
        }
        self.note_changes();
    }

    /// When [`Coordinator::timeout`] must be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// The overlay in figures.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            viewers: self.forest.len() + self.lobby.len(),
            nodes: self.forest.nodes(),
            depth: self.forest.deepest(),
            link_failures: self.counts.link_failures,
            supply: self.forest.supply(),
            demand: self.forest.len() as u64,
            leaves: self.forest.leaves(),
            queued: self.forest.waiting() + self.lobby.len(),
            feeds: self.forest.feeds(),
            measure: self.forest.measure(),
            underperforming: self.counts.underperforming,
            separated: self.counts.separated,
            refused: self.counts.refused,
            commands: self.counts.commands,
            folded: self.counts.folded,
            probes: self.counts.probes,
            letters: self.counts.letters,
            returned: self.counts.returned,
        }
    }

    /// A node's place as of now; none for one that waits for room. Its epoch is that of
    /// the last assignment or change sent, and its hub the one that was named last.
    #[must_use]
    pub fn assignment(&self, node: NodeId) -> Option<Assignment> {
        let place = self.forest.place(node)?;
        let seat = self.forest.seat(place)?;
        let hub = seat.told.hub;
        let now = Told {
            hub,
            ..Told::of(&self.forest, place)?
        };
        Some(now.assignment(seat.epoch))
    }

    fn seat(&self, node: NodeId, newcomer: Newcomer) -> Seat {
        Seat {
            node,
            network: newcomer.network,
            copies: newcomer.copies.min(MOST_COPIES),
            changed: millis(self.now),
            ..Seat::default()
        }
    }

    fn is_now(&mut self, now: Duration) {
        self.now = now;
        self.forest.set_now(now);
        self.thrift.is_now(now);
        self.forest.set_pressed(self.thrift.is_pressed(now));
    }

    /// Gives a node a place, or one in the queue.
    fn admit(&mut self, seat: Seat) {
        let node = seat.node;
        succession::admit(&mut self.forest, seat);
        self.avoid_known_failures(node);
        let waits = |place: &Place| self.forest.is_waiting(*place);
        if self.forest.place(node).as_ref().is_some_and(waits) {
            let before = self.forest.waiting().saturating_sub(1);
            let ahead = u32::try_from(before).unwrap_or(u32::MAX);
            self.notify(node, Notice::Queued { ahead });
            self.look_after_queue();
        }
    }

    /// Takes a node out, and mends the shape.
    fn depart(&mut self, node: NodeId) {
        self.absent.remove(&node);
        self.lobby.remove(node);
        let Some(place) = self.forest.place(node) else {
            return;
        };
        let seat = if self.recovery.is_running() {
            self.drop_out(place)
        } else {
            succession::depart(&mut self.forest, place)
        };
        if let Some(seat) = seat {
            if seat.standing != Standing::Good {
                self.counts.underperforming = self.counts.underperforming.saturating_sub(1);
            }
            if seat.noted != 0 {
                self.note_bereft(&seat.told);
            }
            self.letters_gone(node, &seat.told);
        }
        self.judgement.forget(node);
        self.probes.forget(node);
    }

    fn welcome(&mut self, node: NodeId) {
        self.instant.push_back(Output::Welcome { node });
    }

    fn notify(&mut self, to: NodeId, notice: Notice) {
        let message = ToNode::Notice(notice);
        self.instant.push_back(Output::Send { to, message });
    }
}

/// What a message counts for, of what a node may have the coordinator do.
fn cost(message: &ToBox) -> u16 {
    match message {
        ToBox::Leave => 0,
        ToBox::LinkFailed { .. } | ToBox::Report { .. } | ToBox::Capacity { .. } => 4,
        _ => 1,
    }
}
