//! The one source of chance.

use core::time::Duration;
use std::ops::Range;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// One of `0..end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // The remainder favours small numbers by less than one in a billion here.
        usize::try_from(self.0.next_u64().checked_rem(end as u64).unwrap_or(0)).unwrap_or(0)
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        f64::from(self.0.next_u32()) < probability * 4_294_967_296.0
    }

    pub(crate) fn duration(&mut self, range: &Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start);
        range.start + span.mul_f64(f64::from(self.0.next_u32()) / 4_294_967_296.0)
    }
}
