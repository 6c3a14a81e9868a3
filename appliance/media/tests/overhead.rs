//! What the stream costs besides its samples, and how much of it a fragment holds.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod stage;

use std::time::Duration;

use stage::source::Source;
use stage::{Stage, meta, take_apart};

/// Shares of the stream, over a minute of `source` behind its first 10 s.
struct Shares {
    /// Everything but samples, of everything.
    overhead: f64,
    /// Frames of picture in a fragment, on average.
    frames: f64,
    longest: Duration,
}

fn shares(source: Source) -> Shares {
    let mut stage = Stage::new();
    stage.source(source.tracks());
    let units = source.units(Duration::ZERO, Duration::from_secs(70));
    let settled = units.partition_point(|unit| unit.dts < Duration::from_secs(10));
    stage.play(&units[..settled]);
    let from = stage.fragments.len();
    stage.play(&units[settled..]);
    let (mut all, mut samples, mut frames, mut count) = (0, 0, 0, 0);
    let mut longest = Duration::ZERO;
    for fragment in stage.media(from) {
        all += fragment.signed_len();
        for (kind, chunk) in [fragment.video(), fragment.audio()].iter().enumerate() {
            let Some(chunk) = take_apart(chunk) else {
                continue;
            };
            samples += chunk
                .samples
                .iter()
                .map(|(_, _, data)| data.len())
                .sum::<usize>();
            frames += if kind == 0 { chunk.samples.len() } else { 0 };
        }
        count += 1;
        longest = longest.max(Duration::from_micros(meta(fragment).duration.into()));
    }
    let overhead = (all - samples) as f64 / all as f64;
    let frames = frames as f64 / f64::from(count);
    println!(
        "{source:?}: {:.2}% overhead, {frames:.2} frames a fragment, {longest:?} at most",
        100.0 * overhead
    );
    Shares {
        overhead,
        frames,
        longest,
    }
}

#[test]
fn at_one_megabit_it_is_four_percent_at_most() {
    for fps in [24, 25, 30, 50, 60] {
        for (rate, audio_bytes_a_second) in [(48_000, 12_000), (44_100, 16_000), (0, 0)] {
            let source = Source {
                fps,
                // One megabit in all.
                video_bytes_a_second: 125_000 - audio_bytes_a_second,
                rate,
                audio_bytes_a_second,
                gop: 2 * fps,
            };
            let shares = shares(source);
            assert!(shares.overhead <= 0.04, "{source:?}: {}", shares.overhead);
            assert!(
                shares.longest <= Duration::from_micros(100_100),
                "{source:?}"
            );
        }
    }
}

#[test]
fn a_fast_stream_has_a_frame_a_fragment() {
    for fps in [25, 30] {
        let source = Source {
            fps,
            video_bytes_a_second: 300_000,
            gop: 2 * fps,
            ..Source::DEFAULT
        };
        let shares = shares(source);
        assert!(
            shares.frames <= 1.01 && shares.overhead <= 0.04,
            "{}",
            shares.frames
        );
    }
}

#[test]
fn a_slow_stream_trades_overhead_for_delay() {
    let shares = shares(Source::DEFAULT);
    assert!(shares.frames <= 2.01, "{}", shares.frames);
    assert!(
        shares.longest <= Duration::from_millis(81),
        "{:?}",
        shares.longest
    );
}
