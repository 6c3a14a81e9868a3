//! What viewers in real browsers get, and what it costs the box.
//!
//! Prints progress on standard error and one JSON object on standard output. Settings come
//! from the environment: `VIEWERS`, `SECONDS`, `RATE` (kbit/s), and `KILL`, which kills a
//! random viewer every so many seconds and lets another join.
//!
//! Viewers join one after another, each as soon as the one before plays: on a machine that
//! runs them all, eight at once would measure its processor. A viewer's stalls count from
//! its first frame on or from the beginning of the measurement, whichever is later, up to
//! its death; those before are `stalls_joining`.

mod churn;
mod figures;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::condition::throughout;
use peerstream_browser::daemon::{Demo, Source};
use peerstream_browser::page::Options;
use peerstream_browser::stage::{Setting, Stage};

use crate::churn::Churn;
use crate::figures::{Figures, Line};

/// How often every page is asked for its figures. Often enough for percentiles, seldom
/// enough that asking does not disturb what is measured.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// How many samples pass between two lines of progress.
const REPORT_EVERY: u64 = 10;

/// What is measured.
struct Plan {
    viewers: usize,
    span: Duration,
    rate_kbit_s: u32,
    kill_every: Option<Duration>,
}

fn main() -> Result<()> {
    let plan = Plan::from_environment()?;
    let setting = Setting {
        source: Source::Demo(plan.demo()),
        ..Setting::default()
    };
    let mut stage = Stage::set("bench-stream", &setting)?;
    let line = measure(&plan, &mut stage).with_context(|| stage.daemon.log())?;
    println!("{}", serde_json::to_string(&line)?);
    Ok(())
}

fn measure(plan: &Plan, stage: &mut Stage) -> Result<Line> {
    let options = Options::default();
    let empty = stage.daemon.status()?;
    for count in 1..=plan.viewers {
        stage.admit(count, &options)?;
        eprintln!("{count} of {} viewers play", plan.viewers);
    }
    let first = stage.daemon.status()?;
    let mut figures = Figures::new(&empty, &first);
    figures.start(&stage.audience)?;

    let mut churn = plan.kill_every.map(Churn::new);
    let mut samples = 0;
    throughout(plan.span, SAMPLE_EVERY, |elapsed| {
        figures.sample(&stage.audience)?;
        if samples % REPORT_EVERY == 0 {
            eprintln!("{:3.0} s: {figures}", elapsed.as_secs_f64());
        }
        samples += 1;
        match &mut churn {
            Some(churn) if elapsed + SAMPLE_EVERY < plan.span => churn.advance(elapsed, stage),
            _ => Ok(()),
        }
    })?;
    let killed = churn.map_or(0, |churn| churn.killed());
    figures.finish(
        plan.viewers,
        plan.rate_kbit_s,
        killed,
        &first,
        &stage.daemon.status()?,
    )
}

impl Plan {
    fn from_environment() -> Result<Self> {
        let kill = number("KILL", 0)?;
        let plan = Plan {
            viewers: usize::try_from(number("VIEWERS", 8)?)?,
            span: Duration::from_secs(number("SECONDS", 60)?),
            rate_kbit_s: u32::try_from(number("RATE", 300)?)?,
            kill_every: (kill > 0).then(|| Duration::from_secs(kill)),
        };
        ensure!(plan.viewers > 0, "VIEWERS must be at least 1");
        Ok(plan)
    }

    /// A picture whose size suits the rate.
    fn demo(&self) -> Demo {
        let (width, height) = match self.rate_kbit_s {
            0..=600 => (320, 180),
            601..=1500 => (640, 360),
            _ => (1280, 720),
        };
        Demo {
            width,
            height,
            rate_kbit_s: self.rate_kbit_s,
            fps: 25,
        }
    }
}

fn number(name: &str, default: u64) -> Result<u64> {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => value
            .parse()
            .with_context(|| format!("{name}={value} is no number")),
        _ => Ok(default),
    }
}
