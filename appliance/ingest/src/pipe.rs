//! The messages from the ingest process to the daemon.
//!
//! Integers are big-endian. A message is its length, without the four bytes of the length
//! itself, and then:
//!
//! ```text
//! offset  size  field
//! 0       1     kind: 1 tracks, 2 unit, 3 alive, 4 error
//!
//! tracks
//! 1       1     which tracks follow: bit 0 video, bit 1 audio
//! video:  2     width
//!         2     height
//!         2     length of the AVCDecoderConfigurationRecord
//!         ..    AVCDecoderConfigurationRecord
//! audio:  4     sampling rate
//!         1     channels
//!         2     length of the AudioSpecificConfig
//!         ..    AudioSpecificConfig
//!
//! unit
//! 1       1     bit 0 audio (else video), bit 1 key frame, bit 2 the duration is known
//! 2       8     presentation time in nanoseconds
//! 10      8     decoding time in nanoseconds
//! 18      8     duration in nanoseconds; 0 if it is not known
//! 26      ..    the access unit
//!
//! alive
//!               nothing more; sent every 250 ms, whatever else is sent
//!
//! error
//! 1       ..    UTF-8 text in one line; the last message
//! ```
//!
//! Reading never panics, and holds no more than one message of [`MAX_MESSAGE`] bytes and
//! what was pushed with it.

use core::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use peerstream_media::{AccessUnit, AudioTrack, TrackKind, VideoTrack};

/// The longest message, in bytes: an access unit far beyond what a fragment holds.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// The tracks of all units from here on.
    Tracks {
        /// The picture, if there is one.
        video: Option<VideoTrack>,
        /// The sound, if there is one.
        audio: Option<AudioTrack>,
    },
    /// A frame.
    Unit(AccessUnit),
    /// The child's main loop is running.
    Alive,
    /// The child gives up, and why.
    Error(String),
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The message says that it is longer than [`MAX_MESSAGE`], or empty.
    #[error("message of {0} bytes")]
    Length(u32),
    /// No message is of this kind.
    #[error("unknown message kind {0:#04x}")]
    Kind(u8),
    /// The message ends before its last field, or goes on after it, or a field holds what
    /// it may not hold.
    #[error("malformed message")]
    Malformed,
}

impl Message {
    /// The message as bytes, its length in front.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(64 + self.size_hint());
        out.put_u32(0);
        match self {
            Message::Tracks { video, audio } => {
                out.put_u8(TRACKS);
                out.put_u8(u8::from(video.is_some()) | u8::from(audio.is_some()) << 1);
                if let Some(VideoTrack {
                    avcc,
                    width,
                    height,
                }) = video
                {
                    out.put_u16(*width);
                    out.put_u16(*height);
                    put_short(&mut out, avcc);
                }
                if let Some(AudioTrack {
                    asc,
                    rate,
                    channels,
                }) = audio
                {
                    out.put_u32(*rate);
                    out.put_u8(*channels);
                    put_short(&mut out, asc);
                }
            }
            Message::Unit(unit) => {
                let audio = unit.kind == TrackKind::Audio;
                let known = unit.duration.is_some();
                out.put_u8(UNIT);
                out.put_u8(u8::from(audio) | u8::from(unit.key) << 1 | u8::from(known) << 2);
                out.put_u64(nanos(unit.pts));
                out.put_u64(nanos(unit.dts));
                out.put_u64(unit.duration.map_or(0, nanos));
                out.put_slice(&unit.data);
            }
            Message::Alive => out.put_u8(ALIVE),
            Message::Error(text) => {
                out.put_u8(ERROR);
                out.put_slice(text.as_bytes());
            }
        }
        let length = u32::try_from(out.len() - 4).unwrap_or(u32::MAX);
        out[..4].copy_from_slice(&length.to_be_bytes());
        out.freeze()
    }

    fn decode(mut body: Bytes) -> Result<Self, DecodeError> {
        let kind = body.try_get_u8().map_err(|_| DecodeError::Malformed)?;
        match kind {
            TRACKS => tracks(body),
            UNIT => unit(body).map(Message::Unit),
            ALIVE if body.is_empty() => Ok(Message::Alive),
            ALIVE => Err(DecodeError::Malformed),
            ERROR => {
                let text = core::str::from_utf8(&body).map_err(|_| DecodeError::Malformed)?;
                Ok(Message::Error(text.to_owned()))
            }
            kind => Err(DecodeError::Kind(kind)),
        }
    }

    fn size_hint(&self) -> usize {
        match self {
            Message::Unit(unit) => unit.data.len(),
            Message::Error(text) => text.len(),
            Message::Tracks { .. } | Message::Alive => 0,
        }
    }
}

