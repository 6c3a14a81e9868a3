/// Values of one kind, for percentiles.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<f32>);

impl Sample {
    /// None yet.
    #[must_use]
    pub fn new() -> Sample {
        Sample::default()
    }

    /// One more.
    pub fn add(&mut self, value: f64) {
        // Seven digits are more than any figure here is good for.
        self.0.push(value as f32);
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest value that at least this share (0 to 1) of the values do not exceed;
    /// 0 if there is none.
    pub fn quantile(&mut self, share: f64) -> f64 {
        if self.0.is_empty() {
            return 0.0;
        }
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let rank = rank.clamp(1, self.0.len()) - 1;
        let (_, value, _) = self.0.select_nth_unstable_by(rank, f32::total_cmp);
        (*value).into()
    }

    /// 0 if there is none.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let sum: f64 = self.0.iter().copied().map(f64::from).sum();
        sum / self.0.len().max(1) as f64
    }

    /// 0 if there is none.
    #[must_use]
    pub fn max(&self) -> f64 {
        self.0.iter().copied().map(f64::from).fold(0.0, f64::max)
    }
}
