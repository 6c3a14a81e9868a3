//! What is on air when: source, standby card, and the way between them.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod stage;

use std::time::Duration;

use peerstream_fragment::{Fragment, Init, Kind, TrackKind};
use peerstream_media::{MAX_UNIT, Reason, SourceEvent};
use stage::source::{Source, picture, sound};
use stage::{Stage, meta, take_apart};

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const SECOND: Duration = Duration::from_secs(1);

/// A stage with the default source on air for a second, and where the source is by then.
fn live() -> (Stage, Duration) {
    let mut stage = Stage::new();
    stage.wait(SECOND);
    stage.source(Source::DEFAULT.tracks());
    stage.play(&Source::DEFAULT.units(ms(5000), SECOND));
    (stage, ms(6000))
}

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
fn the_card_is_on_air_before_any_source() {
    let mut stage = Stage::new();
    assert_eq!(stage.certificates.len(), 1);
    assert_eq!(meta(&stage.fragments[0]).kind, Kind::Init);
    let first = meta(&stage.fragments[1]);
    assert!(first.flags.key() && first.flags.standby() && stage.studio.on_standby());
    stage.wait(10 * SECOND);
    let media: Duration = stage
        .media(0)
        .map(|fragment| Duration::from_micros(meta(fragment).duration.into()))
        .sum();
    assert!(media.abs_diff(10 * SECOND) < ms(500), "{media:?}");
    assert_eq!(
        stage
            .media(0)
            .filter(|fragment| meta(fragment).flags.key())
            .count(),
        5
    );
}

#[test]
fn a_source_goes_on_air_with_its_first_key_frame() {
    let mut stage = Stage::new();
    stage.source(Source::DEFAULT.tracks());
    stage.source(SourceEvent::Unit(picture(ms(0), false, 100)));
    assert!(stage.studio.on_standby());
    assert_eq!(stage.studio.tally().of(Reason::AwaitingKey), 1);
    let before = stage.fragments.len();
    stage.source(SourceEvent::Unit(picture(ms(40), true, 100)));
    assert!(!stage.studio.on_standby());
    assert_eq!(meta(&stage.fragments[before]).kind, Kind::Init);
    stage.source(SourceEvent::Unit(picture(ms(80), false, 100)));
    let first = stage.media(before).next().unwrap();
    assert!(meta(first).flags.key() && !meta(first).flags.standby());
    assert_eq!(first.at().index, 1);
}

#[test]
fn the_card_takes_over_at_once_from_a_lost_source() {
    let (mut stage, _) = live();
    stage.source(SourceEvent::Lost);
    assert!(stage.studio.on_standby());
    assert!(meta(stage.fragments.last().unwrap()).flags.standby());
}

#[test]
fn the_card_takes_over_from_a_source_that_falls_silent() {
    let (mut stage, _) = live();
    stage.wait(ms(600));
    assert!(!stage.studio.on_standby());
    stage.wait(ms(150));
    assert!(stage.studio.on_standby());
}

#[test]
fn sound_alone_does_not_hold_back_the_card() {
    let (mut stage, at) = live();
    for n in 0..40 {
        stage.wait(ms(20));
        stage.source(SourceEvent::Unit(sound(at + ms(20 * n), 100)));
    }
    assert!(stage.studio.on_standby());
}

