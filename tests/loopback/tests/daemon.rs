//! The daemon as people start it.

use std::{ffi::OsStr, os::unix::fs::PermissionsExt};

use anyhow::{Context as _, Result};
use nix::sys::signal::Signal;
use peerstream_fragment::Position;
use peerstream_loopback::{
    daemon::{Home, send},
    http,
    publisher::{Clip, contains, gives_up, slices},
    soon,
    viewer::Viewer,
};
use peerstream_media::publisher::TagKind;
use peerstream_server::Certificate;
use peerstream_wire::Refusal;

const DEMO: &[&str] = &[
    "--demo",
    "--demo-size=160x90",
    "--demo-rate=200",
    "--demo-fps=25",
];

#[tokio::test]
async fn keys_are_made_at_the_first_start_and_stay() -> Result<()> {
    let home = Home::new()?;
    let first = home.start(&[]).await?;
    let stream = http::status(first.http).await?["stream"].clone();
    let url = home.publish_url(&first).await?;
    first.stop().await?;
    for entry in std::fs::read_dir(home.state())? {
        let mode = entry?.metadata()?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let second = home.start(&[]).await?;
    assert_eq!(http::status(second.http).await?["stream"], stream);
    let key = |url: &str| url.rsplit('/').next().map(str::to_owned);
    assert_eq!(key(&home.publish_url(&second).await?), key(&url));
    Ok(())
}

#[tokio::test]
async fn positions_and_times_rise_across_restarts() -> Result<()> {
    let home = Home::new()?;
    let mut last = (
        Position {
            segment: 0,
            index: 0,
        },
        0,
    );
    for restart in 0..4 {
        let daemon = home.start(&[]).await?;
        let fragment = Viewer::fed(daemon.http).await?.fragment().await?;
        let next = (fragment.at(), fragment.header.header.meta.capture_time);
        assert!(
            next.0 > last.0 && next.1 > last.1,
            "{next:?} after {last:?}"
        );
        last = next;
        match restart {
            0 => drop(daemon.stop().await?),
            // As by a power cut.
            _ => daemon.kill().await?,
        }
        if restart == 1 {
            // As if the system's clock had been set back by a year meanwhile.
            let clock = std::fs::read_to_string(home.state().join("clock"))?;
            let ahead = clock.trim().parse::<u32>()? + 365 * 24 * 60 * 60;
            std::fs::write(home.state().join("clock"), ahead.to_string())?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_demo_is_on_air() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(DEMO).await?;
    let mut viewer = Viewer::fed(daemon.http).await?;
    viewer.until_standby(false).await?;
    assert_eq!(http::status(daemon.http).await?["source"], "demo");
    Ok(())
}

#[tokio::test]
async fn a_publisher_plays_as_it_was_encoded_comes_back_and_nobody_reconnects() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(&[]).await?;
    let clip = Clip::make(4).await?;
    let url = home.publish_url(&daemon).await?;
    let mut viewer = Viewer::fed(daemon.http).await?;
    viewer.until_standby(true).await?;

    let ffmpeg = clip.publish(&url)?;
    let mut payload = viewer.until_standby(false).await?.payload.to_vec();
    assert_eq!(http::status(daemon.http).await?["source"], "rtmp");
    let pictures: Vec<_> = clip
        .tags()?
        .into_iter()
        .filter(|tag| tag.kind == TagKind::Video)
        .map(|tag| tag.body)
        .collect();
    while payload.len() < 150_000 {
        payload.extend_from_slice(&viewer.fragment().await?.payload);
    }
    // Of the first two seconds, each picture as it is in the file.
    let pictures = &pictures[..50];
    assert!(
        pictures
            .iter()
            .map(|body| slices(body).len())
            .sum::<usize>()
            >= 49
    );
    for slice in pictures.iter().flat_map(|body| slices(body)) {
        assert!(contains(&payload, slice), "a picture has been altered");
    }

    drop(ffmpeg);
    viewer.until_standby_within_two_seconds().await?;
    assert_eq!(http::status(daemon.http).await?["source"], "standby");
    let _again = clip.publish(&url)?;
    viewer.until_standby(false).await?;
    Ok(())
}

#[tokio::test]
async fn a_publisher_takes_over_from_the_demo() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(DEMO).await?;
    let clip = Clip::make(2).await?;
    let mut viewer = Viewer::fed(daemon.http).await?;
    viewer.until_standby(false).await?;
    let before = viewer.tracks;
    let _ffmpeg = clip.publish(&home.publish_url(&daemon).await?)?;
    viewer.until_tracks_after(before).await?;
    assert_eq!(http::status(daemon.http).await?["source"], "rtmp");
    Ok(())
}

/// What happens to the demo's process, and what viewers see of it.
async fn ingest_suffers(signal: Signal) -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(DEMO).await?;
    let mut viewer = Viewer::fed(daemon.http).await?;
    viewer.until_standby(false).await?;
    let process = daemon.next_ingest(&[]).await?;
    send(process, signal)?;
    viewer.until_standby_within_two_seconds().await?;
    // By the same socket, from another process.
    viewer.until_standby(false).await?;
    assert_ne!(daemon.next_ingest(&[]).await?, process);
    Ok(())
}

