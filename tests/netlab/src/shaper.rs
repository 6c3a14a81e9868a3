//! One direction of one host's access to the network, as arithmetic.

use std::time::Duration;

use crate::chance::Chance;

/// What one direction of an access line does to packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Bits a second, counted over whole IP packets. None: no limit, and so no queue.
    pub rate: Option<u64>,
    /// How many bytes may wait for the line, the packet on it included. What comes on top is
    /// dropped (*tail drop*), as a home router does.
    pub queue: u32,
    /// From one end of the line to the other, beside the time that a packet takes at `rate`.
    pub delay: Duration,
    /// What comes and goes on top of `delay`.
    pub jitter: Jitter,
    /// Share of packets that vanish on the line, each by itself, 0 to 1. They have used the
    /// line all the same.
    pub loss: f64,
}

/// How delays vary. Drawn anew for each packet; packets never overtake one another, so one
/// large draw holds up those behind it, as on a radio link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Jitter {
    /// Not at all.
    None,
    /// Evenly from nothing to this.
    Uniform(Duration),
    /// Most draws small and a few large: the logarithm is normally distributed.
    LogNormal {
        /// Half of the draws exceed it.
        median: Duration,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
}

impl Line {
    /// Ideal: at once, and everything.
    pub const IDEAL: Line = Line {
        rate: None,
        queue: u32::MAX,
        delay: Duration::ZERO,
        jitter: Jitter::None,
        loss: 0.0,
    };

    /// A line of `rate` bits a second whose queue holds `time` of it.
    #[must_use]
    pub fn of_rate(rate: u64, time: Duration) -> Self {
        let bytes = u128::from(rate) * time.as_nanos() / 8_000_000_000;
        Line {
            rate: Some(rate),
            queue: u32::try_from(bytes).unwrap_or(u32::MAX),
            ..Line::IDEAL
        }
    }
}

/// What has passed a line so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that came out at the other end.
    pub packets: u64,
    /// Their bytes, IP header included.
    pub bytes: u64,
    /// Packets that found the queue full.
    pub dropped: u64,
    /// Packets that vanished on the line.
    pub lost: u64,
    /// What all packets together have waited for the line to be free.
    pub queued: Duration,
    /// The longest that one has.
    pub queued_most: Duration,
}

/// A [`Line`] at work. Knows no clock: packets come in with the time, and it says when each
/// comes out. Times are since any epoch and must not run backwards.
#[derive(Debug)]
pub struct Shaper {
    line: Line,
    chance: Chance,
    counters: Counters,
    /// When the line will have sent all that waits.
    free_at: Duration,
    /// When the last packet comes out: none overtakes it.
    last_out: Duration,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It comes out at the other end then.
    Arrives(Duration),
    /// The queue was full.
    Dropped,
    /// The line has lost it.
    Lost,
}

impl Shaper {
    /// A line on which nothing is yet; the same seed draws the same losses and delays.
    #[must_use]
    pub fn new(line: Line, seed: u64) -> Self {
        Shaper {
            line,
            chance: Chance::new(seed),
            counters: Counters::default(),
            free_at: Duration::ZERO,
            last_out: Duration::ZERO,
        }
    }

    /// Puts a packet of `bytes` onto the line.
    pub fn send(&mut self, now: Duration, bytes: usize) -> Fate {
        let start = self.free_at.max(now);
        let waits = start - now;
        if let Some(rate) = self.line.rate {
            let waiting = waits.as_nanos() * u128::from(rate) / 8_000_000_000;
            if waiting + bytes as u128 > u128::from(self.line.queue) {
                self.counters.dropped += 1;
                return Fate::Dropped;
            }
            self.free_at = start + transmission(bytes, rate);
        } else {
            self.free_at = start;
        }
        self.counters.queued += waits;
        self.counters.queued_most = self.counters.queued_most.max(waits);
        // Drawn whether needed or not, so that what is lost does not hang on other settings.
        let lost = self.chance.share() < self.line.loss;
        let jitter = self.jitter();
        if lost {
            self.counters.lost += 1;
            return Fate::Lost;
        }
        self.last_out = self.last_out.max(self.free_at + self.line.delay + jitter);
        self.counters.packets += 1;
        self.counters.bytes += bytes as u64;
        Fate::Arrives(self.last_out)
    }

    /// Changes the line under the packets that are on it; they keep their times.
    pub fn set_line(&mut self, line: Line) {
        self.line = line;
    }

    /// What has passed so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    fn jitter(&mut self) -> Duration {
        match self.line.jitter {
            Jitter::None => Duration::ZERO,
            Jitter::Uniform(most) => most.mul_f64(self.chance.share()),
            Jitter::LogNormal { median, sigma } => {
                // The tail has no end, and a second is far beyond any that is meant.
                let factor = (sigma * self.chance.normal()).exp();
                Duration::try_from_secs_f64(median.as_secs_f64() * factor)
                    .unwrap_or(Duration::MAX)
                    .min(Duration::from_secs(1))
            }
        }
    }
}

