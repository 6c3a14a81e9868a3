//! What viewers in real browsers get, and what it costs the box.
//!
//! Prints progress on standard error and one JSON object on standard output. Settings come
//! from the environment: `VIEWERS`, `SECONDS`, `RATE` (kbit/s), and `KILL`, which kills a
//! random viewer every so many seconds and lets another join.
//!
//! All viewers are in one browser on the box's machine, unless `UP` (kbit/s), `RTT` (ms),
//! `LOSS` (%) or `JITTER` (ms) say what network lies between: then the box and `HOSTS` machines
//! of viewers, by default one for two viewers and at least four, are hosts of a laboratory, and
//! each has an uplink of `UP`.
//!
//! With `TRACE=1` each page writes down what it is doing, and what led to a stall is shown.
//!
//! Viewers join one after another, each as soon as the one before plays: on a machine that
//! runs them all, eight at once would measure its processor. A viewer's stalls count from
//! its first frame on or from the beginning of the measurement, whichever is later, up to
//! its death; those before are `stalls_joining`. `stalls_after_kill` are those within 3 s of a
//! kill in viewers that played before it, `stalls_survivors` all those of viewers that have
//! outlived a kill.

mod figures;
mod plan;
mod trace;

use std::time::Duration;

use anyhow::{Context as _, Result};
use peerstream_browser::churn::Churn;
use peerstream_browser::condition::throughout;
use peerstream_browser::stage::Stage;

use crate::figures::{Figures, Line, Moment};
use crate::plan::Plan;

/// How often every page is asked for its figures. Often enough for percentiles, seldom
/// enough that asking does not disturb what is measured.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
/// How many samples pass between two lines of progress.
const REPORT_EVERY: u64 = 10;

fn main() -> Result<()> {
    let plan = Plan::from_environment()?;
    let mut stage = Stage::set("bench-stream", &plan.setting())?;
    let measured = measure(&plan, &mut stage);
    if measured.is_err() {
        trace::show(stage.audience.iter());
    }
    let line = measured.with_context(|| stage.daemon.log())?;
    println!("{}", serde_json::to_string(&line)?);
    Ok(())
}

fn measure(plan: &Plan, stage: &mut Stage) -> Result<Line> {
    let options = trace::options(plan.traced);
    let empty = stage.daemon.status()?;
    for count in 1..=plan.viewers {
        stage.admit(count, &options)?;
        eprintln!("{count} of {} viewers play", plan.viewers);
    }
    let mut figures = Figures::new(&empty, Moment::now(stage)?)?;
    figures.start(&stage.audience)?;

    let mut churn = plan.kill_every.map(Churn::new);
    let mut samples = 0;
    throughout(plan.span, SAMPLE_EVERY, |elapsed| {
        figures.sample(elapsed, &stage.audience)?;
        if samples % REPORT_EVERY == 0 {
            eprintln!("{:3.0} s: {figures}", elapsed.as_secs_f64());
        }
        samples += 1;
        match &mut churn {
            Some(churn) if elapsed + SAMPLE_EVERY < plan.span => {
                if let Some(name) = churn.advance(elapsed, stage, &options)? {
                    figures.killed(elapsed, &name);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    })?;
    figures.finish(plan, &Moment::now(stage)?)
}
