//! Chance that depends on what it is asked about, not on when.

use core::time::Duration;

/// What a draw is about, so that two questions about one number have nothing in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Subject {
    Prefix = 1,
    Viewer,
    Network,
    Home,
    Session,
    Residual,
    Delay,
    Connects,
    Arrival,
    Victim,
    Event,
    Dice,
}

/// A short stream of chance: `SplitMix64` (Steele, Lea and Flood 2014), begun at a point
/// that seed, subject and number give.
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64, subject: Subject, number: u64) -> Draw {
        let subject = mix(seed ^ (subject as u64).wrapping_mul(GOLDEN));
        Draw(mix(subject ^ mix(number.wrapping_add(GOLDEN))))
    }

    /// Any number.
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// At least 0 and less than 1.
    pub(crate) fn share(&mut self) -> f64 {
        // 53 bits are what an f64 holds exactly.
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// Normal, of mean 0 and variance 1 (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (core::f64::consts::TAU * self.share()).cos()
    }

    /// Log-normal, of this median, `score` standard deviations of the logarithm from it.
    pub(crate) fn log_normal(median: Duration, sigma: f64, score: f64) -> Duration {
        // A factor of a million each way is more than any distribution here means.
        median.mul_f64((sigma * score).exp().clamp(1e-6, 1e6))
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