/// How long `bytes` take at `rate` bits a second.
fn transmission(bytes: usize, rate: u64) -> Duration {
    let nanoseconds = bytes as u128 * 8_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// 1,250 bytes take a millisecond.
    fn ten_megabits() -> Line {
        Line::of_rate(10_000_000, ms(100))
    }

    #[test]
    fn an_ideal_line_changes_nothing() {
        let mut shaper = Shaper::new(Line::IDEAL, 1);
        for at in [0, 0, 5, 7] {
            assert_eq!(shaper.send(ms(at), 1500), Fate::Arrives(ms(at)));
        }
        assert_eq!(shaper.counters().packets, 4);
        assert_eq!(shaper.counters().bytes, 6000);
    }

    #[test]
    fn a_packet_takes_its_time_at_the_rate_and_the_delay() {
        let line = Line {
            delay: ms(20),
            ..ten_megabits()
        };
        let mut shaper = Shaper::new(line, 1);
        assert_eq!(shaper.send(ms(3), 1250), Fate::Arrives(ms(24)));
        // The second waits for the first, the third, later, for nobody.
        assert_eq!(shaper.send(ms(3), 1250), Fate::Arrives(ms(25)));
        assert_eq!(shaper.send(ms(10), 1250), Fate::Arrives(ms(31)));
        assert_eq!(shaper.counters().queued, ms(1));
        assert_eq!(shaper.counters().queued_most, ms(1));
    }

    #[test]
    fn what_the_queue_cannot_hold_is_dropped_and_uses_no_line() {
        let mut shaper = Shaper::new(ten_megabits(), 1);
        let fates: Vec<Fate> = (0..120).map(|_| shaper.send(ms(0), 1250)).collect();
        assert_eq!(fates[99], Fate::Arrives(ms(100)));
        assert!(fates[100..].iter().all(|fate| *fate == Fate::Dropped));
        assert_eq!(shaper.counters().dropped, 20);
        // Ten milliseconds later ten fit again.
        assert_eq!(shaper.send(ms(10), 1250), Fate::Arrives(ms(101)));
    }

    #[test]
    fn a_line_carries_its_rate_and_no_more_however_much_is_offered() {
        let mut shaper = Shaper::new(ten_megabits(), 1);
        for tenth in 0..100_000 {
            shaper.send(Duration::from_micros(tenth * 100), 1250);
        }
        let bits = shaper.counters().bytes * 8;
        // Ten seconds at 10 Mbit/s, and what was in the queue at the end.
        assert!((100_000_000..=101_100_000).contains(&bits), "{bits}");
    }

    #[test]
    fn the_share_of_lost_packets_is_the_one_asked_for() {
        let line = Line {
            loss: 0.01,
            ..Line::IDEAL
        };
        let mut shaper = Shaper::new(line, 7);
        for at in 0..100_000 {
            shaper.send(ms(at), 1000);
        }
        // Five standard deviations either way.
        let lost = shaper.counters().lost;
        assert!((843..=1157).contains(&lost), "{lost}");
    }

    #[test]
    fn the_same_seed_draws_the_same() {
        let line = Line {
            loss: 0.1,
            jitter: Jitter::Uniform(ms(30)),
            ..ten_megabits()
        };
        let fates = |seed| {
            let mut shaper = Shaper::new(line, seed);
            (0..1000)
                .map(|at| shaper.send(ms(at), 900))
                .collect::<Vec<_>>()
        };
        assert_eq!(fates(3), fates(3));
        assert_ne!(fates(3), fates(4));
    }

    #[test]
    fn no_packet_overtakes_another() {
        let line = Line {
            jitter: Jitter::LogNormal {
                median: ms(10),
                sigma: 1.0,
            },
            ..ten_megabits()
        };
        let mut shaper = Shaper::new(line, 5);
        let mut last = Duration::ZERO;
        for at in 0..10_000 {
            if let Fate::Arrives(out) = shaper.send(ms(at), 1000) {
                assert!(out >= last);
                last = out;
            }
        }
    }

    #[test]
    fn jitter_has_the_median_and_the_bounds_asked_for() {
        // Packets a second apart do not hold one another up.
        let delays = |jitter| {
            let mut shaper = Shaper::new(
                Line {
                    jitter,
                    ..Line::IDEAL
                },
                11,
            );
            let mut delays: Vec<Duration> = (0..4001)
                .map(|second| {
                    let now = Duration::from_secs(2 * second);
                    match shaper.send(now, 100) {
                        Fate::Arrives(out) => out - now,
                        fate => panic!("{fate:?}"),
                    }
                })
                .collect();
            delays.sort_unstable();
            delays
        };
        let even = delays(Jitter::Uniform(ms(40)));
        assert!(
            even[2000] > ms(18) && even[2000] < ms(22),
            "{:?}",
            even[2000]
        );
        assert!(even[4000] <= ms(40));
        let skewed = delays(Jitter::LogNormal {
            median: ms(20),
            sigma: 0.6,
        });
        let (median, p84) = (skewed[2000], skewed[3365]);
        assert!(median > ms(18) && median < ms(22), "{median:?}");
        // One standard deviation up: 20 ms times e^0.6.
        assert!(p84 > ms(33) && p84 < ms(40), "{p84:?}");
    }
}
