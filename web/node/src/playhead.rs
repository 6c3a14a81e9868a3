//! Where to play: holds the distance to the live edge by small changes of the playback rate,
//! jumps holes, and says what to drop.
//!
//! Each page steers on its own buffer, so that a hop adds transport but no further buffer.
//! The figures here were found by trying: below 100 ms of buffer players thrash, because
//! after an underflow the level comes back some hundred milliseconds higher.
//!
//! All times are those of the media element, in seconds.

use core::time::Duration;
use std::collections::VecDeque;

pub use crate::playable::Span;
use crate::{
    playable::{GAP_EDGE, LANDING, Playable, SHORT},
    target::Target,
};

/// The state of the media element, to be sampled about every [`SAMPLE`].
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// When it was taken.
    pub now: Duration,
    /// `currentTime`.
    pub current_time: f64,
    /// What the video buffer holds, in ascending order. None without a video track.
    pub video: Option<&'a [Span]>,
    /// What the audio buffer holds, in ascending order. None without an audio track.
    pub audio: Option<&'a [Span]>,
    /// `readyState`; below 3 the element has nothing to play.
    pub ready_state: u16,
    /// `paused`.
    pub paused: bool,
    /// `seeking`.
    pub seeking: bool,
    /// Whether the newest chunk was older than [`LATE`] when it came.
    pub late: bool,
}

/// What to do with the media element, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Actions {
    /// Move.
    pub seek: Option<Seek>,
    /// Set `playbackRate`.
    pub rate: Option<f64>,
    /// Begin to play: there is enough.
    pub play: bool,
    /// Remove everything before this time; a key frame stands there.
    pub trim: Option<f64>,
}

/// A move of the playhead.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seek {
    /// The new `currentTime`.
    pub to: f64,
    /// How many seconds of media that was there are not shown because of it. Zero while
    /// joining: nobody has been watching yet.
    pub skips: f64,
}

/// So many microseconds after its capture nothing comes but what was before a viewer's time:
/// who feeds it leaves out what is 0.8 s behind as soon as there is a newer segment.
pub const LATE: u64 = 900_000;

/// How often the media element is to be sampled.
pub const SAMPLE: Duration = Duration::from_millis(50);

/// Playback control; see the module's words.
#[derive(Debug)]
pub struct Playhead {
    stage: Stage,
    /// The smoothed distance between the playhead and the end of what is buffered.
    level: Option<f64>,
    sampled: Option<Duration>,
    rate: f64,
    target: Target,
    /// Since when the element has had nothing to play.
    starving: Option<Duration>,
    /// Where key frames stand, ascending, so that trimming never cuts into what plays.
    keys: VecDeque<f64>,
    trimmed: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Nothing to play yet.
    Empty,
    /// The first picture is up, and the buffer fills.
    Filling { since: Duration },
    /// Plays since a moment ago; the join's backlog may still be coming.
    Settling { since: Duration },
    /// Plays.
    Steady,
}

impl Default for Playhead {
    fn default() -> Self {
        Playhead {
            stage: Stage::Empty,
            level: None,
            sampled: None,
            rate: 1.0,
            target: Target::default(),
            starving: None,
            keys: VecDeque::new(),
            trimmed: Duration::ZERO,
        }
    }
}

impl Playhead {
    /// A chunk was handed to the player; `start` is its media time.
    pub fn chunk(&mut self, now: Duration, start: f64, duration: f64, key: bool) {
        if key {
            self.keys.push_back(start);
        }
        // What comes before is the join's backlog, which is late by nature.
        let live = self.stage == Stage::Steady;
        let transit = live.then_some(now.as_secs_f64() - (start + duration));
        self.target.chunk(duration, transit);
    }

    /// Other tracks follow: how late their chunks come may have nothing to do with how late
    /// the former ones came.
    pub fn tracks_changed(&mut self) {
        self.target.forget();
    }

    /// Keep at least this much, so that a takeover is not seen.
    pub fn require(&mut self, buffer: Duration) {
        self.target.require(buffer);
    }

    /// The buffer that is aimed at, in seconds.
    #[must_use]
    pub fn target(&self) -> f64 {
        self.target.seconds()
    }

    /// The buffer that there is, smoothed, in seconds.
    #[must_use]
    pub fn level(&self) -> Option<f64> {
        self.level
    }

    /// The rate asked for last.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Whether it has begun to play.
    #[must_use]
    pub fn begun(&self) -> bool {
        matches!(self.stage, Stage::Settling { .. } | Stage::Steady)
    }

