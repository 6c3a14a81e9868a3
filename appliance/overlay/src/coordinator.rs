use core::time::Duration;
use std::collections::VecDeque;

use peerstream_wire::{Assignment, NodeId, Signal, ToBox, ToNode};

use crate::{
    Misbehaved,
    defaults::{LINK_RETRY, LINK_RETRY_DOUBLINGS, ROOT_PAIRS, STRAY_GRACE},
    forest::{Forest, Seat, millis},
    geometry::{Geometry, Place},
    succession,
    timer::{Timer, Timers},
};

/// What is decided outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Pairs of roots, each two direct feeds. 0 counts as 1.
    pub root_pairs: u16,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            root_pairs: ROOT_PAIRS,
        }
    }
}

/// What the coordinator wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send this to that node.
    Send {
        /// A node that has joined and not left.
        to: NodeId,
        /// The message.
        message: ToNode,
    },
    /// Whether a node may have a direct feed from now on. Told before the assignment that
    /// goes with it, and not told of nodes that leave: their feed ends with their socket.
    Feed {
        /// The node.
        node: NodeId,
        /// When this turns false, a feed that the node has goes on until it unsubscribes.
        allowed: bool,
    },
}

/// The overlay in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Nodes in all.
    pub viewers: usize,
    /// Nodes in tree A and in tree B.
    pub nodes: [usize; 2],
    /// Links from the box to the node farthest away; 0 without an audience.
    pub depth: u8,
    /// Links that nodes have reported as failed since the start.
    pub link_failures: u64,
}

/// Owns the overlay: takes joins, departures and messages, and tells nodes their places.
/// The crate's docs have the contract.
#[derive(Debug)]
pub struct Coordinator {
    forest: Forest,
    /// The newest node, 0 before the first.
    newest: u32,
    now: Duration,
    /// Places whose occupant may have an assignment to be told.
    unsent: VecDeque<Place>,
    relayed: VecDeque<(NodeId, ToNode)>,
    timers: Timers,
    link_failures: u64,
}

impl Coordinator {
    /// An overlay without nodes.
    #[must_use]
    pub fn new(config: Config) -> Coordinator {
        Coordinator {
            forest: Forest::new(Geometry::new(config.root_pairs)),
            newest: 0,
            now: Duration::ZERO,
            unsent: VecDeque::new(),
            relayed: VecDeque::new(),
            timers: Timers::default(),
            link_failures: 0,
        }
    }

    /// A node has come. Ids ascend; after four billion joins they begin anew, passing
    /// over those that are still in use.
    pub fn join(&mut self, now: Duration) -> NodeId {
        self.now = now;
        let node = loop {
            self.newest = self.newest.checked_add(1).unwrap_or(1);
            if self.forest.place(NodeId(self.newest)).is_none() {
                break NodeId(self.newest);
            }
        };
        let seat = Seat {
            node,
            epoch: 0,
            changed: millis(now),
            unsent: true,
            fed: false,
            retrying: false,
            retries: 0,
        };
        succession::admit(&mut self.forest, seat);
        self.note_changes();
        node
    }

    /// A node has gone, with or without notice. Without effect if it is not there.
    pub fn leave(&mut self, now: Duration, node: NodeId) {
        self.now = now;
        if let Some(place) = self.forest.place(node) {
            succession::depart(&mut self.forest, place);
            self.note_changes();
        }
    }

    /// A node has sent something.
    ///
    /// [`ToBox::Signal`] is passed on between nodes that have a link assigned. What comes
    /// for a node that has just left, or with which the link has just been unassigned, is
    /// dropped without a word: the news was on its way.
    ///
    /// [`ToBox::LinkFailed`] is counted. If it is the link to the sender's parent, both
    /// ends get their assignments once more, under a new epoch, to try again: at
    /// [`LINK_RETRY`] after the last change, and with every failure after twice the time.
    ///
    /// # Errors
    /// What no honest node sends, and no effect then.
    pub fn message(
        &mut self,
        now: Duration,
        from: NodeId,
        message: ToBox,
    ) -> Result<(), Misbehaved> {
        self.now = now;
        let place = self.forest.place(from).ok_or(Misbehaved::NotJoined(from))?;
        match message {
            ToBox::Join { .. } | ToBox::Clock { .. } => Err(Misbehaved::OutOfOrder),
            ToBox::Leave => {
                self.leave(now, from);
                Ok(())
            }
            ToBox::Signal { peer, signal } => {
                if self.linked(from, place, peer)?.is_some() {
                    self.relay(from, peer, signal);
                }
                Ok(())
            }
            ToBox::LinkFailed { peer } => {
                if let Some(other) = self.linked(from, place, peer)? {
                    self.link_failures += 1;
                    if self.forest.geometry().parent(place) == Some(other) {
                        self.retry_later(place);
                    }
                }
                Ok(())
            }
        }
    }

    /// Time has passed; see [`Coordinator::poll_timeout`].
    pub fn timeout(&mut self, now: Duration) {
        self.now = now;
        while let Some(timer) = self.timers.expired(now) {
            match timer {
                Timer::LinkRetry(node) => self.retry(node),
            }
        }
    }

