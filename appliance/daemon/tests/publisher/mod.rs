//! A publisher, and what it publishes.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use peerstream_media::SourceEvent;
use peerstream_media::publisher::{PublisherEvent, TagKind};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::LONG;

/// A publisher that sends the same two seconds over and over, as fast as time goes.
pub(crate) struct Publisher {
    tags: Vec<(TagKind, u32, Bytes)>,
    to: mpsc::Sender<PublisherEvent>,
    next: usize,
    time: u32,
    start: Instant,
}

const ROUND: u32 = 2000;

impl Publisher {
    pub(crate) fn new(to: mpsc::Sender<PublisherEvent>) -> Self {
        Self {
            tags: footage(),
            to,
            next: 0,
            time: 0,
            start: Instant::now(),
        }
    }

    pub(crate) async fn start(&mut self) {
        self.to.send(PublisherEvent::Started).await.unwrap();
        (self.next, self.time, self.start) = (0, 0, Instant::now());
    }

    pub(crate) async fn stop(&mut self) {
        self.to.send(PublisherEvent::Stopped).await.unwrap();
    }

    /// Sends what is due next.
    async fn send(&mut self) {
        let (kind, time, body) = self.tags[self.next].clone();
        let timestamp_ms = self.time + time;
        tokio::time::sleep_until(self.start + Duration::from_millis(timestamp_ms.into())).await;
        let event = PublisherEvent::Tag {
            kind,
            timestamp_ms,
            body,
        };
        self.to.send(event).await.unwrap();
        self.next += 1;
        if self.next == self.tags.len() {
            // Headers are sent once.
            let headers = |tag: &(TagKind, u32, Bytes)| tag.0 == TagKind::Data || tag.2[1] == 0;
            self.next = self.tags.iter().position(|tag| !headers(tag)).unwrap();
            self.time += ROUND;
        }
    }

    /// Publishes until `wanted` comes out at the other end; what came out.
    pub(crate) async fn until(
        &mut self,
        from: &mut mpsc::Receiver<SourceEvent>,
        wanted: impl Fn(&SourceEvent) -> bool,
    ) -> Vec<SourceEvent> {
        let mut events = Vec::new();
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < LONG, "{} events", events.len());
            tokio::select! {
                () = self.send() => {}
                Some(event) = from.recv() => {
                    let found = wanted(&event);
                    events.push(event);
                    if found {
                        return events;
                    }
                }
            }
        }
    }
}

/// Two seconds, made by ffmpeg, as FLV tags in order.
fn footage() -> Vec<(TagKind, u32, Bytes)> {
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=160x90:rate=25:duration=2",
        ])
        .args(["-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2"])
        .args([
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-b:v", "200k", "-g", "25", "-bf", "0",
        ])
        .args([
            "-c:a",
            "aac",
            "-ac",
            "2",
            "-flvflags",
            "no_duration_filesize",
            "-f",
            "flv",
            "-",
        ])
        .output()
        .expect("ffmpeg is installed");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let bytes = Bytes::from(made.stdout);
    let mut tags = Vec::new();
    let mut at = 13;
    while at + 11 <= bytes.len() {
        let head = &bytes[at..at + 11];
        let length = u32::from_be_bytes([0, head[1], head[2], head[3]]) as usize;
        let time = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let kind = match head[0] {
            8 => TagKind::Audio,
            9 => TagKind::Video,
            _ => TagKind::Data,
        };
        let body = bytes.slice(at + 11..at + 11 + length);
        // ffmpeg ends with an empty one.
        if !(kind == TagKind::Video && body[1] == 2) {
            tags.push((kind, time, body));
        }
        at += 11 + length + 4;
    }
    tags
}