#[tokio::test]
async fn the_source_comes_back_when_its_process_crashes() -> Result<()> {
    ingest_suffers(Signal::SIGSEGV).await
}

#[tokio::test]
async fn the_source_comes_back_when_its_process_freezes() -> Result<()> {
    ingest_suffers(Signal::SIGSTOP).await
}

#[tokio::test]
async fn a_publisher_does_not_notice_that_the_process_crashes() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(&[]).await?;
    let clip = Clip::make(2).await?;
    let mut viewer = Viewer::fed(daemon.http).await?;
    let mut ffmpeg = clip.publish(&home.publish_url(&daemon).await?)?;
    viewer.until_standby(false).await?;
    for signal in [Signal::SIGSEGV, Signal::SIGSTOP] {
        let process = daemon.next_ingest(&[]).await?;
        send(process, signal)?;
        viewer.until_standby_within_two_seconds().await?;
        viewer.until_standby(false).await?;
    }
    assert!(ffmpeg.try_wait()?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_logged_and_not_shown() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(&[]).await?;
    let url = home.publish_url(&daemon).await?;
    let (server, key) = url.rsplit_once('/').context("a key")?;
    let clip = Clip::make(1).await?;
    gives_up(clip.publish(&format!("{server}/not-{key}"))?).await?;
    let log = daemon.stop().await?;
    assert!(log.contains("wrong stream key"), "{log}");
    assert!(!log.contains(key), "{log}");
    Ok(())
}

#[tokio::test]
async fn a_new_signing_key_is_taken_over_at_work() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(DEMO).await?;
    let mut viewer = Viewer::fed(daemon.http).await?;
    viewer.until_standby(false).await?;
    let rotated = home.command("rotate-signing-key", &[]).await?;
    assert!(rotated.status.success(), "{rotated:?}");
    // Any fragment by the old key behind the new certificate would be an error here.
    while viewer.fragment().await?.header.header.serial == 1 {}
    assert_eq!(viewer.serials, [1, 2]);
    for _ in 0..20 {
        assert_eq!(viewer.fragment().await?.header.header.serial, 2);
    }
    Ok(())
}

#[tokio::test]
async fn https_works_with_a_certificate_of_the_boxs_own() -> Result<()> {
    let home = Home::new()?;
    let options = ["--https=127.0.0.1:0"];
    let daemon = home.start(&options).await?;
    let own = || {
        let read = |name| std::fs::read_to_string(home.state().join(name));
        anyhow::Ok(Certificate {
            chain: read("https.crt")?,
            key: read("https.key")?,
        })
    };
    let first = own()?;
    let viewer = Viewer::connect_tls(daemon.https.context("https")?, &first).await;
    viewer?.say_join().await?;
    daemon.stop().await?;
    let daemon = home.start(&options).await?;
    assert_eq!(own()?.chain, first.chain);
    Viewer::connect_tls(daemon.https.context("https")?, &first).await?;
    Ok(())
}