#[test]
fn a_silent_source_comes_back_with_a_key_frame() {
    let (mut stage, at) = live();
    stage.wait(2 * SECOND);
    stage.source(SourceEvent::Unit(picture(at + 2 * SECOND, false, 100)));
    assert!(stage.studio.on_standby());
    stage.source(SourceEvent::Unit(picture(
        at + 2 * SECOND + ms(40),
        true,
        100,
    )));
    assert!(!stage.studio.on_standby());
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
fn tracks_that_come_again_unchanged_change_nothing() {
    let (mut stage, at) = live();
    let inits = |stage: &Stage| {
        stage
            .fragments
            .iter()
            .filter(|fragment| meta(fragment).kind == Kind::Init)
            .count()
    };
    let before = inits(&stage);
    stage.source(Source::DEFAULT.tracks());
    stage.play(&Source::DEFAULT.units(at, SECOND)[..10]);
    assert_eq!(inits(&stage), before);
    let video_only = Source {
        rate: 0,
        ..Source::DEFAULT
    };
    stage.source(video_only.tracks());
    stage.play(&video_only.units(at + SECOND, SECOND));
    assert_eq!(inits(&stage), before + 1);
}

#[test]
fn one_kind_of_media_is_enough() {
    for source in [
        Source {
            rate: 0,
            ..Source::DEFAULT
        },
        Source {
            fps: 0,
            ..Source::DEFAULT
        },
    ] {
        let mut stage = Stage::new();
        stage.source(source.tracks());
        let from = stage.fragments.len();
        stage.play(&source.units(ms(0), 5 * SECOND));
        assert!(!stage.studio.on_standby());
        assert!(stage.media(from).count() > 40);
        assert!(
            stage
                .media(from)
                .filter(|fragment| meta(fragment).flags.key())
                .count()
                >= 2
        );
        // The card keeps to the same tracks, so that pages keep theirs.
        stage.source(SourceEvent::Lost);
        stage.wait(SECOND);
        let init = stage
            .fragments
            .iter()
            .rev()
            .find(|fragment| meta(fragment).kind == Kind::Init);
        let init = Init::decode(&init.unwrap().payload).unwrap();
        assert_eq!(init.tracks.len(), 1);
        assert_eq!(init.tracks[0].kind == TrackKind::Video, source.fps > 0);
        assert!(meta(stage.fragments.last().unwrap()).flags.standby());
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
fn a_frame_too_large_is_dropped_with_all_that_need_it() {
    let (mut stage, at) = live();
    stage.source(SourceEvent::Unit(picture(at, false, MAX_UNIT + 1)));
    stage.source(SourceEvent::Unit(picture(at + ms(40), false, 100)));
    assert_eq!(stage.studio.tally().of(Reason::TooLarge), 1);
    assert_eq!(stage.studio.tally().of(Reason::AwaitingKey), 1);
    stage.source(SourceEvent::Unit(picture(at + ms(80), true, MAX_UNIT)));
    stage.source(SourceEvent::Unit(picture(at + ms(120), false, MAX_UNIT)));
    stage.wait(ms(100));
    assert!(
        stage
            .fragments
            .iter()
            .rev()
            .take(4)
            .any(|fragment| fragment.video().len() > MAX_UNIT)
    );
}

#[test]
fn bad_tracks_are_refused_and_their_units_with_them() {
    let mut stage = Stage::new();
    let SourceEvent::Tracks {
        video: Some(mut video),
        audio,
    } = Source::DEFAULT.tracks()
    else {
        unreachable!()
    };
    video.avcc = video.avcc.slice(..10);
    stage.source(SourceEvent::Tracks {
        video: Some(video),
        audio,
    });
    stage.source(SourceEvent::Unit(picture(ms(0), true, 100)));
    assert!(stage.studio.on_standby());
    assert_eq!(stage.studio.tally().of(Reason::BadTracks), 1);
    assert_eq!(stage.studio.tally().of(Reason::NoTrack), 1);
}

#[test]
fn the_end_is_the_last_fragment() {
    let (mut stage, _) = live();
    stage.studio.finish(stage.now);
    stage.collect();
    assert!(meta(stage.fragments.last().unwrap()).flags.end());
    let count = stage.fragments.len();
    stage.source(SourceEvent::Unit(picture(ms(7000), true, 100)));
    stage.wait(SECOND);
    stage.studio.finish(stage.now);
    stage.collect();
    assert_eq!(stage.fragments.len(), count);
}

#[test]
fn a_new_key_signs_what_comes_after_its_certificate() {
    let (mut stage, at) = live();
    stage.studio.rotate(stage::signer(2));
    stage.play(&Source::DEFAULT.units(at, 3 * SECOND));
    assert_eq!(stage.certificates.len(), 2);
    let serial = |fragment: &Fragment| fragment.header.header.serial;
    let first = stage
        .fragments
        .iter()
        .position(|it| serial(it) == 2)
        .unwrap();
    let (old, new) = stage.fragments.split_at(first);
    assert!(new.iter().all(|fragment| serial(fragment) == 2));
    // Whoever joins now needs nothing that the old key has signed.
    assert!(old.iter().all(|it| it.at().segment < new[0].at().segment));
    assert_eq!((meta(&new[0]).kind, new[0].at().index), (Kind::Init, 0));
    assert!(meta(&new[1]).flags.key());
    assert!(new.iter().all(|it| meta(it).init == new[0].at().segment));
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
