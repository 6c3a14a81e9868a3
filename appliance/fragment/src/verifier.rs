use core::cmp::Ordering;

use bytes::Bytes;

use crate::keys::{PublicKey, certificate_digest, header_digest};
use crate::{Refused, SignedHeader, StreamId, Validity, certificate, header};

/// What became of a certificate that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Installed {
    /// It is now the current one; headers by the one before are refused from here on.
    New,
    /// It is the current one already.
    Known,
    /// A newer one has replaced it.
    Older,
}

/// Everyone's end: knows a stream by its identity key, and checks what claims to be of it.
#[derive(Debug, Clone)]
pub struct Verifier {
    stream: StreamId,
    /// `None` if the stream id is no key at all; then nothing is ever accepted.
    identity: Option<PublicKey>,
    current: Option<Current>,
}

/// The newest certificate and what it says.
#[derive(Debug, Clone)]
struct Current {
    bytes: Bytes,
    serial: u32,
    validity: Validity,
    key: PublicKey,
}

impl Verifier {
    /// A verifier that has seen no certificate yet.
    #[must_use]
    pub fn new(stream: StreamId) -> Self {
        Self {
            stream,
            identity: PublicKey::from_bytes(&stream.0),
            current: None,
        }
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// The newest certificate, to be passed on before any header.
    #[must_use]
    pub fn current(&self) -> Option<&Bytes> {
        self.current.as_ref().map(|current| &current.bytes)
    }

    /// The newest certificate's serial.
    #[must_use]
    pub fn serial(&self) -> Option<u32> {
        self.current.as_ref().map(|current| current.serial)
    }

    /// Takes a certificate. A higher serial replaces a lower one at once; a certificate
    /// that is turned away changes nothing. The validity is held against `now_unix`
    /// (seconds) if it is given.
    ///
    /// # Errors
    /// If it is malformed, of another stream, not signed by the identity key, not valid at
    /// `now_unix`, or has the current one's serial without being the same.
    pub fn certificate(
        &mut self,
        bytes: &Bytes,
        now_unix: Option<u64>,
    ) -> Result<Installed, Refused> {
        if let Some(current) = &self.current
            && current.bytes == *bytes
        {
            check_validity(current.validity, now_unix)?;
            return Ok(Installed::Known);
        }
        let (decoded, signed) = certificate::decode(bytes)?;
        if decoded.stream != self.stream {
            return Err(Refused::OtherStream);
        }
        let (body, signature) = bytes.split_at(signed);
        let digest = certificate_digest(body);
        if !self
            .identity
            .as_ref()
            .is_some_and(|key| key.has_signed(&digest, signature))
        {
            return Err(Refused::BadSignature);
        }
        let (serial, validity) = (decoded.serial, decoded.validity);
        match self.serial().map(|current| serial.cmp(&current)) {
            Some(Ordering::Less) => return Ok(Installed::Older),
            Some(Ordering::Equal) => return Err(Refused::SerialReused { serial }),
            Some(Ordering::Greater) | None => {}
        }
        check_validity(validity, now_unix)?;
        let key = PublicKey::from_bytes(&decoded.signing_public).ok_or(Refused::BadSignature)?;
        self.current = Some(Current {
            bytes: bytes.clone(),
            serial,
            validity,
            key,
        });
        Ok(Installed::New)
    }

    /// Checks a header as it came off the wire.
    ///
    /// # Errors
    /// If it is malformed, by any key but the current certificate's, or of another stream.
    pub fn header(&self, bytes: Bytes) -> Result<SignedHeader, Refused> {
        #[cfg(feature = "memo")]
        if let Some(header) = crate::memo::header(&self.stream, self.serial(), &bytes) {
            return Ok(header);
        }
        let (header, signed) = header::decode(&bytes)?;
        let serial = header.serial;
        let key = match &self.current {
            Some(current) if serial == current.serial => &current.key,
            Some(current) if serial < current.serial => return Err(Refused::OldKey { serial }),
            _ => return Err(Refused::UnknownKey { serial }),
        };
        let (body, signature) = bytes.split_at(signed);
        if !key.has_signed(&header_digest(&self.stream, body), signature) {
            return Err(Refused::BadSignature);
        }
        Ok(SignedHeader { header, bytes })
    }
}

fn check_validity(validity: Validity, now_unix: Option<u64>) -> Result<(), Refused> {
    let Validity {
        not_before,
        not_after,
    } = validity;
    match now_unix {
        Some(now) if now < not_before => Err(Refused::NotYetValid { not_before }),
        Some(now) if now > not_after => Err(Refused::Expired { not_after }),
        _ => Ok(()),
    }
}
