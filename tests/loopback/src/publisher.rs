//! Publishers: ffmpeg, as people use it, and what may happen to it on the way.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use peerstream_media::publisher::TagKind;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

use crate::soon;

/// Something to publish.
pub struct Clip {
    dir: tempfile::TempDir,
}

/// One FLV tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// What it carries.
    pub kind: TagKind,
    /// In milliseconds.
    pub timestamp: u32,
    /// Its body.
    pub body: Bytes,
}

impl Clip {
    /// A few seconds of moving picture with a tone, then silence.
    ///
    /// # Errors
    /// If ffmpeg does not make it.
    pub async fn make(seconds: u32) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let picture = format!("testsrc2=size=320x180:rate=25:duration={seconds}");
        let sound = format!("sine=frequency=440:duration={seconds}");
        let tone = "volume=enable='gt(t,1)':volume=0,aformat=channel_layouts=stereo";
        let mut ffmpeg = ffmpeg();
        ffmpeg
            .args(["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-g", "25"])
            .args(["-pix_fmt", "yuv420p", "-b:v", "400k"])
            .args(["-af", tone, "-c:a", "aac", "-b:a", "64k"])
            .arg(dir.path().join("clip.mp4"));
        let clip = Self { dir };
        run(ffmpeg).await?;
        let mut ffmpeg = self::ffmpeg();
        ffmpeg.arg("-i").arg(clip.path()).args(["-c", "copy"]);
        ffmpeg.arg(clip.dir.path().join("clip.flv"));
        run(ffmpeg).await?;
        Ok(clip)
    }

    /// The clip as a file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.path().join("clip.mp4")
    }

    /// Picture and sound as FLV has them, which is as RTMP has them.
    ///
    /// # Errors
    /// If what ffmpeg has written is not FLV.
    pub fn tags(&self) -> Result<Vec<Tag>> {
        let file = std::fs::read(self.dir.path().join("clip.flv"))?;
        let mut rest = Bytes::from(file).slice(13..);
        let mut tags = Vec::new();
        while rest.len() >= 11 {
            let head = rest.split_to(11);
            let number = |bytes: &[u8]| bytes.iter().fold(0, |n, b| n << 8 | u32::from(*b));
            let length = number(&head[1..4]) as usize;
            ensure!(rest.len() >= length + 4, "the file ends in a tag");
            let body = rest.split_to(length);
            rest = rest.slice(4..);
            let kind = match head[0] {
                8 => TagKind::Audio,
                9 => TagKind::Video,
                _ => continue,
            };
            let timestamp = u32::from(head[7]) << 24 | number(&head[4..7]);
            tags.push(Tag {
                kind,
                timestamp,
                body,
            });
        }
        Ok(tags)
    }

    /// ffmpeg sends the clip there, as fast as it plays, again and again. Ends when it is
    /// dropped.
    ///
    /// # Errors
    /// If there is no ffmpeg.
    pub fn publish(&self, url: &str) -> Result<Child> {
        let mut ffmpeg = ffmpeg();
        ffmpeg
            .args(["-re", "-stream_loop", "-1", "-i"])
            .arg(self.path());
        Ok(send(ffmpeg, url).spawn()?)
    }

    /// ffmpeg sends the clip there once, as fast as it goes.
    ///
    /// # Errors
    /// If there is no ffmpeg.
    pub fn publish_once(&self, url: &str) -> Result<Child> {
        let mut ffmpeg = ffmpeg();
        ffmpeg.arg("-i").arg(self.path());
        Ok(send(ffmpeg, url).spawn()?)
    }
}

/// What happens to a publisher's bytes on the way.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// After so many, nothing more, and the connection stays.
    Stops(usize),
    /// After so many, it is other bytes.
    TurnsToRubbish(usize),
}

/// A connection on which that happens. Answers where it is.
///
/// # Errors
/// If there is no port for it.
pub async fn proxy(to: SocketAddr, fate: Fate) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (publisher, _) = listener.accept().await?;
        let (mut from_publisher, mut to_publisher) = publisher.into_split();
        let (mut from_box, mut to_box) = TcpStream::connect(to).await?.into_split();
        let back =
            tokio::spawn(async move { tokio::io::copy(&mut from_box, &mut to_publisher).await });
        let mut passed = 0;
        let mut buffer = [0; 1024];
        loop {
            let length = from_publisher.read(&mut buffer).await?;
            if length == 0 {
                break;
            }
            passed += length;
            match fate {
                Fate::Stops(after) if passed > after => break,
                Fate::TurnsToRubbish(after) if passed > after => buffer.fill(0xA5),
                _ => {}
            }
            to_box.write_all(&buffer[..length]).await?;
        }
        // Both connections stay until the box ends its own.
        let _ = back.await;
        drop((from_publisher, to_box));
        anyhow::Ok(())
    });
    Ok(address)
}

/// Waits for a publisher to give up, and says what it said.
///
/// # Errors
/// If it does not give up.
pub async fn gives_up(publisher: Child) -> Result<String> {
    let output = soon("the publisher gives up", publisher.wait_with_output()).await??;
    ensure!(!output.status.success(), "it did not mind");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

fn ffmpeg() -> Command {
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-nostdin", "-y", "-loglevel", "warning"]);
    ffmpeg.stdin(Stdio::null()).kill_on_drop(true);
    ffmpeg
}

fn send(mut ffmpeg: Command, url: &str) -> Command {
    ffmpeg.args(["-c", "copy", "-f", "flv", url]);
    ffmpeg.stderr(Stdio::piped());
    ffmpeg
}

async fn run(mut ffmpeg: Command) -> Result<()> {
    let output = ffmpeg.output().await.context("no ffmpeg")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ffmpeg: {said}");
    Ok(())
}

/// The pictures in a video tag's body: NAL units of coded slices, without their lengths.
#[must_use]
pub fn slices(body: &[u8]) -> Vec<&[u8]> {
    let mut slices = Vec::new();
    // Past frame type, packet type and composition time; packet type 1 has NAL units.
    let mut rest = match body {
        [_, 1, _, _, _, rest @ ..] => rest,
        _ => return slices,
    };
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some((unit, behind)) = behind.split_at_checked(length) else {
            break;
        };
        if matches!(unit.first().map(|head| head & 0x1F), Some(1 | 5)) {
            slices.push(unit);
        }
        rest = behind;
    }
    slices
}

/// Whether `part` is in `whole`.
#[must_use]
pub fn contains(whole: &[u8], part: &[u8]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}
