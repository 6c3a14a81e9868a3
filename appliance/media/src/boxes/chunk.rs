use core::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use mp4_atom::{Encode, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry, TrunSamples};
use peerstream_fragment::TrackKind;

use super::{AUDIO_ID, SYNC, VIDEO_ID};

/// A frame that has its place on the media timeline. Times are in ticks of its track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sample {
    /// When it is decoded.
    pub(crate) time: u64,
    pub(crate) duration: u32,
    /// How much later it is shown than decoded.
    pub(crate) offset: i32,
    pub(crate) key: bool,
    pub(crate) data: Bytes,
    /// When it came, on the capture clock.
    pub(crate) arrived: Duration,
}

/// Appends a chunk of `samples`, which follow on one another; nothing for no samples.
/// `sequence` tells the chunks of a stream apart.
pub(crate) fn append(
    out: &mut BytesMut,
    kind: TrackKind,
    sequence: u32,
    samples: &[Sample],
) -> Result<(), mp4_atom::Error> {
    let Some(first) = samples.first() else {
        return Ok(());
    };
    let mut moof = Moof {
        mfhd: Mfhd {
            sequence_number: sequence,
        },
        traf: vec![Traf {
            tfhd: header(kind, samples),
            tfdt: Some(Tfdt {
                base_media_decode_time: first.time,
            }),
            trun: vec![Trun {
                data_offset: Some(0),
                samples: entries(kind, samples),
            }],
            ..Traf::default()
        }],
    };
    // The offset counts from the start of the moof, so it takes writing it once to know.
    let mut boxes = Vec::with_capacity(256);
    moof.encode(&mut boxes)?;
    let data = i32::try_from(boxes.len())
        .unwrap_or(i32::MAX)
        .saturating_add(MDAT_HEADER);
    if let Some(run) = moof.traf.first_mut().and_then(|traf| traf.trun.first_mut()) {
        run.data_offset = Some(data);
    }
    boxes.clear();
    moof.encode(&mut boxes)?;
    let length: usize = samples.iter().map(|sample| sample.data.len()).sum();
    out.reserve(boxes.len() + 8 + length);
    out.put_slice(&boxes);
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX).saturating_add(8));
    out.put_slice(b"mdat");
    for sample in samples {
        out.put_slice(&sample.data);
    }
    Ok(())
}

/// At least as many bytes as [`append`] adds to `samples` samples of their own.
pub(crate) fn overhead(samples: usize) -> usize {
    104 + 16 * samples
}

const MDAT_HEADER: i32 = 8;

/// All that holds for every sample goes here, once, or better still stands in the init
/// segment, where it costs nothing.
fn header(kind: TrackKind, samples: &[Sample]) -> Tfhd {
    let (track_id, duration) = match kind {
        TrackKind::Video => (VIDEO_ID, common_duration(samples)),
        TrackKind::Audio => (AUDIO_ID, None),
    };
    Tfhd {
        track_id,
        default_sample_duration: duration,
        default_base_is_moof: true,
        ..Tfhd::default()
    }
}

fn entries(kind: TrackKind, samples: &[Sample]) -> TrunSamples {
    let video = kind == TrackKind::Video;
    let durations = video && common_duration(samples).is_none();
    let offsets = samples.iter().any(|sample| sample.offset != 0);
    let mut entries: Vec<_> = samples
        .iter()
        .map(|sample| TrunEntry {
            duration: durations.then_some(sample.duration),
            size: u32::try_from(sample.data.len()).ok(),
            flags: None,
            cts: offsets.then_some(sample.offset.into()),
        })
        .collect();
    // Key frames come first in their fragment; where one does not, it costs flags for all.
    for (entry, sample) in entries.iter_mut().zip(samples) {
        if video && sample.key {
            entry.flags = Some(SYNC);
        }
    }
    if entries.iter().skip(1).any(|entry| entry.flags.is_some()) {
        for entry in &mut entries {
            entry.flags = entry.flags.or(Some(super::NOT_SYNC));
        }
    }
    TrunSamples::Explicit(entries)
}

fn common_duration(samples: &[Sample]) -> Option<u32> {
    let first = samples.first()?.duration;
    samples
        .iter()
        .all(|sample| sample.duration == first)
        .then_some(first)
}

#[cfg(test)]
mod tests {
    use mp4_atom::{Decode, ReadFrom};

    use super::*;

    fn sample(time: u64, len: usize) -> Sample {
        Sample {
            time,
            duration: 3600,
            offset: 0,
            key: false,
            data: vec![0x5a; len].into(),
            arrived: Duration::ZERO,
        }
    }

    fn chunk(kind: TrackKind, samples: &[Sample]) -> Bytes {
        let mut out = BytesMut::new();
        append(&mut out, kind, 7, samples).unwrap();
        out.freeze()
    }

    #[test]
    fn the_offset_leads_to_the_first_byte_of_the_first_sample() {
        let chunk = chunk(TrackKind::Video, &[sample(90_000, 5), sample(93_600, 6)]);
        let moof = Moof::read_from(&mut &chunk[..]).unwrap();
        let offset = moof.traf[0].trun[0].data_offset.unwrap();
        assert_eq!(&chunk[usize::try_from(offset).unwrap()..], &[0x5a; 11]);
        assert_eq!(
            moof.traf[0].tfdt.as_ref().unwrap().base_media_decode_time,
            90_000
        );
    }

    #[test]
    fn a_frame_costs_104_bytes_of_boxes_and_another_one_4() {
        assert_eq!(chunk(TrackKind::Video, &[sample(0, 0)]).len(), 104);
        assert_eq!(
            chunk(TrackKind::Video, &[sample(0, 0), sample(3600, 0)]).len(),
            108
        );
        assert_eq!(
            chunk(TrackKind::Audio, &[sample(0, 0), sample(3600, 0)]).len(),
            104
        );
    }

    #[test]
    fn overhead_is_never_below_what_is_added() {
        let mut samples: Vec<_> = (0..6).map(|n| sample(n * 3600, 1)).collect();
        samples[1].duration = 3601;
        samples[2].offset = -5;
        samples[3].key = true;
        let chunk = chunk(TrackKind::Video, &samples);
        assert!(chunk.len() - samples.len() <= overhead(samples.len()));
        let moof = Moof::decode(&mut &chunk[..]).unwrap();
        let entries: Vec<_> = moof.traf[0].trun[0].samples.iter().collect();
        assert_eq!(entries[1].duration, Some(3601));
        assert_eq!(entries[2].cts, Some(-5));
        assert_eq!(entries[3].flags, Some(SYNC));
        assert_eq!(entries[4].flags, Some(super::super::NOT_SYNC));
    }
}
