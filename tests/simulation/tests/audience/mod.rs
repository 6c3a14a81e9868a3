//! What every run begins with. `SIMULATION_SEED` replaces all seeds.

#![allow(dead_code, reason = "each test file uses a part of it")]

use core::time::Duration;

use peerstream_node::Stats;
use peerstream_simulation::{Conditions, PageId, Playback, Swarm, World};

pub(crate) fn calm(seed: u64) -> Swarm {
    Swarm::new(world(seed, Conditions::calm()))
}

pub(crate) fn world(seed: u64, conditions: Conditions) -> World {
    let asked = std::env::var("SIMULATION_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    World::new(asked.unwrap_or(seed), conditions)
}

/// An audience of this size that has settled.
pub(crate) fn settled(mut swarm: Swarm, size: usize) -> Swarm {
    for _ in 0..size {
        swarm.join();
        swarm.run(Duration::from_millis(100));
    }
    swarm.run(Duration::from_secs(5));
    swarm
}

/// A page at this depth that feeds two others, or more.
pub(crate) fn parent_at(swarm: &Swarm, depth: u8) -> PageId {
    let fits = |page: &PageId| {
        let stats = stats(swarm, *page);
        stats.depth == depth && stats.children.len() >= 2
    };
    swarm.pages().find(fits).expect("deep enough")
}

pub(crate) fn stats(swarm: &Swarm, page: PageId) -> Stats {
    swarm.stats(page).expect("open")
}

pub(crate) fn playbacks(swarm: &Swarm) -> impl Iterator<Item = (PageId, &Playback)> {
    swarm
        .pages()
        .filter_map(|page| Some((page, swarm.playback(page)?)))
}
