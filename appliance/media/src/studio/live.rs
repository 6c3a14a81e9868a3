//! The live source's way onto the air.

use core::time::Duration;

use peerstream_fragment::TrackKind;

use super::{OnAir, RESUMED_LEAD, Studio};
use crate::run::{Kind, Run};
use crate::tally::Reason;
use crate::timeline::Misplaced;
use crate::tracks::Tracks;
use crate::{AccessUnit, MAX_UNIT};

impl Studio {
    pub(super) fn announced(&mut self, tracks: Tracks) {
        self.early.clear();
        let known = match &self.on_air {
            OnAir::Source { run, .. } => self.offer.is_none() && *run.tracks() == tracks,
            _ => false,
        };
        if !known {
            self.offer = Some(tracks);
        }
    }

    pub(super) fn video(&mut self, now: Duration, unit: &AccessUnit) -> Result<(), Reason> {
        let result = self.take_video(now, unit);
        // Whatever was dropped, the pictures after it may need it.
        if result.is_err()
            && let OnAir::Source { run, .. } = &self.on_air
        {
            self.offer.get_or_insert_with(|| run.tracks().clone());
        }
        result
    }

    fn take_video(&mut self, now: Duration, unit: &AccessUnit) -> Result<(), Reason> {
        if unit.data.len() > MAX_UNIT {
            return Err(Reason::TooLarge);
        }
        let tracks = match (&self.offer, &self.on_air) {
            (Some(offer), _) => offer,
            (None, OnAir::Source { run, .. }) => run.tracks(),
            (None, _) => return Err(Reason::NoTrack),
        };
        let video = tracks.video.as_ref().ok_or(Reason::NoTrack)?;
        let key = video.config.is_key(&unit.data).ok_or(Reason::Malformed)?;
        if self.offer.is_none()
            && let OnAir::Source { run, heard } = &mut self.on_air
        {
            match run.video(now, unit, key, &mut self.sealer) {
                Ok(()) => {
                    *heard = now;
                    let end = run.ends().picture;
                    let ahead = self.lead.note(now, end);
                    return if ahead > MAX_LEAD {
                        Err(Reason::TooFast)
                    } else {
                        Ok(())
                    };
                }
                // The key frame that brings the jump is where the source goes on.
                Err(Misplaced::Jump) if key => self.offer = Some(run.tracks().clone()),
                Err(misplaced) => return Err(misplaced.into()),
            }
        }
        if !key {
            return Err(Reason::AwaitingKey);
        }
        self.put_source_on(now, unit)
    }

    pub(super) fn audio(&mut self, now: Duration, unit: AccessUnit) -> Result<(), Reason> {
        if unit.data.len() > MAX_SOUND {
            return Err(Reason::TooLarge);
        }
        if unit.data.is_empty() {
            return Err(Reason::Malformed);
        }
        if let Some(offer) = &self.offer {
            return match (&offer.audio, &offer.video) {
                (None, _) => Err(Reason::NoTrack),
                (Some(_), None) => self.put_source_on(now, &unit),
                (Some(_), Some(_)) => {
                    if self.early.len() == MAX_EARLY {
                        self.early.pop_front();
                    }
                    self.early.push_back(unit);
                    Ok(())
                }
            };
        }
        let OnAir::Source { run, heard } = &mut self.on_air else {
            return Err(Reason::NoTrack);
        };
        if run.tracks().audio.is_none() {
            return Err(Reason::NoTrack);
        }
        let alone = run.tracks().video.is_none();
        match run.audio(now, &unit, &mut self.sealer) {
            Ok(()) => {
                if alone {
                    *heard = now;
                    let end = run.ends().sound;
                    if self.lead.note(now, end) > MAX_LEAD {
                        self.offer = Some(run.tracks().clone());
                        return Err(Reason::TooFast);
                    }
                }
                Ok(())
            }
            Err(Misplaced::Jump) if alone => {
                self.offer = Some(run.tracks().clone());
                self.put_source_on(now, &unit)
            }
            Err(misplaced) => Err(misplaced.into()),
        }
    }

    /// Puts the source on air that has been announced, from `unit` on.
    fn put_source_on(&mut self, now: Duration, unit: &AccessUnit) -> Result<(), Reason> {
        if self.lead.by(now) > RESUMED_LEAD {
            return Err(Reason::TooFast);
        }
        let Some(tracks) = self.offer.take() else {
            return Err(Reason::NoTrack);
        };
        let Some(ends) = self.take_off() else {
            return Err(Reason::NoTrack);
        };
        let ends = self.caught_up(now, ends);
        let origin = match unit.kind {
            TrackKind::Video => unit.dts,
            TrackKind::Audio => unit.pts,
        };
        let mut run = Run::start(now, tracks, Kind::Source, origin, ends, &mut self.sealer);
        // The first unit of a run stands where the run begins: it always has a place,
        // unless its own two times disagree.
        let placed = match unit.kind {
            TrackKind::Video => run.video(now, unit, true, &mut self.sealer),
            TrackKind::Audio => run.audio(now, unit, &mut self.sealer),
        };
        for early in self.early.drain(..) {
            // Most of it is from before the key frame; that is no fault of the source.
            let _ = run.audio(now, &early, &mut self.sealer);
        }
        self.lead.note(now, run.ends().picture);
        self.on_air = OnAir::Source { run, heard: now };
        placed.map_err(Reason::from)
    }
}

impl From<Misplaced> for Reason {
    fn from(misplaced: Misplaced) -> Self {
        match misplaced {
            Misplaced::Backwards => Reason::Backwards,
            Misplaced::Jump => Reason::Jump,
            Misplaced::Offset => Reason::Malformed,
        }
    }
}

/// The largest frame of sound: what an ADTS header can count.
const MAX_SOUND: usize = 8 * 1024;
/// How many frames of sound are kept for a picture that has not come yet: about a second.
const MAX_EARLY: usize = 48;
/// A source that is further ahead than this is dropped until it is not.
const MAX_LEAD: Duration = Duration::from_secs(2);
