use alloc::vec::Vec;

use bytes::{BufMut, Bytes, BytesMut};

use crate::bytecode::{Reader, put_varint};
use crate::keys::SIGNATURE_LEN;
use crate::{MAX_PARTS, Malformed, PART_SIZE, Position};

/// The first 16 bytes of the BLAKE3 hash of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PartHash(pub [u8; 16]);

impl PartHash {
    /// The hash of `part`.
    #[must_use]
    pub fn of(part: &[u8]) -> Self {
        let mut hash = [0; HASH_LEN];
        hash.copy_from_slice(&blake3::hash(part).as_bytes()[..HASH_LEN]);
        Self(hash)
    }
}

/// What a fragment carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A video chunk, an audio chunk, or both.
    Media,
    /// [`crate::Init`]: what players need before any media.
    Init,
}

/// What is special about a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags {
    bits: u8,
}

impl Flags {
    /// Nothing special.
    pub const NONE: Flags = Flags { bits: 0 };
    /// Starts with a key frame: the first media of a segment.
    pub const KEY: Flags = Flags { bits: 0x01 };
    /// Shows the standby card, not the source.
    pub const STANDBY: Flags = Flags { bits: 0x02 };
    /// The last fragment: the stream is over.
    pub const END: Flags = Flags { bits: 0x04 };

    const ALL: u8 = 0x07;

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Flags) -> bool {
        self.bits & flags.bits == flags.bits
    }

    /// These flags and `flags`.
    #[must_use]
    pub const fn with(self, flags: Flags) -> Flags {
        Flags {
            bits: self.bits | flags.bits,
        }
    }

    /// These flags, and `flags` too if `set`.
    #[must_use]
    pub const fn with_if(self, flags: Flags, set: bool) -> Flags {
        if set { self.with(flags) } else { self }
    }

    /// Whether the fragment starts with a key frame.
    #[must_use]
    pub const fn key(self) -> bool {
        self.contains(Flags::KEY)
    }

    /// Whether the fragment shows the standby card.
    #[must_use]
    pub const fn standby(self) -> bool {
        self.contains(Flags::STANDBY)
    }

    /// Whether the stream is over after the fragment.
    #[must_use]
    pub const fn end(self) -> bool {
        self.contains(Flags::END)
    }
}

impl core::ops::BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        self.with(other)
    }
}

/// What the packager says of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Meta {
    /// What the fragment carries.
    pub kind: Kind,
    /// The rendition that it belongs to.
    pub rendition: u8,
    /// Where it stands.
    pub at: Position,
    /// What is special about it.
    pub flags: Flags,
    /// The init data that applies is the fragment of [`Kind::Init`] at index 0 of this
    /// segment.
    pub init: u32,
    /// The decode time of its first picture, or of its first sound if it has no picture, on
    /// the stream's timeline, in microseconds.
    pub media_time: u64,
    /// How much media it is, in microseconds.
    pub duration: u32,
    /// When its first frame was captured, on the box's capture clock, in microseconds.
    pub capture_time: u64,
    /// The payload's first so many bytes are the video chunk (moof, mdat), the rest is the
    /// audio chunk. Either may be empty.
    pub video_len: u32,
}

/// All that is signed of a fragment. The crate's documentation has its bytes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Header {
    /// Which signing key it is by.
    pub serial: u32,
    /// What the packager said.
    pub meta: Meta,
    /// The payload's length in bytes.
    pub payload_len: u32,
    /// The hash of every part, in order.
    pub parts: Vec<PartHash>,
}

impl Header {
    /// How many parts a payload of this length has.
    pub(crate) fn part_count(payload_len: u32) -> usize {
        (payload_len as usize).div_ceil(PART_SIZE)
    }

    /// Where part `part` lies in the payload; `None` if there is no such part.
    #[must_use]
    pub fn part_range(&self, part: u8) -> Option<core::ops::Range<usize>> {
        let start = usize::from(part) * PART_SIZE;
        let end = self.payload_len as usize;
        (start < end).then(|| start..end.min(start + PART_SIZE))
    }

