use core::time::Duration;

use super::{JUMP, Misplaced, duration_ticks, ticks_between};
use crate::boxes::VIDEO_SCALE;

/// The picture's timeline of one run, in ticks of [`VIDEO_SCALE`].
#[derive(Debug)]
pub(crate) struct VideoTimeline {
    /// The source's decode time that falls on `start`.
    origin: Duration,
    start: u64,
    /// The newest frame: where the source has it, and where it was put.
    last: Option<(u64, u64)>,
    /// Where the newest frame ends, as far as anybody can tell.
    end: u64,
    /// Where the last shown of all frames ends.
    shown: u64,
    distance: Distance,
}

/// A frame's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) time: u64,
    pub(crate) duration: u32,
    pub(crate) offset: i32,
}

impl VideoTimeline {
    pub(crate) fn new(origin: Duration, start: u64) -> Self {
        Self {
            origin,
            start,
            last: None,
            end: start,
            shown: start,
            distance: Distance::default(),
        }
    }

    /// Places the next frame.
    pub(crate) fn place(
        &mut self,
        pts: Duration,
        dts: Duration,
        duration: Option<Duration>,
    ) -> Result<Frame, Misplaced> {
        let offset = ticks_between(dts, pts, VIDEO_SCALE);
        let offset = i32::try_from(offset)
            .ok()
            .filter(|offset| offset.unsigned_abs() <= MAX_OFFSET)
            .ok_or(Misplaced::Offset)?;
        let jump = duration_ticks(JUMP, VIDEO_SCALE);
        let at = self
            .start
            .checked_add_signed(ticks_between(self.origin, dts, VIDEO_SCALE));
        let at = at.ok_or(Misplaced::Jump)?;
        let early = at.cast_signed() - self.end.cast_signed();
        if early.abs() > jump {
            return Err(Misplaced::Jump);
        }
        if let Some((last, _)) = self.last {
            let distance = at.checked_sub(last).filter(|&distance| distance > 0);
            self.distance.note(distance.ok_or(Misplaced::Backwards)?);
        }
        let length = self.distance.assume(duration);
        let (time, duration) = if early.unsigned_abs() <= SNAP {
            (self.end, length.saturating_add_signed(early / EASE).max(1))
        } else {
            (self.last.map_or(at, |(_, last)| at.max(last + 1)), length)
        };
        self.last = Some((at, time));
        self.end = time + duration;
        self.shown = self
            .shown
            .max(self.end.saturating_add_signed(offset.into()));
        let duration = u32::try_from(duration).map_err(|_| Misplaced::Jump)?;
        Ok(Frame {
            time,
            duration,
            offset,
        })
    }

    /// Lets the newest frame end so much earlier.
    pub(crate) fn shorten(&mut self, ticks: u64) {
        self.end -= ticks;
    }

    /// Where the newest frame ends.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Where the picture ends.
    pub(crate) fn shown(&self) -> u64 {
        self.shown
    }

    /// How long a frame is taken to be.
    pub(crate) fn frame(&self) -> u64 {
        self.distance.assume(None)
    }
}

/// 8 ms: a frame that is no further from where it was expected goes there all the same. It
/// is what the whole milliseconds of FLV and the unsteady hand of most sources add up to,
/// and less than eye or ear can tell.
const SNAP: u64 = VIDEO_SCALE as u64 / 125;
/// The part of such an error that is taken out of the frame's duration: little enough to
/// smooth the times, and enough to never add up.
const EASE: i64 = 8;
/// 4 ms: distances this near to each other are of one frame rate.
const NEAR: u64 = VIDEO_SCALE as u64 / 250;
/// 2 s between decoding and showing: more than any encoder's reordering.
const MAX_OFFSET: u32 = VIDEO_SCALE * 2;

/// The distance between frames, measured.
#[derive(Debug, Default)]
struct Distance {
    recent: [u64; 8],
    seen: usize,
}

impl Distance {
    fn note(&mut self, distance: u64) {
        self.recent[self.seen % self.recent.len()] = distance;
        self.seen += 1;
    }

