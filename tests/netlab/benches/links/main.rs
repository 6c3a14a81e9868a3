//! What one hop between browsers costs beyond the wire.
//!
//! A page forwards a stream of 2.5 Mbit/s over one data channel for each of `COPIES` children,
//! on an uplink of `UP` kbit/s and with `RTT` ms there and back, once for each share of loss in
//! `LOSS` (per cent, with commas between). All pages are in hosts of their own. The parts of a
//! fragment come to the forwarding page at the rate of an uplink like its own and are passed on at
//! once, so what is measured is what a node adds: from its last part here to its last part there,
//! less the one-way delay of the wire.
//!
//! What it found is in `tests/netlab/LINKS.md`. More can be set: `SECONDS` (at most 25: a browser
//! is asked once, and answers within 30), `RATE` (kbit/s), `KEY`
//! and `PART` (bytes), `QUEUE` (bytes in the browser), `PACE` (kbit/s, 0 for none), `BURST` (bytes),
//! `LIFETIME` (ms, 0 for reliable channels), `JITTER` (ms).
//!
//! Prints one JSON object for each trial on standard output and a table on standard error.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::browser::{Addresses, Browser, Certificates};
use peerstream_browser::page::{Options, Page};
use peerstream_netlab::{Access, Jitter, Lab, Line};
use serde_json::{Value, json};

/// What a home router's queue holds of its uplink.
const QUEUE: Duration = Duration::from_millis(100);
/// Pictures a second.
const FPS: u64 = 30;
/// Seconds from key frame to key frame.
const SEGMENT: u64 = 2;

struct Plan {
    seconds: u64,
    up: u64,
    rtt_ms: u64,
    jitter_ms: u64,
    losses: Vec<f64>,
    rate: u64,
    key: u64,
    part: u64,
    copies: usize,
    in_browser: u64,
    pace: u64,
    burst: u64,
    lifetime_ms: u64,
}

fn main() -> Result<()> {
    let plan = Plan::from_environment()?;
    eprintln!(
        "loss %  copies | ordinary p50 p95 p99 | key p50 p95 p99 ms | never arrived | dropped by the router"
    );
    for loss in &plan.losses {
        let line = plan.trial(*loss)?;
        let figure = |group: &str, name: &str| line[group][name].as_f64().unwrap_or(f64::NAN);
        let of = |group: &str| {
            ["p50", "p95", "p99"]
                .map(|name| format!("{:5.0}", figure(group, name)))
                .join("")
        };
        eprintln!(
            "{loss:6} {:7} | {} | {} | {:.4} | {}",
            plan.copies,
            of("ordinary_ms"),
            of("key_ms"),
            line["never_arrived"].as_f64().unwrap_or(f64::NAN),
            line["router_drops"],
        );
        println!("{line}");
    }
    Ok(())
}

impl Plan {
    fn from_environment() -> Result<Self> {
        let losses = std::env::var("LOSS").unwrap_or_else(|_| "0,0.1,0.2,1".to_owned());
        let losses: Result<Vec<f64>, _> = losses.split(',').map(str::parse).collect();
        let losses = losses.context("LOSS wants per cent with commas between, such as 0,0.2,1")?;
        let (copies, up) = (number("COPIES", 1)?, number("UP", 10_000)?);
        let (part, burst) = (number("PART", 4096)?, number("BURST", 4096)?);
        ensure!(
            losses.iter().all(|loss| (0.0..=50.0).contains(loss)),
            "LOSS wants per cent, each from 0 to 50"
        );
        ensure!((1..=8).contains(&copies), "COPIES wants 1 to 8");
        ensure!(up >= 100, "UP wants at least 100 kbit/s");
        ensure!(
            (8..=65_536).contains(&part) && burst > 0,
            "PART wants 8 to 65536 bytes, BURST at least 1"
        );
        Ok(Plan {
            seconds: number("SECONDS", 20)?.clamp(1, 25),
            up: up * 1000,
            rtt_ms: number("RTT", 40)?,
            jitter_ms: number("JITTER", 0)?,
            losses,
            rate: number("RATE", 2500)? * 1000,
            key: number("KEY", 166_000)?,
            part,
            copies: usize::try_from(copies)?,
            in_browser: number("QUEUE", 65_536)?,
            pace: number("PACE", 0)? * 1000,
            burst,
            lifetime_ms: number("LIFETIME", 1000)?,
        })
    }

    /// A quarter of the round trip, and half of the loss, on each line of the way.
    fn access(&self, loss: f64) -> Access {
        let line = Line {
            delay: Duration::from_millis(self.rtt_ms) / 4,
            loss: loss / 200.0,
            ..Line::IDEAL
        };
        Access {
            up: Line {
                jitter: match self.jitter_ms {
                    0 => Jitter::None,
                    most => Jitter::Uniform(Duration::from_millis(most)),
                },
                delay: line.delay,
                loss: line.loss,
                ..Line::of_rate(self.up, QUEUE)
            },
            down: line,
        }
    }

    /// All but the key frame of a segment, each the same.
    fn ordinary(&self) -> u64 {
        (self.rate / 8 * SEGMENT).saturating_sub(self.key) / (FPS * SEGMENT - 1)
    }

