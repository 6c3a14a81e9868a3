use alloc::sync::Arc;

use bytes::Bytes;

use crate::{
    Certificate, Fragment, Header, MAX_PARTS, Meta, NotCertified, PART_SIZE, PartHash,
    SignedHeader, SigningKey, StreamId, TooLarge, Verifier,
};

/// The box's end: seals what the packager makes.
#[derive(Debug, Clone)]
pub struct Signer {
    stream: StreamId,
    serial: u32,
    certificate: Bytes,
    key: SigningKey,
}

impl Signer {
    /// A signer for `stream` by `key`, as `certificate` allows it. Whether it allows it at
    /// this time is for the caller to see to, by [`Verifier::certificate`].
    ///
    /// # Errors
    /// If the certificate is not of this stream or not for this key.
    pub fn new(
        stream: StreamId,
        certificate: Bytes,
        key: SigningKey,
    ) -> Result<Self, NotCertified> {
        Verifier::new(stream).certificate(&certificate, None)?;
        let decoded = Certificate::decode_unverified(&certificate)
            .map_err(|malformed| NotCertified::Refused(malformed.into()))?;
        if decoded.signing_public != key.public() {
            return Err(NotCertified::OtherKey);
        }
        Ok(Self {
            stream,
            serial: decoded.serial,
            certificate,
            key,
        })
    }

    /// The stream that it signs for.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The certificate, to be sent before anything that this signer seals.
    #[must_use]
    pub fn certificate(&self) -> &Bytes {
        &self.certificate
    }

    /// The certificate's serial.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.serial
    }

    /// Hashes and signs: a fragment of `payload`.
    ///
    /// # Errors
    /// If the payload is longer than [`MAX_PARTS`] parts, or its video chunk longer than it.
    pub fn seal(&self, meta: Meta, payload: Bytes) -> Result<Fragment, TooLarge> {
        let payload_len = u32::try_from(payload.len())
            .ok()
            .filter(|&len| len as usize <= MAX_PARTS * PART_SIZE)
            .ok_or(TooLarge::Payload(payload.len()))?;
        if meta.video_len > payload_len {
            let (video_len, payload_len) = (meta.video_len, payload.len());
            return Err(TooLarge::VideoChunk {
                video_len,
                payload_len,
            });
        }
        let parts = payload.chunks(PART_SIZE).map(PartHash::of).collect();
        let header = Header {
            serial: self.serial,
            meta,
            payload_len,
            parts,
        };
        let bytes = self.key.sign_header(&self.stream, header.encode());
        Ok(Fragment::new(
            Arc::new(SignedHeader { header, bytes }),
            payload,
        ))
    }
}
