//! What was signed in this very process need not be checked again in it, a thousand times
//! over (feature `memo`, for simulators; no product is built with it).
//!
//! Nothing is taken on trust: the memo keeps the signed bytes themselves alive and knows
//! them by where they are in memory. Bytes that are elsewhere, whatever they hold, are
//! checked as ever. It is a thread's own, and empty at first.

use core::cell::RefCell;
use core::hash::{BuildHasherDefault, Hasher};
use std::collections::{HashMap, VecDeque};
use std::vec::Vec;

use bytes::Bytes;

use crate::{Fragment, PartHash, SignedHeader, StreamId};

/// Remembers a sealed fragment, and the copies of its header and parts that will be handed
/// around. Copies that do not equal what was signed are not remembered.
pub fn remember(stream: StreamId, fragment: &Fragment, header: &Bytes, parts: &[Bytes]) {
    MEMO.with_borrow_mut(|memo| memo.remember(stream, fragment, header, parts));
}

pub(crate) fn header(
    stream: &StreamId,
    serial: Option<u32>,
    bytes: &Bytes,
) -> Option<SignedHeader> {
    MEMO.with_borrow(|memo| {
        let (of, fragment) = memo.headers.get(&key(bytes))?;
        let header = &fragment.header.header;
        (of == stream && Some(header.serial) == serial).then(|| SignedHeader {
            header: header.clone(),
            bytes: bytes.clone(),
        })
    })
}

pub(crate) fn hash(bytes: &Bytes) -> Option<PartHash> {
    MEMO.with_borrow(|memo| memo.parts.get(&key(bytes)).map(|(hash, _)| *hash))
}

/// The whole payload, if this is a remembered header.
pub(crate) fn payload(header: &Bytes) -> Option<Bytes> {
    MEMO.with_borrow(|memo| {
        let (_, fragment) = memo.headers.get(&key(header))?;
        Some(fragment.payload.clone())
    })
}

#[derive(Default)]
struct Memo {
    headers: Map<(StreamId, Fragment)>,
    parts: Map<(PartHash, Bytes)>,
    /// The keys of each fragment, oldest first, and the header's bytes to keep them alive.
    order: VecDeque<(Bytes, Vec<Key>)>,
}

impl Memo {
    fn remember(&mut self, stream: StreamId, fragment: &Fragment, header: &Bytes, parts: &[Bytes]) {
        let signed = &fragment.header;
        if *header != signed.bytes
            || !fragment
                .parts()
                .map(|(_, part)| part)
                .eq(parts.iter().cloned())
        {
            return;
        }
        self.headers.insert(key(header), (stream, fragment.clone()));
        let whole = fragment.parts().map(|(_, part)| part);
        let keys = whole
            .chain(parts.iter().cloned())
            .zip(signed.header.parts.iter().cycle());
        let keys = keys.map(|(part, hash)| {
            let key = key(&part);
            self.parts.insert(key, (*hash, part));
            key
        });
        let keys = keys.collect();
        self.order.push_back((header.clone(), keys));
        if self.order.len() > REMEMBERED
            && let Some((header, parts)) = self.order.pop_front()
        {
            self.headers.remove(&key(&header));
            for part in parts {
                self.parts.remove(&part);
            }
        }
    }
}

/// Where bytes are, and how many.
type Key = (usize, usize);
type Map<V> = HashMap<Key, V, BuildHasherDefault<Mix>>;

fn key(bytes: &Bytes) -> Key {
    (bytes.as_ptr() as usize, bytes.len())
}

/// Addresses are no attacker's choice, so one multiplication is hash enough.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, value: usize) {
        let mixed = (self.0 ^ value as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

/// A minute or so of a stream.
const REMEMBERED: usize = 2_048;

std::thread_local! {
    static MEMO: RefCell<Memo> = RefCell::new(Memo::default());
}
