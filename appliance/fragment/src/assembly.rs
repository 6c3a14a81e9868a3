use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};

use crate::{Fragment, Malformed, PartHash, Position, Refused, SignedHeader};

/// What became of a part that is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It was missing: keep it and pass it on.
    New,
    /// It was there already.
    Duplicate,
}

/// A fragment on its way in. Every part is checked by itself, so that it can be passed on
/// before the others are there; they may come in any order.
#[derive(Debug, Clone)]
pub struct Assembly {
    header: Arc<SignedHeader>,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Partial {
        parts: Vec<Option<Bytes>>,
        missing: usize,
    },
    Whole(Fragment),
}

impl Assembly {
    /// Nothing but the header is there yet. (That is all of a fragment without payload.)
    #[must_use]
    pub fn new(header: SignedHeader) -> Self {
        let header = Arc::new(header);
        let missing = header.header.parts.len();
        let state = match missing {
            0 => State::Whole(Fragment::new(Arc::clone(&header), Bytes::new())),
            _ => State::Partial {
                parts: vec![None; missing],
                missing,
            },
        };
        Self { header, state }
    }

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Arc<SignedHeader> {
        &self.header
    }

    /// Where the fragment stands.
    #[must_use]
    pub fn at(&self) -> Position {
        self.header.at()
    }

    /// Takes part `part`. One that is turned away changes nothing.
    ///
    /// # Errors
    /// If the fragment has no such part, or it is not the one that was signed.
    pub fn part(&mut self, part: u8, bytes: Bytes) -> Result<Accepted, Refused> {
        let header = &self.header.header;
        let range = header.part_range(part).ok_or(Malformed::NoSuchPart(part))?;
        if bytes.len() != range.len() {
            return Err(Malformed::PartLength(part).into());
        }
        if let Some(held) = self.held(part) {
            // Comparing is cheaper than hashing, and tells as much.
            return if held == bytes {
                Ok(Accepted::Duplicate)
            } else {
                Err(bad_hash(part))
            };
        }
        if header.parts.get(usize::from(part)) != Some(&hash(&bytes)) {
            return Err(bad_hash(part));
        }
        if let State::Partial { parts, missing } = &mut self.state {
            parts[usize::from(part)] = Some(bytes);
            *missing -= 1;
            if *missing == 0 {
                let payload = join(&self.header.bytes, parts, header.payload_len as usize);
                self.state = State::Whole(Fragment::new(Arc::clone(&self.header), payload));
            }
        }
        Ok(Accepted::New)
    }

    /// Whether part `part` is there.
    #[must_use]
    pub fn has(&self, part: u8) -> bool {
        match &self.state {
            State::Partial { parts, .. } => {
                parts.get(usize::from(part)).is_some_and(Option::is_some)
            }
            State::Whole(_) => usize::from(part) < self.header.header.parts.len(),
        }
    }

    /// Part `part`, if it is there.
    #[must_use]
    pub fn held(&self, part: u8) -> Option<Bytes> {
        match &self.state {
            State::Partial { parts, .. } => parts.get(usize::from(part)).cloned().flatten(),
            State::Whole(fragment) => fragment.part(part),
        }
    }

    /// Every part that is there, with its number, in order.
    pub fn parts(&self) -> impl Iterator<Item = (u8, Bytes)> + '_ {
        (0..=u8::MAX).filter_map(|part| Some((part, self.held(part)?)))
    }

    /// Which of the first 64 parts are missing, a bit each, bit 0 the first.
    #[must_use]
    pub fn missing(&self) -> u64 {
        match &self.state {
            State::Partial { parts, .. } => {
                let first = parts.iter().take(u64::BITS as usize).enumerate();
                first.fold(0, |mask, (part, held)| {
                    mask | u64::from(held.is_none()) << part
                })
            }
            State::Whole(_) => 0,
        }
    }

    /// Whether every part is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        matches!(self.state, State::Whole(_))
    }

    /// The fragment, once every part is there.
    #[must_use]
    pub fn fragment(&self) -> Option<Fragment> {
        match &self.state {
            State::Partial { .. } => None,
            State::Whole(fragment) => Some(fragment.clone()),
        }
    }
}

/// The whole payload; not copied if it is one part.
#[cfg_attr(not(feature = "memo"), allow(unused_variables))]
fn join(header: &Bytes, parts: &mut [Option<Bytes>], payload_len: usize) -> Bytes {
    #[cfg(feature = "memo")]
    if let Some(payload) = crate::memo::payload(header) {
        return payload;
    }
    if let [only] = parts {
        return only.take().unwrap_or_default();
    }
    let mut payload = BytesMut::with_capacity(payload_len);
    for part in parts.iter_mut().filter_map(Option::take) {
        payload.extend_from_slice(&part);
    }
    payload.freeze()
}

fn hash(part: &Bytes) -> PartHash {
    #[cfg(feature = "memo")]
    if let Some(hash) = crate::memo::hash(part) {
        return hash;
    }
    PartHash::of(part)
}

fn bad_hash(part: u8) -> Refused {
    Refused::BadHash { part }
}
