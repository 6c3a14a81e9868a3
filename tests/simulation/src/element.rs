//! A media element that only watches, steered by the playhead that ships.
//!
//! Its figures are those of [`crate::report::Figures::continuity_p0_1`] and
//! [`crate::report::Figures::latency_s`]. Decoding and the screen's refresh (some 20 ms)
//! are not in it.

use core::time::Duration;

use peerstream_fragment::Fragment;
use peerstream_node::playhead::{LATE, Playhead, Sample, Span};

use crate::{report::STALL, source::Source};

/// A player, from the first chunk on.
#[derive(Default)]
pub(crate) struct Element {
    playhead: Playhead,
    /// What is buffered, ascending.
    spans: Vec<Span>,
    /// `currentTime` as of `seen`, in seconds of media.
    position: f64,
    seen: Duration,
    rate: f64,
    /// Since when it plays, stalls included.
    began: Option<Duration>,
    /// Since when the picture stands still although it should move.
    standing: Option<Duration>,
    /// The last chunk was old when it came.
    late: bool,
    pub(crate) loss: Loss,
}

/// What was missing of the picture since the last [`Element::mark`].
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Loss {
    /// Media that was never shown.
    pub(crate) skipped: Duration,
    /// Standstills of more than 250 ms.
    pub(crate) stalled: Duration,
    /// Standstills and skips.
    pub(crate) stalls: u32,
}

impl Element {
    /// A chunk is appended.
    pub(crate) fn chunk(&mut self, now: Duration, fragment: &Fragment) {
        self.advance(now);
        let meta = &fragment.header.header.meta;
        self.late = Source::clock(now) > meta.capture_time + LATE;
        let start = meta.media_time as f64 / 1e6;
        let duration = f64::from(meta.duration) / 1e6;
        self.playhead.chunk(now, start, duration, meta.flags.key());
        let end = start + duration;
        match self.spans.last_mut() {
            Some(span) if start <= span.end + SEAM => span.end = span.end.max(end),
            _ => self.spans.push(Span { start, end }),
        }
        if self.standing.is_some() && self.ahead() >= GOES_ON_WITH {
            self.move_on(now);
        }
    }

    /// The node gave media up.
    pub(crate) fn skipped(&mut self, media: Duration) {
        if self.began.is_some() {
            self.loss.skipped += media;
            self.loss.stalls += 1;
        }
    }

    /// The page's timer: looks how far the element is, and steers it.
    pub(crate) fn sample(&mut self, now: Duration, delay: Duration) {
        if self.spans.is_empty() {
            return;
        }
        self.advance(now);
        self.playhead.require(delay);
        let starving = self.began.is_some() && self.standing.is_some();
        let actions = self.playhead.sample(&Sample {
            now,
            current_time: self.position,
            video: Some(&self.spans),
            audio: None,
            ready_state: if starving { 2 } else { 4 },
            paused: false,
            seeking: false,
            late: self.late,
        });
        if let Some(seek) = actions.seek {
            self.position = seek.to;
            if seek.skips > 0.0 {
                self.loss.skipped += Duration::from_secs_f64(seek.skips);
                self.loss.stalls += 1;
            }
            if self.began.is_some() && self.standing.is_some() && self.ahead() > 0.0 {
                self.move_on(now);
            }
        }
        if let Some(rate) = actions.rate {
            self.rate = rate;
        }
        if actions.play && self.began.is_none() {
            self.began = Some(now);
            self.rate = 1.0;
        }
        if let Some(before) = actions.trim {
            self.spans.retain(|span| span.end > before);
            if let Some(span) = self.spans.first_mut() {
                span.start = span.start.max(before);
            }
        }
    }

    /// Since when it plays.
    pub(crate) fn began(&self) -> Option<Duration> {
        self.began
    }

    /// How far behind its capture the picture is that is shown now.
    pub(crate) fn behind(&self, now: Duration) -> Option<Duration> {
        self.began?;
        Some(now.saturating_sub(Source::captured(self.position)))
    }

    /// Whether the picture stands still, for longer than nobody notices.
    pub(crate) fn stands(&self, now: Duration) -> bool {
        self.standing.is_some_and(|since| now > since + STALL)
    }

    /// What is missing by now, a standstill that goes on included.
    pub(crate) fn loss(&mut self, now: Duration) -> Loss {
        self.advance(now);
        let mut loss = self.loss;
        if let Some(since) = self.standing {
            loss.stand(now.saturating_sub(since));
        }
        loss
    }

    /// Counts anew from here.
    pub(crate) fn mark(&mut self, now: Duration) {
        self.advance(now);
        self.loss = Loss::default();
        if let Some(standing) = &mut self.standing {
            *standing = now;
        }
    }

    /// Moves the position to where it is by now.
    fn advance(&mut self, now: Duration) {
        let since = core::mem::replace(&mut self.seen, now);
        if self.began.is_none() || self.standing.is_some() {
            return;
        }
        let elapsed = now.saturating_sub(since).as_secs_f64();
        let ahead = self.ahead();
        if ahead >= elapsed * self.rate {
            self.position += elapsed * self.rate;
        } else {
            self.position += ahead;
            self.standing = Some(since + Duration::from_secs_f64(ahead / self.rate.max(0.1)));
        }
    }

    /// Media from here on without a hole, in seconds.
    fn ahead(&self) -> f64 {
        let here = |span: &&Span| span.start <= self.position + SEAM && self.position <= span.end;
        let span = self.spans.iter().rev().find(here);
        span.map_or(0.0, |span| span.end - self.position)
    }

    fn move_on(&mut self, now: Duration) {
        if let Some(since) = self.standing.take() {
            self.loss.stand(now.saturating_sub(since));
        }
        self.seen = now;
    }
}

impl Loss {
    fn stand(&mut self, time: Duration) {
        if time > STALL {
            self.stalled += time;
            self.stalls += 1;
        }
    }

    /// Skipped and stalled.
    pub(crate) fn total(&self) -> Duration {
        self.skipped + self.stalled
    }
}

/// Two chunks this near to one another are one range of the buffer.
const SEAM: f64 = 0.02;
/// After an underflow browsers wait until there is so much again, in seconds: the level was
/// measured to come back 200 to 500 ms higher.
const GOES_ON_WITH: f64 = 0.2;
