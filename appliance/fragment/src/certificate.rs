use bytes::{BufMut, BytesMut};

use crate::bytecode::{Reader, put_varint};
use crate::keys::SIGNATURE_LEN;
use crate::{Malformed, StreamId};

/// When a certificate holds, in seconds of Unix time, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Validity {
    /// The first second.
    pub not_before: u64,
    /// The last second.
    pub not_after: u64,
}

/// What the identity key says of a signing key. The crate's documentation has its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// The stream.
    pub stream: StreamId,
    /// A higher one replaces a lower one.
    pub serial: u32,
    /// When it holds.
    pub validity: Validity,
    /// The signing key's public half.
    pub signing_public: [u8; 32],
}

impl Certificate {
    /// The certificate up to its signature.
    #[must_use]
    pub fn encode(&self) -> BytesMut {
        let mut out = BytesMut::with_capacity(MAX_LEN);
        out.put_u8(FORMAT);
        out.put_slice(&self.stream.0);
        put_varint(&mut out, self.serial);
        put_varint(&mut out, self.validity.not_before);
        put_varint(&mut out, self.validity.not_after);
        out.put_slice(&self.signing_public);
        out
    }

    /// Reads a certificate without asking whose signature it has. For tools and tests;
    /// whatever trusts it asks a [`crate::Verifier`].
    ///
    /// # Errors
    /// Anything that the table in the crate's documentation does not allow.
    pub fn decode_unverified(bytes: &[u8]) -> Result<Self, Malformed> {
        decode(bytes).map(|(certificate, _)| certificate)
    }
}

/// Reads a certificate; also says where in `bytes` the signature starts.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Certificate, usize), Malformed> {
    let mut reader = Reader::new(bytes);
    match reader.byte()? {
        FORMAT => {}
        format => return Err(Malformed::Format(format)),
    }
    let stream = StreamId(reader.array()?);
    let serial = reader.varint_u32()?;
    let validity = Validity {
        not_before: reader.varint()?,
        not_after: reader.varint()?,
    };
    let signing_public = reader.array()?;
    let signed = reader.position();
    reader.take(SIGNATURE_LEN)?;
    reader.end()?;
    Ok((
        Certificate {
            stream,
            serial,
            validity,
            signing_public,
        },
        signed,
    ))
}

const FORMAT: u8 = 0x11;
const MAX_LEN: usize = 1 + 32 + 5 + 10 + 10 + 32 + SIGNATURE_LEN;
