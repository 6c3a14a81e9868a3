mod pending;

use core::time::Duration;

use bytes::Bytes;
use peerstream_fragment::Flags;

use crate::boxes::{self, Sample, VIDEO_SCALE};
use crate::pace::{Load, MAX_LENGTH, Pace};
use crate::seal::{Cut, Sealer};
use crate::timeline::{Misplaced, SoundTimeline, VideoTimeline, micros, to_micros, to_ticks};
use crate::tracks::Tracks;
use crate::{AccessUnit, MAX_UNIT};
use pending::Pending;

/// One set of tracks on air, from its first key frame on: puts units onto the media
/// timeline and cuts them into fragments.
#[derive(Debug)]
pub(crate) struct Run {
    tracks: Tracks,
    standby: bool,
    picture: Option<VideoTimeline>,
    sound: Option<SoundTimeline>,
    pending: Pending,
    pace: Pace,
    /// The fragment at hand is long enough when it reaches this media time.
    due: u64,
    /// The next fragment begins with a key frame.
    keyed: bool,
    /// Where the segment at hand began; for runs of sound only.
    segment_from: u64,
    /// No sound has come for so long that silence takes its place.
    silenced: bool,
}

/// Where a run ends, in microseconds on the media timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) picture: u64,
    pub(crate) sound: u64,
}

impl Run {
    /// A run of `tracks` behind `ends`. `origin` is the source's time of its first unit.
    pub(crate) fn start(
        now: Duration,
        tracks: Tracks,
        kind: Kind,
        origin: Duration,
        ends: Ends,
        sealer: &mut Sealer,
    ) -> Self {
        let base = if tracks.video.is_some() {
            ends.picture
        } else {
            ends.sound
        };
        let picture = tracks
            .video
            .is_some()
            .then(|| VideoTimeline::new(origin, to_ticks(base, VIDEO_SCALE)));
        let sound = tracks.audio.as_ref().map(|audio| {
            let (rate, frame) = (audio.config.rate, audio.config.frame);
            // If the sound before it broke off early, that is not to be made up.
            let next = ends.sound.max(base.saturating_sub(micros(LATE_SOUND)));
            SoundTimeline::new(
                origin,
                to_ticks(base, rate),
                rate,
                frame,
                to_ticks(next, rate),
            )
        });
        let pace = match kind {
            Kind::Standby { length } => Pace::fixed(length),
            Kind::Source => Pace::adaptive(Load {
                pictures: if picture.is_some() { 30.0 } else { 0.0 },
                sounds: sound.as_ref().map_or(0.0, |sound| {
                    f64::from(sound.rate()) / f64::from(sound.frame())
                }),
            }),
        };
        let standby = matches!(kind, Kind::Standby { .. });
        if let Some(init) = boxes::init(&tracks) {
            sealer.init(now, base, standby, &init);
        }
        Self {
            tracks,
            standby,
            picture,
            sound,
            pending: Pending::default(),
            due: base + micros(pace.length()),
            pace,
            keyed: true,
            segment_from: base,
            silenced: false,
        }
    }

    pub(crate) fn tracks(&self) -> &Tracks {
        &self.tracks
    }

    /// Takes a frame of picture.
    pub(crate) fn video(
        &mut self,
        now: Duration,
        unit: &AccessUnit,
        key: bool,
        sealer: &mut Sealer,
    ) -> Result<(), Misplaced> {
        let Some(picture) = &mut self.picture else {
            return Ok(());
        };
        let mut frame = picture.place(unit.pts, unit.dts, unit.duration)?;
        let frames_a_second = f64::from(VIDEO_SCALE) / picture.frame().max(1) as f64;
        self.pending.mend_last(frame.time);
        let span = self.pending.video_span() + u64::from(frame.duration);
        let full =
            span > MAX_TICKS + ROUNDING || self.pending.video_bytes() + unit.data.len() > MAX_UNIT;
        let begins = key && sealer.may_begin(now);
        if !self.pending.video.is_empty() {
            if begins || full {
                self.flush(sealer, false);
            } else if span > MAX_TICKS {
                let excess = span - MAX_TICKS;
                picture.shorten(excess);
                frame.duration -= u32::try_from(excess).unwrap_or(0);
            }
        }
        let time = to_micros(frame.time, VIDEO_SCALE);
        if begins {
            // The first key frame of a run finds its segment begun, by the init data.
            if !self.keyed {
                sealer.begin();
            }
            self.keyed = true;
            self.due = time + micros(self.pace.length());
        }
        let media = Duration::from_micros(to_micros(frame.duration.into(), VIDEO_SCALE));
        self.pace.note(unit.data.len(), media, frames_a_second);
        self.pending.video.push(Sample {
            time: frame.time,
            duration: frame.duration,
            offset: frame.offset,
            key,
            data: unit.data.clone(),
            arrived: now,
        });
        self.stand_in_for_sound(now);
        // What has no room for another frame need not wait for it.
        let next = self.picture.as_ref().map_or(0, VideoTimeline::frame);
        if self.pending.video_span() + next > MAX_TICKS + ROUNDING {
            self.due = self.due.min(self.picture_end());
        }
        self.cut(self.picture_end(), sealer);
        Ok(())
    }

