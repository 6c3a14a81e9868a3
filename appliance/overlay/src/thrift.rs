//! Fewer direct feeds while what else is to be said does not fit into the uplink beside them.
//!
//! A direct feed is the dearest thing that the box sends, and the second one buys least: with
//! one alone the trees are as they are, and the root of tree B is fed by its partner, one link
//! later. So where changes, signals or newcomers have waited for the uplink for
//! [`FEEDS_YIELD`], all feeds but one end. They come back after [`FEEDS_RETURN`] in which all
//! that was said took less than half of what they leave. And what would only make the shape
//! better is left until nothing waits.

use core::time::Duration;

use crate::defaults::{FEEDS_RETURN, FEEDS_YIELD};

/// A feed that takes less than one part in so many of the rest is no burden.
const NOTABLE: u64 = 16;
/// Longer than an uplink is busy with what one event brings about.
const PRESSED: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(crate) struct Thrift {
    /// When nothing was waiting for the last time.
    clear: Duration,
    /// Something may be.
    waits: bool,
    /// Since when there has been room for the other feeds.
    ample: Option<Duration>,
    single: bool,
}

impl Thrift {
    /// Something happens now, of which there may be something to be said.
    pub(crate) fn is_now(&mut self, now: Duration) {
        if !self.waits {
            self.clear = now;
        }
        self.waits = true;
    }

    /// All has been said.
    pub(crate) fn is_clear(&mut self) {
        self.waits = false;
    }

    /// Whether something has been waiting for a while.
    pub(crate) fn is_pressed(&self, now: Duration) -> bool {
        now.saturating_sub(self.clear) >= PRESSED
    }

    /// Whether only one direct feed is to be.
    pub(crate) fn is_single(&self) -> bool {
        self.single
    }

    /// Whether that changes now: with what feeds leave of the uplink, what one of them takes,
    /// and all else that was sent of late, in bit/s.
    pub(crate) fn changes(&mut self, now: Duration, left: u64, feed: u64, sent: u64) -> bool {
        let waited = now.saturating_sub(self.clear);
        if !self.single {
            self.single = waited >= FEEDS_YIELD && feed.saturating_mul(NOTABLE) > left;
            self.ample = None;
            return self.single;
        }
        if waited >= FEEDS_YIELD || sent.saturating_mul(2) >= left.saturating_sub(feed) {
            self.ample = None;
            return false;
        }
        let since = *self.ample.get_or_insert(now);
        self.single = now.saturating_sub(since) < FEEDS_RETURN;
        !self.single
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MBIT: u64 = 1_000_000;

    #[test]
    fn feeds_yield_to_what_has_waited() {
        let mut thrift = Thrift::default();
        thrift.is_now(Duration::ZERO);
        let changes = |thrift: &mut Thrift, at| thrift.changes(at, 5 * MBIT, 2 * MBIT, 0);
        let almost = FEEDS_YIELD - Duration::from_millis(1);
        assert!(!changes(&mut thrift, almost));
        thrift.is_clear();
        thrift.is_now(almost);
        assert!(!changes(&mut thrift, FEEDS_YIELD));
        assert!(thrift.is_pressed(FEEDS_YIELD + PRESSED));
        assert!(changes(&mut thrift, almost + FEEDS_YIELD));
        assert!(thrift.is_single());
        assert!(!changes(&mut thrift, almost + FEEDS_YIELD));
    }

    #[test]
    fn a_feed_that_takes_next_to_nothing_goes_on() {
        let mut thrift = Thrift::default();
        thrift.is_now(Duration::ZERO);
        assert!(!thrift.changes(FEEDS_YIELD, 100 * MBIT, 2 * MBIT, 0));
    }

    #[test]
    fn they_return_when_there_has_been_room_for_a_while() {
        let mut thrift = Thrift::default();
        thrift.is_now(Duration::ZERO);
        assert!(thrift.changes(FEEDS_YIELD, 5 * MBIT, 2 * MBIT, 0));
        let mut now = FEEDS_YIELD;
        let mut wait = |thrift: &mut Thrift, sent: u64| {
            now += Duration::from_secs(1);
            thrift.is_clear();
            thrift.is_now(now);
            thrift.changes(now, 7 * MBIT, 2 * MBIT, sent)
        };
        for _ in 0..2 * FEEDS_RETURN.as_secs() {
            assert!(!wait(&mut thrift, 3 * MBIT));
        }
        for _ in 0..FEEDS_RETURN.as_secs() {
            assert!(!wait(&mut thrift, 2 * MBIT));
        }
        assert!(wait(&mut thrift, 2 * MBIT));
        assert!(!thrift.is_single());
    }
}
