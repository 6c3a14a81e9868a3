//! Whatever a source says, the stream stays a stream: the stage checks every fragment.

mod stage;

use std::time::Duration;

use bytes::Bytes;
use peerstream_media::{AccessUnit, AudioTrack, SourceEvent, TrackKind, VideoTrack};
use proptest::prelude::*;
use stage::source::{AVCC, Source};
use stage::{Stage, meta};

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        6 => (0..5_000_u64).prop_map(Duration::from_millis),
        1 => any::<u64>().prop_map(Duration::from_nanos),
        1 => Just(Duration::MAX),
    ]
}

fn data() -> impl Strategy<Value = Bytes> {
    prop_oneof![
        3 => Just(Bytes::from_static(&[0, 0, 0, 1, 0x65])),
        3 => Just(Bytes::from_static(&[0, 0, 0, 1, 0x41])),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from),
    ]
}

fn unit() -> impl Strategy<Value = SourceEvent> {
    (
        any::<bool>(),
        time(),
        0..200_u64,
        prop::option::of(time()),
        any::<bool>(),
        data(),
    )
        .prop_map(|(video, dts, later, duration, key, data)| {
            SourceEvent::Unit(AccessUnit {
                kind: if video {
                    TrackKind::Video
                } else {
                    TrackKind::Audio
                },
                pts: dts.saturating_add(Duration::from_millis(later)),
                dts,
                duration,
                key,
                data,
            })
        })
}

fn tracks() -> impl Strategy<Value = SourceEvent> {
    let garbage = || prop::collection::vec(any::<u8>(), 0..30).prop_map(Bytes::from);
    let avcc = prop_oneof![4 => Just(Bytes::from_static(&AVCC)), 1 => garbage()];
    let asc = prop_oneof![
        4 => Just(Bytes::from_static(&[0x11, 0x90])),
        // 7,350 Hz and 96 kHz, mono; HE-AAC.
        1 => Just(Bytes::from_static(&[0x16, 0x08])),
        1 => Just(Bytes::from_static(&[0x10, 0x08])),
        1 => Just(Bytes::from_static(&[0x2b, 0x11, 0x88, 0x00])),
        1 => garbage(),
    ];
    let video = (avcc, any::<u16>(), any::<u16>()).prop_map(|(avcc, width, height)| VideoTrack {
        avcc,
        width,
        height,
    });
    let audio = (asc, any::<u32>(), any::<u8>()).prop_map(|(asc, rate, channels)| AudioTrack {
        asc,
        rate,
        channels,
    });
    (prop::option::of(video), prop::option::of(audio))
        .prop_map(|(video, audio)| SourceEvent::Tracks { video, audio })
}

fn event() -> impl Strategy<Value = SourceEvent> {
    prop_oneof![
        1 => tracks(),
        1 => Just(Source::DEFAULT.tracks()),
        1 => Just(SourceEvent::Lost),
        12 => unit(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_events_at_any_time_make_a_stream(
        events in prop::collection::vec((event(), 0..300_u64), 1..200),
        nap in 0..120_u64,
    ) {
        let mut stage = Stage::new();
        for (event, wait) in events {
            // Most of it comes at once.
            stage.wait(Duration::from_millis(wait.saturating_sub(200)));
            stage.source(event);
        }
        // The box stands still, and nobody calls at any deadline.
        stage.now += Duration::from_secs(nap);
        stage.studio.advance(stage.now);
        stage.collect();
        stage.wait(Duration::from_secs(3));
        prop_assert!(stage.studio.on_standby());
        let last = meta(stage.fragments.last().unwrap());
        let end = Duration::from_micros(last.media_time);
        let clock = stage.now - peerstream_media::MEDIA_EPOCH;
        prop_assert!(end < clock + Duration::from_secs(4), "{end:?} {clock:?}");
        prop_assert!(end + Duration::from_secs(12) > clock, "{end:?} {clock:?}");
    }
}
