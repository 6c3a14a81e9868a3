//! What a viewer notices: stalls, skipped media, changed speed.
//!
//! A *stall* is more than 250 ms without a new picture while the stream should play, or
//! more than three frames at low frame rates. A gap in which the page's own timer stood
//! still as long says nothing about the stream (a machine short of processor time, a
//! suspended page) and is counted apart, as *starved*.

use core::time::Duration;

use crate::ordered::sort;

/// The counts, and the times in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// How often the picture stood, skipped media included.
    pub stalls: u32,
    /// How long it stood.
    pub stall_seconds: f64,
    /// How often it stood because the page did.
    pub starved: u32,
    /// How long it did.
    pub starved_seconds: f64,
    /// Media that was not shown.
    pub skipped_seconds: f64,
    /// Time played faster than normal.
    pub faster_seconds: f64,
    /// Time played slower than normal.
    pub slower_seconds: f64,
}

/// Counts; see the module's words.
#[derive(Debug, Default)]
pub struct Stalls {
    figures: Figures,
    /// The last new picture; none while nothing has to move.
    frame: Option<Duration>,
    /// The media times between pictures, newest at `next`.
    intervals: [f64; 9],
    next: usize,
    media_time: Option<f64>,
    tick: Option<Duration>,
    /// How long the page's timer stood still at most since the last new picture.
    still: Duration,
    pace: Option<(Duration, f64)>,
}

impl Stalls {
    /// A new picture was presented (`requestVideoFrameCallback`); `media_time` is its own,
    /// in seconds.
    pub fn frame(&mut self, now: Duration, media_time: f64) {
        // The callback may run before the timer that was held up as well.
        self.stood_still(now);
        self.settle(now);
        self.frame = Some(now);
        self.still = Duration::ZERO;
        if let Some(last) = self.media_time.replace(media_time) {
            let interval = media_time - last;
            // Longer ones are holes and seeks, and no frame rate.
            if interval > 0.0 && interval < 2.0 {
                self.intervals[self.next] = interval;
                self.next = (self.next + 1) % self.intervals.len();
            }
        }
    }

    /// The page's timer ran.
    pub fn tick(&mut self, now: Duration) {
        self.stood_still(now);
        self.tick = Some(now);
    }

    /// Nothing has to move from now on until the next picture: paused, hidden, over.
    pub fn pause(&mut self, now: Duration) {
        self.stood_still(now);
        self.settle(now);
        self.frame = None;
        self.still = Duration::ZERO;
        self.media_time = None;
    }

    /// So much media was given up, in seconds. It counts as one stall, unless nothing had to
    /// move: nobody misses what comes before the first picture, or while the page is hidden.
    pub fn skipped(&mut self, seconds: f64) {
        if self.frame.is_none() {
            return;
        }
        self.figures.stalls += 1;
        self.figures.skipped_seconds += seconds;
    }

    /// The playback rate is this from now on; 0 while nothing plays.
    pub fn pace(&mut self, now: Duration, rate: f64) {
        add_pace(&mut self.figures, self.pace, now);
        self.pace = Some((now, rate));
    }

    /// The figures as of now, a stall that is still going on included.
    #[must_use]
    pub fn figures(&self, now: Duration) -> Figures {
        let mut figures = self.figures;
        add_pace(&mut figures, self.pace, now);
        if let Some(gap) = self.gap(now) {
            add_gap(&mut figures, gap, self.still_by(now), self.limit());
        }
        figures
    }

    /// The longest time without a new picture that is no stall.
    #[must_use]
    pub fn limit(&self) -> Duration {
        let mut intervals = self.intervals;
        sort(&mut intervals);
        let median = intervals[intervals.len() / 2];
        LIMIT.max(Duration::from_secs_f64(FRAMES * median))
    }

    fn gap(&self, now: Duration) -> Option<Duration> {
        self.frame.map(|frame| now.saturating_sub(frame))
    }

    fn settle(&mut self, now: Duration) {
        if let Some(gap) = self.gap(now) {
            let limit = self.limit();
            add_gap(&mut self.figures, gap, self.still, limit);
        }
    }

    fn stood_still(&mut self, now: Duration) {
        self.still = self.still_by(now);
    }

    /// As of now, how long the timer stood still at most, within the present gap.
    fn still_by(&self, now: Duration) -> Duration {
        let since = self.tick.max(self.frame).unwrap_or(now);
        self.still.max(now.saturating_sub(since))
    }
}

/// See the module's words.
const LIMIT: Duration = Duration::from_millis(250);
const FRAMES: f64 = 3.0;
/// Differences from the normal rate up to this are none.
const NORMAL: f64 = 1e-6;

fn add_gap(figures: &mut Figures, gap: Duration, still: Duration, limit: Duration) {
    if gap <= limit {
        return;
    }
    // Not "as long" is a timer that ran again for more than a stall's length without a
    // picture: that one is the stream's.
    if still > limit && gap.saturating_sub(still) <= limit {
        figures.starved += 1;
        figures.starved_seconds += gap.as_secs_f64();
    } else {
        figures.stalls += 1;
        figures.stall_seconds += gap.as_secs_f64();
    }
}

