use core::time::Duration;

use bytes::Bytes;

use crate::{AudioTrack, TrackKind, VideoTrack};

/// The largest access unit that is taken, in bytes: what fits into one fragment together
/// with its boxes and 100 ms of sound.
pub const MAX_UNIT: usize = 960 * 1024;

/// One frame of picture or sound, as the source encoded it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// Which track it belongs to.
    pub kind: TrackKind,
    /// When it is shown, on the source's own clock, which both tracks share.
    pub pts: Duration,
    /// When it is decoded, on the same clock.
    pub dts: Duration,
    /// How long it lasts, if the source says so. Of use for the first frames only: after
    /// them, the distance between frames is measured.
    pub duration: Option<Duration>,
    /// Whether the source calls it a key frame. What counts is what is in it: an IDR
    /// picture, since players do not start on anything else.
    pub key: bool,
    /// Length-prefixed NAL units (ISO/IEC 14496-15), or a raw AAC frame.
    pub data: Bytes,
}

/// What a source has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    /// The tracks of all units from here on.
    Tracks {
        /// The picture, if there is one.
        video: Option<VideoTrack>,
        /// The sound, if there is one.
        audio: Option<AudioTrack>,
    },
    /// A frame.
    Unit(AccessUnit),
    /// The source is gone. Its return begins with new [`SourceEvent::Tracks`].
    Lost,
}
