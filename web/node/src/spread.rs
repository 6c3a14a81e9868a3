//! How far a measure strays upwards.

use std::collections::VecDeque;

use crate::ordered::sort;

/// The distance of a measure's 95th percentile from its median, over the last [`WINDOW`]
/// values. From the median, because a buffer's level already averages what is usual; the
/// 95th percentile, because one outlier is no working condition.
#[derive(Debug, Default)]
pub(crate) struct Spread {
    values: VecDeque<f64>,
    upwards: f64,
}

/// Some seconds' worth of chunks.
const WINDOW: usize = 96;
/// Sorting a window is cheap, but not so cheap as to do it for every value.
const EVERY: usize = 8;

impl Spread {
    pub(crate) fn add(&mut self, value: f64) {
        if self.values.len() == WINDOW {
            // One at a time would let the judgement below come at every value again.
            self.values.drain(..EVERY);
        }
        self.values.push_back(value);
        if self.values.len().is_multiple_of(EVERY) {
            self.judge();
        }
    }

    pub(crate) fn forget(&mut self) {
        self.values.clear();
    }

    pub(crate) fn upwards(&self) -> f64 {
        self.upwards
    }

    fn judge(&mut self) {
        let mut sorted: Vec<f64> = self.values.iter().copied().collect();
        sort(&mut sorted);
        let p95 = sorted.get((sorted.len() - 1) * 95 / 100);
        if let (Some(median), Some(p95)) = (sorted.get(sorted.len() / 2), p95) {
            self.upwards = p95 - median;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_outlier_does_not_count() {
        let mut spread = Spread::default();
        for n in 0..WINDOW * 3 {
            spread.add(if n == WINDOW * 3 - 20 { 9.0 } else { 5.0 });
        }
        assert!(spread.upwards().abs() < 1e-9);
    }

    #[test]
    fn what_happens_often_does() {
        let mut spread = Spread::default();
        for n in 0..WINDOW * 3 {
            spread.add(if n % 10 == 0 { 5.08 } else { 5.0 });
        }
        assert!((spread.upwards() - 0.08).abs() < 1e-9);
    }
}