    /// The header up to its signature.
    #[must_use]
    pub fn encode(&self) -> BytesMut {
        let meta = &self.meta;
        let room = MAX_FIXED_LEN + self.parts.len() * HASH_LEN + SIGNATURE_LEN;
        let mut out = BytesMut::with_capacity(room);
        out.put_u8(match meta.kind {
            Kind::Media => MEDIA,
            Kind::Init => INIT,
        });
        out.put_u8(meta.flags.bits);
        out.put_u8(meta.rendition);
        put_varint(&mut out, self.serial);
        put_varint(&mut out, meta.at.segment);
        put_varint(&mut out, meta.at.index);
        put_varint(&mut out, meta.at.segment.wrapping_sub(meta.init));
        put_varint(&mut out, meta.media_time);
        put_varint(&mut out, meta.duration);
        put_varint(&mut out, meta.capture_time);
        put_varint(&mut out, self.payload_len);
        put_varint(&mut out, meta.video_len);
        for PartHash(hash) in &self.parts {
            out.put_slice(hash);
        }
        out
    }

    /// Reads a signed header without asking whose signature it is. For tools and tests;
    /// whatever shows or forwards media asks a [`crate::Verifier`].
    ///
    /// # Errors
    /// Anything that the table in the crate's documentation does not allow.
    pub fn decode_unverified(bytes: &[u8]) -> Result<Self, Malformed> {
        decode(bytes).map(|(header, _)| header)
    }
}

/// A header whose signature has been made or checked here: only a [`crate::Signer`] and a
/// [`crate::Verifier`] give one out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignedHeader {
    /// What it says.
    pub header: Header,
    /// As on the wire, signature included.
    pub bytes: Bytes,
}

impl SignedHeader {
    /// Where the fragment stands.
    #[must_use]
    pub fn at(&self) -> Position {
        self.header.meta.at
    }
}

/// Reads a signed header; also says where in `bytes` the signature starts.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Header, usize), Malformed> {
    let mut reader = Reader::new(bytes);
    let kind = match reader.byte()? {
        MEDIA => Kind::Media,
        INIT => Kind::Init,
        format => return Err(Malformed::Format(format)),
    };
    let bits = reader.byte()?;
    if bits & !Flags::ALL != 0 {
        return Err(Malformed::Flags(bits));
    }
    let rendition = reader.byte()?;
    let serial = reader.varint_u32()?;
    let segment = reader.varint_u32()?;
    let index = reader.varint_u16()?;
    let init = segment.wrapping_sub(reader.varint_u32()?);
    let media_time = reader.varint()?;
    let duration = reader.varint_u32()?;
    let capture_time = reader.varint()?;
    let payload_len = reader.varint_u32()?;
    if payload_len as usize > MAX_PARTS * PART_SIZE {
        return Err(Malformed::PayloadLength(payload_len));
    }
    let video_len = reader.varint_u32()?;
    if video_len > payload_len {
        return Err(Malformed::VideoLength);
    }
    // All hashes are taken before any is stored, so the input pays for what is allocated.
    let hashes = reader.take(Header::part_count(payload_len) * HASH_LEN)?;
    let (hashes, _) = hashes.as_chunks::<HASH_LEN>();
    let parts = hashes.iter().copied().map(PartHash).collect();
    let signed = reader.position();
    reader.take(SIGNATURE_LEN)?;
    reader.end()?;
    let at = Position { segment, index };
    let flags = Flags { bits };
    let meta = Meta {
        kind,
        rendition,
        at,
        flags,
        init,
        media_time,
        duration,
        capture_time,
        video_len,
    };
    Ok((
        Header {
            serial,
            meta,
            payload_len,
            parts,
        },
        signed,
    ))
}

const MEDIA: u8 = 0x01;
const INIT: u8 = 0x02;
const HASH_LEN: usize = 16;
/// Room for the fields before the hashes, each at its longest.
const MAX_FIXED_LEN: usize = 3 + 5 + 5 + 3 + 5 + 10 + 5 + 10 + 3 + 3;
