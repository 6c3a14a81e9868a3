//! What verifying a fragment costs: the same code, natively and compiled to WASM.
//!
//! The bench `verify` compiles this crate for `wasm32-unknown-unknown` as the page is
//! compiled, runs it in Chromium, and compares.

use bytes::Bytes;
use peerstream_fragment::{
    Accepted, Assembly, Flags, Fragment, IdentityKey, Kind, Meta, Position, Signer, SigningKey,
    Validity, Verifier,
};

#[cfg(target_arch = "wasm32")]
mod exports;

/// A fragment on its way to a page that has the stream's certificate.
#[derive(Debug)]
pub struct Arriving {
    verifier: Verifier,
    header: Bytes,
    parts: Vec<(u8, Bytes)>,
}

impl Arriving {
    /// A fragment of `len` bytes.
    ///
    /// # Panics
    /// If a fragment holds fewer.
    #[must_use]
    pub fn new(len: usize) -> Self {
        let fragment = sealed(len);
        let mut verifier = Verifier::new(identity().stream());
        let installed = verifier.certificate(&certificate(), None);
        assert!(installed.is_ok(), "the identity key has signed it");
        let header = fragment.header.bytes.clone();
        Self {
            verifier,
            header,
            parts: fragment.parts().collect(),
        }
    }

    /// Everything that a page checks before it shows the fragment: the header's signature,
    /// and every part's hash. Returns whether all holds.
    #[must_use]
    pub fn verify(&self) -> bool {
        let Ok(header) = self.verifier.header(self.header.clone()) else {
            return false;
        };
        let mut assembly = Assembly::new(header);
        for (part, bytes) in &self.parts {
            if assembly.part(*part, bytes.clone()) != Ok(Accepted::New) {
                return false;
            }
        }
        assembly.fragment().is_some()
    }
}

fn sealed(len: usize) -> Fragment {
    let signer = Signer::new(identity().stream(), certificate(), signing_key());
    let meta = Meta {
        kind: Kind::Media,
        rendition: 0,
        at: Position {
            segment: 1_790_000_000,
            index: 1,
        },
        flags: Flags::NONE,
        init: 1_790_000_000,
        media_time: 1_000_000,
        duration: 80_000,
        capture_time: 1_790_000_001_000_000,
        video_len: 0,
    };
    let payload = (0..len).map(|i| (i % 251) as u8).collect();
    let signer = signer.expect("the certificate is for this key");
    signer
        .seal(meta, payload)
        .expect("a fragment holds as much")
}

fn certificate() -> Bytes {
    let validity = Validity {
        not_before: 0,
        not_after: u64::MAX,
    };
    identity().certify(1, validity, signing_key().public())
}

fn identity() -> IdentityKey {
    IdentityKey::from_seed([1; 32])
}

fn signing_key() -> SigningKey {
    SigningKey::from_seed([2; 32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_succeeds() {
        for len in [0, 1_000, 100_000] {
            assert!(Arriving::new(len).verify(), "{len} bytes");
        }
    }

    #[test]
    fn what_is_measured_can_fail() {
        let other = Arriving::new(9_999);
        let parts = Arriving {
            parts: other.parts,
            ..Arriving::new(10_000)
        };
        assert!(!parts.verify());
        let header = Arriving {
            header: other.header,
            ..Arriving::new(10_000)
        };
        assert!(!header.verify());
    }
}
