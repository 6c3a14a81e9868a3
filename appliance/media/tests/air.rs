//! What is on air when: source, standby card, and the way between them.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod stage;

use std::time::Duration;

use peerstream_fragment::{Fragment, Init, Kind, TrackKind};
use peerstream_media::{MAX_UNIT, Reason, SourceEvent};
use stage::source::{Source, picture, sound};
use stage::{SECOND, Stage, live, meta, ms};

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
