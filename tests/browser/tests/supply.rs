//! What happens when viewers together pass on too little, and when they do again.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::condition::until;
use peerstream_browser::page::Options;
use peerstream_browser::stage::{Setting, Stage, play};
use peerstream_browser::stats::Stats;
use peerstream_browser::status::Overlay;

/// How soon the box and everyone else is to know what somebody has switched: the page looks
/// once a second, and who moves needs links to others.
const HEEDED_WITHIN: Duration = Duration::from_secs(20);
const VIEWERS: usize = 8;
/// What the box may feed in an emergency.
const FEEDS: usize = 4;

#[test]
fn what_is_done_about_too_little_supply_is_shown_and_ends_with_it() {
    play("supply", &Setting::default(), |stage| -> Result<()> {
        allow_more_feeds(stage)?;
        stage.admit(VIEWERS, &Options::default())?;
        overlay(stage, "there is enough", |overlay| {
            overlay.measure == "enough" && overlay.feeds == 2 && overlay.leaves == 0
        })?;

        // Two of eight go on, one in place of the other if need be: the box helps out, and
        // everyone is fed.
        for viewer in 2..VIEWERS {
            switch(stage, viewer)?;
        }
        let seen = overlay(stage, "the box feeds more", |overlay| {
            overlay.leaves == VIEWERS - 2 && overlay.feeds == FEEDS
        })?;
        ensure!(seen.queued == 0, "{seen:?}");
        stage
            .audience
            .until("everyone is fed", HEEDED_WITHIN, |stats| {
                is_fed(stats) && stats.notice.is_none()
            })?;

        // Nobody does: there are four copies for eight.
        for viewer in 0..2 {
            switch(stage, viewer)?;
        }
        let seen = overlay(stage, "some have to wait", |overlay| {
            // The box may know of the one before it knows of the other.
            let all = overlay.leaves == VIEWERS;
            all && overlay.measure == "queue" && overlay.queued == VIEWERS - FEEDS
        })?;
        ensure!(seen.supply < seen.demand, "{seen:?}");
        until("their pages say so", HEEDED_WITHIN, || {
            let all = stage.audience.stats()?;
            let waits = |stats: &Stats| stats.notice.as_deref() == Some("queued");
            let waiting: Vec<bool> = all.iter().map(waits).collect();
            let count = waiting.iter().filter(|waits| **waits).count();
            ensure!(count == VIEWERS - FEEDS, "{waiting:?}");
            for ((stats, waits), viewer) in all.iter().zip(waiting).zip(stage.audience.iter()) {
                ensure!(waits != is_fed(stats), "{stats}");
                let told = viewer
                    .page
                    .evaluate("document.getElementById('status').textContent")?;
                let told = told.as_str().context("no words")?;
                ensure!(told.contains("no room") == waits, "{told}");
            }
            Ok(())
        })?;

        // Enough of them again.
        for viewer in 0..VIEWERS {
            switch(stage, viewer)?;
        }
        stage
            .audience
            .until("everyone is fed again", HEEDED_WITHIN, |stats| {
                is_fed(stats) && stats.notice.is_none() && stats.playing
            })?;
        overlay(stage, "all is as before", |overlay| {
            overlay.measure == "enough" && overlay.queued == 0 && overlay.feeds == 2
        })?;
        Ok(())
    });
}

/// Starts the box anew with the setting that lets it help out.
fn allow_more_feeds(stage: &mut Stage) -> Result<()> {
    let config = stage.directory.path().join("peerstream.toml");
    std::fs::write(&config, format!("[overlay]\nfeeds_max = {FEEDS}\n"))?;
    let config = format!("--config={}", config.display());
    stage.daemon.start_again(&[&config])
}

/// Waits for what the box says of its audience.
fn overlay(stage: &Stage, what: &str, so: impl Fn(&Overlay) -> bool) -> Result<Overlay> {
    until(what, HEEDED_WITHIN, || {
        let overlay = stage.daemon.status()?.overlay;
        ensure!(so(&overlay), "{overlay:?}");
        Ok(overlay)
    })
}

/// A viewer changes its mind about passing the stream on.
fn switch(stage: &Stage, viewer: usize) -> Result<()> {
    let viewer = stage.audience.get(viewer).context("no viewer")?;
    viewer.page.evaluate("share.click()")?;
    Ok(())
}

fn is_fed(stats: &Stats) -> bool {
    let feeding = |parent: &peerstream_browser::stats::Peer| parent.state == "feeding";
    stats.parent.as_ref().is_some_and(feeding)
}
