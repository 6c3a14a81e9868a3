//! From samples to the figures of the bench.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use peerstream_browser::audience::Audience;
use peerstream_browser::stats::Stats;
use peerstream_browser::status::Status;
use serde::Serialize;

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
    viewers: BTreeMap<String, Seen>,
    max_depth: u32,
}

/// What was seen of one viewer: its first frame or the beginning, and lately.
struct Seen {
    first: Stats,
    last: Stats,
}

impl Figures {
    /// `empty` is the box before the first viewer, `full` after the last had joined.
    pub(crate) fn new(empty: &Status, full: &Status) -> Self {
        let joins = (full.joins - empty.joins).max(1);
        let rise = |counter: fn(&Status) -> u64| real(counter(full) - counter(empty));
        // Every viewer is a first visit, so each has fetched the whole page once.
        let page_bytes = rise(|status| status.bytes_sent.pages) / real(joins);
        Figures {
            page_bytes: page_bytes.round() as u64,
            signalling_bytes_per_join: rise(|status| status.bytes_sent.signalling) / real(joins),
            latencies: Vec::new(),
            viewers: BTreeMap::new(),
            max_depth: full.depth,
        }
    }

    /// Begins the measurement.
    pub(crate) fn start(&mut self, audience: &Audience) -> Result<()> {
        self.look(audience, |_| {})
    }

    /// Takes a sample of everyone who has begun to play.
    pub(crate) fn sample(&mut self, audience: &Audience) -> Result<()> {
        let mut latencies = Vec::new();
        self.look(audience, |stats| latencies.extend(stats.latency_s))?;
        self.latencies.append(&mut latencies);
        Ok(())
    }

    /// Ends the measurement; `first` and `last` are the box at its beginning and end.
    pub(crate) fn finish(
        mut self,
        viewers: usize,
        rate_kbit_s: u32,
        killed: u64,
        first: &Status,
        last: &Status,
    ) -> Result<Line> {
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
                .map(|seen| counter(&seen.last) - counter(&seen.first))
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
            viewers,
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
            rate_kbit_s,
            stream_kbit_s: round(last.bitrate_kbit_s, 0),
            killed,
            starved: count(|stats| stats.starved),
            stalls_joining: all.clone().map(|seen| seen.first.stalls).sum(),
            faster_share: round(rise(|stats| stats.faster_seconds) / watched, 3),
            slower_share: round(rise(|stats| stats.slower_seconds) / watched, 3),
            takeovers: count(|stats| stats.takeovers),
            refused: count(|stats| stats.fragments_refused),
            latency_s: percentiles(&mut self.latencies, 3),
        })
    }

    fn look(&mut self, audience: &Audience, mut each: impl FnMut(&Stats)) -> Result<()> {
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
                first: stats.clone(),
                last: stats.clone(),
            });
            seen.last = stats;
        }
        Ok(())
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = percentiles(&mut self.latencies.clone(), 3);
        let stalls: u64 = self
            .viewers
            .values()
            .map(|seen| seen.last.stalls - seen.first.stalls)
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
