//! How often the stream leaves the box, and where every copy of it is.

use std::time::Duration;

use anyhow::{Result, ensure};
use peerstream_browser::condition::throughout;
use peerstream_browser::stage::Stage;
use peerstream_browser::stats::Stats;
use peerstream_browser::status::Status;

/// Long enough that reading the counters one after another does not matter.
const SPAN: Duration = Duration::from_secs(10);
/// The share by which counters read at slightly different moments may differ.
const TOLERANCE: f64 = 0.04;
/// The same for one viewer, who may be given a little twice when it is helped.
const TOLERANCE_OF_ONE: f64 = 0.15;

/// The counters of box and viewers at nearly the same moment.
struct Reading {
    status: Status,
    viewers: Vec<Stats>,
}

/// Two copies leave the box, each viewer gets one, and what they send each other is what
/// the box does not send.
pub(crate) fn the_box_sends_two(stage: &mut Stage) -> Result<()> {
    settle(stage)?;
    let before = read(stage)?;
    throughout(SPAN, SPAN, |_| Ok(()))?;
    let after = read(stage)?;

    let rise = |counter: fn(&Status) -> u64| counter(&after.status) - counter(&before.status);
    let stream = real(rise(|status| status.fragment_bytes));
    let copies = real(rise(|status| status.bytes_sent.feed)) / stream;
    eprintln!("{} viewers: {copies:.3} copies", after.viewers.len());
    ensure!(
        (1.95..=2.1).contains(&copies),
        "{copies:.3} copies left the box"
    );

    let sum = |counter: fn(&Stats) -> u64| {
        let total = |reading: &Reading| reading.viewers.iter().map(counter).sum::<u64>();
        real(total(&after) - total(&before))
    };
    let direct = sum(|stats| stats.bytes_in.direct);
    let passed_on = sum(|stats| {
        let bytes = stats.bytes_in;
        bytes.parent + bytes.partner + bytes.other
    });
    let audience = real(after.viewers.len() as u64);
    close(
        "bytes in",
        sum(|stats| stats.bytes_in.total),
        audience * stream,
    )?;
    close("bytes from the box", direct, 2.0 * stream)?;
    close(
        "bytes from others and to others",
        passed_on,
        sum(|stats| stats.bytes_out.total),
    )?;
    close(
        "bytes from the box and from others",
        direct + passed_on,
        audience * stream,
    )?;

    for (before, after) in before.viewers.iter().zip(&after.viewers) {
        let direct = after.bytes_in.direct - before.bytes_in.direct;
        ensure!(
            (direct > 0) == after.is_fed_by_box(),
            "the box fed {direct} bytes to {after}"
        );
        let whole = real(after.bytes_in.total - before.bytes_in.total);
        within(TOLERANCE_OF_ONE, "one viewer's bytes in", whole, stream)?;
        ensure!(after.fragments_refused == 0, "refused something: {after}");
    }
    Ok(())
}

/// Waits until everyone has a parent that feeds it, and exactly two have the box.
fn settle(stage: &Stage) -> Result<()> {
    let all = stage.audience.until("everyone is fed", SPAN, |stats| {
        stats.playing
            && stats
                .parent
                .as_ref()
                .is_some_and(|parent| parent.state == "feeding")
    })?;
    let direct = all.iter().filter(|stats| stats.is_fed_by_box()).count();
    ensure!(direct == 2, "{direct} viewers are fed by the box");
    Ok(())
}

fn read(stage: &Stage) -> Result<Reading> {
    Ok(Reading {
        status: stage.daemon.status()?,
        viewers: stage.audience.stats()?,
    })
}

fn close(what: &str, found: f64, expected: f64) -> Result<()> {
    within(TOLERANCE, what, found, expected)
}

fn within(tolerance: f64, what: &str, found: f64, expected: f64) -> Result<()> {
    let differ = (found - expected).abs();
    ensure!(
        differ <= expected * tolerance,
        "{what}: {found} instead of {expected}"
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "some megabytes")]
fn real(count: u64) -> f64 {
    count as f64
}
