//! Somebody publishes to the box, stops, and comes back; viewers stay.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;
use peerstream_browser::condition::until;
use peerstream_browser::daemon::{Demo, Source};
use peerstream_browser::page::Options;
use peerstream_browser::process::{children, signal};
use peerstream_browser::publisher::{Clip, Publisher};
use peerstream_browser::stage::{Setting, Stage, play};
use peerstream_browser::stats::Stats;

/// From whatever happens to the source until every page shows the standby card, playout
/// delay included.
const STANDBY_WITHIN: Duration = Duration::from_secs(2);
/// From the source's return until every page shows it: a publisher connects, and sends
/// its next key frame up to 2 s later.
const BACK_WITHIN: Duration = Duration::from_secs(10);

#[test]
fn pages_follow_the_publisher_to_standby_and_back() {
    let setting = Setting {
        source: Source::Publisher,
        ..Setting::default()
    };
    play("publisher", &setting, |stage| {
        stage.admit(3, &options())?;
        let nodes = nodes(stage)?;
        let clip = Clip::record(stage.directory.path())?;
        let url = stage.daemon.publish_url()?;
        ensure!(
            stage.audience.stats()?.iter().all(|stats| stats.standby),
            "not on standby"
        );

        let publisher = Publisher::start(&clip, &url, stage.directory.path())?;
        shows(stage, "the publisher", BACK_WITHIN, |stats| !stats.standby)
            .with_context(|| publisher.log())?;
        ensure!(stage.daemon.status()?.source == "rtmp");

        publisher.stop()?;
        shows(stage, "standby", STANDBY_WITHIN, |stats| stats.standby)?;
        let publisher = Publisher::start(&clip, &url, stage.directory.path())?;
        shows(stage, "the publisher again", BACK_WITHIN, |stats| {
            !stats.standby
        })?;

        publisher.vanish();
        shows(stage, "standby again", STANDBY_WITHIN, |stats| {
            stats.standby
        })?;
        same_nodes(stage, &nodes)
    });
}

#[test]
fn pages_stay_when_the_ingest_process_crashes_or_freezes() {
    let setting = Setting {
        source: Source::Demo(Demo::default()),
        ..Setting::default()
    };
    play("supervision", &setting, |stage| {
        stage.admit(3, &options())?;
        let nodes = nodes(stage)?;
        for blow in [Signal::SIGSEGV, Signal::SIGSTOP] {
            let ingest = children(stage.daemon.id())?;
            ensure!(ingest.len() == 1, "the daemon's children: {ingest:?}");
            signal(ingest[0], blow)?;
            shows(stage, "standby", STANDBY_WITHIN, |stats| stats.standby)
                .with_context(|| blow.to_string())?;
            shows(stage, "the source again", BACK_WITHIN, |stats| {
                !stats.standby
            })
            .with_context(|| blow.to_string())?;
            until("another ingest process", BACK_WITHIN, || {
                let now = children(stage.daemon.id())?;
                ensure!(now.len() == 1 && now != ingest, "{now:?}");
                Ok(())
            })?;
        }
        same_nodes(stage, &nodes)
    });
}

fn options() -> Options {
    Options {
        console: true,
        ..Options::default()
    }
}

/// Waits until every page plays and shows what is `wanted`.
fn shows(stage: &Stage, what: &str, within: Duration, wanted: fn(&Stats) -> bool) -> Result<()> {
    let all = stage
        .audience
        .until(what, within, |stats| stats.playing && wanted(stats))?;
    eprintln!("{what}: {}", all[0]);
    Ok(())
}

fn nodes(stage: &Stage) -> Result<Vec<Option<u32>>> {
    Ok(stage
        .audience
        .stats()?
        .iter()
        .map(|stats| stats.node)
        .collect())
}

/// A page that reloads or reconnects is another node.
fn same_nodes(stage: &Stage, before: &[Option<u32>]) -> Result<()> {
    let now = nodes(stage)?;
    ensure!(now == before, "nodes {before:?} became {now:?}");
    let joins = stage.daemon.status()?.joins;
    ensure!(joins == before.len() as u64, "{joins} joins");
    Ok(())
}
