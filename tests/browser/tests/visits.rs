//! Ways to arrive and to leave.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::audience::Calm;
use peerstream_browser::browser::Certificates;
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::page::Options;
use peerstream_browser::stage::{PLAYS_WITHIN, Setting, Stage, play};
use peerstream_browser::stats::Stats;

/// How soon somebody who comes late may expect a picture on a busy machine.
const LATE_PLAYS_WITHIN: Duration = Duration::from_secs(5);

#[test]
fn plays_over_https_with_a_self_made_certificate() {
    let setting = Setting {
        certificates: Certificates::Ignored,
        ..Setting::default()
    };
    play("https", &setting, |stage| {
        let url = stage.daemon.secure_url();
        for _ in 0..2 {
            stage.audience.join(&stage.browser, &url, &options())?;
            stage.audience.until_playing(PLAYS_WITHIN)?;
        }
        let viewer = stage.audience.get(1).context("no second viewer")?;
        ensure!(
            viewer
                .page
                .evaluate("isSecureContext && location.protocol === 'https:'")?
                == true
        );
        Ok(())
    });
}

#[test]
fn a_late_viewer_starts_soon_and_a_farewell_stalls_nobody() {
    play("visits", &Setting::default(), |stage| -> Result<()> {
        stage.admit(4, &options())?;
        let insecure = stage.audience.get(0).context("no viewer")?;
        ensure!(insecure.page.evaluate("isSecureContext")? == false);
        // Long enough after the others that nothing of the stream's beginning is left.
        throughout(Duration::from_secs(5), Duration::from_secs(5), |_| Ok(()))?;
        let url = stage.daemon.url();
        stage.audience.join(&stage.browser, &url, &options())?;
        let all = stage.audience.until_playing(LATE_PLAYS_WITHIN)?;
        ensure!(!all[4].is_fed_by_box(), "fed by the box: {}", all[4]);

        let calm = Calm::now(&stage.audience)?;
        let top = stage
            .audience
            .stats()?
            .iter()
            .position(Stats::is_fed_by_box);
        let leaving = stage
            .audience
            .remove(top.context("nobody is fed by the box")?)?;
        leaving.page.close()?;
        until("the box has noticed", Duration::from_secs(2), || {
            let viewers = stage.daemon.status()?.viewers;
            ensure!(viewers == 4, "it counts {viewers}");
            Ok(())
        })?;
        throughout(Duration::from_secs(4), Duration::from_millis(500), |_| {
            calm.check(&stage.audience)
        })
    });
}

#[test]
fn a_first_visit_costs_100_kb_and_the_next_one_next_to_nothing() {
    play("weight", &Setting::default(), |stage| -> Result<()> {
        let sent = |stage: &Stage| anyhow::Ok(stage.daemon.status()?.bytes_sent.pages);
        stage.admit(1, &options())?;
        let first = sent(stage)?;
        // Over plain http, where browsers take no Brotli.
        ensure!((1..=100_000).contains(&first), "{first} bytes");
        let page = &stage.audience.get(0).context("no viewer")?.page;
        page.evaluate("setTimeout(() => location.reload())")?;
        until("it was there again", LATE_PLAYS_WITHIN, || {
            let joins = stage.daemon.status()?.joins;
            ensure!(joins == 2, "{joins} joins");
            Ok(())
        })?;
        stage.audience.until_playing(PLAYS_WITHIN)?;
        let next = sent(stage)? - first;
        ensure!(next < 1000, "{next} bytes more");
        Ok(())
    });
}

fn options() -> Options {
    Options {
        console: true,
        ..Options::default()
    }
}
