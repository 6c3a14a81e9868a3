//! From samples to the figures of the bench.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use peerstream_browser::audience::Audience;
use peerstream_browser::stage::Stage;
use peerstream_browser::stats::Stats;
use peerstream_browser::status::Status;
use peerstream_netlab::Traffic;
use serde::Serialize;

use crate::plan::{self, Plan};
use crate::trace;

/// What the bench prints.
#[derive(Serialize)]
pub(crate) struct Line {
    bench: &'static str,
    viewers: usize,
    origin_copies: f64,
    latency_s: Percentiles,
    startup_ms: Percentiles,
    stalls: u64,
    stall_seconds: f64,
    max_depth: u32,
    page_bytes: u64,
    signalling_bytes_per_join: f64,
    rate_kbit_s: u32,
    stream_kbit_s: f64,
    killed: u64,
    starved: u64,
    stalls_joining: u64,
    faster_share: f64,
    slower_share: f64,
    takeovers: u64,
    refused: u64,
    stalls_per_viewer_hour: f64,
    stalls_after_kill: u64,
    stalls_survivors: u64,
    skipped_seconds: f64,
    standby_share: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    processor_short_share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network>,
}

/// What lay between the hosts, and what they sent: kbit/s of IP packets over the measurement.
#[derive(Serialize)]
struct Network {
    hosts: usize,
    up_kbit_s: u64,
    rtt_ms: f64,
    loss_percent: f64,
    jitter_ms: f64,
    box_uplink_kbit_s: f64,
    uplink_kbit_s: Vec<f64>,
    /// Packets that found a queue full, of all that were sent.
    dropped: f64,
    /// Packets that were lost on the way, of all that were sent.
    lost: f64,
    /// The longest that a packet waited for an uplink.
    queue_ms_most: f64,
}

/// The box and the network at one moment.
pub(crate) struct Moment {
    at: Instant,
    status: Status,
    /// What each host has sent and received, the box first; nothing where there is one machine.
    traffic: Vec<Traffic>,
    processor_short: Option<Duration>,
}

/// How long so far somebody on this machine has waited for a processor: what a kernel that keeps
/// account of it says in the first line of its pressure file. Where it is most of the time, the
/// machine is what was measured.
fn processor_short() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/pressure/cpu").ok()?;
    let total = text.lines().next()?.rsplit_once("total=")?.1;
    Some(Duration::from_micros(total.parse().ok()?))
}

impl Moment {
    pub(crate) fn now(stage: &Stage) -> Result<Self> {
        let traffic = stage.lab.as_ref().map_or(Vec::new(), |lab| {
            (0..lab.hosts().len())
                .map(|host| lab.traffic(host))
                .collect()
        });
        Ok(Moment {
            at: Instant::now(),
            status: stage.daemon.status()?,
            traffic,
            processor_short: processor_short(),
        })
    }
}

/// The median, and what one in twenty exceeds.
#[derive(Clone, Copy, Serialize)]
struct Percentiles {
    p50: f64,
    p95: f64,
}

/// Collects samples.
pub(crate) struct Figures {
    page_bytes: u64,
    signalling_bytes_per_join: f64,
    latencies: Vec<f64>,
    /// Samples of viewers that were shown the standby card.
    standby: u64,
    viewers: BTreeMap<String, Seen>,
    max_depth: u32,
    begin: Moment,
    /// When viewers were killed, from the beginning on.
    kills: Vec<Duration>,
    stalls_after_kill: u64,
    stalls_survivors: u64,
}

/// A stall so soon after a kill counts as its doing.
const KILLS_DOING: Duration = Duration::from_secs(3);

/// What was seen of one viewer: its first frame or the beginning, and lately.
struct Seen {
    since: Duration,
    looked: Duration,
    first: Stats,
    /// The look before the last one: how it was when a stall began.
    before: Stats,
    last: Stats,
}

impl Figures {
    /// `empty` is the box before the first viewer, `begin` after the last had joined.
    pub(crate) fn new(empty: &Status, begin: Moment) -> Result<Self> {
        let full = &begin.status;
        let joins = (full.joins - empty.joins).max(1);
        let rise = |counter: fn(&Status) -> u64| real(counter(full) - counter(empty));
        // Every viewer is a first visit, so each has fetched the whole page once.
        let page_bytes = rise(|status| status.bytes_sent.pages) / real(joins);
        Ok(Figures {
            page_bytes: page_bytes.round() as u64,
            signalling_bytes_per_join: rise(|status| status.bytes_sent.signalling) / real(joins),
            latencies: Vec::new(),
            standby: 0,
            viewers: BTreeMap::new(),
            max_depth: full.depth,
            begin,
            kills: Vec::new(),
            stalls_after_kill: 0,
            stalls_survivors: 0,
        })
    }

