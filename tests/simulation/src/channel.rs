//! One direction of a link: what a browser's data channels make of messages.
//!
//! Messages leave in their order, as the page's uplink and SCTP's congestion window allow.
//! A lost packet is sent again after three later ones have arrived (one round trip), and
//! after the RTO if it is lost once more; each loss halves the window, at most once a
//! round trip. Messages of the media channel overtake those that wait for a lost packet,
//! and are given up after their lifetime; those of the command channel are neither.
//!
//! All of this is worked out when a message is sent: it costs one event on the agenda, its
//! arrival.

use core::time::Duration;
use std::collections::VecDeque;

use peerstream_node::Lane;

use crate::{
    dice::Dice,
    wire::{
        FIRST_WINDOW, LEAST_WINDOW, LIFETIME, PACKET, PACKET_OVERHEAD, RTO, THREE_LATER,
        UPLINK_QUEUE,
    },
};

/// What a message travels on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    /// One way.
    pub(crate) delay: Duration,
    /// Share of packets lost.
    pub(crate) loss: f64,
    /// Of the sending page, in bit/s.
    pub(crate) uplink: u64,
}

pub(crate) struct Channel {
    /// What may be under way, in bytes.
    window: usize,
    /// Above this the window grows slowly.
    threshold: usize,
    /// When each message under way is acknowledged, and its bytes.
    flight: VecDeque<(Duration, usize)>,
    /// The same of those of which something has to be sent again: the others do not wait
    /// for them.
    resent: Vec<(Duration, usize)>,
    in_flight: usize,
    /// The last message was let in then, and no later one is sooner.
    admitted: Duration,
    /// The last message has left the uplink then, and none leaves beside it.
    left: Duration,
    /// Its turn among the strands of a link.
    pub(crate) turn: u64,
    /// Losses up to this time have been paid for.
    paid: Duration,
    /// The messages of the media channel that wait for the window: until when.
    queue: VecDeque<(Duration, usize)>,
    queued: usize,
    /// The last message of the command channel arrives then, and no later one sooner.
    ordered: Duration,
    /// The end of the queue is on the agenda.
    pub(crate) watched: bool,
}

impl Channel {
    pub(crate) fn new() -> Channel {
        Channel {
            window: FIRST_WINDOW,
            threshold: usize::MAX,
            flight: VecDeque::new(),
            resent: Vec::new(),
            in_flight: 0,
            admitted: Duration::ZERO,
            left: Duration::ZERO,
            turn: 0,
            paid: Duration::ZERO,
            queue: VecDeque::new(),
            queued: 0,
            ordered: Duration::ZERO,
            watched: false,
        }
    }

    /// A message is sent; when it arrives, if it does. `free` is when the uplink is.
    pub(crate) fn send(
        &mut self,
        now: Duration,
        lane: Lane,
        length: usize,
        line: &Line,
        free: &mut Duration,
        dice: &mut Dice,
    ) -> Option<Duration> {
        let packets = length.div_ceil(PACKET).max(1);
        let bits = (length + packets * PACKET_OVERHEAD) as u64 * 8;
        let on_wire = Duration::from_nanos(bits * 1_000_000_000 / line.uplink.max(1));
        let admitted = self.admit(now, length);
        if lane == Lane::Media {
            self.queue.push_back((admitted, length));
            self.queued += length;
        }
        let waiting = free.saturating_sub(admitted);
        *free = now.max(*free) + on_wire;
        // Others use the uplink while this one waits for its window.
        let mut left = (*free).max(admitted.max(self.left) + on_wire);
        self.left = left;
        let round_trip = 2 * line.delay + waiting;
        let mut late = self.lost(left, packets, round_trip, line.loss, dice);
        if waiting > UPLINK_QUEUE {
            // The router has no room for it: that is a loss like any other.
            left -= on_wire;
            self.shrink(left, round_trip);
            late = late.max(round_trip + THREE_LATER) + on_wire;
        }
        let arrives = left + line.delay + late;
        let acknowledged = (arrives + line.delay, length);
        if late == Duration::ZERO {
            self.flight.push_back(acknowledged);
        } else {
            self.resent.push(acknowledged);
        }
        self.in_flight += length;
        let alive = lane == Lane::Command || arrives <= now + LIFETIME + line.delay;
        alive.then_some(arrives)
    }

    /// When a message of the command channel is heard that could be heard at `at`: none
    /// overtakes another.
    pub(crate) fn in_order(&mut self, at: Duration) -> Duration {
        self.ordered = self.ordered.max(at);
        self.ordered
    }

    /// Bytes of the media channel that wait for the window (`bufferedAmount`).
    pub(crate) fn buffered(&mut self, now: Duration) -> usize {
        while let Some((left, length)) = self.queue.front()
            && *left <= now
        {
            self.queued -= length;
            self.queue.pop_front();
        }
        self.queued
    }

