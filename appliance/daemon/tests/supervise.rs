//! Sources that crash, hang, come and go, with the real ingest process.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod air;
mod publisher;

#[path = "../src"]
mod daemon {
    #[allow(dead_code, unreachable_pub, reason = "each test uses a part of it")]
    pub(crate) mod supervise;
}

use std::process::{Command, Stdio};
use std::time::Duration;

use air::Air;
use bytes::Bytes;
use daemon::supervise::{DemoConfig, Source, Supervisor};
use peerstream_media::publisher::{PublisherEvent, TagKind};
use peerstream_media::{SourceEvent, Studio, TrackKind};
use publisher::Publisher;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

const PROGRAM: &str = env!("CARGO_BIN_EXE_peerstreamd");

/// Far more than anything here takes, on a busy machine too.
const LONG: Duration = Duration::from_secs(30);

struct Supervised {
    publisher: mpsc::Sender<PublisherEvent>,
    events: mpsc::Receiver<SourceEvent>,
    _shutdown: oneshot::Sender<()>,
}

fn supervise(source: Source) -> Supervised {
    supervise_with(PROGRAM, source)
}

fn supervise_with(program: &str, source: Source) -> Supervised {
    let (publisher, tags) = mpsc::channel(64);
    let (sender, events) = mpsc::channel(64);
    let (shutdown, ended) = oneshot::channel::<()>();
    let supervisor = Supervisor::new(source).program(program);
    tokio::spawn(async move {
        let ended = async move { drop(ended.await) };
        supervisor.run(tags, sender, ended).await;
    });
    Supervised {
        publisher,
        events,
        _shutdown: shutdown,
    }
}

impl Supervised {
    /// Everything up to the event that `wanted` accepts, itself included.
    async fn until(&mut self, wanted: impl Fn(&SourceEvent) -> bool) -> Vec<SourceEvent> {
        let mut events = Vec::new();
        let found = async {
            while !events.last().is_some_and(&wanted) {
                events.push(self.events.recv().await.unwrap());
            }
        };
        timeout(LONG, found).await.expect("the event in time");
        events
    }
}

fn is_picture(event: &SourceEvent) -> bool {
    matches!(event, SourceEvent::Unit(unit) if unit.kind == TrackKind::Video)
}

fn is_tracks(event: &SourceEvent) -> bool {
    matches!(event, SourceEvent::Tracks { .. })
}

fn is_lost(event: &SourceEvent) -> bool {
    *event == SourceEvent::Lost
}

/// What a source begins with: its tracks, then a key frame.
fn begins(events: &[SourceEvent]) {
    let tracks = events.iter().position(is_tracks).expect("tracks");
    let first = events
        .iter()
        .find(|event| is_picture(event))
        .expect("a picture");
    let SourceEvent::Unit(first) = first else {
        unreachable!()
    };
    assert!(first.key, "begins with a key frame");
    assert!(events[..tracks].iter().all(|event| !is_picture(event)));
}

/// A demo that is told from those of the tests beside this one by its bitrate.
fn demo(kbit: u32) -> (Source, String) {
    let config = DemoConfig {
        width: 160,
        height: 90,
        fps: 25,
        kbit,
    };
    (Source::Demo(config), format!("--kbit {kbit}"))
}

/// The ingest process that this test program has started with `args`.
fn ingest(args: &str) -> Option<u32> {
    let mine = std::process::id();
    let processes = std::fs::read_dir("/proc").unwrap();
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .find(|pid: &u32| {
            let read = |name| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let command = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            let status = String::from_utf8_lossy(&read("status")).into_owned();
            command.contains(" ingest ")
                && command.contains(args)
                && status.contains(&format!("PPid:\t{mine}\n"))
                && !status.contains("State:\tZ")
        })
}

