use std::time::{Duration, Instant};

/// A token bucket: lets `rate` a second through on average, and `burst` at once.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: f64,
    burst: f64,
    level: f64,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: u32, burst: u32, now: Instant) -> Self {
        Self {
            rate: rate.into(),
            burst: burst.into(),
            level: burst.into(),
            filled: now,
        }
    }

    /// Takes `amount` out if that much is in.
    pub(crate) fn take(&mut self, now: Instant, amount: u32) -> bool {
        let passed: Duration = now.saturating_duration_since(self.filled);
        self.filled = now;
        self.level = (self.level + passed.as_secs_f64() * self.rate).min(self.burst);
        let enough = self.level >= f64::from(amount);
        if enough {
            self.level -= f64::from(amount);
        }
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(10, 20, start);
        assert_eq!((0..100).filter(|_| bucket.take(start, 1)).count(), 20);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| bucket.take(later, 1)).count(), 10);
        let much_later = start + Duration::from_secs(1000);
        assert_eq!((0..100).filter(|_| bucket.take(much_later, 1)).count(), 20);
    }
}