/// Takes bytes as they come, gives messages as they are complete.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
    failed: Option<DecodeError>,
}

impl Decoder {
    /// A decoder that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what has been read. Take every message out before reading on.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next message, if it is complete.
    ///
    /// # Errors
    /// If it is no message. Nothing can be read after it.
    pub fn message(&mut self) -> Result<Option<Message>, DecodeError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let message = self.read();
        if let Err(error) = message {
            self.failed = Some(error);
            self.buffer = BytesMut::new();
        }
        message
    }

    fn read(&mut self) -> Result<Option<Message>, DecodeError> {
        let Some(prefix) = self.buffer.first_chunk::<4>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*prefix);
        let whole = length as usize;
        if whole == 0 || whole > MAX_MESSAGE {
            return Err(DecodeError::Length(length));
        }
        if self.buffer.len() - 4 < whole {
            return Ok(None);
        }
        self.buffer.advance(4);
        Message::decode(self.buffer.split_to(whole).freeze()).map(Some)
    }
}

fn tracks(mut body: Bytes) -> Result<Message, DecodeError> {
    let which = body.try_get_u8().map_err(|_| DecodeError::Malformed)?;
    if which & !3 != 0 {
        return Err(DecodeError::Malformed);
    }
    let video = (which & 1 != 0).then(|| video(&mut body)).transpose()?;
    let audio = (which & 2 != 0).then(|| audio(&mut body)).transpose()?;
    if body.is_empty() {
        Ok(Message::Tracks { video, audio })
    } else {
        Err(DecodeError::Malformed)
    }
}

fn video(body: &mut Bytes) -> Result<VideoTrack, DecodeError> {
    let width = body.try_get_u16().map_err(|_| DecodeError::Malformed)?;
    let height = body.try_get_u16().map_err(|_| DecodeError::Malformed)?;
    Ok(VideoTrack {
        avcc: short(body)?,
        width,
        height,
    })
}

fn audio(body: &mut Bytes) -> Result<AudioTrack, DecodeError> {
    let rate = body.try_get_u32().map_err(|_| DecodeError::Malformed)?;
    let channels = body.try_get_u8().map_err(|_| DecodeError::Malformed)?;
    Ok(AudioTrack {
        asc: short(body)?,
        rate,
        channels,
    })
}

fn unit(mut body: Bytes) -> Result<AccessUnit, DecodeError> {
    let flags = body.try_get_u8().map_err(|_| DecodeError::Malformed)?;
    if flags & !7 != 0 {
        return Err(DecodeError::Malformed);
    }
    let mut time = || body.try_get_u64().map_err(|_| DecodeError::Malformed);
    let (pts, dts, duration) = (time()?, time()?, time()?);
    let known = flags & 4 != 0;
    if !known && duration != 0 {
        return Err(DecodeError::Malformed);
    }
    Ok(AccessUnit {
        kind: if flags & 1 == 0 {
            TrackKind::Video
        } else {
            TrackKind::Audio
        },
        pts: Duration::from_nanos(pts),
        dts: Duration::from_nanos(dts),
        duration: known.then(|| Duration::from_nanos(duration)),
        key: flags & 2 != 0,
        data: body,
    })
}

fn put_short(out: &mut BytesMut, bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
    out.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    out.put_slice(bytes);
}