/// Waits until no child of this one runs with these arguments any more: what is told to end
/// takes a moment to.
async fn ended(args: &str) {
    for _ in 0..500 {
        if ingest(args).is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("`ingest {args}` still runs after 5 s");
}

fn signal(pid: u32, signal: &str) {
    let sent = Command::new("kill")
        .args([signal, &pid.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

#[tokio::test]
async fn the_demo_begins_with_its_tracks_and_a_key_frame() {
    let (source, _) = demo(301);
    let mut supervised = supervise(source);
    let events = supervised.until(is_picture).await;
    assert!(is_tracks(&events[0]));
    begins(&events);
}

#[tokio::test]
async fn a_crashed_source_is_lost_at_once_and_comes_back() {
    let (source, args) = demo(302);
    let mut supervised = supervise(source);
    supervised.until(is_picture).await;
    let pid = ingest(&args).unwrap();
    let killed = Instant::now();
    signal(pid, "-SEGV");
    supervised.until(is_lost).await;
    println!("lost after {:?}", killed.elapsed());
    assert!(
        killed.elapsed() < Duration::from_millis(1500),
        "{:?}",
        killed.elapsed()
    );
    let events = supervised.until(is_picture).await;
    println!("back after {:?}", killed.elapsed());
    begins(&events);
    assert!(
        killed.elapsed() < Duration::from_secs(5),
        "{:?}",
        killed.elapsed()
    );
    assert_ne!(ingest(&args), Some(pid));
}

#[tokio::test]
async fn a_frozen_source_is_killed_and_comes_back() {
    let (source, args) = demo(303);
    let mut supervised = supervise(source);
    supervised.until(is_picture).await;
    let pid = ingest(&args).unwrap();
    let frozen = Instant::now();
    signal(pid, "-STOP");
    supervised.until(is_lost).await;
    println!("lost after {:?}", frozen.elapsed());
    assert!(
        frozen.elapsed() < Duration::from_secs(2),
        "{:?}",
        frozen.elapsed()
    );
    let events = supervised.until(is_picture).await;
    println!("back after {:?}", frozen.elapsed());
    begins(&events);
    assert_ne!(
        ingest(&args),
        Some(pid),
        "it is not there any more, frozen or not"
    );
}

#[tokio::test]
async fn the_standby_card_covers_for_a_frozen_source() {
    let (source, args) = demo(304);
    let mut supervised = supervise(source);
    let mut air = Air::new();
    air.watch(&mut supervised.events, |studio| !studio.on_standby())
        .await;
    signal(ingest(&args).unwrap(), "-STOP");
    let covered = air.watch(&mut supervised.events, Studio::on_standby).await;
    println!("card after {covered:?}");
    assert!(covered < Duration::from_secs(2), "{covered:?}");
    let back = air
        .watch(&mut supervised.events, |studio| !studio.on_standby())
        .await;
    println!("source back {back:?} later");
}

#[tokio::test]
async fn the_ingest_process_knows_nothing_of_the_daemon() {
    let (source, args) = demo(305);
    let mut supervised = supervise(source);
    supervised.until(is_picture).await;
    // Cargo has put a lot into the environment of this test.
    assert!(std::env::vars().any(|(name, _)| name.starts_with("CARGO")));
    let pid = ingest(&args).unwrap();
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    for variable in environment
        .split('\0')
        .filter(|variable| !variable.is_empty())
    {
        let name = variable.split('=').next().unwrap();
        let kept = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "XDG_CACHE_HOME"].contains(&name);
        assert!(
            kept || name.starts_with("GST_") || name.starts_with("LC_"),
            "{name}"
        );
    }
}

#[test]
fn the_ingest_process_ends_with_its_input() {
    for args in [
        &["ingest", "pattern", "--kbit", "306"][..],
        &["ingest", "flv"],
    ] {
        let mut child = Command::new(PROGRAM)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut first = [0; 5];
        std::io::Read::read_exact(&mut stdout, &mut first).unwrap();
        drop(child.stdin.take());
        // It may still have something to say.
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        assert!(child.wait().unwrap().success(), "{args:?}");
    }
}

/// A publisher's process has nothing to tell it from another's: one test at a time.
static PUBLISHING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[tokio::test]
async fn a_publisher_takes_over_and_its_return_too() {
    let _alone = PUBLISHING.lock().await;
    let (source, args) = demo(307);
    let mut supervised = supervise(source);
    let mut publisher = Publisher::new(supervised.publisher.clone());
    supervised.until(is_picture).await;
    publisher.start().await;
    let is_published = |event: &SourceEvent| matches!(event, SourceEvent::Tracks { video: Some(video), .. } if video.avcc[1] != 66);
    let events = publisher.until(&mut supervised.events, is_published).await;
    assert!(
        !events.iter().any(is_lost),
        "there is no break between demo and publisher"
    );
    let next = publisher
        .until(&mut supervised.events, |event| !is_lost(event))
        .await;
    let SourceEvent::Unit(first) = &next[0] else {
        panic!("{:?}", next[0])
    };
    assert!(first.key && first.kind == TrackKind::Video);
    ended(&args).await;

    publisher.stop().await;
    supervised.until(is_lost).await;
    publisher.start().await;
    begins(&publisher.until(&mut supervised.events, is_picture).await);
    assert_eq!(ingest(&args), None, "the demo is over for good");
}

#[tokio::test]
async fn a_publisher_does_not_notice_that_its_process_dies() {
    let _alone = PUBLISHING.lock().await;
    let mut supervised = supervise(Source::Publisher);
    let mut publisher = Publisher::new(supervised.publisher.clone());
    publisher.start().await;
    begins(&publisher.until(&mut supervised.events, is_picture).await);
    for how in ["-SEGV", "-STOP"] {
        let pid = ingest("flv").unwrap();
        let killed = Instant::now();
        signal(pid, how);
        publisher.until(&mut supervised.events, is_lost).await;
        println!("{how}: lost after {:?}", killed.elapsed());
        assert!(
            killed.elapsed() < Duration::from_secs(2),
            "{:?}",
            killed.elapsed()
        );
        begins(&publisher.until(&mut supervised.events, is_picture).await);
        println!("{how}: back after {:?}", killed.elapsed());
    }
}

#[tokio::test]
async fn a_process_that_does_not_read_holds_up_nobody() {
    let script = format!("{}/deaf.sh", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&script, "#!/bin/sh\nexec sleep 60\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, executable).unwrap();
    let supervised = supervise_with(&script, Source::Publisher);
    supervised
        .publisher
        .send(PublisherEvent::Started)
        .await
        .unwrap();
    // 64 MiB, and nobody takes any of it.
    let body = Bytes::from([&[0x17, 1][..], &[0; 64 * 1024]].concat());
    let publish = async {
        for timestamp_ms in 0..1024 {
            let tag = PublisherEvent::Tag {
                kind: TagKind::Video,
                timestamp_ms,
                body: body.clone(),
            };
            supervised.publisher.send(tag).await.unwrap();
        }
    };
    timeout(LONG, publish)
        .await
        .expect("the publisher is not held up");
}
