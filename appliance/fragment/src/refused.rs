use crate::{MAX_PARTS, PART_SIZE};

/// Why bytes are not what they should be, before any key is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The record ends before its last field does.
    #[error("truncated")]
    Truncated,
    /// The record goes on after its last field.
    #[error("trailing bytes")]
    Trailing,
    /// The first byte names no format that this version knows.
    #[error("unknown format {0:#04x}")]
    Format(u8),
    /// An integer is longer than its shortest form or too large for its field.
    #[error("bad integer")]
    Varint,
    /// A flag is set that this version does not know.
    #[error("unknown flags {0:#04x}")]
    Flags(u8),
    /// The payload would be longer than a fragment may be.
    #[error("payload of {0} bytes is too long")]
    PayloadLength(u32),
    /// The video chunk would be longer than the payload.
    #[error("video chunk is longer than the payload")]
    VideoLength,
    /// The fragment has no part of this number.
    #[error("no part {0}")]
    NoSuchPart(u8),
    /// The part is longer or shorter than the fragment's length says.
    #[error("part {0} has the wrong length")]
    PartLength(u8),
    /// Init data without tracks, or with two of a kind.
    #[error("bad set of tracks")]
    Tracks,
    /// A track of a kind that this version does not know.
    #[error("unknown track kind {0:#04x}")]
    TrackKind(u8),
    /// A codec that is empty, too long, or holds other characters than codecs do.
    #[error("bad codec name")]
    Codec,
}

/// Why a certificate, a header or a part was turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The bytes are no such record.
    #[error("malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The signature is not by the key that it should be by, or not over these bytes, or
    /// the header is of another stream.
    #[error("bad signature")]
    BadSignature,
    /// The part is not the one that was signed.
    #[error("part {part} does not have the signed hash")]
    BadHash {
        /// Which part.
        part: u8,
    },
    /// The header is by a signing key that a newer certificate has replaced.
    #[error("signed by the replaced key {serial}")]
    OldKey {
        /// The replaced key's serial.
        serial: u32,
    },
    /// The header is by a signing key whose certificate has not been seen yet.
    #[error("signed by the unknown key {serial}")]
    UnknownKey {
        /// The unknown key's serial.
        serial: u32,
    },
    /// The certificate is one of another stream.
    #[error("of another stream")]
    OtherStream,
    /// Two different certificates have the same serial; the one that came first stays.
    #[error("serial {serial} was given twice")]
    SerialReused {
        /// The serial.
        serial: u32,
    },
    /// The certificate is not valid yet.
    #[error("certificate is not valid before {not_before}")]
    NotYetValid {
        /// Unix time in seconds.
        not_before: u64,
    },
    /// The certificate is no longer valid.
    #[error("certificate was valid until {not_after}")]
    Expired {
        /// Unix time in seconds.
        not_after: u64,
    },
}

impl Refused {
    /// Whether whoever passed this on has failed to check it. An honest node can be the
    /// source of the others: it may be ahead or behind in certificates, or its clock may be.
    #[must_use]
    pub fn is_offence(&self) -> bool {
        match self {
            Refused::Malformed(_)
            | Refused::BadSignature
            | Refused::BadHash { .. }
            | Refused::OtherStream => true,
            Refused::OldKey { .. }
            | Refused::UnknownKey { .. }
            | Refused::SerialReused { .. }
            | Refused::NotYetValid { .. }
            | Refused::Expired { .. } => false,
        }
    }
}

/// Why a payload cannot be sealed as one fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// It has more bytes than the most parts hold.
    #[error("payload of {0} bytes; a fragment holds at most {max}", max = MAX_PARTS * PART_SIZE)]
    Payload(usize),
    /// Its video chunk is said to be longer than the whole.
    #[error("video chunk of {video_len} bytes in a payload of {payload_len}")]
    VideoChunk {
        /// What the packager said.
        video_len: u32,
        /// What the payload has.
        payload_len: usize,
    },
}

/// Why a key may not sign for a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotCertified {
    /// The certificate itself does not hold.
    #[error("certificate refused: {0}")]
    Refused(#[from] Refused),
    /// The certificate is for another signing key.
    #[error("certificate is for another signing key")]
    OtherKey,
}
