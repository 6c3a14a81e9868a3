//! Values by the million, in bins of one width.

/// Counts of values from 0 on; what is beyond the last bin counts there.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    width: f64,
    counts: Vec<u32>,
    total: u64,
    sum: f64,
    max: f64,
}

impl Histogram {
    pub(super) fn new(width: f64, bins: usize) -> Histogram {
        Histogram {
            width,
            counts: vec![0; bins.max(1)],
            total: 0,
            sum: 0.0,
            max: 0.0,
        }
    }

    pub(super) fn add(&mut self, value: f64) {
        let bin = ((value.max(0.0) / self.width) as usize).min(self.counts.len() - 1);
        self.counts[bin] += 1;
        self.total += 1;
        self.sum += value;
        self.max = self.max.max(value);
    }

    /// The smallest bin's upper end that at least this share of the values does not exceed, or
    /// the largest value if that is less, or is beyond the last bin; 0 if there is none.
    pub(super) fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bin, count) in self.counts.iter().enumerate() {
            seen += u64::from(*count);
            if seen >= rank && bin + 1 < self.counts.len() {
                return ((bin + 1) as f64 * self.width).min(self.max);
            }
        }
        self.max
    }

    pub(super) fn max(&self) -> f64 {
        self.max
    }

    pub(super) fn mean(&self) -> f64 {
        self.sum / self.total.max(1) as f64
    }

    pub(super) fn len(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_values_to_a_bin() {
        let mut values = Histogram::new(0.5, 100);
        for n in 0..100 {
            values.add(f64::from(n) / 4.0);
        }
        assert!((values.quantile(0.5) - 12.5).abs() <= 0.5);
        assert!((values.quantile(1.0) - values.max()).abs() < 1e-9);
        assert_eq!(values.len(), 100);
        values.add(1e9);
        assert!((values.quantile(1.0) - 1e9).abs() < 1.0);
    }
}
