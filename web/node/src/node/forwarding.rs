//! Whom this node serves, with what, and in which order.

use core::time::Duration;

use bytes::Bytes;
use peerstream_fragment::{Kind, Position};
use peerstream_wire::{Assignment, LinkMessage, NodeId, Parent};

use super::Node;
use crate::{
    config::{IN_FLIGHT, IN_FLIGHT_LOW},
    event::{Lane, Output},
    link::Link,
    serving::{HEADER, ORIGIN, Piece, Serving},
    store::Entry,
    timer::Timer,
};

/// How many of the pieces passed on last are remembered.
const PASSED: usize = 128;
/// What is live should not wait longer for its turn.
const TURN: Duration = Duration::from_millis(250);
/// A child that has not been heard of for so long says nothing about this node's uplink.
const ALIVE: Duration = Duration::from_millis(1500);

impl Node {
    /// Somebody wants to be fed.
    pub(super) fn subscribed(&mut self, now: Duration, from: Parent, after: Option<Position>) {
        if !self.has_room(from) {
            self.send(now, from, LinkMessage::Decline);
            return;
        }
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        let certificate = self.intake.as_ref().and_then(|i| i.current_certificate());
        // Who comes again and again gets what is new, but not all that was before each time.
        link.serving = Some(if link.beginnings.admit(now) {
            Serving::begin(now, &self.store, certificate, after)
        } else {
            Serving::fresh()
        });
        self.uplink.expect(u64::MAX);
        self.pump(now);
    }

    /// Whether there is room for one more: a leaf serves nobody, and who is not one's own
    /// child is helped from what is left.
    fn has_room(&self, from: Parent) -> bool {
        if self.copies() == 0 {
            return false;
        }
        let Some(carried) = self.uplink.rate() else {
            return true;
        };
        // Whoever is orphaned is fed again in a second or two. That long even more may be
        // taken on than the uplink carries: all get a little less, and buffers do the rest.
        let needed = self.rate * (self.served() + 1);
        let assignment = self.assignment.as_ref();
        // So is whoever was to turn to this node until a moment ago.
        let ends = |link: &Link| link.retire.is_some();
        let turns = is_ward(assignment, from) || self.links.get(&from).is_some_and(ends);
        is_child(assignment, from) || needed <= carried / 10 * if turns { 16 } else { 10 }
    }

    /// How many are fed.
    pub(super) fn served(&self) -> u64 {
        self.links.values().filter(|link| link.is_serving()).count() as u64
    }

    /// The other end asks for something that it missed.
    pub(super) fn again(&mut self, now: Duration, from: Parent, at: Position, parts: u64) {
        if self.copies() == 0 {
            self.send(now, from, LinkMessage::Decline);
            return;
        }
        let (Some(entry), Some(link)) = (self.store.get(at), self.links.get_mut(&from)) else {
            return;
        };
        let lane = lane(entry);
        let just_now = now.saturating_sub(link.round_trip.unwrap_or_default());
        let serving = link.serving.get_or_insert_with(Serving::default);
        for number in 0..=entry.pieces() {
            let piece = (at, number);
            let bit = number.checked_sub(HEADER + 1).unwrap_or(u16::MAX);
            let wanted = parts == 0 || (bit < 64 && parts & (1 << bit) != 0);
            // What left after the other end asked need not leave twice.
            let passed =
                |passed: &(Piece, Duration)| *passed > (piece, just_now) && passed.0 == piece;
            let coming = serving.subscribed && serving.has(piece) && self.passed.iter().any(passed);
            if !wanted || coming || serving.holds(piece) {
                continue;
            }
            let Some(message) = entry.message(number) else {
                continue;
            };
            let bytes = message.encode();
            if !link
                .again
                .take(now, u32::try_from(bytes.len()).unwrap_or(u32::MAX))
            {
                break;
            }
            serving.push(now, piece, lane, true, bytes);
        }
        self.pump(now);
    }

