//! What is on air: the live source, or the standby card.

mod live;

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use peerstream_fragment::{Fragment, Signer, TrackKind};

use crate::card::{self, Card};
use crate::lead::Lead;
use crate::run::{Ends, Kind, Run};
use crate::seal::Sealer;
use crate::tally::{Reason, Tally};
use crate::timeline::{media_time, micros};
use crate::tracks::Tracks;
use crate::{AccessUnit, SourceEvent};

/// How a [`Studio`] works.
#[derive(Debug, Clone)]
pub struct Config {
    /// The rendition that the fragments are of.
    pub rendition: u8,
    /// A source that sends no picture for this long (no sound, if that is all it has) gives
    /// way to the standby card. The default, 700 ms, is well beyond a hiccup of a healthy
    /// source, and leaves room within the 2 s in which viewers must see the card. Of a
    /// source with few frames a second, at least three are missed, within 1.8 s.
    pub stall_after: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            rendition: 0,
            stall_after: Duration::from_millis(700),
        }
    }
}

/// What comes out of a [`Studio`].
#[derive(Debug, Clone)]
pub enum Output {
    /// The certificate of whoever signs from here on.
    Certificate(Bytes),
    /// The next fragment.
    Fragment(Fragment),
}

/// Turns a source that comes and goes into one stream of fragments that does not.
///
/// Sans-IO: tell it what the source says ([`Studio::source`]) and, at [`Studio::deadline`],
/// what time it is ([`Studio::advance`]); after either, take everything that
/// [`Studio::poll`] has. Times are on the capture clock.
#[derive(Debug)]
pub struct Studio {
    config: Config,
    sealer: Sealer,
    card: Card,
    on_air: OnAir,
    /// A source that goes on air with its next key frame.
    offer: Option<Tracks>,
    /// Sound of such a source, which may have come ahead of the picture it belongs to.
    early: VecDeque<AccessUnit>,
    lead: Lead,
    tally: Tally,
}

#[derive(Debug)]
enum OnAir {
    Card {
        run: Run,
        /// The next frame of the card, and when it is to be sent.
        frame: u64,
        due: Duration,
    },
    Source {
        run: Run,
        /// When it last sent what it must not stop sending.
        heard: Duration,
    },
    /// The stream is over.
    Nothing,
}

impl Studio {
    /// A studio with the standby card on air. Segments are numbered from `first_segment`.
    #[must_use]
    pub fn new(signer: Signer, config: Config, first_segment: u32, now: Duration) -> Self {
        let sealer = Sealer::new(signer, config.rendition, first_segment, now);
        let start = media_time(now);
        let mut studio = Self {
            config,
            sealer,
            card: Card::new(),
            on_air: OnAir::Nothing,
            offer: None,
            early: VecDeque::new(),
            lead: Lead::new(now, start),
            tally: Tally::default(),
        };
        let tracks = studio.card.tracks(None);
        studio.put_card_on(
            now,
            tracks,
            Ends {
                picture: start,
                sound: start,
            },
        );
        studio
    }

    /// Takes what the source says. What cannot be used is dropped and counted.
    pub fn source(&mut self, now: Duration, event: SourceEvent) {
        if matches!(self.on_air, OnAir::Nothing) {
            return;
        }
        // What is overdue comes first: a source must not hide its own stall by its return.
        self.advance(now);
        let taken = match event {
            SourceEvent::Tracks { video, audio } => match Tracks::new(video, audio) {
                Ok(tracks) => {
                    self.announced(tracks);
                    Ok(())
                }
                Err(_) => {
                    self.offer = None;
                    Err(Reason::BadTracks)
                }
            },
            SourceEvent::Unit(unit) => match unit.kind {
                TrackKind::Video => self.video(now, &unit),
                TrackKind::Audio => self.audio(now, unit),
            },
            SourceEvent::Lost => {
                self.offer = None;
                if let OnAir::Source { run, .. } = &self.on_air {
                    let tracks = self.card.tracks(Some(run.tracks()));
                    self.put_card_on_next(now, tracks);
                }
                Ok(())
            }
        };
        if let Err(reason) = taken {
            self.tally.note(reason);
        }
    }

    /// Does what is due by `now`.
    pub fn advance(&mut self, now: Duration) {
        match &mut self.on_air {
            OnAir::Card { run, due, .. } => {
                // Nobody misses what was not shown while the box itself stood still.
                if now.saturating_sub(*due) > LATE_CARD {
                    *due = now;
                    if behind(now, run.ends()) > micros(STANDSTILL) {
                        let tracks = run.tracks().clone();
                        self.put_card_on_next(now, tracks);
                    }
                }
                self.show_card(now);
            }
            OnAir::Source { run, heard } => {
                if *heard + stall_after(&self.config, run) <= now {
                    let tracks = self.card.tracks(Some(run.tracks()));
                    self.offer.get_or_insert_with(|| run.tracks().clone());
                    self.put_card_on_next(now, tracks);
                } else {
                    run.advance(now, &mut self.sealer);
                }
            }
            OnAir::Nothing => {}
        }
    }

