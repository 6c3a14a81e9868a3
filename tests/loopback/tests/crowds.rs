//! Many from one address.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use peerstream_loopback::{
    http, soon,
    stage::{Stage, VIEWERS_PER_ADDRESS},
    viewer::Viewer,
};
use tokio::task::JoinSet;

const CROWD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const HOME: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Lets so many come from one address at the same time. Says who is in, after how long.
async fn come(count: usize, host: Ipv4Addr, to: SocketAddr) -> Vec<(Viewer, Duration)> {
    let since = Instant::now();
    let mut joins = JoinSet::new();
    for _ in 0..count {
        joins.spawn(async move {
            let mut viewer = Viewer::connect_from(host, to).await?;
            viewer.say_join().await?;
            anyhow::Ok((viewer, since.elapsed()))
        });
    }
    let outcomes = joins.join_all().await;
    let outcomes = outcomes.into_iter();
    let inside = outcomes.filter_map(|outcome| {
        outcome
            .inspect_err(|error| eprintln!("not in: {error:#}"))
            .ok()
    });
    inside.collect()
}

fn make_room() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(hard >= 4096, "the limit on open files is {hard}");
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_from_one_address_take_no_more_than_their_places() -> Result<()> {
    make_room()?;
    let stage = Stage::open().await?;
    let at = stage.addresses.http;
    let crowd = tokio::spawn(come(1000, CROWD, at));
    // While they press, others come as if they were not there.
    let others = come(10, HOME, at).await;
    ensure!(others.len() == 10);
    let slowest = others.iter().map(|(_, after)| *after).max();
    ensure!(slowest < Some(Duration::from_secs(5)), "{slowest:?}");
    let crowd = crowd.await?;
    ensure!(crowd.len() == VIEWERS_PER_ADDRESS, "{} are in", crowd.len());
    let status = http::status(at).await?;
    ensure!(status["viewers"] == VIEWERS_PER_ADDRESS + 10, "{status}");
    let refused = 1000 - VIEWERS_PER_ADDRESS;
    ensure!(status["refused"]["crowded"] == refused, "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_school_comes_in_at_the_stroke_of_the_bell() -> Result<()> {
    make_room()?;
    let stage = Stage::open().await?;
    let school = come(200, CROWD, stage.addresses.http).await;
    ensure!(school.len() == 200, "{} are in", school.len());
    let slowest = school.iter().map(|(_, after)| *after).max();
    ensure!(slowest < Some(Duration::from_secs(15)), "{slowest:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_small_uplink_a_crowd_is_let_in_one_after_the_other() -> Result<()> {
    // What the standby card takes twice, and a little.
    let stage = Stage::open_on(600_000).await?;
    let at = stage.addresses.http;
    let mut first = Viewer::fed(at).await?;
    let crowd = tokio::spawn(come(100, CROWD, at));
    // The first viewer has its picture all the while.
    let queued = first
        .keeps_watching(soon("somebody waits", async {
            loop {
                let status = http::status(at).await?;
                let queued = status["overlay"]["queued"].as_u64().unwrap_or(0);
                if queued > 0 {
                    break anyhow::Ok(queued);
                }
            }
        }))
        .await???;
    ensure!(queued <= 100, "{queued}");
    let crowd = first.keeps_watching(crowd).await??;
    ensure!(crowd.len() == 100, "{} are in", crowd.len());
    let mut order: Vec<_> = crowd
        .iter()
        .map(|(viewer, after)| (viewer.node, *after))
        .collect();
    order.sort_by_key(|(node, _)| *node);
    let (early, late) = order.split_at(50);
    let mean = |half: &[(_, Duration)]| half.iter().map(|(_, after)| *after).sum::<Duration>();
    ensure!(mean(early) < mean(late), "the later came in earlier");
    let status = http::status(at).await?;
    ensure!(status["overlay"]["queued"] == 0, "{status}");
    Ok(())
}