    /// Takes a frame of sound.
    pub(crate) fn audio(
        &mut self,
        now: Duration,
        unit: &AccessUnit,
        sealer: &mut Sealer,
    ) -> Result<(), Misplaced> {
        let Some(sound) = &mut self.sound else {
            return Ok(());
        };
        let missing = sound.place(unit.pts)?.missing;
        self.silenced = false;
        match self.silence() {
            // A page cannot play across a hole in the sound.
            Some(silence) => {
                for _ in 0..missing {
                    self.push_audio(now, &silence);
                }
            }
            None => {
                if let Some(sound) = &mut self.sound {
                    sound.skip(missing);
                }
            }
        }
        self.push_audio(now, &unit.data);
        if self.picture.is_none() {
            self.cut_sound(sealer);
        }
        Ok(())
    }

    /// Fills the sound up with silence until `until` (microseconds), if it has any.
    pub(crate) fn silence_until(&mut self, now: Duration, until: u64, sealer: &mut Sealer) {
        let Some(silence) = self.silence() else {
            return;
        };
        while self.sound_end().is_some_and(|end| end < until) {
            self.push_audio(now, &silence);
        }
        if self.picture.is_none() {
            self.cut_sound(sealer);
        }
    }

    /// When [`Run::advance`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.pending.since().map(|since| since + MAX_LENGTH)
    }

    /// Cuts what has waited long enough.
    pub(crate) fn advance(&mut self, now: Duration, sealer: &mut Sealer) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.flush(sealer, true);
        }
    }

    /// Cuts all that is left. The next run begins behind the ends.
    pub(crate) fn end(&mut self, sealer: &mut Sealer) -> Ends {
        self.flush(sealer, true);
        self.ends()
    }

    /// Where the run ends by now.
    pub(crate) fn ends(&self) -> Ends {
        let picture = self
            .picture
            .as_ref()
            .map(|picture| to_micros(picture.shown(), VIDEO_SCALE));
        let sound = self.sound_end();
        let either = picture.or(sound).unwrap_or(0);
        Ends {
            picture: picture.unwrap_or(either),
            sound: sound.unwrap_or(either),
        }
    }

    /// How long a frame of picture is taken to be.
    pub(crate) fn frame(&self) -> Duration {
        let ticks = self.picture.as_ref().map_or(0, VideoTimeline::frame);
        Duration::from_micros(to_micros(ticks, VIDEO_SCALE))
    }

    fn picture_end(&self) -> u64 {
        self.picture
            .as_ref()
            .map_or(0, |picture| to_micros(picture.end(), VIDEO_SCALE))
    }

    fn sound_end(&self) -> Option<u64> {
        self.sound
            .as_ref()
            .map(|sound| to_micros(sound.next(), sound.rate()))
    }

    fn silence(&self) -> Option<Bytes> {
        let silence = self.tracks.audio.as_ref()?.config.silence?;
        Some(Bytes::from_static(silence))
    }

    /// A source that announces sound and sends none would hold up its own picture.
    fn stand_in_for_sound(&mut self, now: Duration) {
        let (Some(silence), Some(sound)) = (self.silence(), self.sound_end()) else {
            return;
        };
        let picture = self.picture_end();
        self.silenced |= picture.saturating_sub(sound) > micros(ABSENT_SOUND);
        if self.silenced {
            while self.sound_end().is_some_and(|end| end < picture) {
                self.push_audio(now, &silence);
            }
        }
    }

    fn push_audio(&mut self, now: Duration, data: &Bytes) {
        let Some(sound) = &mut self.sound else {
            return;
        };
        let duration = sound.frame();
        let time = sound.count();
        let media = Duration::from_micros(to_micros(duration.into(), sound.rate()));
        let media = if self.picture.is_none() {
            media
        } else {
            Duration::ZERO
        };
        self.pace.note(data.len(), media, 0.0);
        self.pending.audio.push_back(Sample {
            time,
            duration,
            offset: 0,
            key: true,
            data: data.clone(),
            arrived: now,
        });
    }

    /// Cuts if the fragment at hand, which ends at `end`, is long enough.
    fn cut(&mut self, end: u64, sealer: &mut Sealer) {
        if end + SLACK < self.due {
            return;
        }
        self.flush(sealer, false);
        // Cuts stand on a grid, so that the length is met on average where it is no
        // multiple of a frame.
        let length = micros(self.pace.length()).max(1);
        let behind = (end + SLACK).saturating_sub(self.due) / length + 1;
        self.due += behind * length;
    }

    /// Sound has no key frames: a segment is as long as one of pictures usually is.
    fn cut_sound(&mut self, sealer: &mut Sealer) {
        let Some(end) = self.sound_end() else {
            return;
        };
        self.cut(end, sealer);
        if self.pending.audio.is_empty() && end >= self.segment_from + micros(SOUND_SEGMENT) {
            sealer.begin();
            self.keyed = true;
            self.segment_from = end;
        }
    }

    /// Seals a fragment of what is pending; more than one if there is more sound than one
    /// holds, or if `all` of it is to go.
    fn flush(&mut self, sealer: &mut Sealer, all: bool) {
        let frame = self.sound.as_ref().map_or(Duration::MAX, |sound| {
            Duration::from_micros(to_micros(sound.frame().into(), sound.rate()))
        });
        let most = (MAX_LENGTH.as_nanos() / frame.as_nanos().max(1)).max(1);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        loop {
            let video = core::mem::take(&mut self.pending.video);
            let audio = self.pending.take_audio(most, &video);
            if video.is_empty() && audio.is_empty() {
                return;
            }
            self.seal(sealer, &video, &audio);
            let left = self.pending.audio.len();
            if left == 0 || (left < most && !all) {
                return;
            }
        }
    }

    fn seal(&mut self, sealer: &mut Sealer, video: &[Sample], audio: &[Sample]) {
        let rate = self.sound.as_ref().map_or(1, SoundTimeline::rate);
        // Sound goes by frames of its own; where a fragment begins and how long it is, the
        // picture says. With the sound's beginning and the picture's length, its end would
        // be neither's, and a page would see a gap before the next segment.
        let start = match (video.first(), audio.first()) {
            (Some(sample), _) => to_micros(sample.time, VIDEO_SCALE),
            (None, Some(sample)) => to_micros(sample.time, rate),
            (None, None) => 0,
        };
        let span = |samples: &[Sample], scale| {
            to_micros(
                samples
                    .iter()
                    .map(|sample| u64::from(sample.duration))
                    .sum(),
                scale,
            )
        };
        let duration = if video.is_empty() {
            span(audio, rate)
        } else {
            span(video, VIDEO_SCALE)
        };
        let captured = video.first().or(audio.first()).map(|sample| sample.arrived);
        sealer.media(Cut {
            flags: Flags::NONE
                .with_if(Flags::KEY, core::mem::take(&mut self.keyed))
                .with_if(Flags::STANDBY, self.standby),
            media_time: start,
            duration: u32::try_from(duration).unwrap_or(u32::MAX),
            captured: captured.unwrap_or_default(),
            video,
            audio,
        });
    }
}

/// What kind of run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The live source: fragments as short as their overhead allows.
    Source,
    /// The standby card: fragments of this length.
    Standby { length: Duration },
}

/// [`MAX_LENGTH`] in ticks of the picture.
const MAX_TICKS: u64 = VIDEO_SCALE as u64 / 10;
/// 1 ms of a fragment's last frame may be cut off for the fragment to hold it: three frames
/// of 33.3 ms are 100 ms, whatever their times are rounded to.
const ROUNDING: u64 = VIDEO_SCALE as u64 / 1000;
/// A frame that ends this little before the fragment is due, in microseconds, ends it.
const SLACK: u64 = 3_000;
/// How far behind the picture the sound of a new run may begin.
const LATE_SOUND: Duration = Duration::from_millis(500);
/// How far the sound may stay behind the picture before silence takes its place.
const ABSENT_SOUND: Duration = Duration::from_secs(1);
/// How long a segment of sound only is.
const SOUND_SEGMENT: Duration = Duration::from_secs(2);
