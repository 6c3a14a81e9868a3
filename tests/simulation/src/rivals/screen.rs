//! What a viewer sees: which frames were there when they were due.

use core::time::Duration;
use std::collections::VecDeque;

use crate::world::Stream;

/// So many frames are remembered: more than the longest playout delay.
const REMEMBERED: u32 = 1_024;

/// One viewer's player. It shows each frame at its capture plus a delay of its own, and
/// what is not there then is lost; if most of what comes is too late, it falls back.
pub(super) struct Screen {
    frame: Duration,
    /// Kept between arrival and showing; none if all show at one distance from the
    /// capture.
    reserve: Option<Duration>,
    /// From capture to showing; none before the first picture.
    pub(super) delay: Option<Duration>,
    pub(super) startup: Option<Duration>,
    opened: Duration,
    /// From capture to arrival, of the frames from `first` on.
    lags: VecDeque<Option<Duration>>,
    first: u32,
    /// The next frame to be judged.
    next: u32,
    pub(super) shown: u64,
    pub(super) missed: u64,
    late: u32,
}

impl Screen {
    pub(super) fn new(stream: &Stream, reserve: Option<Duration>, now: Duration) -> Screen {
        let live = frame_at(stream.frame, now);
        Screen {
            frame: stream.frame,
            reserve,
            delay: None,
            startup: None,
            opened: now,
            lags: VecDeque::new(),
            first: live.saturating_sub(REMEMBERED / 2),
            next: 0,
            shown: 0,
            missed: 0,
            late: 0,
        }
    }

    /// A frame has come whole. `begins`: a picture can begin with it.
    pub(super) fn arrive(&mut self, now: Duration, frame: u32, begins: bool) {
        let Some(at) = frame.checked_sub(self.first) else {
            return;
        };
        let at = at as usize;
        while self.lags.len() <= at {
            self.lags.push_back(None);
        }
        let lag = now.saturating_sub(self.captured(frame));
        self.lags[at] = Some(lag);
        if self.delay.is_none() && begins {
            self.startup = Some(now.saturating_sub(self.opened));
            // It begins with the past of its segment, and is where the live frames are
            // soon after.
            self.delay = Some(lag + self.reserve.unwrap_or_default());
            self.next = frame_at(self.frame, now).max(frame);
        }
        while self.lags.len() > REMEMBERED as usize {
            self.lags.pop_front();
            self.first += 1;
        }
    }

    /// Judges every frame that was due by now.
    pub(super) fn judge(&mut self, now: Duration) {
        let Some(delay) = self.delay else {
            return;
        };
        self.show(now, delay);
        let Some(reserve) = self.reserve else {
            return;
        };
        // What joining took is made up for as soon as the live frames come in time: by a
        // jump when it is much, else by running faster.
        let recent = self.lags.iter().rev().flatten().take(64).max();
        if let Some(enough) = recent.map(|lag| *lag + reserve)
            && let Some(delay) = &mut self.delay
            && *delay > enough + SLACK
        {
            *delay = if *delay > enough + JUMP {
                enough
            } else {
                *delay - SLACK
            };
            self.next = self
                .next
                .max(frame_at(self.frame, now.saturating_sub(*delay)));
        }
    }

    fn show(&mut self, now: Duration, delay: Duration) {
        while self.captured(self.next) + delay <= now {
            let held = self
                .next
                .checked_sub(self.first)
                .and_then(|at| *self.lags.get(at as usize)?);
            match held {
                Some(lag) if lag <= delay => {
                    self.shown += 1;
                    self.late = 0;
                }
                Some(_) => {
                    self.missed += 1;
                    self.late += 1;
                }
                None => self.missed += 1,
            }
            self.next += 1;
            if self.late >= FALL_BACK
                && let Some(reserve) = self.reserve
            {
                self.late = 0;
                self.delay = Some(self.live_lag(delay) + reserve);
                return;
            }
        }
    }

    /// Forgets what was counted; what plays goes on.
    pub(super) fn mark(&mut self) {
        (self.shown, self.missed) = (0, 0);
    }

    /// The lag of the newest frame that came; `otherwise` if there is none.
    fn live_lag(&self, otherwise: Duration) -> Duration {
        self.lags
            .iter()
            .rev()
            .find_map(|lag| *lag)
            .unwrap_or(otherwise)
    }

    fn captured(&self, frame: u32) -> Duration {
        self.frame * frame
    }
}

/// The frame that is captured at a time.
pub(super) fn frame_at(frame: Duration, now: Duration) -> u32 {
    u32::try_from(now.as_nanos() / frame.as_nanos().max(1)).unwrap_or(u32::MAX)
}

/// How much is made up for at a time by running faster, and from how much on by a jump.
const SLACK: Duration = Duration::from_millis(50);
const JUMP: Duration = Duration::from_millis(500);
/// So many frames in a row that came too late show that the delay is too short.
const FALL_BACK: u32 = 15;
