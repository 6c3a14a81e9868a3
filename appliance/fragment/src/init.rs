use alloc::string::String;
use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::Malformed;
use crate::bytecode::{Reader, put_varint};

/// What a track carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TrackKind {
    /// Picture.
    Video,
    /// Sound.
    Audio,
}

/// What a player needs to know of one track before its media.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct InitTrack {
    /// What it carries.
    pub kind: TrackKind,
    /// The codec, as RFC 6381 writes it: `avc1.42C01F`, `mp4a.40.2`.
    pub codec: String,
    /// The CMAF header (ftyp, moov) with this one track.
    pub segment: Bytes,
}

/// The payload of a fragment of [`crate::Kind::Init`]. The crate's documentation has its
/// bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Init {
    /// One track, or one of each kind.
    pub tracks: Vec<InitTrack>,
}

impl Init {
    /// The payload. Tracks that [`Init::decode`] would refuse are written all the same.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let room: usize = self
            .tracks
            .iter()
            .map(|track| 7 + track.codec.len() + track.segment.len())
            .sum();
        let mut out = BytesMut::with_capacity(2 + room);
        out.put_u8(FORMAT);
        out.put_u8(u8::try_from(self.tracks.len()).unwrap_or(u8::MAX));
        for track in &self.tracks {
            out.put_u8(match track.kind {
                TrackKind::Video => VIDEO,
                TrackKind::Audio => AUDIO,
            });
            out.put_u8(u8::try_from(track.codec.len()).unwrap_or(u8::MAX));
            out.put_slice(track.codec.as_bytes());
            put_varint(&mut out, track.segment.len() as u64);
            out.put_slice(&track.segment);
        }
        out.freeze()
    }

    /// Reads the payload. The tracks' segments share its bytes.
    ///
    /// # Errors
    /// Anything that the table in the crate's documentation does not allow.
    pub fn decode(payload: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        match reader.byte()? {
            FORMAT => {}
            format => return Err(Malformed::Format(format)),
        }
        let count = reader.byte()?;
        if !(1..=2).contains(&count) {
            return Err(Malformed::Tracks);
        }
        let mut tracks: Vec<InitTrack> = Vec::new();
        for _ in 0..count {
            let track = decode_track(payload, &mut reader)?;
            if tracks.iter().any(|other| other.kind == track.kind) {
                return Err(Malformed::Tracks);
            }
            tracks.push(track);
        }
        reader.end()?;
        Ok(Self { tracks })
    }
}

fn decode_track(payload: &Bytes, reader: &mut Reader<'_>) -> Result<InitTrack, Malformed> {
    let kind = match reader.byte()? {
        VIDEO => TrackKind::Video,
        AUDIO => TrackKind::Audio,
        kind => return Err(Malformed::TrackKind(kind)),
    };
    let codec_len = usize::from(reader.byte()?);
    if !(1..=MAX_CODEC).contains(&codec_len) {
        return Err(Malformed::Codec);
    }
    let codec = reader.take(codec_len)?;
    // It is put into a MIME type, which nothing in it may break out of.
    let fits = |c: &u8| c.is_ascii_alphanumeric() || b".-_".contains(c);
    if !codec.iter().all(fits) {
        return Err(Malformed::Codec);
    }
    let codec = codec.iter().map(|&c| char::from(c)).collect();
    let segment = reader.varint_u32()? as usize;
    let segment = payload.slice_ref(reader.take(segment)?);
    Ok(InitTrack {
        kind,
        codec,
        segment,
    })
}

const FORMAT: u8 = 0x21;
const VIDEO: u8 = 0;
const AUDIO: u8 = 1;
const MAX_CODEC: usize = 64;
