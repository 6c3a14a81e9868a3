//! The media timeline: no holes, no overlaps, and in step with the clock.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod stage;

use std::time::Duration;

use peerstream_fragment::{Init, Kind, TrackKind};
use peerstream_media::{Reason, SourceEvent};
use stage::source::Source;
use stage::{SECOND, Stage, live, meta, ms, take_apart};

/// Holes and overlaps between the media of consecutive fragments, in microseconds.
fn breaks(stage: &Stage, kind: TrackKind) -> Vec<i64> {
    let mut scale = 0;
    let mut end: Option<u64> = None;
    let mut breaks = Vec::new();
    for fragment in &stage.fragments {
        if meta(fragment).kind == Kind::Init {
            let init = Init::decode(&fragment.payload).unwrap();
            scale = match kind {
                TrackKind::Video => 90_000,
                TrackKind::Audio if init.tracks.iter().any(|track| track.kind == kind) => 48_000,
                TrackKind::Audio => continue,
            };
            continue;
        }
        let chunk = match kind {
            TrackKind::Video => fragment.video(),
            TrackKind::Audio => fragment.audio(),
        };
        let Some(chunk) = take_apart(&chunk) else {
            continue;
        };
        let micros = |ticks: u64| ticks * 1_000_000 / scale;
        let start = micros(chunk.time);
        if let Some(end) = end {
            breaks.push(start.cast_signed() - end.cast_signed());
        }
        let length: u64 = chunk.samples.iter().map(|sample| u64::from(sample.0)).sum();
        end = Some(micros(chunk.time + length));
    }
    breaks
}

#[test]
fn few_frames_a_second_are_no_stall() {
    let mut stage = Stage::new();
    let slow = Source {
        fps: 2,
        ..Source::DEFAULT
    };
    stage.source(slow.tracks());
    stage.play(&slow.units(ms(0), 10 * SECOND));
    assert!(!stage.studio.on_standby());
    let from = stage
        .fragments
        .iter()
        .rposition(|fragment| meta(fragment).flags.standby())
        .unwrap();
    assert!(
        stage.media(from + 1).count() > 80,
        "sound does not wait for the picture"
    );
}

#[test]
fn the_timeline_has_no_holes_however_often_the_source_goes_and_comes() {
    let mut stage = Stage::new();
    for round in 0..5 {
        stage.wait(ms(1234));
        stage.source(Source::DEFAULT.tracks());
        // Each time the source counts from somewhere else.
        stage.play(&Source::DEFAULT.units(SECOND * round * 100, 3 * SECOND));
        if round % 2 == 0 {
            stage.source(SourceEvent::Lost);
        }
    }
    for kind in [TrackKind::Video, TrackKind::Audio] {
        let breaks = breaks(&stage, kind);
        assert!(breaks.len() > 200);
        let worst = breaks.iter().map(|hole| hole.abs()).max().unwrap();
        // A frame of sound may be missing where two sources meet; a guess for the length
        // of a source's first frame may be wrong.
        let allowed = if kind == TrackKind::Video {
            8_000
        } else {
            22_000
        };
        assert!(worst <= allowed, "{kind:?}: {worst} µs");
        let rough = breaks.iter().filter(|hole| hole.abs() > 1_000).count();
        assert!(rough <= 10, "{kind:?}: {rough} breaks");
    }
}

#[test]
fn the_timeline_comes_back_to_the_clock_on_standby() {
    let (mut stage, _) = live();
    // The stall has cost it 0.7 s, less what the card was ahead.
    stage.wait(60 * SECOND);
    let last = meta(stage.fragments.last().unwrap());
    let end = Duration::from_micros(last.media_time + u64::from(last.duration));
    let clock = stage.now - peerstream_media::MEDIA_EPOCH;
    assert!(end.abs_diff(clock) < ms(200), "{end:?} {clock:?}");
}

#[test]
fn fragments_hold_100_ms_at_most_and_say_when_they_were_captured() {
    let (stage, _) = live();
    let mut captured = 0;
    for fragment in stage.media(0) {
        let meta = meta(fragment);
        assert!(meta.duration <= 100_000, "{meta:?}");
        assert!(meta.capture_time >= captured);
        captured = meta.capture_time;
        assert!(Duration::from_micros(captured) <= stage.now);
    }
}

#[test]
fn announced_sound_that_never_comes_does_not_hold_up_the_picture() {
    let mut stage = Stage::new();
    stage.source(Source::DEFAULT.tracks());
    let from = stage.fragments.len();
    let silent = Source {
        rate: 0,
        ..Source::DEFAULT
    };
    stage.play(&silent.units(ms(0), 5 * SECOND));
    let sound: usize = stage
        .media(from)
        .filter_map(|fragment| take_apart(&fragment.audio()))
        .map(|chunk| chunk.samples.len())
        .sum();
    assert!(sound > 200, "{sound} frames of silence");
}

#[test]
fn a_hole_in_the_sound_is_filled_with_silence() {
    let (mut stage, at) = live();
    let units: Vec<_> = Source::DEFAULT
        .units(at, SECOND)
        .into_iter()
        .filter(|unit| {
            unit.kind == TrackKind::Video || !(at + ms(300)..at + ms(700)).contains(&unit.dts)
        })
        .collect();
    stage.play(&units);
    let worst = breaks(&stage, TrackKind::Audio)
        .into_iter()
        .map(i64::abs)
        .max()
        .unwrap();
    assert!(worst <= 22_000, "{worst}");
}

#[test]
fn a_jump_of_the_sources_clock_is_a_new_beginning() {
    let (mut stage, at) = live();
    stage.play(&Source::DEFAULT.units(at + 3600 * SECOND, 2 * SECOND));
    assert!(!stage.studio.on_standby());
    stage.play(&Source::DEFAULT.units(ms(0), 2 * SECOND));
    assert!(!stage.studio.on_standby());
    let worst = breaks(&stage, TrackKind::Video)
        .into_iter()
        .map(i64::abs)
        .max()
        .unwrap();
    assert!(worst < 10_000, "{worst} µs");
}

#[test]
fn a_source_faster_than_time_is_held_back() {
    let mut stage = Stage::new();
    stage.source(Source::DEFAULT.tracks());
    // A minute at once, as from a file sent without -re.
    for unit in Source::DEFAULT.units(ms(0), 60 * SECOND) {
        stage.source(SourceEvent::Unit(unit));
    }
    assert!(stage.studio.tally().of(Reason::TooFast) > 0);
    let last = meta(stage.fragments.last().unwrap());
    let end = Duration::from_micros(last.media_time + u64::from(last.duration));
    let clock = stage.now - peerstream_media::MEDIA_EPOCH;
    assert!(end < clock + ms(2500), "{:?} ahead", end - clock);
}

#[test]
fn segments_are_counted_no_faster_than_seconds() {
    let mut stage = Stage::new();
    let intra = Source {
        gop: 1,
        ..Source::DEFAULT
    };
    stage.source(intra.tracks());
    let mut units = intra.units(ms(0), 20 * SECOND);
    units.retain(|unit| !unit.data.is_empty());
    stage.play(&units);
    let last = stage.fragments.last().unwrap().at();
    let elapsed = stage.now.as_secs() - u64::from(stage::FIRST_SEGMENT);
    assert!(u64::from(last.segment - stage::FIRST_SEGMENT) <= elapsed + 3);
}
