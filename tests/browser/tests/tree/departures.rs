//! Viewers vanish without notice, and nobody else sees it.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, ensure};
use peerstream_browser::audience::Calm;
use peerstream_browser::condition::{throughout, until};
use peerstream_browser::stage::Stage;
use peerstream_browser::stats::Stats;

/// How long the tree may take to be whole again.
const MENDED_WITHIN: Duration = Duration::from_secs(10);
/// How long after that survivors are watched: a stall shows after 250 ms, and what waits
/// in buffers is far less than this.
const WATCHED: Duration = Duration::from_secs(4);

pub(crate) fn a_top_node_dies(stage: &mut Stage) -> Result<()> {
    let calm = Calm::now(&stage.audience)?;
    let top = stage
        .audience
        .stats()?
        .iter()
        .position(Stats::is_fed_by_box);
    kill(stage, top.context("nobody is fed by the box")?)?;
    mended(stage, &calm)
}

pub(crate) fn two_random_nodes_die(stage: &mut Stage) -> Result<()> {
    let calm = Calm::now(&stage.audience)?;
    let mut dice = Dice::new();
    for _ in 0..2 {
        let victim = dice.below(stage.audience.len());
        kill(stage, victim)?;
        mended(stage, &calm)?;
    }
    Ok(())
}

fn kill(stage: &mut Stage, index: usize) -> Result<()> {
    let all = stage.audience.stats()?;
    let victim = stage.audience.remove(index)?;
    eprintln!("kills {}: {}", victim.name, all[index]);
    victim.page.crash()
}

/// Waits until every survivor leans on survivors only, and watches them on. A child that has
/// died is not spoken of: its parent forgets it when the browser finds the connection dead.
fn mended(stage: &Stage, calm: &Calm) -> Result<()> {
    until("the tree is whole", MENDED_WITHIN, || {
        let status = stage.daemon.status()?;
        let all = stage.audience.stats()?;
        calm.check(&stage.audience)?;
        let alive: Vec<u32> = all.iter().filter_map(|stats| stats.node).collect();
        ensure!(
            status.viewers as usize == all.len(),
            "the box counts {}",
            status.viewers
        );
        for stats in &all {
            let parent = stats.parent.as_ref().context("no parent")?;
            ensure!(
                parent.state == "feeding" && stats.playing,
                "is not fed: {stats}"
            );
            ensure!(
                stats.leans_on().all(|node| alive.contains(&node)),
                "leans on the dead: {stats}"
            );
        }
        Ok(())
    })?;
    throughout(WATCHED, Duration::from_millis(500), |_| {
        calm.check(&stage.audience)
    })
}

/// Chance whose seed is printed, so that a failure can be replayed with `BROWSER_SEED`.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let given = std::env::var("BROWSER_SEED")
            .ok()
            .and_then(|seed| seed.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(1, |since| u64::from(since.subsec_nanos()))
        });
        eprintln!("BROWSER_SEED={seed}");
        Dice(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        // Knuth's MMIX constants; the upper bits are the random ones.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}
