use core::time::Duration;

use super::{JUMP, Misplaced, duration_ticks, ticks_between};

/// The sound's timeline of one run, in samples. Frames are counted, not timed: what a
/// source says of the time of a frame is rounded, and every sound out of place clicks.
#[derive(Debug)]
pub(crate) struct SoundTimeline {
    /// The source's time that falls on `start`.
    origin: Duration,
    start: u64,
    rate: u32,
    frame: u32,
    /// Where the next frame goes.
    next: u64,
}

/// A frame's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    /// So many frames are missing before it.
    pub(crate) missing: u32,
}

impl SoundTimeline {
    /// `next` is where the sound of the run before ends.
    pub(crate) fn new(origin: Duration, start: u64, rate: u32, frame: u32, next: u64) -> Self {
        Self {
            origin,
            start,
            rate,
            frame,
            next,
        }
    }

    /// Where the next frame is to go. It does not go there before [`SoundTimeline::count`].
    pub(crate) fn place(&self, pts: Duration) -> Result<Placed, Misplaced> {
        let from_start = ticks_between(self.origin, pts, self.rate);
        let at = self
            .start
            .checked_add_signed(from_start)
            .ok_or(Misplaced::Jump)?;
        let early = at.cast_signed() - self.next.cast_signed();
        let frame = i64::from(self.frame);
        let jump = duration_ticks(JUMP, self.rate);
        if early > jump || early < -jump {
            return Err(Misplaced::Jump);
        }
        // Almost a frame too many, or too few: the counting is resynchronised. Below that
        // it is rounding, and left alone.
        if early * 4 < frame * -3 {
            return Err(Misplaced::Backwards);
        }
        let missing = if early * 10 > frame * 9 {
            (early + frame / 2) / frame
        } else {
            0
        };
        Ok(Placed {
            missing: u32::try_from(missing).unwrap_or(0),
        })
    }

    /// Takes the next place.
    pub(crate) fn count(&mut self) -> u64 {
        let at = self.next;
        self.next += u64::from(self.frame);
        at
    }

    /// Leaves out so many frames.
    pub(crate) fn skip(&mut self, frames: u32) {
        self.next += u64::from(frames) * u64::from(self.frame);
    }

    /// Where the sound ends.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    pub(crate) fn frame(&self) -> u32 {
        self.frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 1024;

    fn timeline() -> SoundTimeline {
        SoundTimeline::new(Duration::ZERO, 0, 48_000, 1024, 0)
    }

    /// When frame `n` is, in whole milliseconds as FLV has it.
    fn flv(n: u64) -> Duration {
        Duration::from_millis(n * FRAME * 1000 / 48_000)
    }

    #[test]
    fn whole_milliseconds_are_not_believed() {
        let mut timeline = timeline();
        for n in 0..100_000 {
            assert_eq!(
                timeline.place(flv(n)),
                Ok(Placed { missing: 0 }),
                "frame {n}"
            );
            assert_eq!(timeline.count(), n * FRAME);
        }
    }

    #[test]
    fn a_lost_frame_is_missed() {
        let mut timeline = timeline();
        timeline.count();
        assert_eq!(timeline.place(flv(2)), Ok(Placed { missing: 1 }));
        assert_eq!(timeline.place(flv(11)), Ok(Placed { missing: 10 }));
    }

    #[test]
    fn a_frame_too_many_is_left_out() {
        let mut timeline = timeline();
        timeline.count();
        timeline.count();
        assert_eq!(timeline.place(flv(1)), Err(Misplaced::Backwards));
        assert_eq!(timeline.place(flv(2)), Ok(Placed { missing: 0 }));
    }

    #[test]
    fn a_jump_of_the_clock_is_noticed() {
        let timeline = timeline();
        assert_eq!(timeline.place(Duration::from_secs(5)), Err(Misplaced::Jump));
        assert_eq!(timeline.place(Duration::MAX), Err(Misplaced::Jump));
    }

    #[test]
    fn slow_drift_is_made_up_a_frame_at_a_time() {
        // The source's clock runs 0.1% fast against the samples it sends.
        let mut timeline = timeline();
        let mut missing = 0;
        for n in 0..10_000_u64 {
            let placed = timeline.place(Duration::from_micros(n * 21_355)).unwrap();
            timeline.skip(placed.missing);
            timeline.count();
            missing += placed.missing;
        }
        assert!((9..=11).contains(&missing), "{missing}");
    }
}