    /// Begins the measurement.
    pub(crate) fn start(&mut self, audience: &Audience) -> Result<()> {
        self.look(Duration::ZERO, audience, |_| {})
    }

    /// Takes a sample of everyone who has begun to play.
    pub(crate) fn sample(&mut self, elapsed: Duration, audience: &Audience) -> Result<()> {
        let (mut latencies, mut standby) = (Vec::new(), 0);
        self.look(elapsed, audience, |stats| {
            latencies.extend(stats.latency_s);
            standby += u64::from(stats.standby);
        })?;
        self.latencies.append(&mut latencies);
        self.standby += standby;
        Ok(())
    }

    /// This viewer was killed just now.
    pub(crate) fn killed(&mut self, elapsed: Duration, name: &str) {
        self.kills.push(elapsed);
        let seconds = elapsed.as_secs_f64();
        match self.viewers.get(name) {
            Some(seen) => eprintln!("{seconds:3.0} s: kills {name}: {}", seen.last),
            None => eprintln!("{seconds:3.0} s: kills {name}, who has not played yet"),
        }
    }

    /// Says of each viewer that outlived a kill, and is there at the end, what it has seen.
    fn show_survivors(&self) {
        let (Some(killed), Some(end)) = (
            self.kills.last(),
            self.viewers.values().map(|seen| seen.looked).max(),
        ) else {
            return;
        };
        for (name, seen) in &self.viewers {
            if seen.since > *killed || seen.looked < end {
                continue;
            }
            eprintln!(
                "{name}: outlived {} kills in {:.0} s; {} stalls, {:.2} s; skipped {:.2} s",
                self.kills.iter().filter(|at| **at >= seen.since).count(),
                (end - seen.since).as_secs_f64(),
                seen.last.stalls.saturating_sub(seen.first.stalls),
                seen.last.stall_seconds - seen.first.stall_seconds,
                seen.last.skipped_seconds - seen.first.skipped_seconds,
            );
        }
    }

    /// Ends the measurement; `end` is the box after it.
    pub(crate) fn finish(mut self, plan: &Plan, end: &Moment) -> Result<Line> {
        self.show_survivors();
        let (first, last) = (&self.begin.status, &end.status);
        ensure!(!self.latencies.is_empty(), "nobody told a latency");
        let stream = real(last.fragment_bytes - first.fragment_bytes);
        let all = self.viewers.values();
        let rise = |counter: fn(&Stats) -> f64| -> f64 {
            all.clone()
                .map(|seen| counter(&seen.last) - counter(&seen.first))
                .sum()
        };
        let count = |counter: fn(&Stats) -> u64| -> u64 {
            all.clone()
                .map(|seen| counter(&seen.last).saturating_sub(counter(&seen.first)))
                .sum()
        };
        let mut startups: Vec<f64> = all
            .clone()
            .filter_map(|seen| seen.last.startup_ms)
            .collect();
        // Played at some speed or other: each sample stands for one second of one viewer.
        let watched = real(self.latencies.len() as u64);
        Ok(Line {
            bench: "stream",
            viewers: plan.viewers,
            origin_copies: round(
                real(last.bytes_sent.feed - first.bytes_sent.feed) / stream,
                3,
            ),
            startup_ms: percentiles(&mut startups, 0),
            stalls: count(|stats| stats.stalls),
            stall_seconds: round(rise(|stats| stats.stall_seconds), 2),
            max_depth: self.max_depth.max(last.depth),
            page_bytes: self.page_bytes,
            signalling_bytes_per_join: self.signalling_bytes_per_join.round(),
            rate_kbit_s: plan.rate_kbit_s,
            stream_kbit_s: round(last.bitrate_kbit_s, 0),
            killed: self.kills.len() as u64,
            starved: count(|stats| stats.starved),
            stalls_joining: all.clone().map(|seen| seen.first.stalls).sum(),
            faster_share: round(rise(|stats| stats.faster_seconds) / watched, 3),
            slower_share: round(rise(|stats| stats.slower_seconds) / watched, 3),
            takeovers: count(|stats| stats.takeovers),
            refused: count(|stats| stats.fragments_refused),
            stalls_per_viewer_hour: round(real(count(|stats| stats.stalls)) * 3600.0 / watched, 1),
            stalls_after_kill: self.stalls_after_kill,
            stalls_survivors: self.stalls_survivors,
            processor_short_share: self.processor_short(end),
            standby_share: round(real(self.standby) / watched, 3),
            skipped_seconds: round(rise(|stats| stats.skipped_seconds), 2),
            network: plan.network.map(|network| self.network(network, end)),
            latency_s: percentiles(&mut self.latencies, 3),
        })
    }

