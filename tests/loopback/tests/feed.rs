//! The direct feed: what comes, in which order, and what it is counted as.

use anyhow::Result;
use peerstream_loopback::{http, soon, stage::Stage, viewer::Viewer};
use peerstream_wire::{LinkMessage, Parent, Refusal, ToBox, ToNode};

#[tokio::test]
async fn two_viewers_are_fed_and_the_third_is_not() -> Result<()> {
    let stage = Stage::open().await?;
    let mut first = Viewer::fed(stage.addresses.http).await?;
    let mut second = Viewer::fed(stage.addresses.http).await?;
    let third = Viewer::join(stage.addresses.http).await?;
    assert_eq!(first.stream, Some(stage.stream()));
    first.keeps_watching(second.fragment()).await??;
    let place = third.assignment.clone().unwrap();
    assert!(matches!(place.parent, Parent::Node(_)), "{place:?}");
    let status = http::status(stage.addresses.http).await?;
    assert_eq!(status["viewers"], 3);
    assert_eq!(
        (&status["nodes"]["A"], &status["nodes"]["B"]),
        (&2.into(), &1.into())
    );
    assert_eq!((&status["feeds"], &status["depth"]), (&2.into(), &2.into()));
    assert_eq!(status["source"], "standby");
    assert_eq!(status["stream"], stage.stream().to_string());
    Ok(())
}

#[tokio::test]
async fn a_feed_starts_with_a_key_frame() -> Result<()> {
    let stage = Stage::open().await?;
    // Somewhere in the midst of a segment.
    let mut first = Viewer::fed(stage.addresses.http).await?;
    while first.fragment().await?.at().index < 3 {}
    let mut viewer = Viewer::join(stage.addresses.http).await?;
    viewer.subscribe(None).await?;
    assert!(viewer.fragment().await?.header.header.meta.flags.key());
    Ok(())
}

#[tokio::test]
async fn who_comes_back_gets_what_it_lacks_and_no_more() -> Result<()> {
    let stage = Stage::open().await?;
    let mut viewer = Viewer::fed(stage.addresses.http).await?;
    let last = viewer.fragment().await?.at();
    viewer.link(LinkMessage::Unsubscribe).await?;
    // What was on its way still comes; the clock's answer is behind it.
    viewer.control(&ToBox::Clock { sent: 1 }).await?;
    let mut newest = last;
    let mut answered = false;
    while !answered {
        let next = soon("the clock", viewer.fragment_or_told()).await??;
        match next {
            Ok(fragment) => newest = fragment.at(),
            Err(message) => answered = matches!(message, ToNode::Clock { sent: 1, .. }),
        }
    }
    viewer.subscribe(Some(newest)).await?;
    let next = viewer.fragment().await?.at();
    assert!(next > newest, "{next:?} after {newest:?}");
    assert!(next.segment > newest.segment || next.index == newest.index + 1);
    Ok(())
}

#[tokio::test]
async fn what_was_lost_is_sent_again() -> Result<()> {
    let stage = Stage::open().await?;
    let mut viewer = Viewer::fed(stage.addresses.http).await?;
    let fragment = viewer.fragment().await?;
    let at = fragment.at();
    viewer.link(LinkMessage::Request { at, parts: 0 }).await?;
    loop {
        let next = viewer.fragment().await?;
        if next.at() == at {
            assert_eq!(next.payload, fragment.payload);
            return Ok(());
        }
    }
}

#[tokio::test]
async fn every_byte_of_a_feed_is_counted_as_such() -> Result<()> {
    let stage = Stage::open().await?;
    let before = http::status(stage.addresses.http).await?;
    assert_eq!(before["bytes_sent"]["feed"], 0);
    assert_eq!(before["bytes_sent"]["signalling"], 0);
    let mut viewer = Viewer::fed(stage.addresses.http).await?;
    for _ in 0..20 {
        viewer.fragment().await?;
    }
    viewer.link(LinkMessage::Unsubscribe).await?;
    viewer.control(&ToBox::Clock { sent: 2 }).await?;
    while !matches!(viewer.told().await?, ToNode::Clock { .. }) {}
    let after = http::status(stage.addresses.http).await?;
    assert_eq!(after["bytes_sent"]["feed"], viewer.feed_bytes);
    // 101, Welcome, Assign, Clock.
    let signalling = after["bytes_sent"]["signalling"].as_u64().unwrap();
    assert!((200..500).contains(&signalling), "{signalling}");
    // What is not signed of a feed is little.
    let overhead = viewer.feed_bytes as f64 / viewer.signed_bytes as f64;
    assert!(overhead < 1.05, "{overhead}");
    Ok(())
}

#[tokio::test]
async fn another_signing_key_takes_over_while_viewers_watch() -> Result<()> {
    let stage = Stage::open().await?;
    let mut viewer = Viewer::fed(stage.addresses.http).await?;
    viewer.keeps_watching(stage.rotate(2)).await??;
    while viewer.fragment().await?.header.header.serial == 1 {}
    assert_eq!(viewer.serials, [1, 2]);
    // A newcomer is told of the new one only.
    let late = Viewer::fed(stage.addresses.http).await?;
    assert_eq!(late.serials, [2]);
    Ok(())
}

#[tokio::test]
async fn the_box_says_so_when_it_shuts_down() -> Result<()> {
    let stage = Stage::open().await?;
    let fed = Viewer::fed(stage.addresses.http).await?;
    let waiting = Viewer::join(stage.addresses.http).await?;
    let (first, second, ()) = tokio::join!(fed.refusal(), waiting.refusal(), stage.close());
    assert_eq!(first?, Refusal::ShuttingDown);
    assert_eq!(second?, Refusal::ShuttingDown);
    Ok(())
}

#[tokio::test]
async fn the_clock_is_that_of_the_fragments() -> Result<()> {
    let stage = Stage::open().await?;
    let mut viewer = Viewer::fed(stage.addresses.http).await?;
    let captured = viewer.fragment().await?.header.header.meta.capture_time;
    viewer.control(&ToBox::Clock { sent: 77 }).await?;
    loop {
        if let ToNode::Clock { sent, box_time } = viewer.told().await? {
            assert_eq!(sent, 77);
            let age = i128::from(box_time) - i128::from(captured);
            assert!((-500_000..10_000_000).contains(&age), "{age} us");
            return Ok(());
        }
    }
}
