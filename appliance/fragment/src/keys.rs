use core::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use ed25519_dalek::Signer as _;

use crate::certificate::{Certificate, Validity};

/// What a stream is known by: the public half of its identity key. Pages pin it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub [u8; 32]);

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamId({self})")
    }
}

/// The key that a stream is known by. It certifies signing keys and does nothing else, so
/// that it can be kept apart from the box. Wiped from memory when dropped.
#[derive(Clone)]
pub struct IdentityKey(ed25519_dalek::SigningKey);

impl IdentityKey {
    /// The key of this seed, which is all there is to keep of it.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The stream that this key stands for.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        StreamId(self.0.verifying_key().to_bytes())
    }

    /// Says that the key `signing_public` signs for this stream, from now on instead of
    /// all keys with a lower `serial`.
    #[must_use]
    pub fn certify(&self, serial: u32, validity: Validity, signing_public: [u8; 32]) -> Bytes {
        let stream = self.stream();
        let body = Certificate {
            stream,
            serial,
            validity,
            signing_public,
        }
        .encode();
        let digest = certificate_digest(&body);
        signed(body, &self.0, &digest)
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({})", self.stream())
    }
}

/// The key that signs fragments, for as long as no higher serial is certified. Wiped from
/// memory when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key of this seed.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The public half, to be certified.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        self.0.verifying_key().to_bytes()
    }

    /// `header` with its signature behind it.
    pub(crate) fn sign_header(&self, stream: &StreamId, header: BytesMut) -> Bytes {
        let digest = header_digest(stream, &header);
        signed(header, &self.0, &digest)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", StreamId(self.public()))
    }
}

/// A key to check signatures by.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// `None` if the bytes are no point of the curve.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes)
            .ok()
            .map(Self)
    }

    /// Whether `signature` is this key's over `digest`. Strict: no key of small order, no
    /// second form of the same signature.
    pub(crate) fn has_signed(&self, digest: &[u8; 32], signature: &[u8]) -> bool {
        ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(digest, &signature).is_ok())
    }
}

/// What is signed of a header.
pub(crate) fn header_digest(stream: &StreamId, header: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new_derive_key(HEADER_CONTEXT)
        .update(&stream.0)
        .update(header)
        .finalize()
        .as_bytes()
}

/// What is signed of a certificate.
pub(crate) fn certificate_digest(body: &[u8]) -> [u8; 32] {
    *blake3::Hasher::new_derive_key(CERTIFICATE_CONTEXT)
        .update(body)
        .finalize()
        .as_bytes()
}

fn signed(mut body: BytesMut, key: &ed25519_dalek::SigningKey, digest: &[u8; 32]) -> Bytes {
    body.put_slice(&key.sign(digest).to_bytes());
    body.freeze()
}

pub(crate) const SIGNATURE_LEN: usize = 64;

const HEADER_CONTEXT: &str = "peerstream 2026-11 fragment header";
const CERTIFICATE_CONTEXT: &str = "peerstream 2026-11 certificate";
