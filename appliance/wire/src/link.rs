//! What travels on a link, in both directions. Integers are big-endian.
//!
//! ```text
//! kind  name         body
//! 0x01  Certificate  a signing key's certificate, as `peerstream_fragment` encodes it
//! 0x02  Header       a signed header, as `peerstream_fragment` encodes it
//! 0x03  Part         segment u32, index u16, part u8, the part's bytes
//! 0x10  Subscribe    0, or 1 then segment u32, index u16
//! 0x11  Unsubscribe  nothing
//! 0x12  Heartbeat    patience u16, then 0, or 1 then segment u32, index u16
//! 0x13  Request      segment u32, index u16, parts u64 (a bit per part, bit 0 the first;
//!                    0 asks for the header too)
//! 0x14  Ping         an opaque u32
//! 0x15  Pong         the same u32, a time u32
//! 0x16  Relay        the node to pass it on to u32, a signal as in `ToBox`
//! 0x17  Relayed      the node that it comes from u32, a signal as in `ToNode`
//! 0x18  Goodbye      nothing
//! 0x19  Share        0 whole, 1 even, 2 odd
//! 0x1a  Padding      anything
//! 0x1b  Strand       its number u8, a signal as in `ToBox`
//! 0x1c  Decline      nothing
//! 0x1d  Letter       as in `ToNode::Change`, sealed
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};
use peerstream_fragment::Position;

use crate::{DecodeError, MAX_LINK_MESSAGE, MAX_TO_BOX, NodeId, Signal};

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
    /// To one that has subscribed, or asked for something: not from me, or not any more. It is
    /// no `Unsubscribe`: each end of a link may feed the other.
    Decline,
    /// Every fragment interval, on every link: I am alive, and this is the newest
    /// fragment that I hold whole.
    Heartbeat {
        /// L of the sender, in milliseconds. Whoever waits for its parent waits by the
        /// longer L of the two, so that a parent that is itself about to turn to its
        /// partner is given the time to.
        patience_ms: u16,
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
    Pong {
        /// The ping's number.
        token: u32,
        /// When it came, in microseconds of the clock at this end, which begins anywhere and
        /// wraps: between two of them nothing counts that held the answers up. The box has
        /// nothing to measure with, and says 0.
        at: u32,
    },
    /// To a node that both ends of the signal are linked with: pass this on.
    Relay {
        /// Whom to pass it on to.
        to: NodeId,
        /// What.
        signal: Box<Signal>,
    },
    /// From such a node: passed on.
    Relayed {
        /// Who sent it.
        from: NodeId,
        /// What.
        signal: Box<Signal>,
    },
    /// The page is going away: expect nothing more, and do not wait.
    Goodbye,
    /// Child to feeder: so much of the stream is enough, until the next such message. A new
    /// subscription is for the whole of it.
    Share(Share),
    /// To be thrown away: a newcomer finds out what its uplink carries.
    Padding(Bytes),
    /// For another connection between the two ends of this link. Each has a congestion window
    /// of its own, and several let through together what loss or a long way keeps from one.
    Strand {
        /// Which; an end that begins one takes a number that the link has not had.
        strand: u8,
        /// What the ends have to tell each other.
        signal: Box<Signal>,
    },
    /// From the box, by way of this link: see [`crate::Letter::sealed`].
    Letter(Bytes),
}

/// Which parts of media fragments a child wants from one feeder. Two halves over two links
/// have two congestion windows; certificates, init data and headers come with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Share {
    /// All of them.
    #[default]
    Whole,
    /// Those for which the fragment's index plus the part's number is even.
    Even,
    /// The others.
    Odd,
}

