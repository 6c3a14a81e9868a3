use bytes::Bytes;

use crate::{aac, avc};

/// An H.264 track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoTrack {
    /// The AVCDecoderConfigurationRecord (ISO/IEC 14496-15).
    pub avcc: Bytes,
    /// Width of the picture in pixels.
    pub width: u16,
    /// Height of the picture in pixels.
    pub height: u16,
}

/// An AAC track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioTrack {
    /// The AudioSpecificConfig (ISO/IEC 14496-3).
    pub asc: Bytes,
    /// Sampling rate in Hz. The rate that times are counted in is the one in `asc`.
    pub rate: u32,
    /// Number of channels.
    pub channels: u8,
}

/// Why a track is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTrack {
    /// There is neither picture nor sound.
    #[error("no tracks")]
    None,
    /// The AVCDecoderConfigurationRecord cannot be read or lacks its parameter sets.
    #[error("bad AVCDecoderConfigurationRecord")]
    Avcc,
    /// A picture of no size.
    #[error("picture of {width}x{height}")]
    Size {
        /// Its width.
        width: u16,
        /// Its height.
        height: u16,
    },
    /// The AudioSpecificConfig cannot be read.
    #[error("bad AudioSpecificConfig")]
    Asc,
    /// A kind of AAC that browsers do not play.
    #[error("AAC object type {0} is not supported")]
    ObjectType(u8),
}

/// Tracks that have been looked into.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tracks {
    pub(crate) video: Option<Video>,
    pub(crate) audio: Option<Audio>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Video {
    pub(crate) track: VideoTrack,
    pub(crate) config: avc::Config,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Audio {
    pub(crate) track: AudioTrack,
    pub(crate) config: aac::Config,
}

impl Tracks {
    pub(crate) fn new(
        video: Option<VideoTrack>,
        audio: Option<AudioTrack>,
    ) -> Result<Self, BadTrack> {
        let video = video.map(Video::new).transpose()?;
        let audio = audio.map(Audio::new).transpose()?;
        if video.is_none() && audio.is_none() {
            return Err(BadTrack::None);
        }
        Ok(Self { video, audio })
    }
}

impl Video {
    fn new(track: VideoTrack) -> Result<Self, BadTrack> {
        let VideoTrack { width, height, .. } = track;
        if width == 0 || height == 0 {
            return Err(BadTrack::Size { width, height });
        }
        let config = avc::Config::parse(&track.avcc)?;
        Ok(Self { track, config })
    }
}

impl Audio {
    pub(crate) fn new(track: AudioTrack) -> Result<Self, BadTrack> {
        let config = aac::Config::parse(&track.asc)?;
        Ok(Self { track, config })
    }
}
