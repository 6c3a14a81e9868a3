//! Reads what a publisher sends: chunks into messages.
//!
//! The libraries' own readers were tried first. scuffle-rtmp 0.2.3 takes a chunk without a
//! header of its own for one with the same time as the one before; ffmpeg leaves the header
//! out whenever size and interval repeat, and ten seconds of silence arrived as four and a
//! half. rml_rtmp 0.8.0 keeps one half-read message for all chunk streams together, so that
//! a publisher that interleaves sound with a large picture breaks it. So this part is ours;
//! the handshake and what the box itself says are rml_rtmp's.

use std::collections::HashMap;

use bytes::{Buf, Bytes, BytesMut};

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// What kind of message it is (RTMP 1.0, sections 5.4, 6 and 7.1).
    pub(super) kind: u8,
    /// The stream within the connection that it belongs to.
    pub(super) stream: u32,
    /// In milliseconds; wraps.
    pub(super) timestamp: u32,
    pub(super) body: Bytes,
}

/// What is no RTMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChunkError {
    #[error("a chunk refers to one that never came")]
    NoHeader,
    #[error("a message of {0} bytes is too long")]
    TooLong(usize),
    #[error("too many chunk streams")]
    TooManyStreams,
    #[error("a chunk size of {0} makes no sense")]
    ChunkSize(u32),
}

/// Sans-IO: bytes go in as they come, messages come out as they are complete.
#[derive(Debug)]
pub(super) struct Chunks {
    buffer: BytesMut,
    chunk_size: usize,
    longest: usize,
    /// By chunk stream: what its next chunk may leave out.
    headers: HashMap<u32, Header>,
    /// By chunk stream: what has come of a message that is not complete.
    partial: HashMap<u32, BytesMut>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Header {
    timestamp: u32,
    /// The last time field: what a message without one adds to the time.
    interval: u32,
    /// Whether that field needed four bytes more.
    extended: bool,
    length: usize,
    kind: u8,
    stream: u32,
}

impl Chunks {
    /// A reader that accepts messages up to this length.
    pub(super) fn new(longest: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            chunk_size: INITIAL_CHUNK_SIZE,
            longest,
            headers: HashMap::new(),
            partial: HashMap::new(),
        }
    }

