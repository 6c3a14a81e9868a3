//! Pairs that cannot, or are not to, have a link.

use core::{
    hash::{BuildHasherDefault, Hasher},
    time::Duration,
};
use std::collections::HashSet;

use crate::defaults::{PAIRS_LEAST, PAIRS_REMEMBERED};

/// Failures between two addresses, whoever is behind them. Two generations of half of
/// [`PAIRS_REMEMBERED`] each: what is in the older one is forgotten with it, so a pair is
/// remembered for half an hour to an hour. When the younger is full, it becomes the older
/// sooner.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    young: Set,
    old: Set,
    since: Duration,
}

/// Keys are mixed already.
type Set = HashSet<u64, BuildHasherDefault<Mixed>>;

impl Pairs {
    /// Remembers a pair; `audience` is how many nodes there are, on which depends how many
    /// pairs fit.
    pub(crate) fn note(&mut self, now: Duration, a: u64, b: u64, audience: usize) {
        if self.young.len() >= audience.max(PAIRS_LEAST) {
            self.turn(now);
        }
        self.young.insert(key(a, b));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    pub(crate) fn has(&self, a: u64, b: u64) -> bool {
        let key = key(a, b);
        self.young.contains(&key) || self.old.contains(&key)
    }

    /// Forgets what is too old. Says whether it may be asked again.
    pub(crate) fn age(&mut self, now: Duration) {
        while now.saturating_sub(self.since) >= PAIRS_REMEMBERED / 2 {
            let since = self.since + PAIRS_REMEMBERED / 2;
            self.turn(since);
            if self.old.is_empty() && self.young.is_empty() {
                self.since = now;
            }
        }
    }

    fn turn(&mut self, now: Duration) {
        self.old = core::mem::take(&mut self.young);
        self.since = now;
    }
}

/// The same for both orders.
fn key(a: u64, b: u64) -> u64 {
    mix(mix(a.min(b)) ^ a.max(b))
}

/// SplitMix64's finish (Steele, Lea and Flood, 2014).
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Passes a `u64` through.
#[derive(Debug, Default)]
pub(crate) struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = mix(self.0 ^ u64::from(byte));
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_pair_has_no_order() {
        let mut pairs = Pairs::default();
        pairs.note(Duration::ZERO, 7, 9, 0);
        assert!(pairs.has(7, 9) && pairs.has(9, 7));
        assert!(!pairs.has(7, 7) && !pairs.has(9, 9) && !pairs.has(7, 8));
    }

    #[test]
    fn a_pair_is_remembered_for_half_an_hour_and_forgotten_after_an_hour() {
        let mut pairs = Pairs::default();
        for minute in 0..200 {
            let now = MINUTE * minute;
            pairs.age(now);
            pairs.note(now, u64::from(minute), 1 << 40, 0);
            for past in 0..=minute {
                let age = minute - past;
                if !(30..=60).contains(&age) {
                    assert_eq!(
                        pairs.has(past.into(), 1 << 40),
                        age < 30,
                        "{past} at {minute}"
                    );
                }
            }
        }
    }

    #[test]
    fn however_many_there_are_memory_is_bounded() {
        let mut pairs = Pairs::default();
        for pair in 0..100_000 {
            pairs.note(Duration::ZERO, pair, 1, 10_000);
        }
        assert!(pairs.young.len() + pairs.old.len() <= 20_000);
        assert!(pairs.has(99_999, 1) && pairs.has(92_000, 1) && !pairs.has(1_000, 1));
    }
}
