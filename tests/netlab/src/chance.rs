//! Chance from a seed.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A stream of draws that its seed determines.
#[derive(Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Chance(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Even in [0, 1).
    pub(crate) fn share(&mut self) -> f64 {
        // A double holds 53 bits.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
        let share = (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        share
    }

    /// Of the standard normal distribution (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        // Not zero, whose logarithm there is none of.
        let radius = (-2.0 * (1.0 - self.share()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.share()).cos()
    }
}
