//! A link that one connection does not fill: a long way with losses.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::daemon::{Demo, Source};
use peerstream_browser::page::{Options, Page};
use peerstream_browser::stage::{Laboratory, Setting, play};
use peerstream_browser::stats::{Peer, Stats};
use peerstream_netlab::{Access, Line};

/// From one viewer to another, about.
const DELAY: Duration = Duration::from_millis(90);
/// With a round trip of 0.2 s one connection carries 0.8 Mbit/s of this (M. Mathis and others
/// 1997).
const LOSS: f64 = 0.005;
const RATE_KBIT_S: u32 = 1200;
/// How soon a link that needs more connections has them.
const OPEN_WITHIN: Duration = Duration::from_secs(20);
/// How long the viewer is watched.
const WATCHED: Duration = Duration::from_secs(10);
/// The share of the stream that arrives at least: what is late may be asked for elsewhere,
/// and what is missing is missing for a moment.
const ARRIVES: f64 = 0.9;

/// A page that keeps its connections where they can be looked at.
const KEEP: &str = "{ const { RTCPeerConnection } = window; window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...how) { super(...how); connections.push(this); }
}; }";
/// What each of them has received over its media channel so far, in bytes.
const RECEIVED: &str = "Promise.all(connections.map(async (connection) => {
  for (const one of (await connection.getStats()).values()) {
    if (one.type === 'data-channel' && one.label === 'media') return one.bytesReceived;
  }
  return 0;
}))";

/// Everyone else is far away, and the box is near.
fn setting() -> Setting {
    let near = Access {
        up: Line::IDEAL,
        down: Line::IDEAL,
    };
    let far = Access {
        up: Line {
            delay: DELAY,
            loss: LOSS,
            ..Line::of_rate(20_000_000, Duration::from_millis(100))
        },
        down: Line::IDEAL,
    };
    Setting {
        source: Source::Demo(Demo {
            rate_kbit_s: RATE_KBIT_S,
            ..Demo::default()
        }),
        laboratory: Some(Laboratory {
            hosts: 3,
            origin: near,
            viewers: far,
            seed: 1,
        }),
        ..Setting::default()
    }
}

#[test]
fn where_one_connection_is_not_enough_others_help_it() {
    play("strands", &setting(), |stage| -> Result<()> {
        let options = Options {
            before: Some(KEEP.to_owned()),
            ..Options::default()
        };
        stage.admit(3, &options)?;
        let fed = until("a link has strands", OPEN_WITHIN, || {
            let all = stage.audience.stats()?;
            let fed = all.iter().position(|stats| parent(stats).is_some());
            let fed = fed.context("the box feeds everyone")?;
            let strands = parent(&all[fed]).map_or(0, |parent| parent.strands);
            ensure!(strands > 1, "{}", all[fed]);
            Ok(fed)
        })?;
        let page = &stage.audience.get(fed).context("nobody")?.page;
        let (stream, before) = (stage.daemon.status()?.fragment_bytes, received(page)?);
        let first = stage.audience.stats()?[fed].bytes_in.total;
        throughout(WATCHED, WATCHED, |_| Ok(()))?;
        let (stream, after) = (
            stage.daemon.status()?.fragment_bytes - stream,
            received(page)?,
        );
        let last = &stage.audience.stats()?[fed];
        let came = real(last.bytes_in.total - first) / real(stream);
        ensure!(came > ARRIVES, "{came:.2} of the stream came: {last}");

        // One that has come since began with nothing.
        let before = before.into_iter().chain(std::iter::repeat(0));
        let mut by: Vec<u64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        by.sort_unstable();
        let most = by.pop().unwrap_or(0);
        let rest: u64 = by.iter().sum();
        eprintln!("{came:.3} of the stream, by {most} and {by:?} bytes");
        ensure!(rest * 10 > most, "all by one: {most} and {by:?} bytes");
        Ok(())
    });
}

/// Who feeds a viewer, if it is not the box.
fn parent(stats: &Stats) -> Option<&Peer> {
    let parent = stats.parent.as_ref()?;
    (parent.state == "feeding" && parent.node().is_some()).then_some(parent)
}

fn received(page: &Page) -> Result<Vec<u64>> {
    let received = page.evaluate(RECEIVED)?;
    serde_json::from_value(received).context("no bytes")
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
