//! Real viewers on machines of their own, with a network between them that is not ideal.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use peerstream_browser::audience::Calm;
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::page::Options;
use peerstream_browser::stage::{Laboratory, Setting, play};
use peerstream_netlab::{Access, Line};

/// What one line of a way of four adds.
const DELAY: Duration = Duration::from_millis(10);
/// How long the viewers are watched.
const WATCHED: Duration = Duration::from_secs(5);

fn home() -> Access {
    let down = Line {
        delay: DELAY,
        loss: 0.001,
        ..Line::IDEAL
    };
    let up = Line {
        delay: DELAY,
        loss: 0.001,
        ..Line::of_rate(10_000_000, Duration::from_millis(100))
    };
    Access { up, down }
}

#[test]
fn viewers_on_three_machines_feed_one_another() {
    let setting = Setting {
        laboratory: Some(Laboratory {
            hosts: 3,
            origin: home(),
            viewers: home(),
            seed: 1,
        }),
        ..Setting::default()
    };
    play("laboratory", &setting, |stage| {
        stage.admit(3, &Options::default())?;
        let fed = until(
            "somebody is fed by another",
            Duration::from_secs(10),
            || {
                let all = stage.audience.stats()?;
                let fed = all.iter().position(|stats| {
                    let parent = stats.parent.as_ref();
                    !stats.is_fed_by_box() && parent.is_some_and(|parent| parent.state == "feeding")
                });
                fed.context("the box feeds everyone")
            },
        )?;
        let lab = stage.lab.as_ref().context("no laboratory")?;
        let sent = || -> Vec<u64> { (0..4).map(|host| lab.traffic(host).up.bytes).collect() };
        let (before, calm) = (sent(), Calm::now(&stage.audience)?);
        let begin = stage.audience.stats()?;
        throughout(WATCHED, WATCHED, |_| calm.check(&stage.audience))?;
        let end = stage.audience.stats()?;
        let rises: Vec<u64> = sent()
            .iter()
            .zip(before)
            .map(|(after, before)| after - before)
            .collect();
        // What one viewer was fed, another's machine has sent; and it came over the lines.
        let media = end[fed].bytes_in.total - begin[fed].bytes_in.total;
        ensure!(media > 0, "{}", end[fed]);
        let passed_on: u64 = rises[1..].iter().sum();
        ensure!(passed_on > media / 2, "{rises:?}, {media} bytes were fed");
        for stats in &end {
            let latency = stats.latency_s.context("no latency")?;
            ensure!(latency > 2.0 * DELAY.as_secs_f64(), "{stats}");
        }
        Ok(())
    });
}
