//! Real footage, made by ffmpeg, and what ffmpeg and ffprobe say of the result.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use peerstream_media::{AccessUnit, AudioTrack, SourceEvent, TrackKind, VideoTrack};

pub(crate) struct Footage {
    pub(crate) tracks: SourceEvent,
    /// In decoding order.
    pub(crate) units: Vec<AccessUnit>,
}

/// A directory of the test's own.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&directory).unwrap();
    directory
}

/// Eight seconds of a test picture, encoded with these options, and a tone.
pub(crate) fn footage(directory: &Path, fps: u32, encoder: &[&str]) -> Footage {
    let file = directory.join("source.mp4");
    let picture = format!("testsrc2=size=320x180:rate={fps}:duration=8");
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture])
        .args([
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000:duration=8",
        ])
        .args([
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-b:v", "300k", "-g", "50",
        ])
        .args(encoder)
        .args(["-c:a", "aac", "-ac", "2", "-b:a", "96k"])
        .arg(&file)
        .output()
        .expect("ffmpeg is installed");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let bytes = Bytes::from(std::fs::read(&file).unwrap());
    let mut units: Vec<_> = packets(&file)
        .iter()
        .filter_map(|packet| packet.unit(&bytes))
        .collect();
    units.sort_by_key(|unit| unit.dts);
    let tracks = SourceEvent::Tracks {
        video: Some(VideoTrack {
            avcc: inside(&bytes, b"avcC"),
            width: 320,
            height: 180,
        }),
        audio: Some(AudioTrack {
            asc: Bytes::from_static(&[0x11, 0x90]),
            rate: 48_000,
            channels: 2,
        }),
    };
    Footage { tracks, units }
}

/// A packet as ffprobe sees it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packet {
    pub(crate) video: bool,
    pub(crate) pts: f64,
    pub(crate) dts: f64,
    /// Not known of the first frame of sound.
    pub(crate) duration: Option<f64>,
    pub(crate) key: bool,
    size: usize,
    position: usize,
}

impl Packet {
    fn unit(&self, file: &Bytes) -> Option<AccessUnit> {
        // Past what the encoders put before time 0.
        let time = |seconds: f64| Duration::from_secs_f64(seconds + 1.0);
        Some(AccessUnit {
            kind: if self.video {
                TrackKind::Video
            } else {
                TrackKind::Audio
            },
            pts: time(self.pts),
            dts: time(self.dts),
            duration: None,
            key: self.key,
            data: file.slice(self.position..self.position + self.size),
        })
    }
}

/// Every packet of `file`, which must read without complaint.
pub(crate) fn packets(file: &Path) -> Vec<Packet> {
    let probe = Command::new("ffprobe")
        .args(["-v", "warning", "-show_packets", "-of", "compact=p=0:nk=0"])
        .args([
            "-show_entries",
            "packet=codec_type,pts_time,dts_time,duration_time,size,pos,flags",
        ])
        .arg(file)
        .output()
        .expect("ffprobe is installed");
    let complaints = String::from_utf8_lossy(&probe.stderr);
    assert!(
        probe.status.success() && complaints.is_empty(),
        "{file:?}: {complaints}"
    );
    let packets = String::from_utf8(probe.stdout).unwrap();
    // Side data leaves empty lines.
    packets
        .lines()
        .filter(|line| !line.is_empty())
        .map(packet)
        .collect()
}

/// Decodes `file`, which must go without complaint, and counts its frames.
pub(crate) fn decode(file: &Path) -> usize {
    let ran = Command::new("ffmpeg")
        .args([
            "-v",
            "warning",
            "-xerror",
            "-err_detect",
            "explode",
            "-copyts",
            "-i",
        ])
        .arg(file)
        .args(["-f", "framehash", "-"])
        .output()
        .expect("ffmpeg is installed");
    let complaints = String::from_utf8_lossy(&ran.stderr);
    assert!(
        ran.status.success() && complaints.is_empty(),
        "{file:?}: {complaints}"
    );
    let frames = String::from_utf8(ran.stdout).unwrap();
    frames.lines().filter(|line| !line.starts_with('#')).count()
}

fn packet(line: &str) -> Packet {
    let field = |name: &str| {
        line.split('|')
            .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_else(|| panic!("{name} in {line}"))
    };
    let seconds = |name: &str| field(name).parse::<f64>().unwrap();
    Packet {
        video: field("codec_type") == "video",
        pts: seconds("pts_time"),
        dts: seconds("dts_time"),
        duration: field("duration_time").parse().ok(),
        key: field("flags").starts_with('K'),
        size: field("size").parse().unwrap(),
        position: field("pos").parse().unwrap(),
    }
}

/// What is inside the first box of this kind.
fn inside(file: &Bytes, kind: &[u8; 4]) -> Bytes {
    let at = file.windows(4).position(|window| window == kind).unwrap();
    let size = u32::from_be_bytes(file[at - 4..at].try_into().unwrap());
    file.slice(at + 4..at - 4 + size as usize)
}