    /// Accepts messages up to another length from here on.
    pub(super) fn allow(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Takes bytes as they come.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if it is complete.
    pub(super) fn next(&mut self) -> Result<Option<Message>, ChunkError> {
        while let Some((chunk_stream, header, rest)) = self.header()? {
            let begun = self.partial.get(&chunk_stream).map_or(0, BytesMut::len);
            let wanted = (header.length - begun).min(self.chunk_size);
            if rest < wanted {
                // The header will be read again, with the rest of its chunk.
                return Ok(None);
            }
            self.buffer.advance(self.buffer.len() - rest);
            let piece = self.buffer.split_to(wanted);
            self.headers.insert(chunk_stream, header);
            if let Some(message) = self.add(chunk_stream, header, begun, piece)? {
                match message.kind {
                    SET_CHUNK_SIZE => self.set_chunk_size(&message)?,
                    ABORT => self.abort(&message),
                    _ => return Ok(Some(message)),
                }
            }
        }
        Ok(None)
    }

    /// Reads the header at the front (RTMP 1.0, section 5.3.1), if it is all there: its
    /// chunk stream, what it says, and how many bytes there are behind it.
    fn header(&mut self) -> Result<Option<(u32, Header, usize)>, ChunkError> {
        let mut rest = &self.buffer[..];
        let Some((format, chunk_stream)) = basic_header(&mut rest) else {
            return Ok(None);
        };
        let known = self.headers.get(&chunk_stream).copied();
        if known.is_none() && format != 0 {
            return Err(ChunkError::NoHeader);
        }
        if known.is_none() && self.headers.len() >= MAX_STREAMS {
            return Err(ChunkError::TooManyStreams);
        }
        if rest.remaining() < [11, 7, 3, 0][usize::from(format)] {
            return Ok(None);
        }
        let mut header = known.unwrap_or_default();
        let mut time = header.interval;
        if format <= 2 {
            time = get_u24(&mut rest);
            header.extended = time == EXTENDED;
        }
        if format <= 1 {
            header.length = get_u24(&mut rest) as usize;
            header.kind = rest.get_u8();
        }
        if format == 0 {
            header.stream = rest.get_u32_le();
        }
        if header.length > self.longest {
            return Err(ChunkError::TooLong(header.length));
        }
        if header.extended {
            let Ok(extended) = rest.try_get_u32() else {
                return Ok(None);
            };
            time = extended;
        }
        let goes_on = format == 3 && self.partial.contains_key(&chunk_stream);
        if !goes_on {
            header.interval = time;
            header.timestamp = match format {
                0 => time,
                _ => header.timestamp.wrapping_add(time),
            };
        }
        let rest = rest.len();
        if !goes_on {
            // A new message in the midst of another gives up what had come of that one.
            self.partial.remove(&chunk_stream);
        }
        Ok(Some((chunk_stream, header, rest)))
    }

    /// Adds a piece to its message, and returns that if it is complete.
    fn add(
        &mut self,
        chunk_stream: u32,
        header: Header,
        begun: usize,
        piece: BytesMut,
    ) -> Result<Option<Message>, ChunkError> {
        let body = match begun + piece.len() == header.length {
            true if begun == 0 => piece,
            complete => {
                let partial = self.partial.entry(chunk_stream).or_default();
                partial.unsplit(piece);
                if !complete {
                    let held: usize = self.partial.values().map(BytesMut::len).sum();
                    // An honest publisher interleaves sound with one picture.
                    return if held <= 2 * self.longest {
                        Ok(None)
                    } else {
                        Err(ChunkError::TooLong(held))
                    };
                }
                self.partial.remove(&chunk_stream).unwrap_or_default()
            }
        };
        Ok(Some(Message {
            kind: header.kind,
            stream: header.stream,
            timestamp: header.timestamp,
            body: body.freeze(),
        }))
    }

    fn set_chunk_size(&mut self, message: &Message) -> Result<(), ChunkError> {
        let size = (&message.body[..]).try_get_u32().unwrap_or(0);
        // The top bit is always 0. More than a message has makes no difference.
        if size == 0 || size > 0x7FFF_FFFF {
            return Err(ChunkError::ChunkSize(size));
        }
        self.chunk_size = size as usize;
        Ok(())
    }

    fn abort(&mut self, message: &Message) {
        if let Ok(chunk_stream) = (&message.body[..]).try_get_u32() {
            self.partial.remove(&chunk_stream);
        }
    }
}

/// A chunk's format and stream (section 5.3.1.1), if they are there.
fn basic_header(rest: &mut &[u8]) -> Option<(u8, u32)> {
    let first = rest.try_get_u8().ok()?;
    let chunk_stream = match first & 0x3F {
        0 => 64 + u32::from(rest.try_get_u8().ok()?),
        1 => 64 + u32::from(rest.try_get_u16_le().ok()?),
        chunk_stream => chunk_stream.into(),
    };
    Some((first >> 6, chunk_stream))
}

/// Three bytes, which are there.
fn get_u24(rest: &mut &[u8]) -> u32 {
    u32::try_from(rest.get_uint(3)).unwrap_or(0)
}

const INITIAL_CHUNK_SIZE: usize = 128;
/// A time field that does not hold the time, but says that four more bytes do.
const EXTENDED: u32 = 0xFF_FFFF;
const SET_CHUNK_SIZE: u8 = 1;
const ABORT: u8 = 2;
/// A publisher uses about five.
const MAX_STREAMS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything that comes of these bytes, given in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<Message>, ChunkError> {
        let mut chunks = Chunks::new(1 << 20);
        let mut messages = Vec::new();
        for piece in bytes.chunks(piece.max(1)) {
            chunks.push(piece);
            while let Some(message) = chunks.next()? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    /// A chunk with a full header (format 0).
    fn full(chunk_stream: u8, time: u32, length: usize, kind: u8, piece: &[u8]) -> Vec<u8> {
        let short = time.min(EXTENDED);
        let mut out = vec![chunk_stream];
        out.extend(&short.to_be_bytes()[1..]);
        out.extend(&u32::try_from(length).expect("a small length").to_be_bytes()[1..]);
        out.push(kind);
        out.extend(1u32.to_le_bytes());
        if short == EXTENDED {
            out.extend(time.to_be_bytes());
        }
        out.extend(piece);
        out
    }

    fn times(messages: &[Message]) -> Vec<u32> {
        messages.iter().map(|message| message.timestamp).collect()
    }

    #[test]
    fn a_message_without_a_header_of_its_own_is_as_late_as_the_one_before_was() {
        let mut bytes = full(4, 100, 2, 8, b"ab");
        bytes.extend([0x44, 0, 0, 23, 0, 0, 2, 8, b'c', b'd']); // format 1
        bytes.extend([0xC4, b'e', b'f', 0xC4, b'g', b'h']); // format 3, twice
        bytes.extend([0x84, 0, 0, 24, b'i', b'j']); // format 2
        let messages = read(&bytes, usize::MAX).unwrap();
        assert_eq!(times(&messages), [100, 123, 146, 169, 193]);
    }

    #[test]
    fn sound_may_come_in_the_midst_of_a_picture() {
        let picture = [7; 300];
        let mut bytes = full(6, 40, 300, 9, &picture[..128]);
        bytes.extend(full(4, 41, 3, 8, b"aac"));
        bytes.push(0xC6);
        bytes.extend(&picture[128..256]);
        bytes.push(0xC6);
        bytes.extend(&picture[256..]);
        let messages = read(&bytes, 50).unwrap();
        assert_eq!(times(&messages), [41, 40]);
        assert_eq!(messages[1].body, &picture[..]);
    }

    #[test]
    fn times_beyond_four_hours_take_four_bytes_more() {
        let mut bytes = full(4, 20_000_000, 200, 9, &[1; 128]);
        // The rest of the message repeats them, without effect.
        bytes.push(0xC4);
        bytes.extend(20_000_000u32.to_be_bytes());
        bytes.extend([1; 72]);
        bytes.extend([0x84, 0, 0, 40]);
        bytes.extend([2; 128]);
        bytes.push(0xC4);
        bytes.extend([2; 72]);
        let messages = read(&bytes, 10).unwrap();
        assert_eq!(times(&messages), [20_000_000, 20_000_040]);
    }

    #[test]
    fn chunks_may_be_as_large_as_was_said() {
        let mut bytes = full(2, 0, 4, SET_CHUNK_SIZE, &1000u32.to_be_bytes());
        bytes.extend(full(6, 1, 900, 9, &[5; 900]));
        assert_eq!(read(&bytes, 100).unwrap()[0].body.len(), 900);
    }

    #[test]
    fn an_aborted_message_never_comes() {
        let mut bytes = full(6, 1, 200, 9, &[5; 128]);
        bytes.extend(full(2, 0, 4, ABORT, &6u32.to_be_bytes()));
        bytes.extend(full(6, 2, 1, 9, &[6]));
        assert_eq!(times(&read(&bytes, 7).unwrap()), [2]);
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_kept() {
        let mut chunks = Chunks::new(1000);
        chunks.push(&full(6, 0, 1001, 9, &[]));
        assert_eq!(chunks.next(), Err(ChunkError::TooLong(1001)));
    }

    #[test]
    fn many_half_messages_are_refused() {
        let mut chunks = Chunks::new(1000);
        let mut refused = None;
        for chunk_stream in 3..60 {
            chunks.push(&full(chunk_stream, 0, 1000, 9, &[0; 128]));
            refused = refused.or(chunks.next().err());
        }
        assert_eq!(refused, Some(ChunkError::TooLong(16 * 128)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hold_more_than_it_may(
            bytes in prop::collection::vec(any::<u8>(), 0..4000),
            piece in 1usize..500,
        ) {
            let mut chunks = Chunks::new(2048);
            for piece in bytes.chunks(piece) {
                chunks.push(piece);
                while let Ok(Some(message)) = chunks.next() {
                    prop_assert!(message.body.len() <= 2048);
                }
                let held: usize = chunks.partial.values().map(BytesMut::len).sum();
                prop_assert!(held <= 2 * 2048 + 2048);
            }
        }

        #[test]
        fn how_the_bytes_are_cut_makes_no_difference(
            sizes in prop::collection::vec((3u8..8, 0usize..600, any::<u32>()), 1..20),
            piece in 1usize..700,
        ) {
            let mut bytes = Vec::new();
            for (chunk_stream, size, time) in sizes {
                let body = vec![chunk_stream; size];
                let mut pieces = body.chunks(INITIAL_CHUNK_SIZE);
                bytes.extend(full(chunk_stream, time, size, 9, pieces.next().unwrap_or(&[])));
                for piece in pieces {
                    bytes.push(0xC0 | chunk_stream);
                    if time >= EXTENDED {
                        bytes.extend(time.to_be_bytes());
                    }
                    bytes.extend(piece);
                }
            }
            prop_assert_eq!(read(&bytes, piece), read(&bytes, usize::MAX));
        }
    }
}
