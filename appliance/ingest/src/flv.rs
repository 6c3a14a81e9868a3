//! FLV, as far as handing a publisher's tags to the child takes.

use bytes::{BufMut, Bytes, BytesMut};
use peerstream_media::publisher::TagKind;

/// The beginning of an FLV stream that may have audio and video.
pub const HEADER: [u8; 13] = [b'F', b'L', b'V', 1, 0x05, 0, 0, 0, 9, 0, 0, 0, 0];

/// The longest body that a tag can have, in bytes: its length has 24 bits.
pub const MAX_BODY: usize = 0x00ff_ffff;

/// A tag, with the back pointer that follows it; `None` for a body that is too long.
#[must_use]
pub fn tag(kind: TagKind, timestamp_ms: u32, body: &[u8]) -> Option<Bytes> {
    if body.len() > MAX_BODY {
        return None;
    }
    let length = u32::try_from(body.len()).ok()?;
    let mut out = BytesMut::with_capacity(15 + body.len());
    out.put_u8(match kind {
        TagKind::Audio => 8,
        TagKind::Video => 9,
        TagKind::Data => 18,
    });
    out.put_uint(length.into(), 3);
    // The upper eight bits of the time come last.
    out.put_uint((timestamp_ms & 0x00ff_ffff).into(), 3);
    out.put_u8((timestamp_ms >> 24) as u8);
    out.put_uint(0, 3);
    out.put_slice(body);
    out.put_u32(11 + length);
    Some(out.freeze())
}

/// What a tag means to whoever must begin in the middle of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// `onMetaData` and other script data.
    Metadata,
    /// The AVCDecoderConfigurationRecord: needed before any picture.
    AvcHeader,
    /// The AudioSpecificConfig: needed before any sound.
    AacHeader,
    /// A picture that decoding can begin with.
    KeyPicture,
    /// A picture that needs others before it, or says that there are no more.
    Picture,
    /// Sound.
    Sound,
}

impl Role {
    /// What the tag of this kind and body is.
    #[must_use]
    pub fn of(kind: TagKind, body: &[u8]) -> Self {
        let first = body.first().copied().unwrap_or(0);
        let packet = body.get(1).copied();
        match kind {
            TagKind::Data => Role::Metadata,
            TagKind::Audio if first >> 4 == AAC && packet == Some(SEQUENCE_HEADER) => {
                Role::AacHeader
            }
            TagKind::Audio => Role::Sound,
            TagKind::Video if first & 0x0f == AVC && packet == Some(SEQUENCE_HEADER) => {
                Role::AvcHeader
            }
            TagKind::Video if first >> 4 == KEY_FRAME => Role::KeyPicture,
            TagKind::Video => Role::Picture,
        }
    }
}

/// What a tag carries, if it is neither H.264 nor AAC: what FLV, or its enhanced form, calls
/// it.
#[must_use]
pub fn foreign(kind: TagKind, body: &[u8]) -> Option<String> {
    let first = *body.first()?;
    let four = || {
        let code = body.get(1..5).unwrap_or_default();
        String::from_utf8_lossy(code).into_owned()
    };
    match kind {
        TagKind::Video if first & ENHANCED != 0 => Some(format!("{} video", four())),
        TagKind::Video if first & 0x0f != AVC => Some(format!("FLV video codec {}", first & 0x0f)),
        TagKind::Audio if first >> 4 == ENHANCED_AUDIO => Some(format!("{} sound", four())),
        TagKind::Audio if first >> 4 != AAC => Some(format!("FLV sound format {}", first >> 4)),
        _ => None,
    }
}

/// Set in the first byte of a video tag of enhanced RTMP.
const ENHANCED: u8 = 0x80;
/// The sound format of an audio tag of enhanced RTMP.
const ENHANCED_AUDIO: u8 = 9;
const AAC: u8 = 10;
const AVC: u8 = 7;
const KEY_FRAME: u8 = 1;
/// AVCPacketType and AACPacketType alike.
const SEQUENCE_HEADER: u8 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_the_bytes_of_the_specification() {
        let tag = tag(TagKind::Video, 0x0102_0304, &[0x17, 0]).unwrap();
        assert_eq!(
            &tag[..],
            [
                9, 0, 0, 2, 0x02, 0x03, 0x04, 0x01, 0, 0, 0, 0x17, 0, 0, 0, 0, 13
            ]
        );
        assert!(super::tag(TagKind::Data, 0, &vec![0; MAX_BODY + 1]).is_none());
    }

    #[test]
    fn what_a_new_child_needs_is_told_from_the_rest() {
        use TagKind::{Audio, Data, Video};
        assert_eq!(Role::of(Data, &[2]), Role::Metadata);
        assert_eq!(Role::of(Video, &[0x17, 0, 0]), Role::AvcHeader);
        assert_eq!(Role::of(Video, &[0x17, 1, 0]), Role::KeyPicture);
        assert_eq!(Role::of(Video, &[0x27, 1, 0]), Role::Picture);
        assert_eq!(Role::of(Audio, &[0xaf, 0, 0x11]), Role::AacHeader);
        assert_eq!(Role::of(Audio, &[0xaf, 1, 0x21]), Role::Sound);
        assert_eq!(Role::of(Video, &[]), Role::Picture);
    }

    #[test]
    fn what_browsers_do_not_play_is_called_by_its_name() {
        use TagKind::{Audio, Data, Video};
        assert_eq!(foreign(Video, b"\x90hvc1").unwrap(), "hvc1 video");
        assert_eq!(foreign(Video, &[0x12]).unwrap(), "FLV video codec 2");
        assert_eq!(foreign(Audio, b"\x91Opus").unwrap(), "Opus sound");
        assert_eq!(foreign(Audio, &[0x2f, 0xff]).unwrap(), "FLV sound format 2");
        for (kind, body) in [
            (Video, &[0x17, 1][..]),
            (Audio, &[0xaf, 1]),
            (Data, &[2]),
            (Audio, &[]),
        ] {
            assert_eq!(foreign(kind, body), None);
        }
    }
}
