//! How much media goes into a fragment: as little as may be, for delay, but so much that
//! what is not media stays within [`SHARE`] of the stream.

use core::time::Duration;

use crate::boxes;

/// The most media that a fragment holds.
pub(crate) const MAX_LENGTH: Duration = Duration::from_millis(100);

/// Decides the length of fragments by what has lately gone through.
#[derive(Debug)]
pub(crate) struct Pace {
    /// The same for all fragments, whatever goes through.
    fixed: Option<Duration>,
    rate: f64,
    window: Window,
    load: Load,
}

/// What goes into every second besides bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// Frames of picture a second; 0 without picture.
    pub(crate) pictures: f64,
    /// Frames of sound a second; 0 without sound.
    pub(crate) sounds: f64,
}

#[derive(Debug, Default)]
struct Window {
    bytes: u64,
    media: Duration,
}

impl Pace {
    pub(crate) fn adaptive(load: Load) -> Self {
        Self {
            fixed: None,
            rate: 0.0,
            window: Window::default(),
            load,
        }
    }

    pub(crate) fn fixed(length: Duration) -> Self {
        let load = Load {
            pictures: 0.0,
            sounds: 0.0,
        };
        Self {
            fixed: Some(length),
            ..Self::adaptive(load)
        }
    }

    /// So many bytes of samples have gone through in so much media, of which there were so
    /// many pictures a second.
    pub(crate) fn note(&mut self, bytes: usize, media: Duration, pictures: f64) {
        self.window.bytes += bytes as u64;
        self.window.media += media;
        if self.window.media < WINDOW {
            return;
        }
        let window = core::mem::take(&mut self.window);
        let rate = window.bytes as f64 / window.media.as_secs_f64();
        self.load.pictures = pictures;
        // A rate that falls is believed at once, for the share is of what is; one that
        // rises is believed the second time.
        self.rate = if self.rate == 0.0 {
            rate
        } else {
            rate.min(0.5 * (self.rate + rate))
        };
    }

    /// The length to aim at.
    pub(crate) fn length(&self) -> Duration {
        self.fixed.unwrap_or_else(|| length(self.rate, self.load))
    }
}

/// What is not media, as a share of the stream's rate.
const SHARE: f64 = 0.04;
/// Of that, what is aimed at: the rate is measured, and varies.
const CAUTION: f64 = 0.92;
/// Below 1 Mbit/s, delay is worth more than the share: it is taken of this rate then, in
/// bytes a second.
const LEAST_RATE: f64 = 125_000.0;
/// A signed header: signature and fields, without the hashes.
const HEADER: f64 = 64.0 + 36.0;
const HASH: f64 = 16.0;
/// What each sample adds to its chunk's boxes.
const ENTRY: f64 = 4.0;
const PART: f64 = peerstream_fragment::PART_SIZE as f64;
/// Long enough to hold the key frame of most streams.
const WINDOW: Duration = Duration::from_secs(2);

fn length(rate: f64, load: Load) -> Duration {
    let boxes = |frames: f64| {
        if frames > 0.0 {
            (boxes::overhead(0)) as f64
        } else {
            0.0
        }
    };
    // A fragment costs this, however long it is (half a part, for the last is not full),
    let each = HEADER + HASH / 2.0 + boxes(load.pictures) + boxes(load.sounds);
    // and this for every second in it.
    let running = HASH * rate / PART + ENTRY * (load.pictures + load.sounds);
    let left = SHARE * CAUTION * rate.max(LEAST_RATE) - running;
    if left * MAX_LENGTH.as_secs_f64() <= each {
        return MAX_LENGTH;
    }
    Duration::from_secs_f64(each / left)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAL: Load = Load {
        pictures: 25.0,
        sounds: 46.875,
    };

    fn millis(kbit: f64, pictures: f64) -> f64 {
        1000.0 * length(kbit * 125.0, Load { pictures, ..PAL }).as_secs_f64()
    }

    #[test]
    fn a_slow_stream_has_several_frames_a_fragment_and_a_fast_one_one() {
        for kbit in [64.0, 300.0, 1000.0] {
            assert!(
                (67.0..90.0).contains(&millis(kbit, 25.0)),
                "{}",
                millis(kbit, 25.0)
            );
        }
        assert!(millis(2500.0, 25.0) < 40.0, "{}", millis(2500.0, 25.0));
        assert!(millis(2500.0, 30.0) < 33.3, "{}", millis(2500.0, 30.0));
    }

    #[test]
    fn no_rate_asks_for_more_than_the_most() {
        for kbit in [1.0, 64.0, 1000.0, 5000.0, 100_000.0] {
            for pictures in [0.0, 1.0, 25.0, 60.0, 240.0] {
                let length = length(kbit * 125.0, Load { pictures, ..PAL });
                assert!(
                    length <= MAX_LENGTH && length > Duration::ZERO,
                    "{kbit} {pictures}"
                );
            }
        }
    }

    #[test]
    fn a_rate_that_falls_lengthens_fragments_at_once() {
        let mut pace = Pace::adaptive(PAL);
        for _ in 0..10 {
            pace.note(625_000, Duration::from_secs(2), 25.0);
        }
        let fast = pace.length();
        pace.note(250_000, Duration::from_secs(2), 25.0);
        assert!(pace.length() > 2 * fast, "{fast:?} {:?}", pace.length());
    }
}