fn short(body: &mut Bytes) -> Result<Bytes, DecodeError> {
    let length = body.try_get_u16().map_err(|_| DecodeError::Malformed)?;
    if usize::from(length) > body.len() {
        return Err(DecodeError::Malformed);
    }
    // A copy, small as it is, so that it does not keep a whole read alive.
    Ok(Bytes::copy_from_slice(&body.split_to(length.into())))
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const TRACKS: u8 = 1;
const UNIT: u8 = 2;
const ALIVE: u8 = 3;
const ERROR: u8 = 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes(most: usize) -> impl Strategy<Value = Bytes> {
        prop::collection::vec(any::<u8>(), 0..most).prop_map(Bytes::from)
    }

    fn message() -> impl Strategy<Value = Message> {
        let time = || any::<u64>().prop_map(Duration::from_nanos);
        let video =
            (bytes(80), any::<u16>(), any::<u16>()).prop_map(|(avcc, width, height)| VideoTrack {
                avcc,
                width,
                height,
            });
        let audio =
            (bytes(80), any::<u32>(), any::<u8>()).prop_map(|(asc, rate, channels)| AudioTrack {
                asc,
                rate,
                channels,
            });
        let unit = (
            any::<bool>(),
            time(),
            time(),
            prop::option::of(time()),
            any::<bool>(),
            bytes(300),
        );
        prop_oneof![
            (prop::option::of(video), prop::option::of(audio))
                .prop_map(|(video, audio)| Message::Tracks { video, audio }),
            unit.prop_map(|(audio, pts, dts, duration, key, data)| {
                let kind = if audio {
                    TrackKind::Audio
                } else {
                    TrackKind::Video
                };
                Message::Unit(AccessUnit {
                    kind,
                    pts,
                    dts,
                    duration,
                    key,
                    data,
                })
            }),
            Just(Message::Alive),
            ".{0,60}".prop_map(Message::Error),
        ]
    }

    proptest! {
        #[test]
        fn messages_arrive_as_they_were_sent_however_they_are_cut(
            messages in prop::collection::vec(message(), 0..8),
            cut in 1..200_usize,
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|message| message.encode()).collect();
            let mut decoder = Decoder::new();
            let mut arrived = Vec::new();
            for piece in stream.chunks(cut) {
                decoder.push(piece);
                while let Some(message) = decoder.message().unwrap() {
                    arrived.push(message);
                }
            }
            prop_assert_eq!(arrived, messages);
        }

        #[test]
        fn any_bytes_are_messages_or_an_error(stream: Vec<u8>, cut in 1..20_usize) {
            let mut decoder = Decoder::new();
            'all: for piece in stream.chunks(cut) {
                decoder.push(piece);
                loop {
                    match decoder.message() {
                        Ok(Some(_)) => {}
                        Ok(None) => break,
                        Err(error) => {
                            // For good.
                            decoder.push(&Message::Alive.encode());
                            prop_assert_eq!(decoder.message(), Err(error));
                            break 'all;
                        }
                    }
                }
            }
        }

        #[test]
        fn a_message_cut_short_or_run_on_is_refused(message in message(), extra in 1..4_u8) {
            let whole = message.encode();
            // Where the rest of a message is one field, it may be any length.
            let open = matches!(message, Message::Unit(_) | Message::Error(_));
            let mut long = whole.to_vec();
            long.extend(core::iter::repeat_n(0, extra.into()));
            let length = u32::try_from(long.len() - 4).unwrap();
            long[..4].copy_from_slice(&length.to_be_bytes());
            let mut decoder = Decoder::new();
            decoder.push(&long);
            prop_assert_eq!(decoder.message().is_err(), !open);
        }
    }

    #[test]
    fn a_length_beyond_bounds_is_refused_before_anything_is_kept() {
        for length in [0_u32, u32::try_from(MAX_MESSAGE).unwrap() + 1, u32::MAX] {
            let mut decoder = Decoder::new();
            decoder.push(&length.to_be_bytes());
            assert_eq!(decoder.message(), Err(DecodeError::Length(length)));
            decoder.push(&[0; 1000]);
            assert!(decoder.buffer.is_empty());
        }
    }
}
