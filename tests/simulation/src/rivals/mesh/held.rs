//! What a node holds, as it tells its neighbours.

/// Chunks that are remembered.
const WINDOW: u32 = 128;

/// Which of the last chunks somebody holds: bit 0 is `newest`, bit 1 the one before.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    newest: u32,
    bits: u128,
}

impl Held {
    pub(super) fn has(&self, chunk: u32) -> bool {
        let back = self.newest.checked_sub(chunk);
        back.is_some_and(|back| back < WINDOW && self.bits & (1 << back) != 0)
    }

    pub(super) fn add(&mut self, chunk: u32) {
        if self.bits == 0 || chunk > self.newest {
            let ahead = chunk - self.newest.min(chunk);
            self.bits = self.bits.checked_shl(ahead).unwrap_or(0) | 1;
            self.newest = chunk;
        } else if self.newest - chunk < WINDOW {
            self.bits |= 1 << (self.newest - chunk);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bits == 0
    }
}
