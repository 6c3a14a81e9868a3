use core::time::Duration;

/// A token bucket: so many at once, so many a second after that.
#[derive(Debug)]
pub(crate) struct RateLimit {
    tokens: f64,
    burst: f64,
    per_second: f64,
    refilled: Duration,
}

impl RateLimit {
    pub(crate) fn new(now: Duration, burst: u32, per_second: u32) -> Self {
        let burst = burst.into();
        RateLimit {
            tokens: burst,
            burst,
            per_second: per_second.into(),
            refilled: now,
        }
    }

    /// Takes one, if there is one.
    pub(crate) fn admit(&mut self, now: Duration) -> bool {
        self.take(now, 1)
    }

    /// Takes so many, if there are so many.
    pub(crate) fn take(&mut self, now: Duration, amount: u32) -> bool {
        let elapsed = now.saturating_sub(self.refilled).as_secs_f64();
        self.refilled = now;
        self.tokens = (self.tokens + elapsed * self.per_second).min(self.burst);
        let admitted = self.tokens >= f64::from(amount);
        if admitted {
            self.tokens -= f64::from(amount);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_a_flood_does_not() {
        let mut limit = RateLimit::new(Duration::ZERO, 5, 10);
        let admitted = (0..100).filter(|_| limit.admit(Duration::ZERO)).count();
        assert_eq!(admitted, 5);
        let second = Duration::from_millis(1000);
        assert_eq!((0..100).filter(|_| limit.admit(second)).count(), 5);
        let next = 2 * second;
        assert!(!limit.take(next, 6), "more than ever fits");
        assert!(limit.take(next, 5));
        assert!(!limit.take(next, 1));
    }
}