    /// When [`Coordinator::timeout`] must be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// The next thing to be done. Assignments go before signals, so that a node knows who
    /// is calling. Several changes since the last call fold into one assignment per node.
    pub fn poll_output(&mut self) -> Option<Output> {
        while let Some(place) = self.unsent.pop_front() {
            if let Some(output) = self.announce(place) {
                return Some(output);
            }
        }
        while let Some((to, message)) = self.relayed.pop_front() {
            if self.forest.place(to).is_some() {
                return Some(Output::Send { to, message });
            }
        }
        None
    }

    /// The overlay in figures.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            viewers: self.forest.len(),
            nodes: self.forest.nodes(),
            depth: self
                .forest
                .last()
                .map_or(0, |place| self.forest.geometry().depth(place)),
            link_failures: self.link_failures,
        }
    }

    /// A node's place as of now. Its epoch is that of the last assignment sent.
    #[must_use]
    pub fn assignment(&self, node: NodeId) -> Option<Assignment> {
        self.forest.assignment(self.forest.place(node)?)
    }

    /// Marks everyone whose assignment depends on a place that has another occupant now.
    fn note_changes(&mut self) {
        let changed = millis(self.now);
        while let Some(place) = self.forest.take_changed() {
            if let Some(seat) = self.forest.seat_mut(place) {
                // Noted even if it is already: under this place it may not be yet.
                self.unsent.push_back(place);
                seat.unsent = true;
                (seat.changed, seat.retries) = (changed, 0);
            }
            for neighbour in self.forest.geometry().neighbours(place) {
                let Some(seat) = self.forest.seat_mut(neighbour) else {
                    continue;
                };
                if !seat.unsent {
                    seat.unsent = true;
                    self.unsent.push_back(neighbour);
                }
                (seat.changed, seat.retries) = (changed, 0);
            }
        }
    }

    /// The assignment of a place's occupant, if it is not told yet; before it, a change
    /// of its direct feed.
    fn announce(&mut self, place: Place) -> Option<Output> {
        let root = self.forest.geometry().is_root(place);
        let seat = self.forest.seat_mut(place)?;
        if !seat.unsent {
            return None;
        }
        let node = seat.node;
        if seat.fed != root {
            seat.fed = root;
            self.unsent.push_front(place);
            return Some(Output::Feed {
                node,
                allowed: root,
            });
        }
        seat.unsent = false;
        seat.epoch = seat.epoch.saturating_add(1);
        let assignment = self.forest.assignment(place)?;
        Some(Output::Send {
            to: node,
            message: ToNode::Assign(assignment),
        })
    }

    /// The peer's place if `from` has a link with it, none if it had one a moment ago.
    fn linked(
        &self,
        from: NodeId,
        place: Place,
        peer: NodeId,
    ) -> Result<Option<Place>, Misbehaved> {
        let Some(other) = self.forest.place(peer) else {
            let was = peer != NodeId(0) && peer.0 <= self.newest;
            return if was {
                Ok(None)
            } else {
                Err(Misbehaved::NoSuchPeer(peer))
            };
        };
        if self.forest.geometry().linked(place, other) {
            return Ok(Some(other));
        }
        let grace = millis(STRAY_GRACE);
        let recent = |seat: &Seat| millis(self.now).wrapping_sub(seat.changed) <= grace;
        if peer != from && self.forest.seat(place).is_some_and(recent) {
            return Ok(None);
        }
        Err(Misbehaved::NotLinked(peer))
    }

    fn relay(&mut self, from: NodeId, to: NodeId, signal: Signal) {
        self.relayed
            .push_back((to, ToNode::Signal { peer: from, signal }));
    }

    fn retry_later(&mut self, place: Place) {
        let now = self.now;
        let Some(seat) = self.forest.seat_mut(place) else {
            return;
        };
        if seat.retrying {
            return;
        }
        seat.retrying = true;
        let wait = LINK_RETRY * (1 << seat.retries.min(LINK_RETRY_DOUBLINGS));
        let passed = Duration::from_millis(millis(now).wrapping_sub(seat.changed).into());
        let at = now + wait.saturating_sub(passed);
        self.timers.set(at, Timer::LinkRetry(seat.node));
    }

    /// Has both ends of a node's parent link told their assignments once more. They try
    /// what does not work and keep what does, so it does no harm if the link is another
    /// by now.
    fn retry(&mut self, node: NodeId) {
        let Some(place) = self.forest.place(node) else {
            return;
        };
        let changed = millis(self.now);
        if let Some(seat) = self.forest.seat_mut(place) {
            seat.retrying = false;
            seat.retries = seat.retries.saturating_add(1);
            seat.changed = changed;
        }
        for place in [Some(place), self.forest.geometry().parent(place)]
            .into_iter()
            .flatten()
        {
            if let Some(seat) = self.forest.seat_mut(place) {
                seat.unsent = true;
                self.unsent.push_back(place);
            }
        }
    }
}
