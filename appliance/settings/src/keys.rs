use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// 32 random bytes that a key is made of. Wiped from memory when dropped, and never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Seed([u8; 32]);

impl Seed {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        random().map(Self)
    }

    /// The bytes, to make the key of.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// 64 hexadecimal digits, as the files have it.
    #[must_use]
    pub fn to_hex(&self) -> String {
        to_hex(&self.0)
    }

    /// Reads what [`Seed::to_hex`] has written.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        from_hex(text).map(Self)
    }
}

impl TryFrom<String> for Seed {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::from_hex(&text).ok_or("a seed has 64 hexadecimal digits")
    }
}

impl From<Seed> for String {
    fn from(seed: Seed) -> Self {
        seed.to_hex()
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// A signing key and what its certificate says. The certificate itself is not kept: signed
/// over the same values, it comes out the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigningRecord {
    /// Rises by one with every new key.
    pub serial: u32,
    /// The first second of Unix time in which it holds.
    pub not_before: u64,
    /// The last.
    pub not_after: u64,
    /// The key.
    pub seed: Seed,
}

impl SigningRecord {
    /// A new key with this serial, from `now_unix` on.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn new(serial: u32, now_unix: u64) -> Result<Self, getrandom::Error> {
        Ok(Self {
            serial,
            not_before: now_unix.saturating_sub(CLOCK_MARGIN),
            not_after: now_unix.saturating_add(VALIDITY),
            seed: Seed::random()?,
        })
    }

    /// Whether it is time for the next one: half of its time is over. (A clock that has
    /// been set back is no reason: that is the clock of a box that has just been switched
    /// on, and comes right.)
    #[must_use]
    pub fn is_ageing(&self, now_unix: u64) -> bool {
        now_unix.saturating_add(VALIDITY / 2) > self.not_after
    }
}

/// What a publisher shows to be let in. Never logged; shown by `peerstreamd key`.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct StreamKey(String);

impl StreamKey {
    /// A new one: 128 bits, as 32 hexadecimal digits.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        random::<16>().map(|bytes| Self(to_hex(&bytes)))
    }

    /// Takes a key that someone has chosen: letters, digits, `-` and `_`, which no
    /// publisher's software changes on the way.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = |c: u8| c.is_ascii_alphanumeric() || c == b'-' || c == b'_';
        (MIN_STREAM_KEY..=MAX_STREAM_KEY)
            .contains(&text.len())
            .then(|| text.bytes().all(fits))
            .filter(|&fit| fit)
            .map(|_| Self(text.to_owned()))
    }

    /// Whether `shown` is this key, found out in a time that does not tell how much of it
    /// is right.
    #[must_use]
    pub fn matches(&self, shown: &str) -> bool {
        self.0.as_bytes().ct_eq(shown.as_bytes()).into()
    }

    /// The key itself, for showing it to its owner.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(..)")
    }
}

fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let bytes: Vec<u8> = digits?
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect();
    (text.len() == 2 * N).then(|| bytes.try_into().ok())?
}

/// How long a certificate holds: long enough for a box that stands in a cupboard for half
/// a year.
const VALIDITY: u64 = 400 * DAY;
/// How far a viewer's clock may be behind the box's.
const CLOCK_MARGIN: u64 = DAY;
const DAY: u64 = 24 * 60 * 60;
/// A chosen key shorter than this could be guessed.
const MIN_STREAM_KEY: usize = 16;
const MAX_STREAM_KEY: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_comes_back_as_it_went() {
        let seed = Seed([0xa7; 32]);
        assert_eq!(Seed::from_hex(&seed.to_hex()), Some(seed));
    }

    #[test]
    fn what_is_no_seed_is_refused() {
        for text in [
            "",
            "a7",
            &"g7".repeat(32),
            &"a7".repeat(33),
            &"é".repeat(32),
        ] {
            assert_eq!(Seed::from_hex(text), None, "{text}");
        }
    }

    #[test]
    fn only_the_stream_key_itself_matches() {
        let key = StreamKey::random().unwrap();
        let text = key.reveal().to_owned();
        assert!(key.matches(&text));
        assert!(!key.matches(&text[1..]));
        assert!(!key.matches(&text.replace(|c: char| c.is_ascii_digit(), "x")));
        assert!(!key.matches(""));
    }

    #[test]
    fn keys_do_not_show_in_debug_output() {
        let key = StreamKey::random().unwrap();
        assert!(!format!("{key:?}").contains(key.reveal()));
        let seed = Seed::random().unwrap();
        assert!(!format!("{seed:?}").contains(&seed.to_hex()));
    }

    #[test]
    fn a_signing_key_ages_at_half_its_time_and_not_by_a_clock_set_back() {
        let now = 1_800_000_000;
        let record = SigningRecord::new(3, now).unwrap();
        assert!(!record.is_ageing(now));
        assert!(!record.is_ageing(0));
        assert!(!record.is_ageing(now + VALIDITY / 2));
        assert!(record.is_ageing(now + VALIDITY / 2 + 1));
    }
}
