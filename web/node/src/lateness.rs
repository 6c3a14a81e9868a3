use core::time::Duration;
use std::collections::VecDeque;

use crate::{config::LATENCY_FLOOR, ordered::sort};

/// How many arrivals the jitter is judged by: some seconds' worth.
const WINDOW: usize = 96;

/// How much quicker than all before an arrival is that ends a backlog, in microseconds.
const CATCHING_UP: i64 = 30_000;

/// So much later than the quickest, an arrival was held up, in microseconds.
const HELD_UP: i64 = 50_000;

/// Learns L, the working latency of a node: the 95th percentile of its arrival jitter, plus
/// the round trip of the link, plus one fragment, and never less than 100 ms.
///
/// An arrival's jitter is how much longer its way took than the quickest in the window.
#[derive(Debug, Default)]
pub(crate) struct Lateness {
    /// Arrival minus media time, in microseconds; the clocks need not agree.
    transits: VecDeque<i64>,
    /// When the last one arrived, in microseconds.
    arrived: i64,
    /// Arrivals since the jitter was judged last.
    unjudged: usize,
    jitter: Duration,
    fragment: Duration,
}

impl Lateness {
    /// A fragment arrived whole.
    pub(crate) fn arrival(&mut self, now: Duration, media_time: u64, duration: u32) {
        let Ok(now) = i64::try_from(now.as_micros()) else {
            return;
        };
        let Ok(media_time) = i64::try_from(media_time) else {
            return;
        };
        let transit = now - media_time;
        // A backlog comes in faster than it was made, each fragment quicker than all before:
        // that is catching up, and says nothing about the jitter of what is live.
        if self
            .transits
            .iter()
            .min()
            .is_some_and(|least| transit + CATCHING_UP < *least)
        {
            self.forget();
        }
        // What one hiccup has held up comes all at once, and is one outlier, not a dozen:
        // the first of it counts, and those that came in time.
        let least = self.transits.iter().min().copied();
        let together = now - self.arrived < i64::from(duration) * 3 / 4;
        self.arrived = now;
        if together && least.is_some_and(|least| transit > least + HELD_UP) {
            return;
        }
        if self.transits.len() == WINDOW {
            self.transits.pop_front();
        }
        self.transits.push_back(transit);
        self.fragment = Duration::from_micros(duration.into());
        // Sorting a window is cheap, but not so cheap as to do it for every fragment.
        self.unjudged += 1;
        if self.transits.len() < 16 || self.unjudged >= 8 {
            self.unjudged = 0;
            self.judge();
        }
    }

    /// A source began anew or the timeline jumped: old arrivals say nothing any more.
    pub(crate) fn forget(&mut self) {
        self.transits.clear();
    }

    /// L.
    pub(crate) fn working_latency(&self, round_trip: Duration) -> Duration {
        // A jitter of seconds is an outage and no working condition: what is beyond a third
        // of one must not make the node wait seconds for its partner.
        let jitter = self.jitter.min(Duration::from_millis(330));
        (jitter + round_trip + self.fragment).max(LATENCY_FLOOR)
    }

    fn judge(&mut self) {
        let mut sorted: Vec<i64> = self.transits.iter().copied().collect();
        sort(&mut sorted);
        let (Some(&least), Some(&p95)) =
            (sorted.first(), sorted.get((sorted.len() - 1) * 95 / 100))
        else {
            return;
        };
        self.jitter = Duration::from_micros(u64::try_from(p95 - least).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_arrival_has_the_floor() {
        let mut lateness = Lateness::default();
        for i in 0..200u64 {
            lateness.arrival(Duration::from_millis(40 * i + 7), 40_000 * i, 40_000);
        }
        assert_eq!(lateness.working_latency(Duration::ZERO), LATENCY_FLOOR);
    }

    #[test]
    fn a_backlog_is_no_jitter() {
        let mut lateness = Lateness::default();
        for i in 0..25u64 {
            lateness.arrival(Duration::from_millis(1_000 + i), 40_000 * i, 40_000);
        }
        for i in 25..60u64 {
            lateness.arrival(Duration::from_millis(40 * i + 25), 40_000 * i, 40_000);
        }
        assert_eq!(lateness.working_latency(Duration::ZERO), LATENCY_FLOOR);
    }

    /// Fragments of 40 ms; every so many of them the link stands still for 400 ms, and then
    /// brings what it has held up within a moment.
    fn hiccups(every: u64) -> Duration {
        let mut lateness = Lateness::default();
        for i in 0..300u64 {
            let held = every - (i % every) <= 10;
            let due = 40 * if held { i / every * every + every } else { i };
            lateness.arrival(Duration::from_millis(due + i % 3), 40_000 * i, 40_000);
        }
        lateness.working_latency(Duration::ZERO)
    }

    #[test]
    fn a_lone_hiccup_is_forgotten_and_a_frequent_one_is_not() {
        assert_eq!(hiccups(100), LATENCY_FLOOR);
        assert!(
            hiccups(15) > Duration::from_millis(350),
            "{:?}",
            hiccups(15)
        );
    }

    #[test]
    fn jitter_round_trip_and_fragment_add_up() {
        let mut lateness = Lateness::default();
        for i in 0..200u64 {
            let late = if i % 4 == 0 { 80 } else { 0 };
            lateness.arrival(Duration::from_millis(40 * i + late), 40_000 * i, 40_000);
        }
        let latency = lateness.working_latency(Duration::from_millis(30));
        assert_eq!(latency, Duration::from_millis(80 + 30 + 40));
    }
}
