//! Viewers that come and go.

use std::time::Duration;

use crate::page::Options;
use crate::stage::Stage;
use anyhow::Result;

/// Kills a viewer now and then, and lets another join in its stead.
pub struct Churn {
    every: Duration,
    next: Duration,
    state: u64,
}

impl Churn {
    /// One kill `every` so often.
    #[must_use]
    pub fn new(every: Duration) -> Self {
        // A fixed seed: two runs kill the same viewers.
        Churn {
            every,
            next: every,
            state: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// To be called often; does what is due by `elapsed`, and says whom it killed.
    ///
    /// # Errors
    /// A browser that is gone.
    pub fn advance(
        &mut self,
        elapsed: Duration,
        stage: &mut Stage,
        options: &Options,
    ) -> Result<Option<String>> {
        if elapsed < self.next {
            return Ok(None);
        }
        self.next += self.every;
        let victim = self.below(stage.audience.len());
        let victim = stage.audience.remove(victim)?;
        victim.page.crash()?;
        stage.join(options)?;
        Ok(Some(victim.name))
    }

    fn below(&mut self, bound: usize) -> usize {
        // xorshift64 (Marsaglia 2003).
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as usize % bound.max(1)
    }
}