    /// The mean of the recent distances that are near their median: a frame left out does
    /// not count, the rounding of whole milliseconds cancels out.
    fn assume(&self, declared: Option<Duration>) -> u64 {
        let count = self.seen.min(self.recent.len());
        if count < 3 {
            let declared = declared.filter(|declared| PLAUSIBLE.contains(declared));
            let measured = self.recent[..count].iter().min().copied();
            let unsaid = measured.unwrap_or(u64::from(VIDEO_SCALE) / 30);
            return declared
                .and_then(|declared| u64::try_from(duration_ticks(declared, VIDEO_SCALE)).ok())
                .unwrap_or(unsaid);
        }
        let mut sorted = self.recent;
        let sorted = &mut sorted[..count];
        sorted.sort_unstable();
        let median = sorted[count / 2];
        let near = sorted
            .iter()
            .filter(|distance| distance.abs_diff(median) <= NEAR);
        let (sum, count) = near.fold((0, 0), |(sum, count), distance| (sum + distance, count + 1));
        (sum + count / 2) / count.max(1)
    }
}

/// Durations that a source may declare and be believed: 200 to 1 frames a second.
const PLAUSIBLE: core::ops::RangeInclusive<Duration> =
    Duration::from_millis(5)..=Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn place(timeline: &mut VideoTimeline, at: Duration) -> Result<Frame, Misplaced> {
        timeline.place(at, at, None)
    }

    #[test]
    fn whole_milliseconds_leave_neither_gap_nor_overlap() {
        let mut timeline = VideoTimeline::new(ms(0), 1000);
        let frames: Vec<_> = (0..3000_u64)
            .map(|n| place(&mut timeline, ms(n * 1000 / 30)).unwrap())
            .collect();
        for pair in frames.windows(2) {
            assert_eq!(pair[0].time + u64::from(pair[0].duration), pair[1].time);
        }
        // Nor are they seen in the durations.
        for frame in &frames[10..] {
            assert!(frame.duration.abs_diff(3000) <= 20, "{frame:?}");
        }
        let end = timeline.end();
        let exact = 1000 + 3000 * u64::from(VIDEO_SCALE) / 30;
        assert!(end.abs_diff(exact) <= 90, "{end} against {exact}");
    }

    #[test]
    fn a_frame_left_out_leaves_its_gap_and_no_more() {
        let mut timeline = VideoTimeline::new(ms(0), 0);
        for n in 0..10 {
            place(&mut timeline, ms(n * 40)).unwrap();
        }
        let after = place(&mut timeline, ms(440)).unwrap();
        assert_eq!((after.time, after.duration), (440 * 90, 40 * 90));
    }

    #[test]
    fn declared_durations_count_until_there_are_measured_ones() {
        let mut timeline = VideoTimeline::new(ms(0), 0);
        let first = timeline.place(ms(0), ms(0), Some(ms(20))).unwrap();
        assert_eq!(first.duration, 20 * 90);
        let absurd = Some(Duration::from_secs(3600));
        let mut timeline = VideoTimeline::new(ms(0), 0);
        assert_eq!(timeline.place(ms(0), ms(0), absurd).unwrap().duration, 3000);
    }

    #[test]
    fn jumps_and_steps_back_are_told_apart() {
        let mut timeline = VideoTimeline::new(ms(5000), 0);
        place(&mut timeline, ms(5000)).unwrap();
        place(&mut timeline, ms(5040)).unwrap();
        assert_eq!(place(&mut timeline, ms(5040)), Err(Misplaced::Backwards));
        assert_eq!(place(&mut timeline, ms(9000)), Err(Misplaced::Jump));
        assert_eq!(place(&mut timeline, ms(0)), Err(Misplaced::Jump));
        let far = timeline.place(ms(9000), ms(5080), None);
        assert_eq!(far, Err(Misplaced::Offset));
        assert!(place(&mut timeline, ms(5080)).is_ok());
    }

    proptest! {
        #[test]
        fn decode_times_rise_whatever_comes(steps in prop::collection::vec((0..u64::MAX / 4, 0..3000_u64), 1..50)) {
            let mut timeline = VideoTimeline::new(Duration::ZERO, 77);
            let (mut at, mut last) = (0_u64, None);
            for (wild, step) in steps {
                at += step;
                let dts = Duration::from_micros(if wild % 5 == 0 { wild } else { at * 30 });
                if let Ok(frame) = timeline.place(dts, dts, None) {
                    prop_assert!(last.is_none_or(|last| frame.time > last));
                    prop_assert!(frame.duration > 0);
                    last = Some(frame.time);
                }
            }
        }
    }
}
