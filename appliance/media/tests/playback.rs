//! The boxes are right: other people's programs read, decode and time them as they were.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod stage;

use std::path::{Path, PathBuf};
use std::time::Duration;

use peerstream_fragment::{Init, Kind, TrackKind};
use peerstream_media::SourceEvent;
use stage::footage::{self, Footage, Packet};
use stage::{Stage, meta};

/// One run as files: init segment and chunks of each track.
struct Run {
    standby: bool,
    video: PathBuf,
    audio: PathBuf,
}

fn write(stage: &Stage, directory: &Path) -> Vec<Run> {
    let mut runs: Vec<(bool, Vec<u8>, Vec<u8>)> = Vec::new();
    for fragment in &stage.fragments {
        match meta(fragment).kind {
            Kind::Init => {
                let tracks = Init::decode(&fragment.payload).unwrap().tracks;
                let segment = |kind| {
                    tracks
                        .iter()
                        .find(|track| track.kind == kind)
                        .unwrap()
                        .segment
                        .to_vec()
                };
                let (video, audio) = (segment(TrackKind::Video), segment(TrackKind::Audio));
                runs.push((meta(fragment).flags.standby(), video, audio));
            }
            Kind::Media => {
                let run = runs.last_mut().unwrap();
                run.1.extend_from_slice(&fragment.video());
                run.2.extend_from_slice(&fragment.audio());
            }
        }
    }
    let save = |name: String, bytes: Vec<u8>| {
        let file = directory.join(name);
        std::fs::write(&file, bytes).unwrap();
        file
    };
    let runs = runs.into_iter().enumerate();
    runs.map(|(n, (standby, video, audio))| Run {
        standby,
        video: save(format!("{n}-video.mp4"), video),
        audio: save(format!("{n}-audio.mp4"), audio),
    })
    .collect()
}

/// Standby, the footage, standby, the footage again.
fn show(footage: &Footage) -> Stage {
    let mut stage = Stage::new();
    stage.wait(Duration::from_secs(3));
    for _ in 0..2 {
        stage.source(footage.tracks.clone());
        stage.play(&footage.units);
        stage.source(SourceEvent::Lost);
        stage.wait(Duration::from_millis(2500));
    }
    stage
}

fn check(name: &str, fps: u32, encoder: &[&str]) {
    let directory = footage::directory(name);
    let footage = footage::footage(&directory, fps, encoder);
    let stage = show(&footage);
    let runs = write(&stage, &directory);
    assert_eq!(
        runs.iter().map(|run| run.standby).collect::<Vec<_>>(),
        [true, false, true, false, true]
    );
    let mut end: Option<[f64; 2]> = None;
    for run in &runs {
        let (video, audio) = (footage::packets(&run.video), footage::packets(&run.audio));
        assert_eq!(footage::decode(&run.video), video.len());
        // A decoder that starts afresh gives nothing for its first frame, or something.
        assert!(footage::decode(&run.audio).abs_diff(audio.len()) <= 1);
        let frame = if run.standby {
            0.04
        } else {
            1.0 / f64::from(fps)
        };
        // The length of the first frame is a guess.
        follow(&video, frame, 0.007);
        follow(&audio, 1024.0 / 48_000.0, 0.0001);
        assert!(video[0].key);
        let shown = |packets: &[Packet], last: fn(&Packet) -> f64| {
            packets.iter().map(last).fold(0.0, f64::max)
        };
        if let Some([picture, sound]) = end {
            assert!(
                (video[0].dts - picture).abs() < 0.001,
                "{} {picture}",
                video[0].dts
            );
            assert!(
                (audio[0].dts - sound).abs() < 0.001,
                "{} {sound}",
                audio[0].dts
            );
            assert!((audio[0].pts - video[0].pts).abs() < 0.12);
        }
        end = Some([
            shown(&video, |packet| packet.pts + packet.duration.unwrap_or(0.0)),
            shown(&audio, |packet| packet.pts + packet.duration.unwrap_or(0.0)),
        ]);
        if !run.standby {
            unchanged(&footage, &video, frame);
            let length = video.last().unwrap().dts - video[0].dts + frame;
            assert!((length - 8.0).abs() < 0.002, "{length}");
        }
    }
}

/// Packets follow without gap or overlap, in decoding order.
fn follow(packets: &[Packet], frame: f64, tolerance: f64) {
    for pair in packets.windows(2) {
        let step = pair[1].dts - pair[0].dts;
        assert!(
            (step - frame).abs() < 0.012,
            "{step} instead of {frame}: {pair:?}"
        );
        let hole = pair[0].duration.map(|duration| step - duration);
        assert!(
            hole.is_none_or(|hole| hole.abs() < tolerance),
            "{hole:?}: {pair:?}"
        );
    }
}

/// Frames are shown as much later than decoded as they were in the source.
fn unchanged(footage: &Footage, video: &[Packet], frame: f64) {
    let source: Vec<_> = footage
        .units
        .iter()
        .filter(|unit| unit.kind == TrackKind::Video)
        .collect();
    assert_eq!(source.len(), video.len());
    for (unit, packet) in source.iter().zip(video) {
        let offset = unit.pts.as_secs_f64() - unit.dts.as_secs_f64();
        assert!(
            (packet.pts - packet.dts - offset).abs() < frame / 10.0,
            "{packet:?} {offset}"
        );
        let key = packet.key;
        assert_eq!(unit.key, key);
    }
}

#[test]
fn live_footage_plays() {
    check("live", 25, &["-tune", "zerolatency", "-bf", "0"]);
}

#[test]
fn footage_with_reordered_frames_plays() {
    check("reordered", 30, &["-bf", "2", "-profile:v", "high"]);
}
