use core::time::Duration;
use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use peerstream_fragment::{Flags, Init, Kind, Meta, Position, Signer, TrackKind};

use crate::Output;
use crate::boxes::{self, Sample};
use crate::timeline::micros;

/// Numbers fragments, and signs them.
#[derive(Debug)]
pub(crate) struct Sealer {
    signer: Signer,
    /// Takes over with the next segment.
    next: Option<Signer>,
    rendition: u8,
    /// Where the next fragment stands.
    at: Position,
    /// The init data that applies, and the segment that it begins.
    init: u32,
    init_data: Option<(Meta, Bytes)>,
    /// The first segment, and when that was.
    first: (u32, Duration),
    /// Tells chunks apart.
    sequence: u32,
    outputs: VecDeque<Output>,
}

/// What is to become a fragment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut<'a> {
    pub(crate) flags: Flags,
    pub(crate) media_time: u64,
    pub(crate) duration: u32,
    pub(crate) captured: Duration,
    pub(crate) video: &'a [Sample],
    pub(crate) audio: &'a [Sample],
}

impl Sealer {
    pub(crate) fn new(signer: Signer, rendition: u8, first: u32, now: Duration) -> Self {
        let certificate = Output::Certificate(signer.certificate().clone());
        Self {
            signer,
            next: None,
            rendition,
            at: Position {
                segment: first,
                index: 0,
            },
            init: first,
            init_data: None,
            first: (first, now),
            sequence: 0,
            outputs: VecDeque::from([certificate]),
        }
    }

    /// Whatever is sealed from the next segment on is by this signer. Whoever joins by then
    /// accepts nothing by the one before, so a segment must not have two.
    pub(crate) fn rotate(&mut self, signer: Signer) {
        self.next = Some(signer);
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Whether a key frame may begin a segment by now. Segments are counted from the clock
    /// at the start, so they must not be counted up faster than it: the next start of the
    /// daemon would repeat them. A source of nothing but key frames would do that.
    pub(crate) fn may_begin(&self, now: Duration) -> bool {
        let (first, start) = self.first;
        let elapsed = now.saturating_sub(start).as_secs();
        u64::from(self.at.segment.wrapping_sub(first)) <= elapsed + 1
    }

    /// Begins a segment, unless the one at hand is still empty.
    pub(crate) fn begin(&mut self) {
        self.advance();
        if self.take_over()
            && let Some((meta, payload)) = self.init_data.take()
        {
            // The same init data once more, by the new signer.
            self.push_init(meta, payload);
        }
    }

    fn advance(&mut self) {
        if self.at.index > 0 {
            self.at = Position {
                segment: self.at.segment.wrapping_add(1),
                index: 0,
            };
        }
    }

    /// Puts the next signer in its place. Says whether there is one.
    fn take_over(&mut self) -> bool {
        let Some(signer) = self.next.take() else {
            return false;
        };
        let certificate = signer.certificate().clone();
        self.outputs.push_back(Output::Certificate(certificate));
        self.signer = signer;
        true
    }

    /// Seals init data, at the beginning of a segment.
    pub(crate) fn init(&mut self, now: Duration, media_time: u64, standby: bool, init: &Init) {
        self.advance();
        self.take_over();
        let meta = Meta {
            kind: Kind::Init,
            rendition: self.rendition,
            at: self.at,
            flags: Flags::NONE.with_if(Flags::STANDBY, standby),
            init: self.init,
            media_time,
            duration: 0,
            capture_time: micros(now),
            video_len: 0,
        };
        self.push_init(meta, init.encode());
    }

    /// Seals init data where the segment begins.
    fn push_init(&mut self, meta: Meta, payload: Bytes) {
        self.init = self.at.segment;
        let meta = Meta {
            at: self.at,
            init: self.init,
            ..meta
        };
        self.init_data = Some((meta, payload.clone()));
        self.push(meta, payload);
    }

    /// Seals media.
    pub(crate) fn media(&mut self, cut: Cut<'_>) {
        let mut payload = BytesMut::new();
        let mut chunk = |kind, samples| {
            self.sequence = self.sequence.wrapping_add(1);
            boxes::append(&mut payload, kind, self.sequence, samples).map(|()| payload.len())
        };
        let video_len = chunk(TrackKind::Video, cut.video);
        let all_len = chunk(TrackKind::Audio, cut.audio);
        // Neither fails: boxes hold whatever a sample's fields can hold.
        let (Ok(video_len), Ok(_)) = (video_len, all_len) else {
            return;
        };
        let meta = Meta {
            kind: Kind::Media,
            rendition: self.rendition,
            at: self.at,
            flags: cut.flags,
            init: self.init,
            media_time: cut.media_time,
            duration: cut.duration,
            capture_time: micros(cut.captured),
            video_len: u32::try_from(video_len).unwrap_or(u32::MAX),
        };
        self.push(meta, payload.freeze());
    }

    /// Seals the end of the stream: a fragment of nothing.
    pub(crate) fn last(&mut self, now: Duration, media_time: u64, standby: bool) {
        self.media(Cut {
            flags: Flags::END.with_if(Flags::STANDBY, standby),
            media_time,
            duration: 0,
            captured: now,
            video: &[],
            audio: &[],
        });
    }

    fn push(&mut self, meta: Meta, payload: Bytes) {
        // A run never cuts more than fits; if it did, the fragment would be missing and
        // its number not.
        if let Ok(fragment) = self.signer.seal(meta, payload) {
            self.outputs.push_back(Output::Fragment(fragment));
        }
        self.at = match self.at.index.checked_add(1) {
            Some(index) => Position { index, ..self.at },
            // 65,536 fragments without a key frame: an hour and more.
            None => Position {
                segment: self.at.segment.wrapping_add(1),
                index: 0,
            },
        };
    }
}
