use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The box's capture clock: Unix time when the daemon started, and the monotonic time
/// since. So it never steps while it runs, and is ahead of where it was after a restart.
#[derive(Debug, Clone, Copy)]
pub struct CaptureClock {
    unix: Duration,
    started: Instant,
}

impl CaptureClock {
    /// A clock that starts now; if the system's clock is behind `earliest`, then with that.
    #[must_use]
    pub fn start(earliest: Duration) -> Self {
        let system = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            unix: system.unwrap_or_default().max(earliest),
            started: Instant::now(),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.unix + self.started.elapsed()
    }

    /// When it will show `time`, as tokio counts; now if that is over.
    pub(crate) fn instant(&self, time: Duration) -> tokio::time::Instant {
        (self.started + time.saturating_sub(self.unix)).into()
    }

    /// The time in microseconds, as messages have it.
    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.now().as_micros()).unwrap_or(u64::MAX)
    }
}
