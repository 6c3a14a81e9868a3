use core::time::Duration;
use std::collections::VecDeque;

use peerstream_fragment::{MAX_PARTS, PART_SIZE};

use super::MAX_TICKS;
use crate::boxes::{self, Sample};

/// Samples that are not in a fragment yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) video: Vec<Sample>,
    pub(super) audio: VecDeque<Sample>,
}

impl Pending {
    /// When the oldest of it came.
    pub(super) fn since(&self) -> Option<Duration> {
        let video = self.video.first().map(|sample| sample.arrived);
        let audio = self.audio.front().map(|sample| sample.arrived);
        match (video, audio) {
            (Some(video), Some(audio)) => Some(video.min(audio)),
            (video, audio) => video.or(audio),
        }
    }

    /// The newest picture lasts until `next`; unless that is more than a fragment holds:
    /// then a gap it is.
    pub(super) fn mend_last(&mut self, next: u64) {
        let before: u64 = self.video_span();
        if let Some(last) = self.video.last_mut() {
            let duration = next.saturating_sub(last.time);
            let span = before - u64::from(last.duration) + duration;
            if (1..=MAX_TICKS).contains(&span) && duration > 0 {
                last.duration = u32::try_from(duration).unwrap_or(last.duration);
            }
        }
    }

    pub(super) fn video_span(&self) -> u64 {
        self.video
            .iter()
            .map(|sample| u64::from(sample.duration))
            .sum()
    }

    pub(super) fn video_bytes(&self) -> usize {
        self.video.iter().map(|sample| sample.data.len()).sum()
    }

    /// The oldest sound, at most so many frames, and what fits beside `video`.
    pub(super) fn take_audio(&mut self, most: usize, video: &[Sample]) -> Vec<Sample> {
        let taken: usize = video.iter().map(|sample| sample.data.len()).sum();
        let boxes = boxes::overhead(video.len()) + boxes::overhead(most.min(self.audio.len()));
        let mut room = (MAX_PARTS * PART_SIZE).saturating_sub(taken + boxes);
        let mut audio = Vec::new();
        while audio.len() < most {
            let fits = self
                .audio
                .front()
                .is_some_and(|sample| sample.data.len() <= room);
            let Some(sample) = fits.then(|| self.audio.pop_front()).flatten() else {
                break;
            };
            room -= sample.data.len();
            audio.push(sample);
        }
        audio
    }
}
