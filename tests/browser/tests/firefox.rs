//! A viewer in another browser, among those in Chromium.

use std::time::Duration;

use anyhow::{Result, ensure};
use peerstream_browser::audience::Calm;
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::firefox::Firefox;
use peerstream_browser::page::Options;
use peerstream_browser::stage::{PLAYS_WITHIN, Setting, play};

/// How soon it plays, on a machine that has just begun to run it.
const FIREFOX_PLAYS_WITHIN: Duration = Duration::from_secs(20);
/// Enough others that it has somebody below it.
const OTHERS: usize = 4;

#[test]
fn firefox_feeds_chromium_and_is_fed_by_it() {
    play("firefox", &Setting::default(), |stage| -> Result<()> {
        let url = stage.daemon.url();
        let mut firefox = Firefox::launch()?;
        let begin = |firefox: &mut Firefox| -> Result<()> {
            firefox.visit(&url)?;
            until("Firefox plays", FIREFOX_PLAYS_WITHIN, || {
                let stats = firefox.stats()?;
                ensure!(stats.playing, "it does not: {stats}");
                Ok(())
            })
        };
        // Who comes first is at the top.
        begin(&mut firefox)?;
        stage.admit(OTHERS, &Options::default())?;
        until("Firefox feeds", PLAYS_WITHIN, || {
            let stats = firefox.stats()?;
            let feeds = stats.children.iter().any(|child| child.state == "feeding");
            ensure!(feeds && stats.bytes_out.children > 0, "nobody: {stats}");
            ensure!(stats.sharing == "on" && stats.is_fed_by_box(), "{stats}");
            Ok(())
        })?;

        // It leaves, and comes back as the last: nobody minds.
        let calm = Calm::now(&stage.audience)?;
        begin(&mut firefox)?;
        until("Firefox is fed", PLAYS_WITHIN, || {
            let stats = firefox.stats()?;
            ensure!(stats.bytes_in.parent > 0, "it is not: {stats}");
            ensure!(!stats.is_fed_by_box(), "by the box: {stats}");
            Ok(())
        })?;
        throughout(Duration::from_secs(4), Duration::from_millis(500), |_| {
            calm.check(&stage.audience)
        })?;
        let stats = firefox.stats()?;
        ensure!(stats.playing && stats.latency_s < Some(2.0), "{stats}");
        ensure!(stats.fragments_refused == 0, "{stats}");
        for stats in stage.audience.stats()? {
            ensure!(stats.playing && stats.fragments_refused == 0, "{stats}");
        }
        Ok(())
    });
}
