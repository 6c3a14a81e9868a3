//! A viewer that falls silent without leaving.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::condition::throughout;
use peerstream_browser::page::Options;
use peerstream_browser::stage::{PLAYS_WITHIN, Setting, play};

/// How long it is silent. Far longer than anybody below may wait, and far shorter than the
/// box does: nobody but the partners can help.
const SILENCE: Duration = Duration::from_secs(4);
/// How long the picture may stand below it, in seconds.
const MAY_STALL: f64 = 1.0;

#[test]
fn partners_take_over_from_a_node_whose_connections_stay_open() {
    play("silence", &Setting::default(), |stage| -> Result<()> {
        let options = Options {
            console: true,
            ..Options::default()
        };
        stage.admit(5, &options)?;
        let all = stage
            .audience
            .until("everyone is fed", PLAYS_WITHIN, |stats| {
                stats
                    .parent
                    .as_ref()
                    .is_some_and(|parent| parent.state == "feeding")
            })?;
        let top = all
            .iter()
            .position(|stats| stats.is_fed_by_box() && !stats.children.is_empty());
        let silent = stage
            .audience
            .remove(top.context("no top node has children")?)?;

        let before = stage.audience.stats()?;
        silent.page.freeze()?;
        throughout(SILENCE, SILENCE, |_| Ok(()))?;
        let after = stage.audience.stats()?;
        silent.page.thaw()?;

        let takeovers = |all: &[peerstream_browser::stats::Stats]| -> u64 {
            all.iter().map(|stats| stats.takeovers).sum()
        };
        ensure!(takeovers(&after) > takeovers(&before), "nobody took over");
        for (before, after) in before.iter().zip(&after) {
            eprintln!("{after}");
            let stood = after.stall_seconds - before.stall_seconds;
            ensure!(
                after.playing && stood < MAY_STALL,
                "stood {stood} s: {after}"
            );
            ensure!(after.node == before.node, "became another node: {after}");
        }
        Ok(())
    });
}
