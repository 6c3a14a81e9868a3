//! CMAF boxes: a header (ftyp, moov) for each track, and a chunk (moof, mdat) for the
//! samples that a fragment has of it.

mod chunk;
mod init;

pub(crate) use chunk::{Sample, append, overhead};
pub(crate) use init::init;

/// Ticks a second of the picture's timeline.
pub(crate) const VIDEO_SCALE: u32 = 90_000;

const VIDEO_ID: u32 = 1;
const AUDIO_ID: u32 = 2;

/// Sample flags (ISO/IEC 14496-12, 8.8.3.1): depends on no other sample.
const SYNC: u32 = 0x0200_0000;
/// Sample flags: depends on others, not a sync sample.
const NOT_SYNC: u32 = 0x0101_0000;
