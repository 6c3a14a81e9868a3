//! The publisher's way in.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use peerstream_loopback::{
    http,
    publisher::{Clip, Fate, Tag, gives_up, proxy},
    soon,
    stage::{STREAM_KEY, Stage},
    viewer::Viewer,
};
use peerstream_media::publisher::{PublisherEvent, TagKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

fn url(rtmp: SocketAddr, key: &str) -> String {
    format!("rtmp://{rtmp}/live/{key}")
}

async fn next(stage: &mut Stage) -> Result<PublisherEvent> {
    let event = soon("the publisher is heard", stage.published.recv()).await?;
    event.context("the server runs")
}

/// Waits for the publisher that is on to be over.
async fn until_stopped(stage: &mut Stage) -> Result<()> {
    let stopped = async {
        while let Some(event) = stage.published.recv().await {
            if event == PublisherEvent::Stopped {
                return Ok(());
            }
        }
        bail!("the server has gone")
    };
    soon("the publisher stops", stopped).await?
}

#[tokio::test]
async fn a_publisher_is_passed_on_as_it_is() -> Result<()> {
    let mut stage = Stage::open().await?;
    let clip = Clip::make(3).await?;
    let _ffmpeg = clip.publish_once(&url(stage.addresses.rtmp, STREAM_KEY))?;
    assert_eq!(next(&mut stage).await?, PublisherEvent::Started);
    let mut tags = Vec::new();
    loop {
        match next(&mut stage).await? {
            PublisherEvent::Tag {
                kind: kind @ (TagKind::Audio | TagKind::Video),
                timestamp_ms: timestamp,
                body,
            } => tags.push(Tag {
                kind,
                timestamp,
                body,
            }),
            PublisherEvent::Tag { .. } => {}
            PublisherEvent::Stopped => break,
            PublisherEvent::Started => bail!("started twice"),
        }
    }
    // Silence among it, the messages of which have no time of their own.
    assert_eq!(tags, clip.tags()?);
    Ok(())
}

#[tokio::test]
async fn a_wrong_key_is_refused() -> Result<()> {
    let mut stage = Stage::open().await?;
    let clip = Clip::make(1).await?;
    for key in ["a-key-for-these-test", "something-else-entirely", "x"] {
        let ffmpeg = clip.publish(&url(stage.addresses.rtmp, key))?;
        let said = gives_up(ffmpeg).await?;
        assert!(said.contains("wrong stream key"), "{said}");
    }
    let status = http::status(stage.addresses.http).await?;
    assert_eq!(status["refused"]["publisher_key"], 3);
    assert!(stage.published.try_recv().is_err());
    Ok(())
}

#[tokio::test]
async fn another_application_is_refused() -> Result<()> {
    let stage = Stage::open().await?;
    let clip = Clip::make(1).await?;
    let to = format!("rtmp://{}/stream/{STREAM_KEY}", stage.addresses.rtmp);
    let said = gives_up(clip.publish(&to)?).await?;
    assert!(said.contains("/live"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_second_publisher_is_refused_while_the_first_is_on() -> Result<()> {
    let mut stage = Stage::open().await?;
    let clip = Clip::make(2).await?;
    let to = url(stage.addresses.rtmp, STREAM_KEY);
    let first = clip.publish(&to)?;
    assert_eq!(next(&mut stage).await?, PublisherEvent::Started);
    let said = gives_up(clip.publish(&to)?).await?;
    assert!(said.contains("another publisher"), "{said}");
    // The first has not noticed.
    while stage.published.try_recv().is_ok() {}
    assert!(matches!(
        next(&mut stage).await?,
        PublisherEvent::Tag { .. }
    ));
    drop(first);
    until_stopped(&mut stage).await?;
    // Now there is room.
    let _third = clip.publish(&to)?;
    assert_eq!(next(&mut stage).await?, PublisherEvent::Started);
    Ok(())
}

#[tokio::test]
async fn rubbish_is_refused_and_disturbs_nobody() -> Result<()> {
    let mut stage = Stage::open().await?;
    let mut viewer = Viewer::fed(stage.addresses.http).await?;
    let rtmp = stage.addresses.rtmp;
    // A handshake (version 3, 1536 bytes, 1536 bytes), and then anything.
    let mut after_handshake = vec![3];
    after_handshake.extend([0; 3072]);
    let mut long_message = after_handshake.clone();
    long_message.extend([3, 0, 0, 0, 0xFF, 0xFF, 0xFF, 20, 0, 0, 0, 0]);
    let mut no_header = after_handshake.clone();
    no_header.push(0xC3);
    let mut nested = after_handshake.clone();
    // 500 objects, one in the other: a command as long as may be.
    nested.extend([3, 0, 0, 0, 0, 0x07, 0xD0, 20, 0, 0, 0, 0]);
    let command: Vec<u8> = [3, 0, 1, b'a'].into_iter().cycle().take(2000).collect();
    for (at, chunk) in command.chunks(128).enumerate() {
        if at > 0 {
            nested.push(0xC3);
        }
        nested.extend(chunk);
    }
    let rubbish = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00".to_vec(),
        vec![0xFF; 100_000],
        long_message,
        no_header,
        nested,
    ];
    let refused = async {
        for bytes in &rubbish {
            let mut stream = TcpStream::connect(rtmp).await?;
            // The box may close while this is being sent.
            let _ = stream.write_all(bytes).await;
            let mut answer = Vec::new();
            let _ = soon("the box closes", stream.read_to_end(&mut answer)).await?;
        }
        anyhow::Ok(())
    };
    viewer.keeps_watching(refused).await??;
    let status = http::status(stage.addresses.http).await?;
    assert_eq!(status["refused"]["publisher_malformed"], rubbish.len());
    assert!(stage.published.try_recv().is_err());
    Ok(())
}

#[tokio::test]
async fn a_publisher_that_turns_to_rubbish_is_cut_and_may_come_back() -> Result<()> {
    let mut stage = Stage::open().await?;
    let clip = Clip::make(3).await?;
    let through = proxy(stage.addresses.rtmp, Fate::TurnsToRubbish(60_000)).await?;
    let _ffmpeg = clip.publish_once(&url(through, STREAM_KEY))?;
    assert_eq!(next(&mut stage).await?, PublisherEvent::Started);
    until_stopped(&mut stage).await?;
    let status = http::status(stage.addresses.http).await?;
    assert_eq!(status["refused"]["publisher_malformed"], 1);
    let _again = clip.publish(&url(stage.addresses.rtmp, STREAM_KEY))?;
    assert_eq!(next(&mut stage).await?, PublisherEvent::Started);
    Ok(())
}

#[tokio::test]
async fn a_publisher_that_stops_in_a_message_is_given_up() -> Result<()> {
    let mut stage = Stage::open().await?;
    let clip = Clip::make(3).await?;
    let through = proxy(stage.addresses.rtmp, Fate::Stops(60_000)).await?;
    let _ffmpeg = clip.publish_once(&url(through, STREAM_KEY))?;
    assert_eq!(next(&mut stage).await?, PublisherEvent::Started);
    until_stopped(&mut stage).await?;
    let status = http::status(stage.addresses.http).await?;
    assert_eq!(status["refused"]["publisher_stalled"], 1);
    Ok(())
}

#[tokio::test]
async fn a_publisher_that_is_cut_off_comes_back_by_another_connection() -> Result<()> {
    let mut stage = Stage::open().await?;
    let clip = Clip::make(3).await?;
    let through = proxy(stage.addresses.rtmp, Fate::Stops(60_000)).await?;
    let _dead = clip.publish_once(&url(through, STREAM_KEY))?;
    assert_eq!(next(&mut stage).await?, PublisherEvent::Started);
    let to = url(stage.addresses.rtmp, STREAM_KEY);
    let (mut stopped, mut started) = (false, false);
    // OBS tries every few seconds; this one tries at once, and again.
    let mut again = clip.publish(&to)?;
    while !started {
        tokio::select! {
            event = stage.published.recv() => match event.context("the server runs")? {
                PublisherEvent::Stopped => stopped = true,
                PublisherEvent::Started => started = true,
                PublisherEvent::Tag { .. } => {}
            },
            _ = again.wait() => again = clip.publish(&to)?,
        }
    }
    // In this order: the one had to go before the other came.
    assert!(stopped);
    Ok(())
}
