use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use peerstream_fragment::{Fragment, Kind, Position};
use peerstream_wire::{Envelope, LinkMessage};

/// The newest of the stream, as messages that are ready to be sent: the certificate, the
/// init data, and the fragments of the current segment and the one before.
///
/// Every message is encoded once, and shared by all who are fed.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    certificate: Option<Bytes>,
    init: Option<Sealed>,
    /// Init data included where it stands, oldest first.
    window: VecDeque<Sealed>,
    window_bytes: usize,
    /// All there has been.
    totals: Totals,
    recent: VecDeque<(Duration, usize)>,
}

/// What the stream has come to since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) fragments: u64,
    /// Signed headers, payloads and certificates.
    pub(crate) bytes: u64,
}

/// A fragment as messages.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    at: Position,
    bytes: usize,
    /// The header, then the parts.
    messages: Vec<Bytes>,
}

impl Hub {
    /// A certificate has been made. Returns the message that carries it. What another key
    /// has signed is forgotten: whoever sees this certificate refuses it.
    pub(crate) fn certificate(&mut self, certificate: Bytes) -> Bytes {
        self.totals.bytes += certificate.len() as u64;
        self.window.clear();
        self.window_bytes = 0;
        self.init = None;
        let message = encode(LinkMessage::Certificate(certificate));
        self.certificate = Some(message.clone());
        message
    }

    /// A fragment has been made. Returns the messages that carry it.
    pub(crate) fn fragment(&mut self, now: Duration, fragment: &Fragment) -> Vec<Bytes> {
        let sealed = Sealed::new(fragment);
        self.totals.fragments += 1;
        self.totals.bytes += sealed.bytes as u64;
        self.recent.push_back((now, sealed.bytes));
        while let Some((then, _)) = self.recent.front()
            && now.saturating_sub(*then) > RECENT
        {
            self.recent.pop_front();
        }
        if fragment.header.header.meta.kind == Kind::Init {
            self.init = Some(sealed.clone());
        }
        let messages = sealed.messages.clone();
        self.window_bytes += sealed.bytes;
        self.window.push_back(sealed);
        self.forget(fragment.at().segment.saturating_sub(1));
        messages
    }

    /// What a new feed begins with, for a viewer that holds everything up to `after`: the
    /// certificate, the init data, and what follows; from the start of the current segment
    /// on if it holds nothing that is still here.
    pub(crate) fn catch_up(&self, after: Option<Position>) -> impl Iterator<Item = &Bytes> {
        let next = after
            .and_then(|after| self.window.iter().position(|sealed| sealed.at == after))
            .map(|at| at + 1);
        let start = next.unwrap_or_else(|| {
            let current = self.newest().map(|newest| newest.segment);
            self.window
                .iter()
                .position(|sealed| Some(sealed.at.segment) == current)
                .unwrap_or(self.window.len())
        });
        // Where the init data itself is among what follows, it need not be sent before.
        let init = self.init.iter().filter(move |init| {
            self.window
                .get(start)
                .is_none_or(|first| init.at < first.at)
        });
        self.certificate.iter().chain(
            init.chain(self.window.range(start..))
                .flat_map(|sealed| &sealed.messages),
        )
    }

    /// The parts that `mask` names of the fragment at `at`, or header and all if it is 0.
    /// Nothing if the fragment is not here any more.
    pub(crate) fn again(&self, at: Position, mask: u64) -> impl Iterator<Item = &Bytes> {
        self.window
            .iter()
            .chain(&self.init)
            .find(|sealed| sealed.at == at)
            .into_iter()
            .flat_map(move |sealed| {
                let wanted = move |message: usize| match message.checked_sub(1) {
                    _ if mask == 0 => true,
                    None => false,
                    Some(part) => part < 64 && mask & (1 << part) != 0,
                };
                sealed
                    .messages
                    .iter()
                    .enumerate()
                    .filter(move |(message, _)| wanted(*message))
                    .map(|(_, bytes)| bytes)
            })
    }

    /// The newest fragment.
    pub(crate) fn newest(&self) -> Option<Position> {
        self.window.back().map(|sealed| sealed.at)
    }

    /// What the stream has come to.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// The bitrate of the last few seconds, in kbit/s, signatures and all.
    pub(crate) fn bit_rate(&self, now: Duration) -> f64 {
        let Some((oldest, _)) = self.recent.front() else {
            return 0.0;
        };
        // The first fragments after the start say little about a second.
        let time = now
            .saturating_sub(*oldest)
            .clamp(Duration::from_secs(1), RECENT);
        let bytes: usize = self.recent.iter().map(|(_, bytes)| bytes).sum();
        bytes as f64 * 8.0 / 1000.0 / time.as_secs_f64()
    }

    /// Keeps the segments from `segment` on, and no more than [`MAX_WINDOW`].
    fn forget(&mut self, segment: u32) {
        while let Some(oldest) = self.window.front()
            && (oldest.at.segment < segment || self.window_bytes > MAX_WINDOW)
        {
            self.window_bytes -= oldest.bytes;
            self.window.pop_front();
        }
    }
}

