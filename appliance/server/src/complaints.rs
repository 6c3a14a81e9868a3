use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Counts what is refused, by reason, and says so in the log: each time if it is rare, now
/// and then if somebody makes a sport of it. A log that fills the disk is an attack too.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    by_reason: Mutex<BTreeMap<&'static str, Tally>>,
}

#[derive(Debug, Default)]
struct Tally {
    total: u64,
    /// When the current stretch of [`STRETCH`] began.
    since: Option<Instant>,
    /// Lines written in it.
    lines: u32,
    /// Complaints that were not.
    silent: u64,
}

impl Complaints {
    /// `peer` is refused for `reason`, one of a fixed list; `detail` is for people, and
    /// holds nothing that the peer could choose freely, nor any secret.
    pub(crate) fn note(&self, reason: &'static str, peer: SocketAddr, detail: impl fmt::Display) {
        let mut by_reason = self
            .by_reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let tally = by_reason.entry(reason).or_default();
        if let Some(unsaid) = tally.count(Instant::now()) {
            tracing::warn!(%peer, reason, unsaid, "refused: {detail}");
        }
    }

    /// All there have been so far.
    pub(crate) fn totals(&self) -> BTreeMap<&'static str, u64> {
        self.by_reason
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(&reason, tally)| (reason, tally.total))
            .collect()
    }
}

impl Tally {
    /// Counts one more. If it is to be said, how many before it were not.
    fn count(&mut self, now: Instant) -> Option<u64> {
        self.total += 1;
        if self
            .since
            .is_none_or(|since| now.duration_since(since) >= STRETCH)
        {
            self.since = Some(now);
            self.lines = 0;
        }
        if self.lines < LINES_PER_STRETCH {
            self.lines += 1;
            Some(std::mem::take(&mut self.silent))
        } else {
            self.silent += 1;
            None
        }
    }
}

const STRETCH: Duration = Duration::from_secs(10);
/// Enough to see a pattern.
const LINES_PER_STRETCH: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_in_full_and_logged_in_part() {
        let mut tally = Tally::default();
        let start = Instant::now();
        let said = (0..1000).filter_map(|_| tally.count(start)).count();
        assert_eq!((tally.total, said), (1000, 5));
        // The next stretch begins by saying what was left out.
        assert_eq!(tally.count(start + STRETCH), Some(995));
        assert_eq!(tally.count(start + STRETCH), Some(0));
    }
}
