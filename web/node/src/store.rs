use core::time::Duration;
use std::sync::Arc;

use peerstream_fragment::{Assembly, Fragment, Kind, Position, SignedHeader};
use peerstream_wire::LinkMessage;

use crate::{
    config::{KEEP, STORE_LIMIT},
    ordered::Map,
    serving::HEADER,
};

/// How many sets of init data are kept: the current one, and those that a joining child's
/// segment may still need.
const INITS: usize = 4;
/// Less media than this, in microseconds, says little about the stream's rate: key frames
/// come every other second.
const MEASURED: u64 = 1_500_000;

/// What a node holds of the stream: verified headers, the parts that came so far, whole
/// fragments; the current segment and some seconds before it.
#[derive(Default)]
pub(crate) struct Store {
    entries: Map<Position, Entry>,
    /// Init data by the segment that begins with it.
    inits: Map<u32, Entry>,
    /// Everything before this was let go.
    horizon: Option<Position>,
    newest: Option<Position>,
    bytes: usize,
}

/// A fragment, as far as it has come.
pub(crate) enum Entry {
    /// Parts of it are missing.
    Partial(Assembly),
    Whole(Fragment),
}

impl Entry {
    pub(crate) fn header(&self) -> &Arc<SignedHeader> {
        match self {
            Entry::Partial(assembly) => assembly.header(),
            Entry::Whole(fragment) => &fragment.header,
        }
    }

    /// The number of its last piece, the header being the one before the first part.
    pub(crate) fn pieces(&self) -> u16 {
        u16::try_from(self.header().header.parts.len()).unwrap_or(u16::MAX)
    }

    /// One piece as it is sent, if it is held.
    pub(crate) fn message(&self, piece: u16) -> Option<LinkMessage> {
        let header = self.header();
        let Some(part) = piece.checked_sub(HEADER + 1) else {
            return Some(LinkMessage::Header(header.bytes.clone()));
        };
        let part = u8::try_from(part).ok()?;
        let bytes = match self {
            Entry::Partial(assembly) => assembly.held(part),
            Entry::Whole(fragment) => fragment.part(part),
        }?;
        let at = header.at();
        Some(LinkMessage::Part { at, part, bytes })
    }

    /// Where its media ends, in microseconds on the stream's timeline.
    pub(crate) fn end(&self) -> u64 {
        let meta = &self.header().header.meta;
        meta.media_time.saturating_add(meta.duration.into())
    }
}

impl Store {
    pub(crate) fn get(&self, at: Position) -> Option<&Entry> {
        let init = || self.inits.get(&at.segment).filter(|_| at.index == 0);
        self.entries.get(&at).or_else(init)
    }

    pub(crate) fn get_mut(&mut self, at: Position) -> Option<&mut Entry> {
        self.entries.get_mut(&at)
    }

    /// Whether a fragment is older than what is kept. The init data of what is kept never is.
    pub(crate) fn is_past(&self, at: Position) -> bool {
        let newest = self.newest.and_then(|newest| self.entries.get(&newest));
        let init = newest.map(|entry| entry.header().header.meta.init);
        let needed = at.index == 0 && init == Some(at.segment) && self.init(at.segment).is_none();
        !needed && self.horizon.is_some_and(|horizon| at < horizon)
    }

    /// Whether a fragment ends this long before the newest begins, and there is a newer
    /// segment to begin with.
    pub(crate) fn is_behind(&self, at: Position, by: Duration) -> bool {
        let newest = self.newest.and_then(|newest| self.get(newest));
        let (Some(newest), Some(entry)) = (newest, self.get(at)) else {
            return false;
        };
        let age = newest
            .header()
            .header
            .meta
            .media_time
            .saturating_sub(entry.end());
        Duration::from_micros(age) > by
            && self.start().is_some_and(|start| start.segment > at.segment)
    }

    /// The stream's rate in bytes a second, over all that is held; none while that is little.
    /// What is missing in between counts as no time: where it did, a node with holes in what
    /// it has would think that it can pass on more.
    pub(crate) fn rate(&self) -> Option<u64> {
        let (mut bytes, mut span) = (0, 0);
        for entry in self.entries.values() {
            let header = entry.header();
            if header.header.meta.kind == Kind::Media {
                bytes += header.bytes.len() as u64 + u64::from(header.header.payload_len);
                span += u64::from(header.header.meta.duration);
            }
        }
        (span >= MEASURED).then(|| bytes * 1_000_000 / span)
    }

    /// The newest fragment held whole.
    pub(crate) fn newest(&self) -> Option<Position> {
        self.newest
    }

    /// The init data that begins with this segment.
    pub(crate) fn init(&self, segment: u32) -> Option<&Fragment> {
        match self.inits.get(&segment)? {
            Entry::Whole(fragment) => Some(fragment),
            Entry::Partial(_) => None,
        }
    }

    /// Everything held after a position, oldest first.
    pub(crate) fn after(
        &self,
        after: Option<Position>,
    ) -> impl Iterator<Item = (Position, &Entry)> {
        self.entries.after(after).map(|(at, entry)| (*at, entry))
    }

    /// The first picture of the newest segment that one can begin to play with.
    pub(crate) fn start(&self) -> Option<Position> {
        self.entries
            .iter()
            .rev()
            .find(|(_, entry)| matches!(entry, Entry::Whole(f) if f.header.header.meta.flags.key()))
            .map(|(at, _)| *at)
    }

    /// A verified header begins a fragment.
    pub(crate) fn begin(&mut self, header: SignedHeader) {
        let at = header.header.meta.at;
        self.bytes += header.header.payload_len as usize;
        self.entries
            .insert(at, Entry::Partial(Assembly::new(header)));
    }

    /// A fragment has all its parts.
    pub(crate) fn complete(&mut self, fragment: Fragment) {
        let meta = &fragment.header.header.meta;
        let at = meta.at;
        if meta.kind == Kind::Init {
            self.inits
                .insert(at.segment, Entry::Whole(fragment.clone()));
            while self.inits.len() > INITS {
                self.inits.pop_first();
            }
        }
        self.newest = self.newest.max(Some(at));
        self.entries.insert(at, Entry::Whole(fragment));
        self.trim();
    }

    fn trim(&mut self) {
        let Some(newest) = self.newest.and_then(|at| self.entries.get(&at)) else {
            return;
        };
        let newest = &newest.header().header.meta;
        let (segment, time) = (newest.at.segment, newest.media_time);
        while let Some((&at, oldest)) = self.entries.first_key_value() {
            let age = time.saturating_sub(oldest.header().header.meta.media_time);
            let needed = at.segment >= segment || Duration::from_micros(age) < KEEP;
            if needed && self.bytes <= STORE_LIMIT {
                break;
            }
            let length = oldest.header().header.payload_len as usize;
            self.bytes = self.bytes.saturating_sub(length);
            self.entries.pop_first();
            self.horizon = self.entries.first_key_value().map(|(at, _)| *at);
        }
    }
}