    fn trial(&self, loss: f64) -> Result<Value> {
        let accesses = vec![self.access(loss); self.copies + 1];
        let lab = Lab::new(&accesses, 1)?;
        let mut browsers = Vec::new();
        let mut pages = Vec::new();
        for host in lab.hosts() {
            let browser =
                host.within(|| Browser::launch_with(Certificates::Checked, Addresses::Told))?;
            pages.push(browser.visit("about:blank", &Options::default())?);
            browsers.push(browser);
        }
        for page in &pages {
            page.evaluate(include_str!("link.js"))?;
        }
        let (parent, children) = pages.split_first().context("at least one page")?;
        for (index, child) in children.iter().enumerate() {
            self.connect(index, parent, child)?;
        }
        let told = json!({
            "seconds": self.seconds, "fps": FPS, "segment": SEGMENT,
            "ordinary": self.ordinary(), "key": self.key, "part": self.part,
            "arrival": self.up / 1000, "queue": self.in_browser,
            "pace": self.pace / 1000, "burst": self.burst, "patience": self.lifetime_ms,
        });
        let left = parent.evaluate(&format!("hop.forward({told})"))?;
        let mut tally = Tally::new(&left, self.rtt_ms as f64 / 2.0);
        for child in children {
            tally.add(&child.evaluate("hop.taken()")?)?;
        }
        let traffic = lab.traffic(0).up;
        let mut all = [&tally.ordinary[..], &tally.key].concat();
        Ok(json!({
            "bench": "links", "loss_percent": loss, "copies": self.copies, "up_kbit_s": self.up / 1000,
            "rtt_ms": self.rtt_ms, "rate_kbit_s": self.rate / 1000, "key_bytes": self.key,
            "part_bytes": self.part, "pace_kbit_s": self.pace / 1000,
            "in_browser_bytes": self.in_browser,
            "all_ms": percentiles(&mut all),
            "ordinary_ms": percentiles(&mut tally.ordinary), "key_ms": percentiles(&mut tally.key),
            "never_arrived": 1.0 - tally.messages / tally.sent,
            "incomplete": 1.0 - tally.complete / tally.fragments,
            "stale": left["stale"], "queued_most": left["queued"],
            "router_drops": traffic.dropped,
            "router_queue_ms": traffic.queued_most.as_secs_f64() * 1000.0,
            "up_bytes": traffic.bytes,
        }))
    }

    fn connect(&self, index: usize, parent: &Page, child: &Page) -> Result<()> {
        let mut init = json!({ "ordered": false });
        if self.lifetime_ms > 0 {
            init["maxPacketLifeTime"] = self.lifetime_ms.into();
        }
        let offer = parent.evaluate(&format!("hop.offer({init})"))?;
        let answer = child.evaluate(&format!("hop.answer({offer})"))?;
        parent.evaluate(&format!("hop.accept({index}, {answer})"))?;
        Ok(())
    }
}

/// What arrived, against what left.
struct Tally {
    wire_ms: f64,
    /// Of each fragment, when its last part was here, and whether it is a key frame.
    left: BTreeMap<u64, (f64, bool)>,
    sent: f64,
    messages: f64,
    fragments: f64,
    complete: f64,
    ordinary: Vec<f64>,
    key: Vec<f64>,
}

impl Tally {
    fn new(left: &Value, wire_ms: f64) -> Self {
        let log = left["log"].as_array().into_iter().flatten();
        let read = |entry: &Value| {
            Some((
                entry["number"].as_u64()?,
                (entry["at"].as_f64()?, entry["key"].as_bool()?),
            ))
        };
        Tally {
            wire_ms,
            left: log.filter_map(read).collect(),
            sent: left["sent"].as_f64().unwrap_or_default(),
            messages: 0.0,
            fragments: 0.0,
            complete: 0.0,
            ordinary: Vec::new(),
            key: Vec::new(),
        }
    }

    fn add(&mut self, taken: &Value) -> Result<()> {
        self.messages += taken["messages"].as_f64().context("no count")?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let fragments = self.left.len() as f64;
        self.fragments += fragments;
        for fragment in taken["fragments"].as_array().into_iter().flatten() {
            let (Some(number), Some(complete)) =
                (fragment["number"].as_u64(), fragment["complete"].as_f64())
            else {
                continue;
            };
            let Some(&(at, key)) = self.left.get(&number) else {
                continue;
            };
            self.complete += 1.0;
            let added = complete - at - self.wire_ms;
            if key {
                self.key.push(added);
            } else {
                self.ordinary.push(added);
            }
        }
        ensure!(self.complete > 0.0, "nothing arrived: {taken}");
        Ok(())
    }
}

/// Nearest rank.
fn percentiles(values: &mut [f64]) -> Value {
    values.sort_unstable_by(f64::total_cmp);
    let rank = |percent: usize| {
        let rank = (values.len() * percent).div_ceil(100).max(1) - 1;
        values.get(rank).map(|value| (value * 10.0).round() / 10.0)
    };
    json!({ "p50": rank(50), "p95": rank(95), "p99": rank(99), "count": values.len() })
}

fn number(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value
            .parse()
            .with_context(|| format!("{name}={value} is no number")),
        _ => Ok(default),
    }
}
