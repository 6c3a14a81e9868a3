use core::time::Duration;

use crate::spread::Spread;

/// How much buffer a page needs to play on, learned from how its chunks come.
#[derive(Debug, Default)]
pub(crate) struct Target {
    /// How late chunks come, in seconds; the clocks need not agree.
    transit: Spread,
    /// The length of the chunks that come, in seconds.
    chunk: f64,
    required: f64,
    /// What underflows have taught: added on top, wears off.
    caution: f64,
    seconds: f64,
}

impl Target {
    /// A chunk came, of this length, and this much after its media time.
    pub(crate) fn chunk(&mut self, duration: f64, transit: Option<f64>) {
        self.chunk = duration;
        if let Some(transit) = transit {
            self.transit.add(transit);
        }
    }

    /// How late chunks came says nothing any more.
    pub(crate) fn forget(&mut self) {
        self.transit.forget();
    }

    /// At least this much is asked for.
    pub(crate) fn require(&mut self, buffer: Duration) {
        self.required = buffer.as_secs_f64();
    }

    /// There was nothing left to play.
    pub(crate) fn ran_dry(&mut self) {
        self.caution = (self.caution + CAUTION_STEP).min(CAUTION_MAX);
    }

    /// Time passed. What it takes to play on is known at once, what it no longer takes only
    /// with time: chunks differ in length, and a target that jumps makes the rate jump. Only
    /// while joining (`steady` is false) nothing is known for sure.
    pub(crate) fn pass(&mut self, elapsed: Duration, steady: bool) {
        let elapsed = elapsed.as_secs_f64();
        self.caution = (self.caution - CAUTION_WEAR * elapsed).max(0.0);
        let needed = DECODER_NEEDS + self.chunk / 2.0 + self.transit.upwards();
        let needed = (needed.max(self.required + GAP_LEAVES) + self.caution).min(MAX);
        self.seconds = if steady {
            needed.max(self.seconds - FALLS * elapsed)
        } else {
            needed
        };
    }

    /// The buffer to aim at.
    pub(crate) fn seconds(&self) -> f64 {
        self.seconds.max(MIN)
    }
}

/// The least buffer that is aimed at. With 150 ms a chain of three pages stalled now and
/// then; with 200 ms, and 20 to 50 ms of random delay at each hop, never.
const MIN: f64 = 0.2;
/// More than this is no live stream any more.
const MAX: f64 = 1.5;
/// How much it falls in a second.
const FALLS: f64 = 0.1;
/// What decoder and audio queue want in front of them at any time, half a chunk and jitter
/// apart.
const DECODER_NEEDS: f64 = 0.15;
/// What they want to be left when the gap of a takeover has eaten its share. Without it,
/// Chromium's picture stands still, and for 0.45 s, whatever comes meanwhile.
const GAP_LEAVES: f64 = 0.1;
/// How much more is kept after an underflow, at most, and how much of it wears off in a
/// second.
const CAUTION_STEP: f64 = 0.05;
const CAUTION_MAX: f64 = 0.4;
const CAUTION_WEAR: f64 = 0.01;
