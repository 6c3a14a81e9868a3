use core::time::Duration;

use crate::report::MESSAGE_OVERHEAD;
use crate::wire::SEGMENT;

/// What the box can send. Feeds go at once and in turn; control is taken from the
/// coordinator only as far as it can be sent now, so that what changes meanwhile folds and
/// what is urgent comes first.
pub(crate) struct Uplink {
    /// bit/s.
    rate: u64,
    free: Duration,
    /// When control has used up what is its own.
    control: Duration,
}

impl Uplink {
    pub(crate) fn new(rate: u64) -> Uplink {
        Uplink {
            rate: rate.max(1),
            free: Duration::ZERO,
            control: Duration::ZERO,
        }
    }

    pub(crate) fn rate(&self) -> u64 {
        self.rate
    }

    /// A message of control is handed over; when it has left. It waits for no feed's
    /// messages.
    pub(crate) fn control(&mut self, now: Duration, length: u64) -> Duration {
        let time = self.time(length);
        self.control = now.max(self.control) + CONTROL * time;
        self.free = now.max(self.free) + time;
        self.free.min(self.control)
    }

    /// A message of a feed is handed over; when it has left. None if so much waits that
    /// it is dropped: the feed is too slow.
    pub(crate) fn feed(&mut self, now: Duration, length: u64) -> Option<Duration> {
        if self.free > now + STALE {
            return None;
        }
        self.free = now.max(self.free) + self.time(length);
        Some(self.free)
    }

    /// When control may be handed over again, if not now.
    pub(crate) fn busy(&self, now: Duration) -> Option<Duration> {
        let free = self.free.min(self.control);
        (free > now + AHEAD).then(|| free - AHEAD)
    }

    fn time(&self, length: u64) -> Duration {
        let packets = 1 + length / SEGMENT as u64;
        let bits = (length + packets * MESSAGE_OVERHEAD) * 8;
        Duration::from_nanos(bits * 1_000_000_000 / self.rate)
    }
}

/// So much may wait in the socket's own queues: enough for the uplink never to idle.
const AHEAD: Duration = Duration::from_millis(20);
/// While feeds need all there is, control has one part in so many.
const CONTROL: u32 = 5;
/// What would wait for longer is of no use any more.
const STALE: Duration = Duration::from_secs(1);