impl Share {
    /// Whether a part belongs to it.
    #[must_use]
    pub fn has(self, at: Position, part: u16) -> bool {
        let odd = (at.index ^ part) & 1 == 1;
        match self {
            Share::Whole => true,
            Share::Even => !odd,
            Share::Odd => odd,
        }
    }
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
            LinkMessage::Decline => out.put_u8(DECLINE),
            LinkMessage::Heartbeat {
                patience_ms,
                newest,
            } => {
                out.put_u8(HEARTBEAT);
                out.put_u16(*patience_ms);
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
            LinkMessage::Pong { token, at } => {
                out.put_u8(PONG);
                out.put_u32(*token);
                out.put_u32(*at);
            }
            LinkMessage::Relay { to, signal } => {
                out.put_u8(RELAY);
                out.put_u32(to.0);
                out.put_slice(&signal.encode());
            }
            LinkMessage::Relayed { from, signal } => {
                out.put_u8(RELAYED);
                out.put_u32(from.0);
                out.put_slice(&signal.encode());
            }
            LinkMessage::Goodbye => out.put_u8(GOODBYE),
            LinkMessage::Padding(bytes) => {
                out.put_u8(PADDING);
                out.put_slice(bytes);
            }
            LinkMessage::Strand { strand, signal } => {
                out.put_u8(STRAND);
                out.put_u8(*strand);
                out.put_slice(&signal.encode());
            }
            LinkMessage::Letter(sealed) => {
                out.put_u8(LETTER);
                out.put_slice(sealed);
            }
            LinkMessage::Share(share) => {
                out.put_u8(SHARE);
                out.put_u8(*share as u8);
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
            DECLINE => LinkMessage::Decline,
            HEARTBEAT => LinkMessage::Heartbeat {
                patience_ms: bytes.try_get_u16().map_err(|_| DecodeError::Truncated)?,
                newest: get_optional(&mut bytes)?,
            },
            REQUEST => LinkMessage::Request {
                at: get_position(&mut bytes)?,
                parts: bytes.try_get_u64().map_err(|_| DecodeError::Truncated)?,
            },
            PING => LinkMessage::Ping(bytes.try_get_u32().map_err(|_| DecodeError::Truncated)?),
            PONG => LinkMessage::Pong {
                token: bytes.try_get_u32().map_err(|_| DecodeError::Truncated)?,
                at: bytes.try_get_u32().map_err(|_| DecodeError::Truncated)?,
            },
            RELAY => LinkMessage::Relay {
                to: get_node(&mut bytes)?,
                signal: get_signal(&mut bytes)?,
            },
            RELAYED => LinkMessage::Relayed {
                from: get_node(&mut bytes)?,
                signal: get_signal(&mut bytes)?,
            },
            GOODBYE => LinkMessage::Goodbye,
            PADDING => LinkMessage::Padding(core::mem::take(&mut bytes)),
            STRAND => LinkMessage::Strand {
                strand: bytes.try_get_u8().map_err(|_| DecodeError::Truncated)?,
                signal: get_signal(&mut bytes)?,
            },
            LETTER => LinkMessage::Letter(core::mem::take(&mut bytes)),
            SHARE => LinkMessage::Share(
                match bytes.try_get_u8().map_err(|_| DecodeError::Truncated)? {
                    0 => Share::Whole,
                    1 => Share::Even,
                    2 => Share::Odd,
                    _ => return Err(DecodeError::Malformed),
                },
            ),
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
            LinkMessage::Part { bytes, .. }
            | LinkMessage::Padding(bytes)
            | LinkMessage::Letter(bytes) => 8 + bytes.len(),
            LinkMessage::Relay { .. }
            | LinkMessage::Relayed { .. }
            | LinkMessage::Strand { .. } => 256,
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

fn get_node(bytes: &mut Bytes) -> Result<NodeId, DecodeError> {
    let id = bytes.try_get_u32().map_err(|_| DecodeError::Truncated)?;
    Ok(NodeId(id))
}

fn get_signal(bytes: &mut Bytes) -> Result<Box<Signal>, DecodeError> {
    let bytes = core::mem::take(bytes);
    if bytes.len() > MAX_TO_BOX {
        return Err(DecodeError::TooLong(bytes.len()));
    }
    let signal = Signal::decode(&bytes)?;
    // A number can be written with more bytes than it needs, and a message has one form.
    if signal.encode() != bytes {
        return Err(DecodeError::Malformed);
    }
    Ok(Box::new(signal))
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
const RELAY: u8 = 0x16;
const RELAYED: u8 = 0x17;
const GOODBYE: u8 = 0x18;
const SHARE: u8 = 0x19;
const PADDING: u8 = 0x1a;
const STRAND: u8 = 0x1b;
const DECLINE: u8 = 0x1c;
const LETTER: u8 = 0x1d;
