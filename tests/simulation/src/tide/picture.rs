//! What a viewer sees: how far behind the picture is, and what is missing of it.

use super::node::{Flow, Picture};
use crate::report::STALL;

/// The playhead moves by at most this much of the time that passes,
const MOST: f32 = 0.1;
/// and by this much of its error in a second.
const GAIN: f32 = 0.5;
/// Errors of less are none.
const DEAD_BAND: f32 = 0.015;
/// After an underflow there has to be so much again.
const GOES_ON_WITH: f32 = 0.2;
/// Further behind its aim than this it jumps.
const JUMP: f32 = 1.0;

impl Picture {
    /// The first one, at the aim.
    pub(super) fn begin(&mut self, now: u64, flow: &Flow, frame: f32) {
        (self.began, self.seen) = (now, now);
        self.behind = aim(flow, frame);
        self.lost = 0.0;
    }

    /// Time passed, in which the stream came.
    pub(super) fn pass(&mut self, now: u64, flow: &Flow, frame: f32) {
        let time = (now.saturating_sub(self.seen)) as f32 / 1e6;
        self.seen = now;
        let level = self.behind - flow.arrival - frame / 2.0;
        if level < 0.0 {
            // The way became longer than what was left.
            self.stand(-level);
        }
        let error = self.behind - aim(flow, frame);
        if error > JUMP {
            self.lost += error;
            self.behind -= error;
        } else if error.abs() > DEAD_BAND {
            let step = (GAIN * error).clamp(-MOST, MOST) * time;
            self.behind -= if step.abs() > error.abs() {
                error
            } else {
                step
            };
        }
        // What no uplink carries is not missed before the buffer is empty.
        let before = self.short;
        self.short = if flow.lack > 0.0 {
            before + flow.lack * time
        } else {
            0.0
        };
        self.lost += (self.short - level.max(0.0)).max(0.0)
            - (before - level.max(0.0)).max(0.0).min(self.short);
    }

    /// Nothing came for so long, and now it does again.
    pub(super) fn gap(&mut self, now: u64, length: f32, flow: &Flow, frame: f32) {
        // Until the gap began all was well; while it lasts the playhead slows down, by next
        // to nothing.
        self.seen = self.seen.max(now);
        let level = (self.behind - flow.arrival - frame / 2.0).max(0.0);
        if length > level {
            self.stand(length - level);
        }
    }

    fn stand(&mut self, time: f32) {
        let time = if time > 0.005 {
            time + GOES_ON_WITH.min(time) / 4.0
        } else {
            time
        };
        if time > STALL.as_secs_f32() {
            self.lost += time;
        }
        self.behind += time;
    }
}

fn aim(flow: &Flow, frame: f32) -> f32 {
    flow.arrival + frame / 2.0 + flow.buffer
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: f32 = 0.033;
    const FLOW: Flow = Flow {
        pass: 0,
        depth: 1,
        arrival: 0.3,
        losses: 0.0,
        lost_for: 0.0,
        burst: 0.0,
        spread: 0.0,
        frozen: false,
        lack: 0.0,
        latency: 0.1,
        patience: 0.1,
        buffer: 0.3,
    };

    #[test]
    fn what_the_buffer_covers_is_not_seen() {
        let mut picture = Picture::default();
        picture.begin(1, &FLOW, FRAME);
        let behind = picture.behind;
        picture.gap(2, 0.29, &FLOW, FRAME);
        assert!(picture.lost == 0.0 && picture.behind == behind);
        picture.gap(3, 0.5, &FLOW, FRAME);
        assert!(picture.lost == 0.0 && picture.behind > behind + 0.19);
    }

    #[test]
    fn a_standstill_counts_whole_and_is_made_up_for() {
        let mut picture = Picture::default();
        picture.begin(1, &FLOW, FRAME);
        let behind = picture.behind;
        picture.gap(2, 0.9, &FLOW, FRAME);
        assert!((0.6..0.7).contains(&picture.lost), "{}", picture.lost);
        for second in 1..20 {
            picture.pass(second * 1_000_000, &FLOW, FRAME);
        }
        assert!((picture.behind - behind).abs() < 0.02);
    }
}