    /// Passes a message on to all who are fed, but not back.
    pub(super) fn forward(
        &mut self,
        now: Duration,
        from: Parent,
        piece: Piece,
        message: &LinkMessage,
    ) {
        // Without the certificate and the init data nothing that follows is of any use, so
        // these go where nothing is lost, and first.
        let entry = self.store.get(piece.0);
        let lane = entry.map_or(Lane::Command, lane);
        if self.passed.len() == PASSED {
            self.passed.remove(0);
        }
        self.passed.push((piece, now));
        if piece.1 == HEADER {
            self.turn = self.next_in_turn();
            let length = entry.map_or(0, |entry| entry.header().header.payload_len);
            self.uplink.expect(u64::from(length) * self.served());
        }
        let mut encoded: Option<Bytes> = None;
        for (origin, link) in self.links.iter_mut() {
            if let Some(serving) = &mut link.serving
                && *origin != from
                && serving.wants(piece, lane == Lane::Command)
            {
                let bytes = encoded.get_or_insert_with(|| message.encode()).clone();
                serving.push(now, piece, lane, lane == Lane::Command, bytes);
            }
        }
        if encoded.is_some() {
            self.pump(now);
        }
    }

    /// The one after whose turn it is, so that each fragment goes to another one first.
    fn next_in_turn(&self) -> NodeId {
        let served = self.links.iter().filter(|(_, link)| link.is_serving());
        let mut peers = served.filter_map(|(origin, _)| match origin {
            Parent::Node(peer) => Some(*peer),
            Parent::Box => None,
        });
        peers.find(|peer| *peer > self.turn).unwrap_or(NodeId(0))
    }

    /// Moves what waits into the browsers' queues, as far as it may go now: part by part to
    /// one after the other, what is live before what a joining child is yet to get and before
    /// any help for those who have no claim to it.
    pub(super) fn pump(&mut self, now: Duration) {
        self.expire(now);
        let idle = loop {
            let (waits, chosen) = self.choose(now);
            let Some(peer) = chosen else { break !waits };
            let due = self.pacer.due();
            if now < due {
                self.timers.set(Timer::Pace, due);
                break false;
            }
            let origin = Parent::Node(peer);
            // What goes by several ways does not arrive in its order.
            let whole = |link: &Link| link.strands.count() == 0;
            if self.links.get(&origin).is_some_and(whole)
                && let Some(token) = self.uplink.begin(now, peer)
            {
                self.time(peer, token);
            }
            let Some(link) = self.links.get_mut(&origin) else {
                break false;
            };
            let Some((lane, bytes)) = link.serving.as_mut().and_then(Serving::pop) else {
                break false;
            };
            let length = bytes.len();
            link.buffered += length;
            link.sent = now;
            *Node::meter(&mut self.bytes_out, self.assignment.as_ref(), origin) += length as u64;
            self.outputs.push_back(Output::Send { peer, lane, bytes });
            self.uplink.sent(length);
            let needed = self.rate * self.served();
            if let Some(rate) = self.uplink.pace(needed) {
                self.pacer.sent(now, length, rate);
            }
            self.turn = peer;
        };
        if let Some((peer, token)) = self.uplink.mark(now, idle) {
            self.time(peer, token);
        }
    }

    /// A ping that goes where the stream goes.
    fn time(&mut self, peer: NodeId, token: u32) {
        let bytes = LinkMessage::Ping(token).encode();
        let lane = Lane::Media;
        self.outputs.push_back(Output::Send { peer, lane, bytes });
    }

    /// Whose turn it is, and whether anything waits at all.
    fn choose(&mut self, now: Duration) -> (bool, Option<NodeId>) {
        let assignment = self.assignment.as_ref();
        let mut chosen: Option<(bool, bool, NodeId)> = None;
        let (mut waits, mut full) = (false, 0);
        for (origin, link) in self.links.iter_mut() {
            let (Parent::Node(peer), true) = (*origin, link.is_open()) else {
                continue;
            };
            let Some(serving) = &mut link.serving else {
                continue;
            };
            let Some(length) = serving.prepare(now, &self.store) else {
                continue;
            };
            waits = true;
            // Whoever turns to this node as it should has lost its own feeder, and half a picture
            // would be none: all miss a little for that moment.
            let own = is_child(assignment, *origin) || is_ward(assignment, *origin);
            let low = serving.is_joining() || !own;
            // Several strands may hold more than the lesser one with none of them saying so.
            let lesser = low && link.strands.count() == 0;
            let room = if lesser { IN_FLIGHT_LOW } else { IN_FLIGHT };
            if link.buffered > 0 && link.buffered + length > room {
                full += 1;
                continue;
            }
            let rank = (low, peer <= self.turn, peer);
            if chosen.is_none_or(|best| rank < best) {
                chosen = Some(rank);
            }
        }
        if full > 1 && chosen.is_none() {
            self.uplink.fills();
        }
        (waits, chosen.map(|(.., peer)| peer))
    }