    /// When [`Studio::advance`] has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        match &self.on_air {
            OnAir::Card { due, .. } => Some(*due),
            OnAir::Source { run, heard } => {
                let stalled = *heard + stall_after(&self.config, run);
                Some(
                    run.deadline()
                        .map_or(stalled, |deadline| deadline.min(stalled)),
                )
            }
            OnAir::Nothing => None,
        }
    }

    /// What comes out next.
    pub fn poll(&mut self) -> Option<Output> {
        self.sealer.poll()
    }

    /// Signs with `signer` from the next segment on, which begins with its certificate and
    /// with the init data, signed anew.
    pub fn rotate(&mut self, signer: Signer) {
        self.sealer.rotate(signer);
    }

    /// Whether the standby card is on air.
    #[must_use]
    pub fn on_standby(&self) -> bool {
        matches!(self.on_air, OnAir::Card { .. })
    }

    /// What was dropped, and why.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Ends the stream.
    pub fn finish(&mut self, now: Duration) {
        let standby = self.on_standby();
        let Some(ends) = self.take_off() else {
            return;
        };
        self.sealer.last(now, ends.picture.max(ends.sound), standby);
    }

    /// Puts the card on air behind whatever is on.
    fn put_card_on_next(&mut self, now: Duration, tracks: Tracks) {
        if let Some(ends) = self.take_off() {
            let ends = self.caught_up(now, ends);
            self.put_card_on(now, tracks, ends);
        }
    }

    fn put_card_on(&mut self, now: Duration, tracks: Tracks, ends: Ends) {
        let kind = Kind::Standby { length: FRAGMENT };
        let run = Run::start(now, tracks, kind, Duration::ZERO, ends, &mut self.sealer);
        self.early.clear();
        // Where the source has sent ahead, pages have something to play for that long.
        let wait = self.lead.by(now).saturating_sub(RESUMED_LEAD);
        self.on_air = OnAir::Card {
            run,
            frame: 0,
            due: now + wait,
        };
        self.show_card(now);
    }

    /// Sends what is due of the card.
    fn show_card(&mut self, now: Duration) {
        while let OnAir::Card { run, frame, due } = &mut self.on_air
            && *due <= now
        {
            let ends = run.ends();
            let has_picture = run.tracks().video.is_some();
            let from = if has_picture {
                ends.picture
            } else {
                ends.sound
            };
            run.silence_until(*due, from + micros(FRAGMENT), &mut self.sealer);
            for _ in 0..card::FRAMES_A_FRAGMENT {
                if has_picture && let Some((unit, key)) = self.card.frame(*frame) {
                    // Its times are its own: nothing can be out of place.
                    let _ = run.video(*due, &unit, key, &mut self.sealer);
                }
                *frame += 1;
            }
            // The timeline comes back to the clock while there is nothing to see.
            let behind = from < media_time(now);
            let step = if behind {
                FRAGMENT * 49 / 50
            } else {
                FRAGMENT * 51 / 50
            };
            *due += step;
            self.lead.note(now, run.ends().picture);
        }
    }

    /// After a standstill of the box itself, the timeline starts from the clock again.
    fn caught_up(&mut self, now: Duration, ends: Ends) -> Ends {
        if behind(now, ends) <= micros(STANDSTILL) {
            return ends;
        }
        let clock = media_time(now);
        self.lead = Lead::new(now, clock);
        Ends {
            picture: clock,
            sound: clock,
        }
    }

    /// Takes whatever is on off the air.
    fn take_off(&mut self) -> Option<Ends> {
        match core::mem::replace(&mut self.on_air, OnAir::Nothing) {
            OnAir::Card { mut run, .. } | OnAir::Source { mut run, .. } => {
                Some(run.end(&mut self.sealer))
            }
            OnAir::Nothing => None,
        }
    }
}

/// How far the timeline is behind the clock.
fn behind(now: Duration, ends: Ends) -> u64 {
    media_time(now).saturating_sub(ends.picture.max(ends.sound))
}

fn stall_after(config: &Config, run: &Run) -> Duration {
    (run.frame() * 3).min(SLOWEST_STALL).max(config.stall_after)
}

/// One fragment of the card.
const FRAGMENT: Duration = Duration::from_millis(80);
/// How little ahead the timeline must be for a source to go on air.
const RESUMED_LEAD: Duration = Duration::from_millis(500);
/// How late the card may be before it gives up what it missed.
const LATE_CARD: Duration = Duration::from_millis(500);
/// How far the timeline may fall behind the clock. Stalls of a source do not add up to as
/// much, since each brings up the card, which catches up.
const STANDSTILL: Duration = Duration::from_secs(10);
/// How long even a source of few frames a second may be silent.
const SLOWEST_STALL: Duration = Duration::from_millis(1800);
