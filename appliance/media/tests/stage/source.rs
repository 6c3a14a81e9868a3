//! Sources made up of frames that are the right size and nothing else.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use peerstream_media::{AccessUnit, AudioTrack, SourceEvent, TrackKind, VideoTrack};

pub(crate) const AVCC: [u8; 18] = [
    1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 5, 0x67, 0x42, 0xc0, 0x1f, 0xda, 1, 0, 2, 0x68, 0xce,
];

/// What a made-up source sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    pub(crate) fps: u32,
    pub(crate) video_bytes_a_second: usize,
    /// Sampling rate, 0 for none.
    pub(crate) rate: u32,
    pub(crate) audio_bytes_a_second: usize,
    /// Frames from one key frame to the next.
    pub(crate) gop: u32,
}

impl Source {
    pub(crate) const DEFAULT: Source = Source {
        fps: 25,
        video_bytes_a_second: 35_000,
        rate: 48_000,
        audio_bytes_a_second: 8_000,
        gop: 50,
    };

    pub(crate) fn tracks(&self) -> SourceEvent {
        SourceEvent::Tracks {
            video: (self.fps > 0).then(|| VideoTrack {
                avcc: Bytes::from_static(&AVCC),
                width: 320,
                height: 180,
            }),
            audio: (self.rate > 0).then(|| AudioTrack {
                asc: Bytes::from_static(if self.rate == 48_000 {
                    &[0x11, 0x90]
                } else {
                    &[0x12, 0x10]
                }),
                rate: self.rate,
                channels: 2,
            }),
        }
    }

    /// Everything from `from` on for `length`, in decoding order; the first is a key frame.
    /// Times are whole milliseconds, as FLV has them.
    pub(crate) fn units(&self, from: Duration, length: Duration) -> Vec<AccessUnit> {
        let mut units = Vec::new();
        let millis = |n: u64, per_second: u64| Duration::from_millis(n * 1000 / per_second);
        if self.fps > 0 {
            let mean = self.video_bytes_a_second / self.fps as usize;
            for n in 0..(length.as_secs_f64() * f64::from(self.fps)) as u64 {
                let key = n.is_multiple_of(self.gop.into());
                // A key frame of four mean frames, and the others the less.
                let gop = self.gop as usize;
                let len = if key {
                    mean * 4
                } else {
                    mean * (gop - 4) / (gop - 1)
                };
                units.push(picture(from + millis(n, self.fps.into()), key, len));
            }
        }
        if self.rate > 0 {
            let len = self.audio_bytes_a_second * 1024 / self.rate as usize;
            for n in 0..(length.as_secs_f64() * f64::from(self.rate) / 1024.0) as u64 {
                units.push(sound(from + millis(n * 1024, self.rate.into()), len));
            }
        }
        units.sort_by_key(|unit| unit.dts);
        units
    }
}

pub(crate) fn picture(at: Duration, key: bool, len: usize) -> AccessUnit {
    let mut data = BytesMut::new();
    let nal = len.max(6) - 4;
    data.put_u32(u32::try_from(nal).unwrap());
    data.put_u8(if key { 0x65 } else { 0x41 });
    data.put_bytes(0xaa, nal - 1);
    unit(TrackKind::Video, at, key, data.freeze())
}

pub(crate) fn sound(at: Duration, len: usize) -> AccessUnit {
    unit(TrackKind::Audio, at, true, vec![0x21; len].into())
}

fn unit(kind: TrackKind, at: Duration, key: bool, data: Bytes) -> AccessUnit {
    AccessUnit {
        kind,
        pts: at,
        dts: at,
        duration: None,
        key,
        data,
    }
}
