//! Newcomers who wait until the uplink has room for what their joining takes.
//!
//! A join costs the box about 2 KB of messages within a few seconds, and what keeps the
//! others fed must not wait for that. So those who come are let in, in the order of their
//! coming, while nothing else waits for the uplink, and no faster than
//!
//! ```text
//! (0.9 x what the feeds leave of the uplink - control, mean of 5 s) / cost of a join, mean of 30 s
//! ```

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use peerstream_wire::NodeId;

use crate::{
    defaults::{
        JOIN_COST, JOIN_COST_MEAN, JOIN_COST_WEIGHT, JOINING, JOINS_AT_ONCE, JOINS_LEAST,
        JOINS_MOST, OTHERS_MEAN,
    },
    seat::Seat,
};

#[derive(Debug, Default)]
pub(crate) struct Lobby {
    /// Names in the order of their coming; some have left meanwhile.
    queue: VecDeque<NodeId>,
    /// Those who have not been told that they wait.
    untold: VecDeque<NodeId>,
    seats: BTreeMap<NodeId, Seat>,
    /// Bytes per second that the feeds leave; without it nobody waits.
    room: Option<f64>,
    /// Bytes that were sent of late for anything but joins; each counts less as time goes.
    others: f64,
    /// Bytes that joins have cost of late, and how many those were, likewise.
    joining: f64,
    joins: f64,
    /// Bytes promised to those who have been let in.
    due: f64,
    now: Duration,
    /// Who was let in within [`JOINING`], and when.
    fresh: VecDeque<(Duration, NodeId)>,
}

impl Lobby {
    /// What the feeds leave of the uplink, in bit/s.
    pub(crate) fn set_room(&mut self, bits: u64) {
        self.room = Some(bits as f64 / 8.0);
    }

    /// Whether newcomers have to pass by here.
    pub(crate) fn is_open(&self) -> bool {
        self.room.is_none()
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn holds(&self, node: NodeId) -> bool {
        self.seats.contains_key(&node)
    }

    pub(crate) fn seat_mut(&mut self, node: NodeId) -> Option<&mut Seat> {
        self.seats.get_mut(&node)
    }

    pub(crate) fn push(&mut self, seat: Seat) {
        self.queue.push_back(seat.node);
        self.untold.push_back(seat.node);
        self.seats.insert(seat.node, seat);
    }

    pub(crate) fn remove(&mut self, node: NodeId) -> Option<Seat> {
        let seat = self.seats.remove(&node);
        if self.seats.is_empty() {
            self.queue.clear();
            self.untold.clear();
        }
        seat
    }

    /// Something has been sent to a node, or to the network for its sake.
    pub(crate) fn sent(&mut self, now: Duration, node: NodeId, bytes: u64) {
        if self.room.is_none() {
            return;
        }
        self.advance(now);
        let joining = self.fresh.front().is_some_and(|(_, first)| node >= *first);
        if joining || self.holds(node) {
            self.joining += bytes as f64;
        } else {
            self.others += bytes as f64;
        }
    }

    /// Lets the next one in, if there is room for it.
    pub(crate) fn next(&mut self, now: Duration) -> Option<Seat> {
        self.advance(now);
        let room = self.pace() * JOINS_AT_ONCE.as_secs_f64();
        if self.seats.is_empty() || self.due > room {
            return None;
        }
        let seat = loop {
            let node = self.queue.pop_front()?;
            if let Some(seat) = self.remove(node) {
                break seat;
            }
        };
        self.due += self.cost();
        self.joins += 1.0;
        self.fresh.push_back((now, seat.node));
        Some(seat)
    }

    /// When there will be room for the next one, if somebody waits.
    pub(crate) fn opens(&self) -> Option<Duration> {
        if self.seats.is_empty() {
            return None;
        }
        let pace = self.pace();
        let wait = self.due / pace - JOINS_AT_ONCE.as_secs_f64();
        Some(self.now + Duration::from_secs_f64(wait.clamp(1e-3, 1.0)))
    }

    /// Whom to tell how many are before them, once one has been let in: a few who have not
    /// been told yet, and those who have 8, 64, 512 before them, and so on. The telling is to
    /// cost less than the joining.
    pub(crate) fn news(&mut self) -> Vec<(NodeId, u32)> {
        let Some(first) = self.queue.front().copied() else {
            return Vec::new();
        };
        let mut news = Vec::new();
        while news.len() < TOLD_AT_ONCE
            && let Some(node) = self.untold.pop_front()
        {
            // Names ascend; some of those between have left.
            let before = node.0.saturating_sub(first.0).min(self.len() as u32);
            if before > 0 && self.holds(node) {
                news.push((node, before));
            }
        }
        let ranks = core::iter::successors(Some(8_usize), |rank| rank.checked_mul(8));
        for rank in ranks.take_while(|rank| *rank < self.queue.len()) {
            let node = self.queue.get(rank).filter(|node| self.holds(**node));
            news.extend(node.map(|node| (*node, rank as u32)));
        }
        news
    }

    /// What everything but feeds has taken of late, in bit/s.
    pub(crate) fn sent_of_late(&self) -> u64 {
        let joining = self.joining / JOIN_COST_MEAN.as_secs_f64();
        (8.0 * (self.others_rate() + joining)) as u64
    }

    /// Which part of the room everything but joins takes.
    pub(crate) fn others_share(&self) -> f64 {
        self.room
            .map_or(0.0, |room| self.others_rate() / room.max(1.0))
    }

    /// Bytes per second that everything but joins has taken of late.
    fn others_rate(&self) -> f64 {
        self.others / OTHERS_MEAN.as_secs_f64()
    }

    /// Bytes per second that joins may take.
    fn pace(&self) -> f64 {
        let room = self.room.unwrap_or(f64::INFINITY);
        (JOINS_MOST * room - self.others_rate())
            .max(JOINS_LEAST * room)
            .max(1.0)
    }

    /// Bytes that a join costs.
    fn cost(&self) -> f64 {
        (self.joining + JOIN_COST * JOIN_COST_WEIGHT) / (self.joins + JOIN_COST_WEIGHT)
    }

    fn advance(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.now).as_secs_f64();
        self.due = (self.due - passed * self.pace()).max(0.0);
        self.others *= (-passed / OTHERS_MEAN.as_secs_f64()).exp();
        let fade = (-passed / JOIN_COST_MEAN.as_secs_f64()).exp();
        self.joining *= fade;
        self.joins *= fade;
        self.now = now.max(self.now);
        while self
            .fresh
            .front()
            .is_some_and(|(at, _)| *at + JOINING <= now)
        {
            self.fresh.pop_front();
        }
    }
}

