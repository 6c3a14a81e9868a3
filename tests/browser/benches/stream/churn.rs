//! Viewers that come and go.

use std::time::Duration;

use anyhow::Result;
use peerstream_browser::page::Options;
use peerstream_browser::stage::Stage;

/// Kills a viewer now and then, and lets another join in its stead.
pub(crate) struct Churn {
    every: Duration,
    next: Duration,
    killed: u64,
    state: u64,
}

impl Churn {
    pub(crate) fn new(every: Duration) -> Self {
        // A fixed seed: two runs of the bench kill the same viewers.
        Churn {
            every,
            next: every,
            killed: 0,
            state: 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// To be called often; does what is due by `elapsed`.
    pub(crate) fn advance(&mut self, elapsed: Duration, stage: &mut Stage) -> Result<()> {
        if elapsed < self.next {
            return Ok(());
        }
        self.next += self.every;
        self.killed += 1;
        let victim = self.below(stage.audience.len());
        stage.audience.remove(victim)?.page.crash()?;
        let url = stage.daemon.url();
        stage
            .audience
            .join(&stage.browser, &url, &Options::default())?;
        Ok(())
    }

    pub(crate) fn killed(&self) -> u64 {
        self.killed
    }

    fn below(&mut self, bound: usize) -> usize {
        // xorshift64 (Marsaglia 2003).
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as usize % bound.max(1)
    }
}
