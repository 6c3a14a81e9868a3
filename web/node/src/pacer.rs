use core::time::Duration;

/// Spreads what is sent over time, so that a key frame does not fill the queues on the way:
/// a virtual clock that each byte moves on by what it takes on the wire (the generic cell
/// rate algorithm of ITU-T I.371).
#[derive(Debug, Default)]
pub(crate) struct Pacer {
    clock: Duration,
}

/// What may go at once, as time on the wire: an ordinary fragment passes without waiting
/// for a timer, which in a browser takes up to 4 ms, and a second in a hidden page.
const BURST: Duration = Duration::from_millis(20);

impl Pacer {
    /// From when on the next message may go.
    pub(crate) fn due(&self) -> Duration {
        self.clock
    }

    /// So many bytes went, `rate` bytes a second being allowed.
    pub(crate) fn sent(&mut self, now: Duration, bytes: usize, rate: u64) {
        let took = Duration::from_nanos(bytes as u64 * 1_000_000_000 / rate.max(1));
        self.clock = self.clock.max(now.saturating_sub(BURST)) + took;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_the_rest_is_spread() {
        let mut pacer = Pacer::default();
        let mut now = Duration::from_secs(1);
        let mut at_once = 0;
        for n in 0..100 {
            if pacer.due() > now {
                now = pacer.due();
            } else if now == Duration::from_secs(1) {
                at_once = n + 1;
            }
            pacer.sent(now, 1_000, 1_000_000);
        }
        assert!((20..=22).contains(&at_once), "{at_once}");
        let took = now - Duration::from_secs(1);
        assert_eq!(took, Duration::from_millis(79));
    }
}