    /// When no more than `low` bytes will be left of what is queued now.
    pub(crate) fn low(&self, low: usize) -> Option<Duration> {
        let mut queued = self.queued;
        for (left, length) in &self.queue {
            queued -= length;
            if queued <= low {
                return Some(*left);
            }
        }
        None
    }

    /// When the window has room for a message.
    fn admit(&mut self, now: Duration, length: usize) -> Duration {
        self.acknowledged(now, false);
        let mut at = now.max(self.admitted);
        if at > now {
            self.acknowledged(at, true);
        }
        // Packets go one by one: on average half of a message fits besides.
        while self.in_flight > 0 && self.in_flight + length / 2 > self.window {
            let first = self.flight.front().into_iter().chain(&self.resent);
            let Some(first) = first.map(|(at, _)| *at).min() else {
                break;
            };
            at = at.max(first);
            self.acknowledged(at, true);
        }
        self.admitted = at;
        at
    }

    /// Forgets what has arrived by then. The window grows only while it is what holds
    /// messages back.
    fn acknowledged(&mut self, now: Duration, full: bool) {
        while let Some((at, length)) = self.flight.front()
            && *at <= now
        {
            let length = *length;
            self.flight.pop_front();
            self.landed(length, full);
        }
        while let Some(rank) = self.resent.iter().position(|(at, _)| *at <= now) {
            let (_, length) = self.resent.swap_remove(rank);
            self.landed(length, full);
        }
    }

    fn landed(&mut self, length: usize, full: bool) {
        self.in_flight -= length;
        if full {
            self.window += if self.window < self.threshold {
                length
            } else {
                (PACKET * length / self.window).max(1)
            };
        }
    }

    /// How much later a message is whole because of what is lost of it.
    fn lost(
        &mut self,
        left: Duration,
        packets: usize,
        round_trip: Duration,
        loss: f64,
        dice: &mut Dice,
    ) -> Duration {
        let mut late = Duration::ZERO;
        for _ in 0..packets {
            if !dice.chance(loss) {
                continue;
            }
            let mut after = round_trip + THREE_LATER;
            let mut timeout = RTO.max(2 * round_trip);
            while dice.chance(loss) {
                after += timeout;
                timeout *= 2;
            }
            late = late.max(after);
            self.shrink(left, round_trip);
        }
        late
    }

    /// Something is lost: half as much may be under way, once for all of one round trip.
    fn shrink(&mut self, left: Duration, round_trip: Duration) {
        if left >= self.paid {
            self.window = (self.window / 2).max(LEAST_WINDOW);
            self.threshold = self.window;
            self.paid = left + round_trip;
        }
    }
}

#[cfg(test)]
mod calibration;

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: Line = Line {
        delay: Duration::from_millis(20),
        loss: 0.0,
        uplink: 10_000_000,
    };

    #[test]
    fn a_short_message_takes_its_serialisation_and_the_delay() {
        let (mut channel, mut free) = (Channel::new(), Duration::ZERO);
        let mut dice = Dice::new(1);
        let at = channel.send(
            Duration::ZERO,
            Lane::Media,
            4_096,
            &LINE,
            &mut free,
            &mut dice,
        );
        // 4,096 bytes and four times 93 at 10 Mbit/s are 3.6 ms.
        let millis = at.expect("nothing is lost").as_secs_f64() * 1e3;
        assert!((23.5..23.7).contains(&millis), "{millis}");
    }

    #[test]
    fn a_first_key_fragment_waits_for_the_window_and_later_ones_less() {
        let mut channel = Channel::new();
        let mut dice = Dice::new(1);
        let mut whole = Vec::new();
        for round in 0..4 {
            let now = Duration::from_secs(2 * round);
            let mut free = now;
            let mut last = now;
            for _ in 0..10 {
                let at = channel.send(now, Lane::Media, 4_096, &LINE, &mut free, &mut dice);
                last = last.max(at.expect("nothing is lost"));
            }
            whole.push((last - now).as_millis());
        }
        // 36 ms on the wire and 20 under way, and at first two more round trips.
        assert!((95..150).contains(&whole[0]), "{whole:?}");
        assert!((55..70).contains(&whole[3]), "{whole:?}");
    }

    #[test]
    fn loss_bounds_the_rate_as_mathis_found() {
        let line = Line {
            loss: 0.01,
            uplink: 100_000_000,
            ..LINE
        };
        let (mut channel, mut free) = (Channel::new(), Duration::ZERO);
        let mut dice = Dice::new(1);
        let mut last = Duration::ZERO;
        let count = 5_000;
        for _ in 0..count {
            let at = channel.send(
                Duration::ZERO,
                Lane::Command,
                4_096,
                &line,
                &mut free,
                &mut dice,
            );
            last = last.max(at.expect("reliable"));
        }
        let rate = f64::from(count) * 4_096.0 * 8.0 / last.as_secs_f64() / 1e6;
        // 1.22 * 1,163 bytes / 40 ms / sqrt(1%) = 2.8 Mbit/s.
        assert!((1.5..4.0).contains(&rate), "{rate}");
    }
}