fn add_pace(figures: &mut Figures, pace: Option<(Duration, f64)>, now: Duration) {
    let Some((since, rate)) = pace else { return };
    let seconds = now.saturating_sub(since).as_secs_f64();
    if rate > 1.0 + NORMAL {
        figures.faster_seconds += seconds;
    } else if rate > 0.0 && rate < 1.0 - NORMAL {
        figures.slower_seconds += seconds;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Runs pictures and the timer over `until` ms; each stands still in its own spans.
    fn run(interval: u64, until: u64, frozen: &[(u64, u64)], held_up: &[(u64, u64)]) -> Figures {
        let mut stalls = Stalls::default();
        let inside = |spans: &[(u64, u64)], t| spans.iter().any(|&(a, b)| a < t && t < b);
        for t in 0..=until {
            if t % interval == 0 && !inside(frozen, t) && !inside(held_up, t) {
                #[expect(clippy::cast_precision_loss, reason = "small")]
                stalls.frame(ms(t), t as f64 / 1000.0);
            }
            if t % 50 == 0 && !inside(held_up, t) {
                stalls.tick(ms(t));
            }
        }
        stalls.figures(ms(until))
    }

    #[test]
    fn a_steady_picture_has_no_stalls() {
        assert_eq!(run(40, 60_000, &[], &[]), Figures::default());
    }

    #[test]
    fn a_pause_of_a_quarter_second_is_none_and_a_longer_one_is() {
        assert_eq!(run(40, 10_000, &[(4000, 4240)], &[]).stalls, 0);
        let figures = run(40, 10_000, &[(4000, 4280)], &[]);
        assert_eq!((figures.stalls, figures.starved), (1, 0));
        assert!((figures.stall_seconds - 0.28).abs() < 1e-9);
    }

    #[test]
    fn low_frame_rates_have_their_own_measure() {
        assert_eq!(run(200, 10_000, &[(4000, 4600)], &[]).stalls, 0);
        assert_eq!(run(200, 10_000, &[(4000, 4800)], &[]).stalls, 1);
    }

    #[test]
    fn a_page_that_stood_still_as_long_is_starved() {
        let figures = run(40, 10_000, &[], &[(4000, 4500)]);
        assert_eq!((figures.stalls, figures.starved), (0, 1));
        assert!(figures.starved_seconds > 0.4);
    }

    #[test]
    fn a_short_hold_up_does_not_excuse_a_long_stall() {
        let figures = run(40, 10_000, &[(4000, 5200)], &[(4000, 4300)]);
        assert_eq!((figures.stalls, figures.starved), (1, 0));
    }

    #[test]
    fn a_stall_shows_while_it_goes_on() {
        let mut stalls = Stalls::default();
        stalls.frame(ms(0), 0.0);
        for t in (0..=1000).step_by(50) {
            stalls.tick(ms(t));
        }
        assert_eq!(stalls.figures(ms(1000)).stalls, 1);
        assert!((stalls.figures(ms(1000)).stall_seconds - 1.0).abs() < 1e-9);
        stalls.frame(ms(1000), 1.0);
        assert_eq!(stalls.figures(ms(1000)).stalls, 1);
    }

    #[test]
    fn what_is_paused_or_hidden_cannot_stall() {
        let mut stalls = Stalls::default();
        stalls.frame(ms(0), 0.0);
        stalls.pause(ms(100));
        for t in (100..=9000).step_by(50) {
            stalls.tick(ms(t));
        }
        stalls.frame(ms(9000), 9.0);
        assert_eq!(stalls.figures(ms(9100)), Figures::default());
    }

    #[test]
    fn pausing_does_not_undo_a_stall() {
        let mut stalls = Stalls::default();
        stalls.frame(ms(0), 0.0);
        for t in (0..=1000).step_by(50) {
            stalls.tick(ms(t));
        }
        stalls.pause(ms(1000));
        assert_eq!(stalls.figures(ms(5000)).stalls, 1);
    }

    #[test]
    fn skipped_media_counts_as_one() {
        let mut stalls = Stalls::default();
        stalls.skipped(5.0);
        stalls.frame(ms(0), 0.0);
        stalls.skipped(0.1);
        let figures = stalls.figures(ms(0));
        assert_eq!(figures.stalls, 1);
        assert!((figures.skipped_seconds - 0.1).abs() < 1e-9);
    }

    #[test]
    fn time_at_other_speeds_adds_up() {
        let mut stalls = Stalls::default();
        for (t, rate) in [
            (0, 1.0),
            (1000, 1.05),
            (3000, 0.9),
            (4000, 1.0),
            (9000, 0.0),
        ] {
            stalls.pace(ms(t), rate);
        }
        let figures = stalls.figures(ms(20_000));
        assert!((figures.faster_seconds - 2.0).abs() < 1e-9);
        assert!((figures.slower_seconds - 1.0).abs() < 1e-9);
    }

    proptest! {
        /// Whatever happens in whatever order, figures only grow, and no gap is lost: the
        /// time counted is that of the gaps beyond the limit.
        #[test]
        fn figures_only_grow(steps in prop::collection::vec((0u8..4, 0u64..600), 1..200)) {
            let mut stalls = Stalls::default();
            let mut now = Duration::ZERO;
            let mut before = stalls.figures(now);
            for (what, pause) in steps {
                now += ms(pause);
                match what {
                    0 => stalls.frame(now, now.as_secs_f64()),
                    1 => stalls.tick(now),
                    2 => stalls.pause(now),
                    _ => stalls.pace(now, 1.1),
                }
                let figures = stalls.figures(now);
                prop_assert!(figures.stalls + figures.starved >= before.stalls + before.starved);
                let (then, current) = (before.stall_seconds + before.starved_seconds,
                    figures.stall_seconds + figures.starved_seconds);
                prop_assert!(current >= then - 1e-9);
                prop_assert!(figures.faster_seconds >= before.faster_seconds);
                prop_assert!(current <= now.as_secs_f64() + 1e-9);
                before = figures;
            }
        }
    }
}
