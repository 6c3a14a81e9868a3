//! The signed fragment: what the box signs, what every page checks, and how it is cut into
//! parts that are checked and forwarded the moment they arrive.
//!
//! * The box: an [`IdentityKey`] certifies a [`SigningKey`]; a [`Signer`] seals what the
//!   packager makes ([`Meta`] and payload) into [`Fragment`]s.
//! * Everyone else: a [`Verifier`] knows the stream by its [`StreamId`], takes certificates
//!   and checks headers; an [`Assembly`] checks each part against a checked header.
//! * [`Init`] is the payload of a fragment of [`Kind::Init`].
//!
//! What belongs here: bytes, hashes, signatures. What does not: any socket, any clock, any
//! randomness (seeds and the time are arguments). Decoding never panics and allocates no
//! more than the input's own length calls for.
//!
//! # Notation
//! A *varint* is a little-endian base-128 integer (LEB128): seven bits a byte, the lowest
//! first, the top bit set on every byte but the last. Only the shortest form is accepted, so
//! every record has exactly one encoding. Times are in microseconds unless said otherwise.
//!
//! # Signed header
//! ```text
//! offset  size    field
//! 0       1       format: 0x01 media, 0x02 init data
//! 1       1       flags: 0x01 key, 0x02 standby, 0x04 end; all other bits 0
//! 2       1       rendition
//! 3       1..5    varint u32: serial of the signing key
//! ..      1..5    varint u32: segment
//! ..      1..3    varint u16: index within the segment
//! ..      1..5    varint u32: segment minus the segment of the init data that applies
//!                 (modulo 2^32; 0 when the init data is the segment's own)
//! ..      1..10   varint u64: media time, the decode time of the first picture (or sound)
//! ..      1..5    varint u32: duration
//! ..      1..10   varint u64: capture time of the first frame, on the box's capture clock
//! ..      1..3    varint u32: payload length, at most MAX_PARTS * PART_SIZE
//! ..      1..3    varint u32: length of the video chunk, at most the payload length; the
//!                 payload is the video chunk (moof, mdat) and then the audio chunk
//! ..      16 * n  for each part, the first 16 bytes of its BLAKE3 hash;
//!                 n = payload length / PART_SIZE, rounded up
//! ..      64      Ed25519 signature by the signing key (RFC 8032) over the digest below
//! ```
//! Part *i* is the payload from `i * PART_SIZE` on, `PART_SIZE` bytes of it; the last may be
//! shorter. Parts travel apart, each named by its fragment's position and its own number.
//!
//! The digest is BLAKE3 in its key derivation mode, 32 bytes, with the context
//! `peerstream 2026-11 fragment header`, over the stream id and then the header up to the
//! signature. The stream id is therefore signed but not sent: a header of another stream
//! fails.
//!
//! # Certificate
//! ```text
//! offset  size    field
//! 0       1       format: 0x11
//! 1       32      stream id: the identity key (Ed25519 public key)
//! 33      1..5    varint u32: serial; a higher one replaces a lower one
//! ..      1..10   varint u64: not before, Unix time in seconds
//! ..      1..10   varint u64: not after, Unix time in seconds, itself included
//! ..      32      the signing key (Ed25519 public key)
//! ..      64      Ed25519 signature by the identity key over the digest below
//! ```
//! The digest is as above with the context `peerstream 2026-11 certificate`, over the
//! certificate up to the signature.
//!
//! # Init payload
//! ```text
//! offset  size    field
//! 0       1       format: 0x21
//! 1       1       number of tracks, 1 or 2; at most one of each kind
//! then for each track:
//! 0       1       kind: 0 video, 1 audio
//! 1       1       length of the codec, 1..=64
//! 2       ..      codec as in RFC 6381, letters, digits, '.', '-' and '_' only
//! ..      1..5    varint u32: length of the init segment
//! ..      ..      init segment (ftyp, moov), of this one track
//! ```

#![no_std]

extern crate alloc;
#[cfg(feature = "memo")]
extern crate std;

mod assembly;
mod bytecode;
mod certificate;
mod fragment;
mod header;
mod init;
mod keys;
#[cfg(feature = "memo")]
pub mod memo;
mod refused;
mod signer;
mod verifier;

pub use assembly::{Accepted, Assembly};
pub use certificate::{Certificate, Validity};
pub use fragment::Fragment;
pub use header::{Flags, Header, Kind, Meta, PartHash, SignedHeader};
pub use init::{Init, InitTrack, TrackKind};
pub use keys::{IdentityKey, SigningKey, StreamId};
pub use refused::{Malformed, NotCertified, Refused, TooLarge};
pub use signer::Signer;
pub use verifier::{Installed, Verifier};

/// The size of every part of a fragment but the last, in bytes.
pub const PART_SIZE: usize = 4096;

/// The most parts that a fragment may have.
pub const MAX_PARTS: usize = 255;

/// Where a fragment stands in its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Counts up by one at every key frame (and at every change of the init data).
    pub segment: u32,
    /// Counts up by one within the segment, from 0.
    pub index: u16,
}
