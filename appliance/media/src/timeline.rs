//! Where frames stand on the media timeline.
//!
//! A frame is packaged the moment it comes, so its duration is an assumption: the distance
//! that frames have had so far. The next frame shows by how much that was wrong, and the
//! error is not carried on: a small one is taken out of the durations to come, so that frames
//! follow without gap or overlap; a larger one puts the frame where it belongs.

use core::time::Duration;

use crate::MEDIA_EPOCH;

mod sound;
mod video;

pub(crate) use sound::SoundTimeline;
pub(crate) use video::VideoTimeline;

/// Why a unit has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misplaced {
    /// It stands before what has been placed.
    Backwards,
    /// It is so far from what has been placed that the source's clock must have jumped.
    Jump,
    /// It is shown too long before or after it is decoded.
    Offset,
}

/// A distance between two frames that is no distance any more but a jump of the clock.
const JUMP: Duration = Duration::from_secs(1);

/// A point on the media timeline in microseconds, from the capture clock.
pub(crate) fn media_time(now: Duration) -> u64 {
    micros(now.saturating_sub(MEDIA_EPOCH))
}

/// A time in microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Microseconds to ticks, the next tick at or after.
pub(crate) fn to_ticks(micros: u64, scale: u32) -> u64 {
    let ticks = (u128::from(micros) * u128::from(scale)).div_ceil(1_000_000);
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// Ticks to microseconds.
pub(crate) fn to_micros(ticks: u64, scale: u32) -> u64 {
    let micros = u128::from(ticks) * 1_000_000 / u128::from(scale.max(1));
    u64::try_from(micros).unwrap_or(u64::MAX)
}

/// From one time to another in ticks, rounded, negative backwards.
fn ticks_between(from: Duration, to: Duration, scale: u32) -> i64 {
    let ahead = |from: Duration, to: Duration| {
        let nanos = to.saturating_sub(from).as_nanos() * u128::from(scale);
        let ticks = (nanos + 500_000_000) / 1_000_000_000;
        i64::try_from(ticks).unwrap_or(FAR).min(FAR)
    };
    if to >= from {
        ahead(from, to)
    } else {
        -ahead(to, from)
    }
}

/// Further than any two times of one source are apart, and near enough to add to.
const FAR: i64 = 1 << 60;

fn duration_ticks(duration: Duration, scale: u32) -> i64 {
    ticks_between(Duration::ZERO, duration, scale)
}
