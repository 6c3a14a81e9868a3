//! What travels on a link, in both directions. Integers are big-endian.
//!
//! ```text
//! kind  name         body
//! 0x01  Certificate  a signing key's certificate, as `peerstream_fragment` encodes it
//! 0x02  Header       a signed header, as `peerstream_fragment` encodes it
//! 0x03  Part         segment u32, index u16, part u8, the part's bytes
//! 0x10  Subscribe    0, or 1 then segment u32, index u16
//! 0x11  Unsubscribe  nothing
//! 0x12  Heartbeat    0, or 1 then segment u32, index u16
//! 0x13  Request      segment u32, index u16, parts u64 (a bit per part, bit 0 the first;
//!                    0 asks for the header too)
//! 0x14  Ping         an opaque u32
//! 0x15  Pong         the same u32
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};
use peerstream_fragment::Position;

use crate::{DecodeError, MAX_LINK_MESSAGE};

/// One message on a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkMessage {
    /// A signing key's certificate.
    Certificate(Bytes),
    /// A fragment's signed header; goes before the fragment's parts.
    Header(Bytes),
    /// A piece of a fragment.
    Part {
        /// The fragment.
        at: Position,
        /// Which piece, from 0.
        part: u8,
        /// The piece.
        bytes: Bytes,
    },
    /// Child to parent: feed me. The parent answers with certificate, init data and what
    /// it holds of the newest segment after `after`, then with everything new.
    Subscribe {
        /// The newest fragment that the child holds whole.
        after: Option<Position>,
    },
    /// Child to parent: stop feeding me.
    Unsubscribe,
    /// Every fragment interval, on every link: I am alive, and this is the newest
    /// fragment that I hold whole.
    Heartbeat {
        /// The newest fragment held whole.
        newest: Option<Position>,
    },
    /// Send this again, once.
    Request {
        /// The fragment.
        at: Position,
        /// The missing pieces, a bit each, bit 0 the first. 0 asks for header and all.
        parts: u64,
    },
    /// To be answered at once, for measuring the round trip.
    Ping(u32),
    /// The answer.
    Pong(u32),
}

impl LinkMessage {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(self.capacity());
        match self {
            LinkMessage::Certificate(bytes) => {
                out.put_u8(CERTIFICATE);
                out.put_slice(bytes);
            }
            LinkMessage::Header(bytes) => {
                out.put_u8(HEADER);
                out.put_slice(bytes);
            }
            LinkMessage::Part { at, part, bytes } => {
                out.put_u8(PART);
                put_position(&mut out, *at);
                out.put_u8(*part);
                out.put_slice(bytes);
            }
            LinkMessage::Subscribe { after } => {
                out.put_u8(SUBSCRIBE);
                put_optional(&mut out, *after);
            }
            LinkMessage::Unsubscribe => out.put_u8(UNSUBSCRIBE),
            LinkMessage::Heartbeat { newest } => {
                out.put_u8(HEARTBEAT);
                put_optional(&mut out, *newest);
            }
            LinkMessage::Request { at, parts } => {
                out.put_u8(REQUEST);
                put_position(&mut out, *at);
                out.put_u64(*parts);
            }
            LinkMessage::Ping(token) => {
                out.put_u8(PING);
                out.put_u32(*token);
            }
            LinkMessage::Pong(token) => {
                out.put_u8(PONG);
                out.put_u32(*token);
            }
        }
        out.freeze()
    }

    /// Reads one message that fills `bytes`, without copying what it carries.
    ///
    /// # Errors
    /// Anything that the table above does not allow.
    pub fn decode(mut bytes: Bytes) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_LINK_MESSAGE {
            return Err(DecodeError::TooLong(bytes.len()));
        }
        let kind = bytes.try_get_u8().map_err(|_| DecodeError::Truncated)?;
        let message = match kind {
            CERTIFICATE => LinkMessage::Certificate(core::mem::take(&mut bytes)),
            HEADER => LinkMessage::Header(core::mem::take(&mut bytes)),
            PART => {
                let at = get_position(&mut bytes)?;
                let part = bytes.try_get_u8().map_err(|_| DecodeError::Truncated)?;
                let bytes = core::mem::take(&mut bytes);
                LinkMessage::Part { at, part, bytes }
            }
            SUBSCRIBE => LinkMessage::Subscribe {
                after: get_optional(&mut bytes)?,
            },
            UNSUBSCRIBE => LinkMessage::Unsubscribe,
            HEARTBEAT => LinkMessage::Heartbeat {
                newest: get_optional(&mut bytes)?,
            },
            REQUEST => LinkMessage::Request {
                at: get_position(&mut bytes)?,
                parts: bytes.try_get_u64().map_err(|_| DecodeError::Truncated)?,
            },
            PING => LinkMessage::Ping(bytes.try_get_u32().map_err(|_| DecodeError::Truncated)?),
            PONG => LinkMessage::Pong(bytes.try_get_u32().map_err(|_| DecodeError::Truncated)?),
            kind => return Err(DecodeError::UnknownKind(kind)),
        };
        if bytes.is_empty() {
            Ok(message)
        } else {
            Err(DecodeError::Trailing)
        }
    }

    fn capacity(&self) -> usize {
        match self {
            LinkMessage::Certificate(bytes) | LinkMessage::Header(bytes) => 1 + bytes.len(),
            LinkMessage::Part { bytes, .. } => 8 + bytes.len(),
            _ => 15,
        }
    }
}

fn put_position(out: &mut BytesMut, at: Position) {
    out.put_u32(at.segment);
    out.put_u16(at.index);
}

fn put_optional(out: &mut BytesMut, at: Option<Position>) {
    out.put_u8(at.is_some().into());
    if let Some(at) = at {
        put_position(out, at);
    }
}

fn get_position(bytes: &mut Bytes) -> Result<Position, DecodeError> {
    let segment = bytes.try_get_u32().map_err(|_| DecodeError::Truncated)?;
    let index = bytes.try_get_u16().map_err(|_| DecodeError::Truncated)?;
    Ok(Position { segment, index })
}

fn get_optional(bytes: &mut Bytes) -> Result<Option<Position>, DecodeError> {
    match bytes.try_get_u8().map_err(|_| DecodeError::Truncated)? {
        0 => Ok(None),
        1 => get_position(bytes).map(Some),
        _ => Err(DecodeError::Malformed),
    }
}

const CERTIFICATE: u8 = 0x01;
const HEADER: u8 = 0x02;
const PART: u8 = 0x03;
const SUBSCRIBE: u8 = 0x10;
const UNSUBSCRIBE: u8 = 0x11;
const HEARTBEAT: u8 = 0x12;
const REQUEST: u8 = 0x13;
const PING: u8 = 0x14;
const PONG: u8 = 0x15;
