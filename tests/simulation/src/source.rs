//! A stream: fragments of noise, signed as the box signs them.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use peerstream_fragment::{
    Flags, Fragment, IdentityKey, Init, InitTrack, Kind, Meta, Position, Signer, SigningKey,
    StreamId, TrackKind, Validity, memo,
};
use peerstream_wire::{Envelope, LinkMessage};

use crate::world::Stream;

pub(crate) struct Source {
    signer: Signer,
    stream: Stream,
    next: Position,
    /// The segment with the init data that applies.
    init: u32,
    /// The oldest segment that is kept.
    first: u32,
    /// What was sealed, so that what pages play can be compared with it.
    segments: VecDeque<Vec<Sealed>>,
    /// Of all signed fragments, each once.
    pub(crate) bytes: u64,
}

/// A fragment, and the one copy of it that everybody hands around.
pub(crate) struct Sealed {
    pub(crate) fragment: Fragment,
    /// Header and parts as the box sends them, in envelopes.
    pub(crate) messages: Vec<Bytes>,
}

impl Source {
    pub(crate) fn new(stream: Stream) -> Source {
        let identity = IdentityKey::from_seed([1; 32]);
        let key = SigningKey::from_seed([2; 32]);
        let validity = Validity {
            not_before: 0,
            not_after: u64::MAX,
        };
        let certificate = identity.certify(1, validity, key.public());
        let signer = Signer::new(identity.stream(), certificate, key).expect("certified just now");
        let first = 1_000;
        let mut source = Source {
            signer,
            stream,
            next: Position {
                segment: first,
                index: 0,
            },
            init: first,
            first,
            segments: VecDeque::new(),
            bytes: 0,
        };
        source.seal_init(Duration::ZERO);
        source
    }

    pub(crate) fn stream(&self) -> StreamId {
        self.signer.stream()
    }

    pub(crate) fn certificate(&self) -> &Bytes {
        self.signer.certificate()
    }

    pub(crate) fn init(&self) -> Option<&Sealed> {
        self.sealed(Position {
            segment: self.init,
            index: 0,
        })
    }

    /// After a pause: another segment, with init data of its own.
    pub(crate) fn resume(&mut self, now: Duration) {
        self.next = Position {
            segment: self.next.segment + 1,
            index: 0,
        };
        self.init = self.next.segment;
        self.seal_init(now);
    }

    /// The fragment whose last frame is captured now.
    pub(crate) fn capture(&mut self, now: Duration) -> Option<&Sealed> {
        let at = self.next;
        let after_init = at.segment == self.init;
        let index = at.index - u16::from(after_init);
        let captured = now.saturating_sub(self.stream.frame);
        let payload = noise(at, self.stream.bytes(index));
        self.seal(at, Kind::Media, index == 0, captured, payload);
        self.next = if index + 1 == self.stream.segment.max(1) {
            Position {
                segment: at.segment + 1,
                index: 0,
            }
        } else {
            Position {
                index: at.index + 1,
                ..at
            }
        };
        self.sealed(at)
    }

    /// The newest segment's fragments, after `after` if that is not too long ago.
    pub(crate) fn backlog(&self, after: Option<Position>) -> impl Iterator<Item = &Sealed> {
        let newest = self.newest().map_or(self.first, |at| at.segment);
        let after = after.filter(|after| after.segment + 1 >= newest);
        let from = after.map_or(newest, |after| after.segment).max(self.first);
        let segments = self.segments.iter().skip((from - self.first) as usize);
        segments
            .flatten()
            .filter(move |sealed| after.is_none_or(|after| sealed.fragment.at() > after))
    }

    pub(crate) fn newest(&self) -> Option<Position> {
        let newest = self
            .segments
            .iter()
            .rev()
            .find_map(|segment| segment.last());
        newest.map(|sealed| sealed.fragment.at())
    }

    pub(crate) fn sealed(&self, at: Position) -> Option<&Sealed> {
        let segment = at.segment.checked_sub(self.first)?;
        self.segments
            .get(segment as usize)?
            .get(usize::from(at.index))
    }