    /// Drops what has waited for too long. Where every child has to wait, the uplink is too
    /// small for them; where one has, only that one's link is.
    fn expire(&mut self, now: Duration) {
        if self.control.no_more.is_some_and(|at| at <= now) {
            let serves = self.links.iter().find(|(_, link)| link.serving.is_some());
            if let Some(origin) = serves.map(|(origin, _)| *origin)
                && let Some(link) = self.links.get_mut(&origin)
            {
                // One at a time: this is asked for every part.
                link.serving = None;
                self.send(now, origin, LinkMessage::Decline);
            }
        }
        let (mut fed, mut waiting, mut others) = (0u8, 0, 0u8);
        for (origin, link) in self.links.iter_mut() {
            let Some(serving) = &mut link.serving else {
                continue;
            };
            serving.expire(now);
            if !serving.subscribed || now >= link.heard + ALIVE {
                continue;
            }
            if is_child(self.assignment.as_ref(), *origin) {
                fed = fed.saturating_add(1);
                waiting += u8::from(serving.waits_longer(now, TURN));
            } else {
                others = others.saturating_add(1);
            }
        }
        let waiting = waiting == fed && others == 0;
        if self.uplink.distress(now, waiting, self.rate, fed) {
            self.capacity_changed(now);
        }
    }

    /// A ping was answered.
    pub(super) fn answered(&mut self, now: Duration, from: Parent, token: u32, at: u32) {
        if let Parent::Node(peer) = from
            && self.trial_answered(now, peer, token, at)
        {
            return;
        }
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        if let Parent::Node(peer) = from
            && self.uplink.answered(now, peer, token, at)
        {
            self.judge_uplink(now);
            return;
        }
        link.answered(now, token);
    }

    /// Compares what the uplink carries with the stream.
    pub(super) fn judge_uplink(&mut self, now: Duration) {
        let served = u8::try_from(self.served()).unwrap_or(u8::MAX);
        let assignment = self.assignment.as_ref();
        let own =
            |(origin, link): &(&Parent, &Link)| is_child(assignment, **origin) && link.is_serving();
        let own = self.links.iter().filter(own);
        let own = u8::try_from(own.count()).unwrap_or(u8::MAX);
        if self.rate > 0 && self.uplink.judge(now, self.rate, own, served) {
            self.capacity_changed(now);
        }
    }

    /// The copies of the stream that this node has learned it can pass on, once it has.
    pub(super) fn learned_copies(&self) -> Option<u8> {
        self.uplink.copies()
    }
}

impl Link {
    /// Whether the other end is subscribed to this node.
    pub(crate) fn is_serving(&self) -> bool {
        self.serving
            .as_ref()
            .is_some_and(|serving| serving.subscribed)
    }

    fn answered(&mut self, now: Duration, token: u32) {
        if let Some((sent, at)) = self.ping.take()
            && sent == token
        {
            let round_trip = now.saturating_sub(at);
            self.round_trip = Some(round_trip);
            // The way may have become longer for good.
            let quickest = self.quickest.map_or(round_trip, |least| least + least / 64);
            self.quickest = Some(round_trip.min(quickest));
        }
    }
}

fn is_child(assignment: Option<&Assignment>, origin: Parent) -> bool {
    matches!((assignment, origin), (Some(assignment), Parent::Node(peer))
        if assignment.children.contains(&peer))
}

/// Whether this node is the one that the other is to turn to.
fn is_ward(assignment: Option<&Assignment>, origin: Parent) -> bool {
    matches!((assignment, origin), (Some(assignment), Parent::Node(peer))
        if assignment.wards.contains(&peer) || assignment.partner == Some(peer))
}

/// The channel that a piece of this fragment goes by.
fn lane(entry: &Entry) -> Lane {
    match entry.header().header.meta.kind {
        Kind::Init => Lane::Command,
        Kind::Media => Lane::Media,
    }
}

/// A certificate is about the stream as a whole.
pub(super) const CERTIFICATE: Piece = ORIGIN;
