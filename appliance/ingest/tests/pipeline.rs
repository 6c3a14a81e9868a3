//! The real pipelines, between two pipes.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{PipeReader, Read, Write};
use std::path::Path;
use std::process::Command;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use peerstream_ingest::pipe::{Decoder, Message};
use peerstream_ingest::source::pattern;
use peerstream_ingest::{Error, Source, child, flv};
use peerstream_media::publisher::TagKind;
use peerstream_media::{AccessUnit, AudioTrack, TrackKind, VideoTrack};

/// A child in a thread.
struct Child {
    input: Option<std::io::PipeWriter>,
    output: PipeReader,
    decoder: Decoder,
    ended: JoinHandle<Result<(), Error>>,
}

impl Child {
    fn start(source: Source) -> Self {
        let (read_in, input) = std::io::pipe().unwrap();
        let (output, write_out) = std::io::pipe().unwrap();
        let ended = std::thread::spawn(move || child::run(&source, read_in, write_out));
        Self {
            input: Some(input),
            output,
            decoder: Decoder::new(),
            ended,
        }
    }

    /// The next message; none when the child has closed its output.
    fn message(&mut self) -> Option<Message> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(message) = self.decoder.message().unwrap() {
                return Some(message);
            }
            let length = self.output.read(&mut buffer).unwrap();
            if length == 0 {
                return None;
            }
            self.decoder.push(&buffer[..length]);
        }
    }

    fn tracks(&mut self) -> (Option<VideoTrack>, Option<AudioTrack>) {
        loop {
            match self.message().expect("tracks") {
                Message::Tracks { video, audio } => return (video, audio),
                Message::Alive => {}
                other => panic!("{other:?} before the tracks"),
            }
        }
    }
}

#[test]
fn the_pattern_is_what_it_was_asked_to_be() {
    let config = pattern::Config {
        width: 320,
        height: 180,
        fps: 25,
        kbit: 300,
    };
    let mut child = Child::start(Source::Pattern(config));
    let (video, audio) = child.tracks();
    let (video, audio) = (video.unwrap(), audio.unwrap());
    assert_eq!((video.width, video.height), (320, 180));
    assert_eq!((audio.rate, audio.channels), (48_000, 2));
    // Constrained baseline: what every browser decodes, in the order of display.
    assert_eq!(video.avcc[1], 66);
    let start = Instant::now();
    let (mut pictures, mut sound, mut alive) = (Vec::new(), 0, 0);
    while pictures.len() < 126 {
        match child.message().unwrap() {
            Message::Unit(unit) if unit.kind == TrackKind::Video => {
                assert_eq!(unit.pts, unit.dts);
                pictures.push(unit);
            }
            Message::Unit(_) => sound += 1,
            Message::Alive => alive += 1,
            other => panic!("{other:?}"),
        }
    }
    // Five seconds.
    assert!(
        start.elapsed() > Duration::from_millis(4500),
        "{:?}",
        start.elapsed()
    );
    assert!((190..280).contains(&sound), "{sound} frames of sound");
    assert!((15..30).contains(&alive), "{alive} signs of life");
    for (n, picture) in pictures.iter().enumerate() {
        assert_eq!(picture.key, n % 50 == 0, "picture {n}");
    }
    let mean = pictures.iter().map(|unit| unit.data.len()).sum::<usize>() / pictures.len();
    let largest = pictures.iter().map(|unit| unit.data.len()).max().unwrap();
    println!("mean frame {mean} bytes, largest {largest}");
    assert!(largest < 5 * mean, "{largest} against {mean}");
    let kbit = mean * 25 * 8 / 1000;
    assert!((180..300).contains(&kbit), "{kbit} kbit/s");
    child.input = None;
    while child.message().is_some() {}
    assert_eq!(child.ended.join().unwrap(), Ok(()));
}

/// The tags of an FLV file that ffmpeg makes with these options.
fn publish(name: &str, options: &[&str]) -> Vec<(TagKind, u32, Bytes)> {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args([
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x180:rate=30:duration=4",
        ])
        .args([
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=44100:duration=4",
        ])
        .args([
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-b:v", "300k", "-g", "30",
        ])
        .args([
            "-c:a",
            "aac",
            "-ac",
            "2",
            "-flvflags",
            "no_duration_filesize",
        ])
        .args(options)
        .arg(&file)
        .output()
        .expect("ffmpeg is installed");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let bytes = Bytes::from(std::fs::read(&file).unwrap());
    let mut tags = Vec::new();
    let mut at = flv::HEADER.len();
    while at + 11 <= bytes.len() {
        let head = &bytes[at..at + 11];
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let time = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let kind = match head[0] {
            8 => TagKind::Audio,
            9 => TagKind::Video,
            _ => TagKind::Data,
        };
        tags.push((kind, time, bytes.slice(at + 11..at + 11 + length)));
        at += 11 + length + 4;
    }
    tags
}

