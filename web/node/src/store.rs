use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use peerstream_fragment::{Assembly, Fragment, Kind, Position, SignedHeader};

use crate::{
    config::{KEEP, STORE_LIMIT},
    ordered::Map,
};

/// How many sets of init data are kept: the current one, and those that a joining child's
/// segment may still need.
const INITS: usize = 4;

/// What a node holds of the stream: verified headers, the parts that came so far, whole
/// fragments; the current segment and some seconds before it.
#[derive(Default)]
pub(crate) struct Store {
    entries: Map<Position, Entry>,
    /// Init data by the segment that begins with it.
    inits: Map<u32, Fragment>,
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

    /// The parts held, in order.
    pub(crate) fn parts(&self) -> Vec<(u8, Bytes)> {
        match self {
            Entry::Partial(assembly) => assembly.parts().collect(),
            Entry::Whole(fragment) => fragment.parts().collect(),
        }
    }
}

impl Store {
    pub(crate) fn get(&self, at: Position) -> Option<&Entry> {
        self.entries.get(&at)
    }

    pub(crate) fn get_mut(&mut self, at: Position) -> Option<&mut Entry> {
        self.entries.get_mut(&at)
    }

    /// Whether a fragment is older than what is kept.
    pub(crate) fn is_past(&self, at: Position) -> bool {
        self.horizon.is_some_and(|horizon| at < horizon)
    }

    /// Whether this very header is held already: a duplicate need not be verified again.
    pub(crate) fn knows_header(&self, bytes: &Bytes) -> bool {
        self.entries
            .values()
            .rev()
            .take(64)
            .any(|entry| entry.header().bytes == *bytes)
    }

    /// The newest fragment held whole.
    pub(crate) fn newest(&self) -> Option<Position> {
        self.newest
    }

    /// The init data that begins with this segment.
    pub(crate) fn init(&self, segment: u32) -> Option<&Fragment> {
        self.inits.get(&segment)
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
            self.inits.insert(at.segment, fragment.clone());
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
