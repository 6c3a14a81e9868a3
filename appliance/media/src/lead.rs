use core::time::Duration;

/// How far the timeline has run ahead of time: not against the clock itself, from which the
/// clock of a source may drift as it likes, but against the pace of it.
#[derive(Debug)]
pub(crate) struct Lead {
    end: u64,
    at: Duration,
    ahead: Duration,
}

impl Lead {
    /// The timeline is where it should be.
    pub(crate) fn new(now: Duration, end: u64) -> Self {
        Self {
            end,
            at: now,
            ahead: Duration::ZERO,
        }
    }

    /// The timeline reaches until `end`.
    pub(crate) fn note(&mut self, now: Duration, end: u64) -> Duration {
        let ahead = self.by(now) + Duration::from_micros(end.saturating_sub(self.end));
        *self = Self {
            end: end.max(self.end),
            at: now.max(self.at),
            ahead,
        };
        ahead
    }

    /// What is left of it by `now`. A percent is given to clocks that run fast.
    pub(crate) fn by(&self, now: Duration) -> Duration {
        self.ahead
            .saturating_sub(now.saturating_sub(self.at) * 101 / 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_faster_than_time_adds_up() {
        let mut lead = Lead::new(Duration::ZERO, 0);
        // Half a percent fast: eighteen seconds by the end.
        let end = |second: u64| second * 1_005_000;
        for second in 1..=3600 {
            lead.note(Duration::from_secs(second), end(second));
        }
        let now = Duration::from_secs(3600);
        assert!(
            lead.by(now) < Duration::from_millis(1010),
            "{:?}",
            lead.by(now)
        );
        assert!(lead.note(now, end(3605)) > Duration::from_secs(5));
        assert!(lead.by(now + Duration::from_secs(5)) > Duration::from_millis(900));
        assert!(lead.by(now + Duration::from_secs(6)).is_zero());
    }
}