    /// Where to cut when the player's memory is full: the key frame that the picture at
    /// `current_time` needs, if anything stands before it.
    #[must_use]
    pub fn cut(&mut self, current_time: f64) -> Option<f64> {
        self.keep_from(current_time)
    }

    /// Takes the state of the media element and says what to do.
    pub fn sample(&mut self, sample: &Sample<'_>) -> Actions {
        let elapsed = self
            .sampled
            .map_or(SAMPLE, |then| sample.now.saturating_sub(then));
        self.sampled = Some(sample.now);
        self.target.pass(elapsed, self.stage == Stage::Steady);

        let playable = Playable::of(sample.video, sample.audio);
        let mut actions = Actions::default();
        if sample.seeking {
            // Whatever else is decided now is decided on a state that is about to change.
            if let Some(next) = playable.next_after(sample.current_time, SHORT) {
                actions.seek = Some(Seek {
                    to: next.start + LANDING,
                    skips: 0.0,
                });
            }
            return actions;
        }
        match self.stage {
            Stage::Empty => self.begin(sample, &playable, &mut actions),
            Stage::Filling { since } => self.fill(since, sample, &playable, &mut actions),
            Stage::Settling { .. } | Stage::Steady => {
                self.steer(elapsed, sample, &playable, &mut actions);
            }
        }
        self.trim(sample, &mut actions);
        actions
    }

    /// The first picture goes up as soon as there is one, the newest that leaves the target.
    fn begin(&mut self, sample: &Sample<'_>, playable: &Playable, actions: &mut Actions) {
        let Some(to) = playable.live(self.target()) else {
            return;
        };
        actions.seek = Some(Seek { to, skips: 0.0 });
        let since = sample.now;
        actions.play = !sample.late && playable.end() - to >= self.target() - FILLED;
        self.stage = if actions.play {
            Stage::Settling { since }
        } else {
            Stage::Filling { since }
        };
    }

    /// Plays once the target is reached: to begin with less is to stumble right away.
    fn fill(
        &mut self,
        since: Duration,
        sample: &Sample<'_>,
        playable: &Playable,
        actions: &mut Actions,
    ) {
        let target = self.target();
        let Some(to) = playable.live(target) else {
            return;
        };
        let level = playable.end() - sample.current_time;
        // What is far from the live edge is about to be left behind, in one go or by a hole.
        let unready = level < target - FILLED || sample.late;
        if unready && sample.now.saturating_sub(since) < FILL_PATIENCE {
            return;
        }
        // The rest of the join's backlog may have come since the first picture.
        if level > target + JOIN_TOLERANCE {
            actions.seek = Some(Seek { to, skips: 0.0 });
        }
        actions.play = true;
        self.stage = Stage::Settling { since: sample.now };
    }

    fn steer(
        &mut self,
        elapsed: Duration,
        sample: &Sample<'_>,
        playable: &Playable,
        actions: &mut Actions,
    ) {
        if sample.paused {
            // Not our doing; whoever paused wants the picture to stay. But not until the
            // memory is full.
            self.level = None;
            if playable.end() - sample.current_time > PAUSED_MAX {
                self.go_live(sample, playable, false, actions);
            }
            return;
        }
        let starving = sample.ready_state < HAVE_FUTURE_DATA;
        if starving && self.starving.is_none() && self.stage == Stage::Steady {
            self.target.ran_dry();
        }
        self.starving = self.starving.or(Some(sample.now)).filter(|_| starving);
        if starving && let Some(next) = playable.next_after(sample.current_time, GAP_EDGE) {
            let near = next.start - sample.current_time <= GAP_MAX;
            // Chunks come in order, so that what is missing stays missing. A far jump only
            // has to wait until there is something to go on with.
            if near || next.end - next.start >= self.target() {
                self.level = None;
                actions.seek = Some(Seek {
                    to: next.start + LANDING,
                    skips: 0.0,
                });
                return;
            }
        }
        let behind = playable.end() - sample.current_time - self.target();
        if let Stage::Settling { since } = self.stage {
            if sample.now.saturating_sub(since) >= SETTLE {
                self.stage = Stage::Steady;
                if behind > JOIN_TOLERANCE {
                    self.go_live(sample, playable, false, actions);
                    return;
                }
            }
        } else if behind > BEHIND_MAX || behind > 0.0 && self.hesitates(sample.now) {
            self.go_live(sample, playable, true, actions);
            return;
        }
        let Some(span) = playable.at(sample.current_time) else {
            return;
        };
        self.hold(elapsed, span.end - sample.current_time, actions);
    }

