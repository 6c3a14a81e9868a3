use core::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};

use crate::tracks::{Audio, Tracks, Video};
use crate::{AccessUnit, AudioTrack, TrackKind, VideoTrack, aac, avc};

/// The standby card: a still picture and silence, encoded beforehand, so that it can be
/// shown when nothing else works. `card/make-card.sh` makes it.
#[derive(Debug)]
pub(crate) struct Card {
    video: Option<Video>,
    audio: Option<Audio>,
    /// One group of pictures; the first is its key frame.
    frames: Vec<Bytes>,
}

/// How long a frame of the card is shown.
pub(crate) const FRAME: Duration = Duration::from_millis(40);
/// How many frames of it make a fragment.
pub(crate) const FRAMES_A_FRAGMENT: u64 = 2;

impl Card {
    pub(crate) fn new() -> Self {
        let (sets, frames) = cut(STANDBY);
        let video = Tracks::new(record(&sets), None)
            .ok()
            .and_then(|tracks| tracks.video);
        let audio = AudioTrack {
            asc: Bytes::from_static(&aac::ASC_48K_STEREO),
            rate: 48_000,
            channels: 2,
        };
        Self {
            video,
            audio: Audio::new(audio).ok(),
            frames,
        }
    }

    /// The card's tracks, in the place of those of a source: as many of them, and the same
    /// sound where it can be silent, so that pages keep what they have set up.
    pub(crate) fn tracks(&self, source: Option<&Tracks>) -> Tracks {
        let Some(source) = source else {
            return Tracks {
                video: self.video.clone(),
                audio: self.audio.clone(),
            };
        };
        let audio = source
            .audio
            .clone()
            .map(|audio| match audio.config.silence {
                Some(_) => Some(audio),
                None => self.audio.clone(),
            });
        Tracks {
            video: source.video.as_ref().and_then(|_| self.video.clone()),
            audio: audio.flatten(),
        }
    }

    /// The `n`th frame since the card came up.
    pub(crate) fn frame(&self, n: u64) -> Option<(AccessUnit, bool)> {
        let count = u64::try_from(self.frames.len()).ok()?;
        let index = usize::try_from(n.checked_rem(count)?).ok()?;
        let time = FRAME * u32::try_from(n).ok()?;
        let key = index == 0;
        let unit = AccessUnit {
            kind: TrackKind::Video,
            pts: time,
            dts: time,
            duration: Some(FRAME),
            key,
            data: self.frames.get(index)?.clone(),
        };
        Some((unit, key))
    }
}

static STANDBY: &[u8] = include_bytes!("../card/standby.h264");
const WIDTH: u16 = 640;
const HEIGHT: u16 = 360;

/// Parameter sets, and slices by frame.
fn cut(stream: &'static [u8]) -> ([Vec<&'static [u8]>; 2], Vec<Bytes>) {
    let (mut sps, mut pps) = (Vec::new(), Vec::new());
    let mut frames: Vec<BytesMut> = Vec::new();
    for nal in avc::byte_stream(stream) {
        let Some(&head) = nal.first() else { continue };
        match avc::kind(head) {
            avc::DELIMITER => frames.push(BytesMut::new()),
            avc::SPS => sps.push(nal),
            avc::PPS => pps.push(nal),
            avc::SLICE | avc::IDR => {
                if let (Some(frame), Ok(len)) = (frames.last_mut(), u32::try_from(nal.len())) {
                    frame.put_u32(len);
                    frame.put_slice(nal);
                }
            }
            // The encoder's visiting card (SEI).
            _ => {}
        }
    }
    (
        [sps, pps],
        frames.into_iter().map(BytesMut::freeze).collect(),
    )
}

/// The AVCDecoderConfigurationRecord of one parameter set each.
fn record([sps, pps]: &[Vec<&[u8]>; 2]) -> Option<VideoTrack> {
    let (sps, pps) = (*sps.first()?, *pps.first()?);
    let mut avcc = BytesMut::new();
    avcc.put_u8(1);
    avcc.put_slice(sps.get(1..4)?);
    // Four bytes of length, one sequence parameter set.
    avcc.put_slice(&[0xff, 0xe1]);
    avcc.put_u16(u16::try_from(sps.len()).ok()?);
    avcc.put_slice(sps);
    avcc.put_u8(1);
    avcc.put_u16(u16::try_from(pps.len()).ok()?);
    avcc.put_slice(pps);
    Some(VideoTrack {
        avcc: avcc.freeze(),
        width: WIDTH,
        height: HEIGHT,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_is_a_key_frame_and_next_to_nothing_after_it() {
        let card = Card::new();
        let config = &card.video.as_ref().unwrap().config;
        assert!(config.codec.starts_with("avc1.42"), "{}", config.codec);
        assert_eq!(card.frames.len(), 50);
        for (n, frame) in card.frames.iter().enumerate() {
            assert_eq!(config.is_key(frame), Some(n == 0), "frame {n}");
        }
        let rest: usize = card.frames[1..].iter().map(Bytes::len).sum();
        assert!(
            card.frames[0].len() < 8_000 && rest < 1_000,
            "{} {rest}",
            card.frames[0].len()
        );
    }

    #[test]
    fn the_card_has_the_tracks_of_what_it_stands_in_for() {
        let card = Card::new();
        let both = card.tracks(None);
        assert!(both.video.is_some() && both.audio.is_some());
        let mono = AudioTrack {
            asc: Bytes::from_static(&[0x12, 0x08]),
            rate: 44_100,
            channels: 1,
        };
        let source = Tracks::new(None, Some(mono.clone())).unwrap();
        let sound = card.tracks(Some(&source));
        assert!(sound.video.is_none());
        assert_eq!(sound.audio.unwrap().track, mono);
    }
}