/// Newcomers who are told that they wait, for each that is let in.
const TOLD_AT_ONCE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lobby(bits: u64, waiting: u32) -> Lobby {
        let mut lobby = Lobby::default();
        lobby.set_room(bits);
        for node in 1..=waiting {
            let node = NodeId(node);
            lobby.push(Seat {
                node,
                ..Seat::default()
            });
        }
        lobby
    }

    /// Who is let in within so many seconds, while joins cost `cost` and the others `others`
    /// bytes per second.
    fn let_in(lobby: &mut Lobby, seconds: u32, cost: u64, others: u64) -> Vec<u32> {
        let mut names = Vec::new();
        for tick in 0..seconds * 100 {
            let now = SECOND * tick / 100;
            lobby.sent(now, NodeId(0), others / 100);
            while let Some(seat) = lobby.next(now) {
                lobby.sent(now, seat.node, cost);
                names.push(seat.node.0);
            }
        }
        names
    }

    #[test]
    fn they_are_let_in_in_order_and_as_fast_as_the_uplink_carries() {
        let mut lobby = lobby(4_000_000, 100_000);
        // 0.9 x 500 KB/s - 150 KB/s are 300 joins of 1 KB each second.
        let names = let_in(&mut lobby, 60, 1_000, 150_000);
        assert!(names.is_sorted());
        assert!(names.len().abs_diff(18_000) < 2_000, "{}", names.len());
    }

    #[test]
    fn some_are_let_in_however_little_there_is_left() {
        let mut lobby = lobby(1_000_000, 1000);
        let names = let_in(&mut lobby, 60, 2_500, 200_000);
        assert!((20..200).contains(&names.len()), "{}", names.len());
    }

    #[test]
    fn who_leaves_holds_nobody_up() {
        let mut lobby = lobby(4_000_000, 1000);
        for node in 1..=900 {
            assert!(lobby.remove(NodeId(node)).is_some());
        }
        assert_eq!(lobby.len(), 100);
        assert_eq!(lobby.next(SECOND).map(|seat| seat.node), Some(NodeId(901)));
    }

    #[test]
    fn it_says_when_there_is_room_again() {
        let mut lobby = lobby(1_000_000, 1000);
        while lobby.next(SECOND).is_some() {}
        let opens = lobby.opens().expect("somebody waits");
        assert!(lobby.next(opens).is_some());
        for node in 1..=1000 {
            lobby.remove(NodeId(node));
        }
        assert_eq!(lobby.opens(), None);
    }

    #[test]
    fn few_are_told_how_many_are_before_them() {
        let mut lobby = lobby(1_000_000, 1000);
        let told = lobby.news();
        let expected = [(2, 1), (3, 2), (4, 3), (5, 4), (9, 8), (65, 64), (513, 512)];
        assert_eq!(told, expected.map(|(node, before)| (NodeId(node), before)));
    }
}
