//! The stream's timeline as the media element sees it, and how old a picture is.
//!
//! The stream's media times are microseconds of Unix time, more or less. A media element
//! counts in floating-point seconds, which are exact to the microsecond only near zero; so
//! the page subtracts a base that it chooses once.

use std::collections::VecDeque;

/// Maps the stream's times and the element's times to each other.
#[derive(Debug, Default)]
pub struct Timeline {
    base: Option<u64>,
    /// Media time and capture time of chunks, ascending.
    captures: VecDeque<(u64, u64)>,
}

/// Longer than any buffer: chunks of 40 ms for 80 s.
const CAPTURES: usize = 2000;
/// Rounding in the media element may put a frame a little before its own chunk.
const ROUNDING: u64 = 2000;

impl Timeline {
    /// A chunk is to be played. Returns its start on the element's timeline.
    pub fn chunk(&mut self, media_time: u64, capture_time: u64) -> f64 {
        // A timeline that steps back (it does not) would break the search below.
        while self
            .captures
            .back()
            .is_some_and(|&(last, _)| last >= media_time)
        {
            self.captures.pop_back();
        }
        if self.captures.len() == CAPTURES {
            self.captures.pop_front();
        }
        self.captures.push_back((media_time, capture_time));
        let base = *self.base.get_or_insert(media_time / 1_000_000 * 1_000_000);
        to_seconds(media_time, base)
    }

    /// What the element has to add to the stream's times (`SourceBuffer.timestampOffset`),
    /// a whole number of seconds. None before the first chunk.
    #[must_use]
    pub fn offset(&self) -> Option<f64> {
        self.base.map(|base| to_seconds(0, base))
    }

    /// How long ago the picture at `element_time` was captured, in seconds, if the box's
    /// capture clock shows `box_time` (in microseconds) when it is presented.
    #[must_use]
    pub fn age(&self, element_time: f64, box_time: u64) -> Option<f64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates"
        )]
        let media_time = self
            .base?
            .saturating_add((element_time * 1e6).max(0.0) as u64);
        let after = self
            .captures
            .partition_point(|&(start, _)| start <= media_time.saturating_add(ROUNDING));
        let (start, captured) = *self.captures.get(after.checked_sub(1)?)?;
        let captured = captured.saturating_add(media_time.saturating_sub(start));
        Some(to_seconds(box_time, captured))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "differences are small, the base whole seconds"
)]
fn to_seconds(time: u64, base: u64) -> f64 {
    time.wrapping_sub(base).cast_signed() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_795_000_000_123_456;

    #[test]
    fn element_times_are_small_and_exact() {
        let mut timeline = Timeline::default();
        assert!((timeline.chunk(START, START) - 0.123_456).abs() < 1e-9);
        assert!((timeline.chunk(START + 40_000, START) - 0.163_456).abs() < 1e-9);
        assert_eq!(timeline.offset(), Some(-1_795_000_000.0));
    }

    #[test]
    fn a_pictures_age_is_the_time_since_its_capture() {
        let mut timeline = Timeline::default();
        // Captured 30 ms after its place on the timeline.
        for n in 0..3000 {
            timeline.chunk(START + 40_000 * n, START + 40_000 * n + 30_000);
        }
        let shown = 0.123_456 + 0.04 * 2000.0;
        let at = START + 40_000 * 2000 + 30_000 + 250_000;
        assert!((timeline.age(shown, at).unwrap() - 0.25).abs() < 1e-6);
        // A frame inside of a chunk is younger than the chunk's first.
        assert!((timeline.age(shown + 0.02, at).unwrap() - 0.23).abs() < 1e-6);
    }

    #[test]
    fn no_age_is_made_up() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.age(1.0, START), None);
        timeline.chunk(START, START);
        assert_eq!(timeline.age(0.0, START), None);
        assert!(timeline.age(f64::NAN, START).is_none());
        assert!(timeline.age(f64::INFINITY, START).is_some());
    }
}