    fn processor_short(&self, end: &Moment) -> Option<f64> {
        let short = end
            .processor_short?
            .checked_sub(self.begin.processor_short?)?;
        Some(round(short.div_duration_f64(end.at - self.begin.at), 2))
    }

    fn network(&self, network: plan::Network, end: &Moment) -> Network {
        let seconds = (end.at - self.begin.at).as_secs_f64();
        let both = || self.begin.traffic.iter().zip(&end.traffic);
        let rise = |counter: fn(&Traffic) -> u64| -> f64 {
            both()
                .map(|(begin, end)| real(counter(end) - counter(begin)))
                .sum()
        };
        let mut uplinks = both().map(|(begin, end)| {
            let bits = real(end.up.bytes - begin.up.bytes) * 8.0;
            round(bits / 1000.0 / seconds, 0)
        });
        let box_uplink_kbit_s = uplinks.next().unwrap_or_default();
        let uplink_kbit_s = uplinks.collect();
        let dropped = rise(|traffic| traffic.up.dropped);
        let lost = rise(|traffic| traffic.up.lost + traffic.down.lost);
        let all = (rise(|traffic| traffic.up.packets + traffic.up.lost) + dropped).max(1.0);
        let most = end.traffic.iter().map(|traffic| traffic.up.queued_most);
        let most = most.max().unwrap_or_default();
        Network {
            hosts: network.hosts,
            up_kbit_s: network.up_kbit_s,
            rtt_ms: network.rtt_ms,
            loss_percent: network.loss_percent,
            jitter_ms: network.jitter_ms,
            box_uplink_kbit_s,
            uplink_kbit_s,
            dropped: round(dropped / all, 5),
            lost: round(lost / all, 5),
            queue_ms_most: round(most.as_secs_f64() * 1000.0, 0),
        }
    }

    fn look(
        &mut self,
        elapsed: Duration,
        audience: &Audience,
        mut each: impl FnMut(&Stats),
    ) -> Result<()> {
        for (viewer, stats) in audience.iter().zip(audience.latest()) {
            // A page that is still loading has no figures.
            let Ok(stats) = stats else { continue };
            if stats.startup_ms.is_none() {
                continue;
            }
            each(&stats);
            self.max_depth = self.max_depth.max(stats.depth.unwrap_or_default());
            let seen = self.viewers.entry(viewer.name.clone());
            let seen = seen.or_insert_with(|| Seen {
                since: elapsed,
                looked: elapsed,
                first: stats.clone(),
                before: stats.clone(),
                last: stats.clone(),
            });
            // A page that has begun anew counts anew.
            let stalls = stats.stalls.saturating_sub(seen.last.stalls);
            if stalls > 0 {
                let (seconds, name) = (elapsed.as_secs_f64(), &viewer.name);
                eprintln!("{:3.0} s: {name} was: {}", seconds - 2.0, seen.before);
                eprintln!("{:3.0} s: {name} was: {}", seconds - 1.0, seen.last);
                eprintln!("{seconds:3.0} s: {name} stalled: {stats}");
                trace::show([viewer]);
            }
            if let Some(killed) = self.kills.last().filter(|killed| **killed >= seen.since) {
                self.stalls_survivors += stalls;
                // It stalled at some time since the last look.
                if seen.looked <= *killed + KILLS_DOING {
                    self.stalls_after_kill += stalls;
                }
            }
            seen.looked = elapsed;
            seen.before = core::mem::replace(&mut seen.last, stats);
        }
        Ok(())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = percentiles(&mut self.latencies.clone(), 3);
        if self.standby > 0 {
            // A machine too busy to encode the demo: nothing that follows is worth much.
            write!(f, "{} samples show the standby card; ", self.standby)?;
        }
        let stalls: u64 = self
            .viewers
            .values()
            .map(|seen| seen.last.stalls.saturating_sub(seen.first.stalls))
            .sum();
        write!(
            f,
            "latency p50 {} s, p95 {} s; {stalls} stalls; depth {}",
            latency.p50, latency.p95, self.max_depth
        )
    }
}

/// Nearest rank. Zero of nothing.
fn percentiles(values: &mut [f64], digits: i32) -> Percentiles {
    values.sort_unstable_by(f64::total_cmp);
    let rank = |percent: usize| {
        let rank = (values.len() * percent).div_ceil(100).max(1) - 1;
        round(values.get(rank).copied().unwrap_or_default(), digits)
    };
    Percentiles {
        p50: rank(50),
        p95: rank(95),
    }
}

fn round(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[expect(clippy::cast_precision_loss, reason = "below 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
