//! What the box's uplink carries, and when control may use it.
//!
//! Sans-IO: lengths and the time go in. The daemon and the simulator ask the same
//! [`Uplink`] when to hand the next message over, so that what waits does so where it can still
//! be put in order, and not in a socket.
//!
//! Direct feeds go at once. Control follows as far as there is room, and has a fifth of the
//! uplink to itself while feeds need all there is. What pages and the API take is not counted
//! yet.

use core::time::Duration;

/// Around a message of the control socket, in bytes: IPv4 20, TCP 32 (with timestamps),
/// TLS 1.3 record 22, WebSocket 2.
pub const MESSAGE_OVERHEAD: u64 = 76;
/// An acknowledgement of a message from a node, in bytes: IPv4 20, TCP 32. The box sends one
/// for every message that it does not answer at once.
pub const ACK_OVERHEAD: u64 = 52;
/// Payload of a TCP segment.
pub const SEGMENT: u64 = 1_428;

/// So much may wait in the sockets' own queues: enough for the uplink never to idle, though timers
/// are a millisecond or two late. Three messages of the box's, one after the other, open a link.
pub const AHEAD: Duration = Duration::from_millis(8);
/// While feeds need all there is, control has one part in so many.
const CONTROL: u32 = 5;
/// The time over which it is measured what feeds take: a segment, as most encoders make them.
const MEAN: Duration = Duration::from_secs(2);

/// An uplink of a fixed rate, and what has been handed to it.
#[derive(Debug, Clone)]
pub struct Uplink {
    /// bit/s.
    rate: u64,
    free: Duration,
    /// When control has used up what is its own.
    control: Duration,
    /// Bits that feeds have taken of late; each counts less as time goes.
    feeds: f64,
    fed: Duration,
}

impl Uplink {
    /// An uplink of so many bit/s, at least 1.
    #[must_use]
    pub fn new(rate: u64) -> Uplink {
        Uplink {
            rate: rate.max(1),
            free: Duration::ZERO,
            control: Duration::ZERO,
            feeds: 0.0,
            fed: Duration::ZERO,
        }
    }

    /// In bit/s.
    #[must_use]
    pub fn rate(&self) -> u64 {
        self.rate
    }

    /// A message of control with so many bytes is handed over; when it has left. It waits for
    /// no feed's messages.
    pub fn control(&mut self, now: Duration, length: u64) -> Duration {
        let time = self.time(length);
        self.control = now.max(self.control) + CONTROL * time;
        self.free = now.max(self.free) + time;
        self.free.min(self.control)
    }

    /// So many bytes of a feed are handed over; when they have left.
    pub fn feed(&mut self, now: Duration, length: u64) -> Duration {
        self.fade(now);
        self.feeds += bits(length) as f64;
        self.free = now.max(self.free) + self.time(length);
        self.free
    }

    /// How long what is handed over now waits behind feeds.
    #[must_use]
    pub fn wait(&self, now: Duration) -> Duration {
        self.free.saturating_sub(now)
    }

    /// When control may be handed over again, if not now.
    #[must_use]
    pub fn busy(&self, now: Duration) -> Option<Duration> {
        let free = self.free.min(self.control);
        (free > now + AHEAD).then(|| free - AHEAD)
    }

    /// What feeds have taken of it of late, in bit/s.
    pub fn feeds(&mut self, now: Duration) -> u64 {
        self.fade(now);
        (self.feeds / MEAN.as_secs_f64()) as u64
    }

    /// What feeds have left of it of late, in bit/s: at least what control has to itself.
    pub fn left(&mut self, now: Duration) -> u64 {
        let least = self.rate / u64::from(CONTROL);
        self.rate.saturating_sub(self.feeds(now)).max(least)
    }

    fn fade(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.fed);
        self.feeds *= (-passed.as_secs_f64() / MEAN.as_secs_f64()).exp();
        self.fed = self.fed.max(now);
    }

    fn time(&self, length: u64) -> Duration {
        let nanos = u128::from(bits(length)) * 1_000_000_000 / u128::from(self.rate);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX / 64))
    }
}

/// On the wire, with all heads.
fn bits(length: u64) -> u64 {
    let packets = 1 + length / SEGMENT;
    length
        .saturating_add(packets * MESSAGE_OVERHEAD)
        .saturating_mul(8)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    proptest! {
        #[test]
        fn control_alone_is_handed_over_no_faster_than_it_leaves(
            rate in 50_000..50_000_000u64,
            lengths in prop::collection::vec(1..1_000u64, 100..400),
        ) {
            let mut uplink = Uplink::new(rate);
            let (mut now, mut sent) = (Duration::ZERO, 0);
            for length in lengths {
                while let Some(at) = uplink.busy(now) {
                    prop_assert!(at > now);
                    now = at;
                }
                sent += bits(length);
                uplink.control(now, length);
                let longest = bits(1_000) as f64;
                let most = rate as f64 * (now + AHEAD).as_secs_f64() + longest;
                prop_assert!(sent as f64 <= most * 1.001, "{sent} bits by {now:?}");
            }
        }
    }

    #[test]
    fn control_has_a_fifth_where_feeds_want_more_than_there_is() {
        let mut uplink = Uplink::new(1_000_000);
        let mut control = 0;
        for tick in 0..10_000 {
            let now = MILLI * tick;
            // 2 Mbit/s.
            if tick % 10 == 0 {
                uplink.feed(now, 2_500);
            }
            if uplink.busy(now).is_none() {
                uplink.control(now, 100);
                control += bits(100);
            }
        }
        assert!((180_000..220_000).contains(&(control / 10)), "{control}");
        assert_eq!(uplink.left(MILLI * 10_000), 200_000);
    }

    #[test]
    fn what_feeds_leave_is_measured() {
        let mut uplink = Uplink::new(10_000_000);
        assert_eq!(uplink.left(MILLI), 10_000_000);
        for tick in 0..1_000 {
            uplink.feed(MILLI * 10 * tick, 6_250 - 5 * MESSAGE_OVERHEAD);
        }
        // 5 Mbit/s.
        let left = uplink.left(MILLI * 10_000);
        assert!(left.abs_diff(5_000_000) < 150_000, "{left}");
        let later = uplink.left(MILLI * 30_000);
        assert!(later > 9_900_000, "{later}");
    }
}
