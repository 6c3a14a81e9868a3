use alloc::sync::Arc;

use bytes::Bytes;

use crate::{Position, SignedHeader};

/// A whole fragment, signed and checked. Cheap to clone: clones share the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fragment {
    /// Its signed header.
    pub header: Arc<SignedHeader>,
    /// What it carries.
    pub payload: Bytes,
}

impl Fragment {
    pub(crate) fn new(header: Arc<SignedHeader>, payload: Bytes) -> Self {
        Self { header, payload }
    }

    /// Where it stands.
    #[must_use]
    pub fn at(&self) -> Position {
        self.header.at()
    }

    /// Part `part`, shared with the payload; `None` if there is no such part.
    #[must_use]
    pub fn part(&self, part: u8) -> Option<Bytes> {
        self.header
            .header
            .part_range(part)
            .map(|range| self.payload.slice(range))
    }

    /// Every part with its number, in order.
    pub fn parts(&self) -> impl Iterator<Item = (u8, Bytes)> + '_ {
        (0..=u8::MAX).map_while(|part| Some((part, self.part(part)?)))
    }

    /// The video chunk; may be empty.
    #[must_use]
    pub fn video(&self) -> Bytes {
        self.payload
            .slice(..self.header.header.meta.video_len as usize)
    }

    /// The audio chunk; may be empty.
    #[must_use]
    pub fn audio(&self) -> Bytes {
        self.payload
            .slice(self.header.header.meta.video_len as usize..)
    }

    /// Signed header and payload together, in bytes.
    #[must_use]
    pub fn signed_len(&self) -> usize {
        self.header.bytes.len() + self.payload.len()
    }
}
