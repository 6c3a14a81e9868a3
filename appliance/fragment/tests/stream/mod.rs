//! A stream to test with: its keys, its box's end, and its pages' end.
#![allow(dead_code, reason = "every test file uses its own part of it")]

use bytes::Bytes;
use peerstream_fragment::{
    Flags, Fragment, IdentityKey, Kind, Meta, Position, Signer, SigningKey, Validity, Verifier,
};

pub(crate) const VALIDITY: Validity = Validity {
    not_before: 1_000,
    not_after: 2_000,
};

/// The identity key number `stream`.
pub(crate) fn identity(stream: u8) -> IdentityKey {
    IdentityKey::from_seed([stream; 32])
}

/// The certificate number `serial` of stream `stream`; every serial has its own key.
pub(crate) fn certificate(stream: u8, serial: u32) -> Bytes {
    identity(stream).certify(serial, VALIDITY, signing_key(serial).public())
}

/// The signing key of `serial`.
pub(crate) fn signing_key(serial: u32) -> SigningKey {
    let mut seed = [0xa5; 32];
    seed[..4].copy_from_slice(&serial.to_be_bytes());
    SigningKey::from_seed(seed)
}

/// The box's end.
pub(crate) fn signer(stream: u8, serial: u32) -> Signer {
    let certificate = certificate(stream, serial);
    Signer::new(identity(stream).stream(), certificate, signing_key(serial)).expect("certified")
}

/// A page's end that has seen the certificate number `serial`.
pub(crate) fn verifier(stream: u8, serial: u32) -> Verifier {
    let mut verifier = Verifier::new(identity(stream).stream());
    verifier
        .certificate(&certificate(stream, serial), None)
        .expect("it is of this stream");
    verifier
}

/// An ordinary fragment's meta.
pub(crate) fn meta() -> Meta {
    Meta {
        kind: Kind::Media,
        rendition: 1,
        at: Position {
            segment: 1_790_000_000,
            index: 17,
        },
        flags: Flags::NONE,
        init: 1_789_999_990,
        media_time: 77_000_000,
        duration: 80_000,
        capture_time: 1_790_000_077_000_000,
        video_len: 0,
    }
}

/// Bytes that differ from part to part.
pub(crate) fn payload(len: usize) -> Bytes {
    (0..len).map(|i| (i % 251) as u8).collect()
}

/// An ordinary fragment of `len` bytes.
pub(crate) fn fragment(len: usize) -> Fragment {
    signer(1, 1).seal(meta(), payload(len)).expect("it fits")
}