    /// The one copy of a message that carries a header or part, if this is such a message.
    pub(crate) fn intern(&self, bytes: Bytes) -> Bytes {
        let sealed = match *bytes {
            [PART, s0, s1, s2, s3, i0, i1, part, ..] => {
                let at = Position {
                    segment: u32::from_be_bytes([s0, s1, s2, s3]),
                    index: u16::from_be_bytes([i0, i1]),
                };
                self.sealed(at)
                    .and_then(|sealed| sealed.messages.get(usize::from(part) + 1))
            }
            [HEADER, _, _, _, ref rest @ ..] => (|| {
                let (_serial, rest) = varint(rest)?;
                let (segment, rest) = varint(rest)?;
                let (index, _) = varint(rest)?;
                let index = u16::try_from(index).ok()?;
                self.sealed(Position { segment, index })?.messages.first()
            })(),
            _ => None,
        };
        match sealed.map(|message| message.slice(ENVELOPE..)) {
            Some(message) if message == bytes => message,
            _ => bytes,
        }
    }

    /// The box's capture clock, in microseconds.
    pub(crate) fn clock(now: Duration) -> u64 {
        EPOCH + u64::try_from(now.as_micros()).unwrap_or(0)
    }

    /// A moment of media time on the capture clock, as time of the run.
    pub(crate) fn captured(media_seconds: f64) -> Duration {
        Duration::from_secs_f64(media_seconds.max(0.0))
    }

    fn seal_init(&mut self, now: Duration) {
        let track = |kind, codec: &str| InitTrack {
            kind,
            codec: codec.into(),
            segment: Bytes::from_static(b"ftyp moov"),
        };
        let tracks = vec![
            track(TrackKind::Video, "avc1.42C01F"),
            track(TrackKind::Audio, "mp4a.40.2"),
        ];
        let at = self.next;
        self.next.index = 1;
        self.seal(at, Kind::Init, false, now, Init { tracks }.encode());
    }

    fn seal(&mut self, at: Position, kind: Kind, key: bool, captured: Duration, payload: Bytes) {
        let meta = Meta {
            kind,
            rendition: 0,
            at,
            flags: Flags::NONE.with_if(Flags::KEY, key),
            init: self.init,
            media_time: u64::try_from(captured.as_micros()).unwrap_or(0),
            duration: u32::try_from(self.stream.frame.as_micros()).unwrap_or(u32::MAX),
            capture_time: Source::clock(captured),
            video_len: u32::try_from(payload.len()).unwrap_or(0) * 9 / 10,
        };
        let fragment = self.signer.seal(meta, payload).expect("short enough");
        self.bytes += fragment.signed_len() as u64;
        let sealed = Sealed::new(self.signer.stream(), fragment);
        while self.segments.len() <= (at.segment - self.first) as usize {
            self.segments.push_back(Vec::new());
        }
        if let Some(segment) = self.segments.back_mut() {
            segment.push(sealed);
        }
        while self.segments.len() > KEPT {
            self.segments.pop_front();
            self.first += 1;
        }
    }
}

impl Sealed {
    fn new(stream: StreamId, fragment: Fragment) -> Sealed {
        let header = LinkMessage::Header(fragment.header.bytes.clone());
        let at = fragment.at();
        let parts = fragment
            .parts()
            .map(|(part, bytes)| LinkMessage::Part { at, part, bytes });
        let messages: Vec<Bytes> = core::iter::once(header)
            .chain(parts)
            .map(|message| Envelope::Link(message).encode())
            .collect();
        let mut bodies = messages.iter();
        let header = bodies.next().map(|bytes| bytes.slice(ENVELOPE + 1..));
        let parts: Vec<Bytes> = bodies.map(|bytes| bytes.slice(ENVELOPE + 8..)).collect();
        memo::remember(stream, &fragment, &header.unwrap_or_default(), &parts);
        Sealed { fragment, messages }
    }
}

fn noise(at: Position, length: usize) -> Bytes {
    let mut payload = vec![0; length];
    blake3::Hasher::new()
        .update(&at.segment.to_be_bytes())
        .update(&at.index.to_be_bytes())
        .finalize_xof()
        .fill(&mut payload);
    payload.into()
}

/// LEB128, as in signed headers.
fn varint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0;
    for (rank, byte) in bytes.iter().enumerate().take(5) {
        value |= u32::from(byte & 0x7f) << (7 * rank);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[rank + 1..]));
        }
    }
    None
}

/// An envelope is its kind and then the message.
const ENVELOPE: usize = 1;
/// [`peerstream_wire::LinkMessage`] has the table.
const HEADER: u8 = 0x02;
const PART: u8 = 0x03;
/// Segments that are kept: more than any node keeps, or shows late.
const KEPT: usize = 20;
/// The box's capture clock at the start of the run: somewhere in 2026.
const EPOCH: u64 = 1_790_000_000_000_000;
