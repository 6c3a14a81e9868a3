//! The box is cut from its power and comes back, and its audience stays.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::page::Options;
use peerstream_browser::stage::{PLAYS_WITHIN, Setting, play};
use peerstream_browser::stats::Stats;

/// How soon everyone is to play again after the box serves again.
const PLAYS_AGAIN_WITHIN: Duration = Duration::from_secs(12);
/// How long the box is away.
const AWAY: Duration = Duration::from_secs(2);

/// Tells the page from one that was loaded anew.
const MARK: &str = "window.marked = true";

#[test]
fn an_audience_outlives_its_box() {
    play("restart", &Setting::default(), |stage| -> Result<()> {
        let options = Options {
            console: true,
            ..Options::default()
        };
        stage.admit(6, &options)?;
        let fed = |stats: &Stats| {
            let parent = stats.parent.as_ref();
            stats.playing && parent.is_some_and(|parent| parent.state == "feeding")
        };
        let before = stage.audience.until("all are fed", PLAYS_WITHIN, fed)?;
        for viewer in stage.audience.iter() {
            viewer.page.evaluate(MARK)?;
        }

        stage.daemon.cut()?;
        throughout(AWAY, AWAY, |_| Ok(()))?;
        stage.daemon.start_again(&[])?;
        until("the box has its audience back", PLAYS_AGAIN_WITHIN, || {
            let viewers = stage.daemon.status()?.viewers;
            ensure!(viewers == 6, "it counts {viewers}");
            Ok(())
        })?;
        let verified: Vec<u64> = before
            .iter()
            .map(|stats| stats.fragments_verified)
            .collect();
        let mut numbers = verified.iter();
        let fresh = |stats: &Stats| fed(stats) && stats.phase == "playing";
        let after = stage
            .audience
            .until("all play", PLAYS_AGAIN_WITHIN, fresh)?;
        for (before, after) in before.iter().zip(&after) {
            eprintln!("{after}");
            let last = numbers.next().copied().unwrap_or_default();
            ensure!(after.fragments_verified > last, "got nothing: {after}");
            ensure!(after.node == before.node, "became another node: {after}");
            let links = |stats: &Stats| stats.linked().collect::<BTreeSet<u32>>();
            let kept = links(before).intersection(&links(after)).count();
            ensure!(kept > 0, "kept no link: {before} / {after}");
            ensure!(after.tree == before.tree, "went to the other tree: {after}");
        }
        for viewer in stage.audience.iter() {
            ensure!(viewer.page.evaluate("window.marked")? == true, "reloaded");
        }
        // And it goes on: the picture moves, from fragments of the new box.
        throughout(Duration::from_secs(3), Duration::from_secs(3), |_| Ok(()))?;
        let later = stage.audience.until("all play on", PLAYS_WITHIN, fed)?;
        let whole = later.first().context("nobody")?.fragments_verified;
        ensure!(whole > after[0].fragments_verified);
        Ok(())
    });
}