/// Feeds `tags` to a child, and gives back all that it says.
fn play(tags: &[(TagKind, u32, Bytes)]) -> (Vec<Message>, Result<(), Error>) {
    let mut child = Child::start(Source::Flv);
    let mut input = child.input.take().unwrap();
    let mut stream = flv::HEADER.to_vec();
    for (kind, time, body) in tags {
        stream.extend_from_slice(&flv::tag(*kind, *time, body).unwrap());
    }
    let feeding = std::thread::spawn(move || {
        // A child that gives up closes its end; that is for the test to see.
        let _ = input.write_all(&stream);
    });
    let mut messages = Vec::new();
    while let Some(message) = child.message() {
        if message != Message::Alive {
            messages.push(message);
        }
    }
    feeding.join().unwrap();
    (messages, child.ended.join().unwrap())
}

fn units(messages: &[Message], kind: TrackKind) -> Vec<AccessUnit> {
    let units = messages.iter().filter_map(|message| match message {
        Message::Unit(unit) if unit.kind == kind => Some(unit.clone()),
        _ => None,
    });
    units.collect()
}

#[test]
fn what_is_published_is_passed_through() {
    let tags = publish("published.flv", &["-bf", "2"]);
    let (messages, ended) = play(&tags);
    assert_eq!(ended, Ok(()));
    let Message::Tracks {
        video: Some(video),
        audio: Some(audio),
    } = &messages[0]
    else {
        panic!("{:?}", messages[0]);
    };
    let header = |kind, skip| {
        let tag = tags
            .iter()
            .find(|(tag, _, body)| *tag == kind && body[1] == 0)
            .unwrap();
        tag.2.slice(skip..)
    };
    // The parser leaves out the extension that some profiles have at the end.
    assert!(header(TagKind::Video, 5).starts_with(&video.avcc));
    assert_eq!(audio.asc, header(TagKind::Audio, 2));
    assert_eq!(
        (video.width, video.height, audio.rate, audio.channels),
        (320, 180, 44_100, 2)
    );

    let pictures = units(&messages, TrackKind::Video);
    let sent: Vec<_> = tags
        .iter()
        .filter(|(kind, _, body)| *kind == TagKind::Video && body[1] == 1)
        .collect();
    assert_eq!(pictures.len(), 120);
    assert_eq!(pictures.len(), sent.len());
    for (picture, (_, time, body)) in pictures.iter().zip(&sent) {
        assert_eq!(picture.data, body.slice(5..), "not a byte is changed");
        assert_eq!(picture.key, body[0] >> 4 == 1);
        let since = |unit: &AccessUnit| (unit.dts - pictures[0].dts).as_millis();
        assert_eq!(since(picture), u128::from(time - sent[0].1));
        let offset = i32::from_be_bytes([body[2], body[3], body[4], 0]) >> 8;
        assert_eq!(
            (picture.pts - picture.dts).as_millis(),
            u128::try_from(offset).unwrap()
        );
    }
    let sound = units(&messages, TrackKind::Audio);
    let sent: Vec<_> = tags
        .iter()
        .filter(|(kind, _, body)| *kind == TagKind::Audio && body[1] == 1)
        .collect();
    assert_eq!(sound.len(), sent.len());
    for (frame, (_, _, body)) in sound.iter().zip(&sent) {
        assert_eq!(frame.data, body.slice(2..));
    }
}

#[test]
fn sound_or_picture_alone_is_announced_without_the_other() {
    let (messages, _) = play(&publish("silent.flv", &["-an"]));
    assert!(matches!(
        &messages[0],
        Message::Tracks {
            video: Some(_),
            audio: None
        }
    ));
    assert_eq!(units(&messages, TrackKind::Video).len(), 120);
    let (messages, _) = play(&publish("sound.flv", &["-vn"]));
    assert!(matches!(
        &messages[0],
        Message::Tracks {
            video: None,
            audio: Some(_)
        }
    ));
}

#[test]
fn what_browsers_do_not_play_is_refused_by_name() {
    let (messages, ended) = play(&publish("old.flv", &["-c:v", "flv"]));
    let Some(Message::Error(text)) = messages.last() else {
        panic!("{:?}", messages.last())
    };
    assert!(
        text.contains("video/x-flash-video") && text.contains("H.264"),
        "{text}"
    );
    assert!(matches!(ended, Err(Error::Codec(_))));
}

#[test]
fn rubbish_ends_the_child_and_nothing_else() {
    let mut child = Child::start(Source::Flv);
    let mut input = child.input.take().unwrap();
    let _ = input.write_all(&[0x5a; 200_000]);
    drop(input);
    while child.message().is_some() {}
    // Refused or left unread, as it likes.
    let _ = child.ended.join().unwrap();
}