impl Sealed {
    fn new(fragment: &Fragment) -> Self {
        let at = fragment.at();
        let header = encode(LinkMessage::Header(fragment.header.bytes.clone()));
        let parts = fragment
            .parts()
            .map(|(part, bytes)| encode(LinkMessage::Part { at, part, bytes }));
        Self {
            at,
            bytes: fragment.header.bytes.len() + fragment.payload.len(),
            messages: std::iter::once(header).chain(parts).collect(),
        }
    }
}

fn encode(message: LinkMessage) -> Bytes {
    Envelope::Link(message).encode()
}

/// The most that is kept of the stream, in bytes: ten seconds at 6 Mbit/s. A source whose
/// segments are longer than that is joined at the next segment.
pub(crate) const MAX_WINDOW: usize = 8 << 20;

/// Over how much the bitrate is taken.
const RECENT: Duration = Duration::from_secs(4);

#[cfg(test)]
mod tests {
    use super::*;
    use peerstream_fragment::{Flags, IdentityKey, Meta, Signer, SigningKey, Validity};

    fn signer() -> Signer {
        let identity = IdentityKey::from_seed([1; 32]);
        let key = SigningKey::from_seed([2; 32]);
        let validity = Validity {
            not_before: 0,
            not_after: u64::MAX,
        };
        let certificate = identity.certify(1, validity, key.public());
        Signer::new(identity.stream(), certificate, key).expect("the key is certified")
    }

    fn fragment(kind: Kind, segment: u32, index: u16, len: usize) -> Fragment {
        let meta = Meta {
            kind,
            rendition: 0,
            at: Position { segment, index },
            flags: Flags::default(),
            init: 1,
            media_time: 0,
            duration: 0,
            capture_time: 0,
            video_len: 0,
        };
        signer()
            .seal(meta, vec![7; len].into())
            .expect("it is not too large")
    }

    /// Two segments with init data before the first; three parts to a fragment.
    fn hub() -> Hub {
        let mut hub = Hub::default();
        hub.certificate(Bytes::from_static(b"certificate"));
        hub.fragment(Duration::ZERO, &fragment(Kind::Init, 1, 0, 10));
        for (segment, index) in [(1, 1), (1, 2), (2, 0), (2, 1)] {
            hub.fragment(
                Duration::ZERO,
                &fragment(Kind::Media, segment, index, 10_000),
            );
        }
        hub
    }

    /// What the messages are: `c`, or the position of each header.
    fn told<'a>(messages: impl Iterator<Item = &'a Bytes>) -> Vec<String> {
        messages
            .filter_map(|bytes| match Envelope::decode(bytes.clone()) {
                Ok(Envelope::Link(LinkMessage::Certificate(_))) => Some("c".to_owned()),
                Ok(Envelope::Link(LinkMessage::Header(header))) => {
                    let header = peerstream_fragment::Header::decode_unverified(&header).ok()?;
                    Some(format!(
                        "{}/{}",
                        header.meta.at.segment, header.meta.at.index
                    ))
                }
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_newcomer_begins_with_the_current_segment() {
        assert_eq!(told(hub().catch_up(None)), ["c", "1/0", "2/0", "2/1"]);
    }

    #[test]
    fn who_holds_something_goes_on_behind_it() {
        let after = |segment, index| Some(Position { segment, index });
        let hub = hub();
        assert_eq!(
            told(hub.catch_up(after(1, 1))),
            ["c", "1/0", "1/2", "2/0", "2/1"]
        );
        assert_eq!(told(hub.catch_up(after(2, 1))), ["c", "1/0"]);
        assert_eq!(
            told(hub.catch_up(after(1, 0))),
            ["c", "1/0", "1/1", "1/2", "2/0", "2/1"]
        );
        // What is not here, older or newer, is as good as nothing.
        for unknown in [after(0, 9), after(9, 0)] {
            assert_eq!(told(hub.catch_up(unknown)), ["c", "1/0", "2/0", "2/1"]);
        }
    }

    #[test]
    fn parts_are_sent_again_as_asked() {
        let hub = hub();
        let at = Position {
            segment: 2,
            index: 0,
        };
        assert_eq!(hub.again(at, 0).count(), 4);
        assert_eq!(hub.again(at, 0b101).count(), 2);
        assert_eq!(hub.again(at, 1 << 63).count(), 0);
        let gone = Position {
            segment: 0,
            index: 0,
        };
        assert_eq!(hub.again(gone, 0).count(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded_whatever_the_source_does() {
        let mut hub = Hub::default();
        for index in 0..2000 {
            hub.fragment(Duration::ZERO, &fragment(Kind::Media, 5, index, 100_000));
            assert!(hub.window_bytes <= MAX_WINDOW);
        }
        hub.fragment(Duration::ZERO, &fragment(Kind::Media, 6, 0, 10));
        hub.fragment(Duration::ZERO, &fragment(Kind::Media, 7, 0, 10));
        assert_eq!(hub.window.len(), 2);
    }

    #[test]
    fn the_bitrate_is_that_of_the_last_seconds() {
        let mut hub = Hub::default();
        for tenth in 0..100u32 {
            let now = Duration::from_millis(100) * tenth;
            hub.fragment(now, &fragment(Kind::Media, 1, 0, 12_500));
        }
        let rate = hub.bit_rate(Duration::from_secs(10));
        assert!((950.0..1100.0).contains(&rate), "{rate}");
    }
}