    /// Whether the element has starved for longer than it takes to go on. Chromium wants twice
    /// as much sound after each time that it ran dry, up to 3 s, until it is moved.
    fn hesitates(&self, now: Duration) -> bool {
        self.starving.is_some_and(|since| now >= since + HESITATES)
    }

    /// Moves the rate so that the level goes to the target.
    fn hold(&mut self, elapsed: Duration, measured: f64, actions: &mut Actions) {
        let level = match self.level {
            // The weight is for one sample interval; timers are not that exact.
            Some(level) => {
                let weight = SMOOTHING * elapsed.as_secs_f64() / SAMPLE.as_secs_f64();
                level + weight.min(1.0) * (measured - level)
            }
            None => measured,
        };
        self.level = Some(level);
        let error = level - self.target();
        let steering = self.rate - 1.0;
        let rate = if error.abs() > STEER_FROM || steering * error > 0.0 {
            1.0 + (GAIN * error.abs())
                .clamp(RATE_LEAST, RATE_RANGE)
                .copysign(error)
        } else {
            1.0
        };
        if (rate - self.rate).abs() >= RATE_STEP {
            self.rate = rate;
            actions.rate = Some(rate);
        }
    }

    fn go_live(
        &mut self,
        sample: &Sample<'_>,
        playable: &Playable,
        watched: bool,
        actions: &mut Actions,
    ) {
        let Some(to) = playable.live(self.target()) else {
            return;
        };
        if to <= sample.current_time {
            return;
        }
        self.level = None;
        let skips = if watched {
            playable.between(sample.current_time, to)
        } else {
            0.0
        };
        actions.seek = Some(Seek { to, skips });
    }

    fn trim(&mut self, sample: &Sample<'_>, actions: &mut Actions) {
        let first = [sample.video, sample.audio]
            .into_iter()
            .flatten()
            .filter_map(|spans| spans.first())
            .map(|span| span.start)
            .fold(f64::INFINITY, f64::min);
        let due = sample.now.saturating_sub(self.trimmed) >= TRIM_EVERY;
        if !due || sample.current_time - first < TRIM_ABOVE {
            return;
        }
        if let Some(before) = self.keep_from(sample.current_time - TRIM_KEEPS)
            && before > first
        {
            self.trimmed = sample.now;
            actions.trim = Some(before);
        }
    }

    /// The last key frame at or before `time`; those before it are forgotten.
    fn keep_from(&mut self, time: f64) -> Option<f64> {
        while self.keys.get(1).is_some_and(|key| *key <= time) {
            self.keys.pop_front();
        }
        self.keys.front().copied().filter(|key| *key <= time)
    }
}

/// The weight of a new sample of the level: chunks make it jump.
const SMOOTHING: f64 = 0.15;
/// Steering begins this far from the target, and ends when it is reached. It does not go on
/// all the time because changes of the rate are not free: Chromium plays on 10 to 20 ms later
/// after each. Going back and forth twice a second, a rate of 1.02 came out as 0.98.
const STEER_FROM: f64 = 0.04;
/// How much faster for a second too much.
const GAIN: f64 = 0.5;
/// Nobody hears a tenth.
const RATE_RANGE: f64 = 0.1;
/// With less than this the last milliseconds take for ever.
const RATE_LEAST: f64 = 0.03;
/// Smaller changes of the rate are not worth the player's trouble.
const RATE_STEP: f64 = 0.02;
/// Farther behind than this, seeking is the smaller evil.
const BEHIND_MAX: f64 = 1.0;
/// While joining, a seek costs nobody anything; but it decodes from the key frame on again,
/// so that it must be worth it.
const JOIN_TOLERANCE: f64 = 0.15;
/// When the beginning is over, and with it the leave to seek for little.
const SETTLE: Duration = Duration::from_millis(500);
/// The target counts as reached this near to it.
const FILLED: f64 = 0.015;
/// The longest that the first picture waits to move.
const FILL_PATIENCE: Duration = Duration::from_millis(1500);
/// An element that has enough to play goes on within this time.
const HESITATES: Duration = Duration::from_millis(500);
/// Holes up to this size are jumped at once.
const GAP_MAX: f64 = 0.5;
/// How far behind a paused picture may fall.
const PAUSED_MAX: f64 = 30.0;
/// Removing interrupts appending for a moment, so it is done rarely.
const TRIM_EVERY: Duration = Duration::from_secs(10);
const TRIM_ABOVE: f64 = 20.0;
const TRIM_KEEPS: f64 = 3.0;
/// `HTMLMediaElement.HAVE_FUTURE_DATA`.
const HAVE_FUTURE_DATA: u16 = 3;
