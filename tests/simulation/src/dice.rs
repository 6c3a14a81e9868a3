//! Chance in the order of events. What must not depend on that order is in
//! [`crate::world`].

use core::{ops::Range, time::Duration};

use crate::world::{Draw, Subject};

pub(crate) struct Dice(Draw);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(Draw::new(seed, Subject::Dice, 0))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.number()
    }

    /// One of `0..end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        // The remainder favours small numbers by less than one in a billion here.
        usize::try_from(self.number().checked_rem(end as u64).unwrap_or(0)).unwrap_or(0)
    }

    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.0.chance(probability)
    }

    pub(crate) fn duration(&mut self, range: &Range<Duration>) -> Duration {
        let span = range.end.saturating_sub(range.start);
        range.start + span.mul_f64(self.0.share())
    }

    /// Exponential, of this mean.
    pub(crate) fn wait(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(-(1.0 - self.0.share()).ln())
    }
}
