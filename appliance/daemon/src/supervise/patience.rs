use std::time::Duration;

use tokio::time::Instant;

/// How long to wait before a process is started again that keeps dying.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    failures: usize,
    started: Option<Instant>,
}

impl Patience {
    /// The process has been started.
    pub(crate) fn started(&mut self, now: Instant) {
        self.started = Some(now);
    }

    /// It has died. What to wait.
    pub(crate) fn wait(&mut self, now: Instant) -> Duration {
        let lasted = self
            .started
            .take()
            .map_or(Duration::ZERO, |started| now - started);
        if lasted >= HEALTHY {
            self.failures = 0;
        }
        let wait = WAITS[self.failures.min(WAITS.len() - 1)];
        self.failures += 1;
        wait
    }
}

/// At once the first time, for the picture's sake; later for that of the processor.
const WAITS: [Duration; 6] = [
    Duration::from_millis(50),
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(15),
    Duration::from_secs(30),
];
/// A process that has run for this long begins with a clean slate.
const HEALTHY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_keeps_dying_is_started_less_and_less() {
        let mut patience = Patience::default();
        let mut now = Instant::now();
        let mut waited = Duration::ZERO;
        for _ in 0..10 {
            patience.started(now);
            let wait = patience.wait(now);
            assert!(wait >= waited);
            waited = wait;
            now += wait;
        }
        assert_eq!(waited, Duration::from_secs(30));
        patience.started(now);
        assert_eq!(patience.wait(now + HEALTHY), WAITS[0]);
    }
}
