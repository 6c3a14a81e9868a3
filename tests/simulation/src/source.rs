//! A stream: fragments of noise, signed as the box signs them.

use core::time::Duration;
use std::collections::BTreeMap;

use bytes::Bytes;
use peerstream_fragment::{
    Flags, Fragment, IdentityKey, Init, InitTrack, Kind, Meta, Position, Signer, SigningKey,
    StreamId, TrackKind, Validity,
};

use crate::profile::Profile;

pub(crate) struct Source {
    signer: Signer,
    fragment: Duration,
    fragment_bytes: usize,
    segment: u16,
    next: Position,
    first: u32,
    /// Every fragment so far, so that what pages play can be compared with it.
    sealed: BTreeMap<Position, Fragment>,
}

impl Source {
    pub(crate) fn new(profile: &Profile) -> Source {
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
            fragment: profile.fragment,
            fragment_bytes: profile.fragment_bytes,
            segment: profile.segment.max(1),
            next: Position {
                segment: first,
                index: 0,
            },
            first,
            sealed: BTreeMap::new(),
        };
        source.seal_init();
        source
    }

    pub(crate) fn stream(&self) -> StreamId {
        self.signer.stream()
    }

    pub(crate) fn certificate(&self) -> &Bytes {
        self.signer.certificate()
    }

    pub(crate) fn init(&self) -> &Fragment {
        &self.sealed[&Position {
            segment: self.first,
            index: 0,
        }]
    }

    /// The fragment whose last frame is captured now.
    pub(crate) fn capture(&mut self, now: Duration) -> Fragment {
        let at = self.next;
        let key = at.index == 0 || (at.segment == self.first && at.index == 1);
        let length = if key {
            4 * self.fragment_bytes
        } else {
            self.fragment_bytes
        };
        let captured = micros(now.saturating_sub(self.fragment));
        let fragment = self.seal(at, Kind::Media, key, captured, noise(at, length));
        self.next = if at.index + 1 == self.segment {
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
        fragment
    }

    /// The newest segment's fragments, after `after` if that is not too long ago.
    pub(crate) fn backlog(&self, after: Option<Position>) -> impl Iterator<Item = &Fragment> {
        let newest = self
            .sealed
            .keys()
            .next_back()
            .map_or(self.first, |at| at.segment);
        let start = Position {
            segment: newest,
            index: 0,
        };
        let start = match after {
            Some(after) if after.segment + 1 >= newest => Position {
                index: after.index.saturating_add(1),
                ..after
            },
            _ => start,
        };
        self.sealed.range(start..).map(|(_, fragment)| fragment)
    }

    pub(crate) fn newest(&self) -> Option<Position> {
        self.sealed.keys().next_back().copied()
    }

    pub(crate) fn sealed(&self, at: Position) -> Option<&Fragment> {
        self.sealed.get(&at)
    }

    /// The box's capture clock, in microseconds.
    pub(crate) fn clock(now: Duration) -> u64 {
        micros(now)
    }

    fn seal_init(&mut self) {
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
        self.seal(at, Kind::Init, false, EPOCH, Init { tracks }.encode());
    }

    fn seal(&mut self, at: Position, kind: Kind, key: bool, time: u64, payload: Bytes) -> Fragment {
        let meta = Meta {
            kind,
            rendition: 0,
            at,
            flags: Flags::NONE.with_if(Flags::KEY, key),
            init: self.first,
            media_time: time - EPOCH,
            duration: u32::try_from(self.fragment.as_micros()).unwrap_or(u32::MAX),
            capture_time: time,
            video_len: u32::try_from(payload.len()).unwrap_or(0) * 9 / 10,
        };
        let fragment = self.signer.seal(meta, payload).expect("short enough");
        self.sealed.insert(at, fragment.clone());
        fragment
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

fn micros(now: Duration) -> u64 {
    EPOCH + u64::try_from(now.as_micros()).unwrap_or(0)
}

/// The box's capture clock at the start of the run: somewhere in 2026.
const EPOCH: u64 = 1_790_000_000_000_000;
