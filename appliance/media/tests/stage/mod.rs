//! A studio with a clock that the test turns, and everything that came out of it, checked
//! on the way: signed by the certified key, numbered without gaps, times that rise.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test fails by it")]

pub(crate) mod footage;
pub(crate) mod source;

use std::time::Duration;

use bytes::Bytes;
use mp4_atom::{Moof, ReadFrom};
use peerstream_fragment::{
    Fragment, IdentityKey, Init, Kind, Position, Signer, SigningKey, Validity, Verifier,
};
use peerstream_media::{AccessUnit, Output, SourceEvent, Studio, studio};

pub(crate) const FIRST_SEGMENT: u32 = 1_800_000_000;

pub(crate) struct Stage {
    pub(crate) studio: Studio,
    pub(crate) now: Duration,
    pub(crate) fragments: Vec<Fragment>,
    pub(crate) certificates: Vec<Bytes>,
    verifier: Verifier,
    next_decode: [u64; 2],
    newest: Option<Position>,
}

/// One chunk, taken apart.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// Decode time of the first sample, in ticks.
    pub(crate) time: u64,
    /// Each sample's duration, composition offset and data.
    pub(crate) samples: Vec<(u32, i64, Bytes)>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let now = Duration::from_secs(FIRST_SEGMENT.into());
        let studio = Studio::new(signer(1), studio::Config::default(), FIRST_SEGMENT, now);
        let mut stage = Self {
            studio,
            now,
            fragments: Vec::new(),
            certificates: Vec::new(),
            verifier: Verifier::new(identity().stream()),
            next_decode: [0; 2],
            newest: None,
        };
        stage.collect();
        stage
    }

    /// Lets time go by until `now`, with everything done at its deadline.
    pub(crate) fn until(&mut self, now: Duration) {
        while let Some(deadline) = self.studio.deadline().filter(|deadline| *deadline <= now) {
            self.now = self.now.max(deadline);
            self.studio.advance(self.now);
            self.collect();
        }
        self.now = now;
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.until(self.now + time);
    }

    pub(crate) fn source(&mut self, event: SourceEvent) {
        self.studio.source(self.now, event);
        self.collect();
    }

    /// Plays `units` as a live source does: each at its decode time, the first one now.
    pub(crate) fn play(&mut self, units: &[AccessUnit]) {
        let Some(first) = units.first() else { return };
        let (start, origin) = (self.now, first.dts);
        for unit in units {
            self.until(self.now.max(start + unit.dts.saturating_sub(origin)));
            self.source(SourceEvent::Unit(unit.clone()));
        }
    }

    /// Every fragment of media since `from`.
    pub(crate) fn media(&self, from: usize) -> impl Iterator<Item = &Fragment> {
        self.fragments[from..]
            .iter()
            .filter(|fragment| meta(fragment).kind == Kind::Media)
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.studio.poll() {
            match output {
                Output::Certificate(certificate) => {
                    self.verifier.certificate(&certificate, None).unwrap();
                    self.certificates.push(certificate);
                }
                Output::Fragment(fragment) => self.check(fragment),
            }
        }
    }

    fn check(&mut self, fragment: Fragment) {
        self.verifier
            .header(fragment.header.bytes.clone())
            .expect("signed by the certified key");
        let at = fragment.at();
        let follows = match self.newest {
            None => Position {
                segment: FIRST_SEGMENT,
                index: 0,
            },
            Some(Position { segment, .. }) if at.index == 0 => Position {
                segment: segment + 1,
                index: 0,
            },
            Some(Position { segment, index }) => Position {
                segment,
                index: index + 1,
            },
        };
        assert_eq!(at, follows, "numbered without gaps");
        self.newest = Some(at);
        let meta = meta(&fragment);
        match meta.kind {
            Kind::Init => {
                assert_eq!((at.index, meta.init), (0, at.segment));
                let tracks = Init::decode(&fragment.payload).unwrap().tracks;
                assert!(!tracks.is_empty());
                // Ticks of another track do not compare; the tests compare microseconds.
                self.next_decode = [0; 2];
            }
            Kind::Media => {
                let first = self.fragments.last().is_some_and(|last| {
                    last.header.header.meta.kind == Kind::Init || last.at().segment != at.segment
                });
                assert!(
                    !first || meta.flags.key(),
                    "a segment begins with a key frame"
                );
                for (chunk, next) in [fragment.video(), fragment.audio()]
                    .iter()
                    .zip(&mut self.next_decode)
                {
                    let Some(chunk) = take_apart(chunk) else {
                        continue;
                    };
                    assert!(chunk.time >= *next, "{} before {next}", chunk.time);
                    *next = chunk.time + 1;
                }
            }
        }
        self.fragments.push(fragment);
    }
}

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// A stage with the default source on air for a second, and where the source is by then.
pub(crate) fn live() -> (Stage, Duration) {
    let mut stage = Stage::new();
    stage.wait(SECOND);
    stage.source(source::Source::DEFAULT.tracks());
    stage.play(&source::Source::DEFAULT.units(ms(5000), SECOND));
    (stage, ms(6000))
}

pub(crate) fn meta(fragment: &Fragment) -> peerstream_fragment::Meta {
    fragment.header.header.meta
}

pub(crate) fn identity() -> IdentityKey {
    IdentityKey::from_seed([1; 32])
}

pub(crate) fn signer(serial: u32) -> Signer {
    let key = SigningKey::from_seed([u8::try_from(serial).unwrap() + 1; 32]);
    let validity = Validity {
        not_before: 0,
        not_after: u64::MAX,
    };
    let certificate = identity().certify(serial, validity, key.public());
    Signer::new(identity().stream(), certificate, key).unwrap()
}

pub(crate) fn take_apart(chunk: &Bytes) -> Option<Chunk> {
    let mut rest = &chunk[..];
    if rest.is_empty() {
        return None;
    }
    let moof = Moof::read_from(&mut rest).unwrap();
    let traf = &moof.traf[0];
    let run = &traf.trun[0];
    let mut at = usize::try_from(run.data_offset.unwrap()).unwrap();
    let samples = run
        .samples
        .iter()
        .map(|entry| {
            let len = usize::try_from(entry.size.unwrap()).unwrap();
            let data = chunk.slice(at..at + len);
            at += len;
            // AAC: the duration stands in the init segment.
            let duration = entry
                .duration
                .or(traf.tfhd.default_sample_duration)
                .unwrap_or(1024);
            (duration, entry.cts.unwrap_or(0), data)
        })
        .collect();
    assert_eq!(at, chunk.len(), "the samples fill the chunk");
    Some(Chunk {
        time: traf.tfdt.as_ref().unwrap().base_media_decode_time,
        samples,
    })
}