#[tokio::test]
async fn a_viewer_that_does_not_read_is_cut_and_nobody_else_notices() -> Result<()> {
    let home = Home::new()?;
    let daemon = home
        .start(&["--demo", "--demo-size=640x360", "--demo-rate=8000"])
        .await?;
    let mut other = Viewer::fed(daemon.http).await?;
    other.until_standby(false).await?;
    let mut stuck = Viewer::connect_through_a_straw(daemon.http).await?;
    stuck.say_join().await?;
    stuck.subscribe(None).await?;
    let cut = soon("the box cuts it", async {
        while http::status(daemon.http).await?["refused"]["too_slow"] != 1 {}
        anyhow::Ok(())
    });
    other.keeps_watching(cut).await???;
    assert_eq!(http::status(daemon.http).await?["feeds"], 1);
    Ok(())
}

#[tokio::test]
async fn the_service_manager_is_told() -> Result<()> {
    let home = Home::new()?;
    let path = home.path().join("notify");
    let manager = tokio::net::UnixDatagram::bind(&path)?;
    let environment = [
        ("NOTIFY_SOCKET", path.as_os_str()),
        ("WATCHDOG_USEC", "200000".as_ref()),
    ];
    let daemon = home.start_in(&[], &environment).await?;
    let mut told = String::new();
    let mut buffer = [0; 1000];
    for expected in ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"] {
        if expected == "STOPPING=1" {
            daemon.signal(Signal::SIGTERM)?;
        }
        told.clear();
        while !told.contains(expected) {
            let length = soon(expected, manager.recv(&mut buffer)).await??;
            told.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
    }
    let (status, log) = daemon.ended().await?;
    assert!(status.success(), "{log}");
    Ok(())
}

#[tokio::test]
async fn the_end_is_announced() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(&[]).await?;
    let viewer = Viewer::fed(daemon.http).await?;
    let (refusal, log) = tokio::join!(viewer.refusal(), daemon.stop());
    assert_eq!(refusal?, Refusal::ShuttingDown);
    log?;
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_said_in_one_line() -> Result<()> {
    let home = Home::new()?;
    let daemon = home.start(&[]).await?;
    let other = Home::new()?;
    let http = format!("--http={}", daemon.http);
    let rtmp = format!("--rtmp={}", daemon.rtmp);
    let config = other.page().join("peerstream.toml");
    std::fs::write(&config, "[listen]\nhtpp = '0.0.0.0:80'\n")?;
    let config = format!("--config={}", config.display());
    let page = format!("--page={}", other.page().display());
    let bad_size = ["--demo-size=161x90", "--http=127.0.0.1:0"];
    let missing = ["--config=/nowhere.toml", "--http=127.0.0.1:0"];
    let cases: [(&Home, &[&str], &str); 8] = [
        (&home, &[&page, "--http=127.0.0.1:0"], "--state-dir"),
        (&other, &[&page, &http], "--http"),
        (&other, &[&page, "--http=127.0.0.1:0", &rtmp], "--rtmp"),
        (
            &other,
            &["--page=/nowhere", "--http=127.0.0.1:0"],
            "make build",
        ),
        (&other, &[&config, &page], "line 2"),
        (&other, &missing, "/nowhere.toml"),
        (&other, &bad_size, "demo.width"),
        (
            &other,
            &[&page, "--http=192.0.2.77:1", "--rtmp=127.0.0.1:0"],
            "192.0.2.77:1",
        ),
    ];
    for (home, options, mend) in cases {
        let options: Vec<&OsStr> = options.iter().map(AsRef::as_ref).collect();
        let output = home.command("run", &options).await?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(mend), "{mend}: {said}");
    }
    Ok(())
}
