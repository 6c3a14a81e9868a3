//! What the coordinator costs, and what it does to the audience: one JSON object per line.
//!
//! `cargo bench -p peerstream-overlay --bench overlay [-- [AUDIENCE…] [NODES…]]`
//!
//! Audiences: `even` (everyone passes on 2 copies; who leaves is drawn at random), `mixed`
//! (35 / 20 / 25 / 20% pass on 0 / 1 / 3 / 4 copies; drawn at random), `live` (the same,
//! with sessions as they are: log-normal, median 5 minutes, sigma 1.44) and `learning` (35 /
//! 20 / 25 / 20% pass on 0 / 1 / 2 / 4 copies, which all but the first of them find out a
//! while after they have come as one of 2; sessions as in `live`). Every departure
//! is followed by a join, so the audience keeps its size. Outputs are drained after every
//! event, as the daemon does. The last line compares the cost per event of the largest
//! audience with that of the smallest.
//!
//! A new link is one between two nodes that had none before the departure; `media` counts
//! those between parent and child and between partners, `all` those with a reserve too.

mod crowd;
mod links;

use core::{cmp::Reverse, time::Duration};
use std::{alloc::System, time::Instant};

use crowd::{Crowd, Kind};
use links::{Counts, Links};
use peerstream_overlay::{Config, Coordinator, Output};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Departures that are timed: enough that 1,000 nodes take as long as the clock needs.
const TIMED: usize = 400_000;
/// Departures whose links are counted.
const COUNTED: usize = 50_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let sizes: Vec<usize> = args.iter().filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if sizes.is_empty() {
        SIZES.to_vec()
    } else {
        sizes
    };
    let named: Vec<Kind> = args.iter().filter_map(|arg| Kind::parse(arg)).collect();
    let kinds = if named.is_empty() {
        Kind::ALL.to_vec()
    } else {
        named
    };
    for kind in kinds {
        let costs: Vec<f64> = sizes.iter().map(|&nodes| report(kind, nodes)).collect();
        if let (Some(first), Some(last), true) = (costs.first(), costs.last(), costs.len() > 1) {
            println!(
                "{{\"bench\":\"overlay\",\"audience\":\"{}\",\"cost_ratio\":{:.2}}}",
                kind.name(),
                last / first
            );
        }
    }
}

/// Prints a line; the seconds per event.
fn report(kind: Kind, nodes: usize) -> f64 {
    let cost = cost(kind, nodes);
    let [all, media] = new_links(kind, nodes);
    let rate = |time: Duration| TIMED as f64 / time.as_secs_f64();
    println!(
        "{{\"bench\":\"overlay\",\"audience\":\"{}\",\"nodes\":{nodes},\"joins_per_s\":{:.0},\
         \"departures_per_s\":{:.0},\"bytes_per_node\":{:.1},\"depth\":{},\"mean_depth\":{:.2},\
         \"supply\":{:.2},\"messages_per_departure\":{:.2},\
         \"new_links_per_departure\":{},\"new_media_links_per_departure\":{}}}",
        kind.name(),
        rate(cost.joins),
        rate(cost.departures),
        cost.bytes as f64 / nodes as f64,
        cost.depth,
        cost.mean_depth,
        cost.supply,
        cost.messages as f64 / TIMED as f64,
        all.json(),
        media.json(),
    );
    (cost.joins + cost.departures).as_secs_f64() / (2 * TIMED) as f64
}

struct Cost {
    joins: Duration,
    departures: Duration,
    /// Allocated by the coordinator, at the most.
    bytes: usize,
    /// Sent because of departures.
    messages: usize,
    depth: u8,
    mean_depth: f64,
    /// Copies per node.
    supply: f64,
}

fn cost(kind: Kind, nodes: usize) -> Cost {
    let mut crowd = Crowd::new(kind, nodes);
    let region = Region::new(ALLOCATOR);
    let mut coordinator = Coordinator::new(Config::default());
    for _ in 0..nodes {
        crowd.grow(&mut coordinator);
        drain(&mut coordinator);
    }
    let grown = held(&region);
    let mut cost = Cost {
        joins: Duration::ZERO,
        departures: Duration::ZERO,
        bytes: grown,
        messages: 0,
        depth: 0,
        mean_depth: 0.0,
        supply: 0.0,
    };
    for _ in 0..TIMED {
        let gone = crowd.go();
        let copies = crowd.copies();
        let newcomer = crowd.newcomer(copies);
        let now = crowd.now();
        let start = Instant::now();
        coordinator.leave(now, gone);
        cost.messages += drain(&mut coordinator);
        let left = Instant::now();
        let node = coordinator.join(now, newcomer);
        drain(&mut coordinator);
        cost.joins += left.elapsed();
        cost.departures += left - start;
        crowd.come(node, copies);
        crowd.learn(&mut coordinator);
        cost.depth = cost.depth.max(coordinator.status().depth);
    }
    cost.bytes = grown.max(held(&region));
    let status = coordinator.status();
    cost.supply = status.supply as f64 / status.demand as f64;
    let ends = crowd.ends.iter().map(|Reverse((_, node))| node);
    let depths: f64 = crowd
        .living
        .iter()
        .chain(ends)
        .filter_map(|node| coordinator.assignment(*node))
        .map(|told| f64::from(told.depth))
        .sum();
    cost.mean_depth = depths / nodes as f64;
    cost
}

fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

fn drain(coordinator: &mut Coordinator) -> usize {
    let mut outputs = 0;
    while let Some(output) = coordinator.poll_output() {
        outputs += usize::from(matches!(output, Output::Send { .. }));
        std::hint::black_box(&output);
    }
    outputs
}

/// New links per departure: in any role, and in one that carries media.
fn new_links(kind: Kind, nodes: usize) -> [Counts; 2] {
    let mut crowd = Crowd::new(kind, nodes);
    let mut coordinator = Coordinator::new(Config::default());
    let mut links = Links::default();
    for _ in 0..nodes {
        crowd.grow(&mut coordinator);
    }
    links.follow(&mut coordinator, None);
    // Let every place change hands before counting: a grown audience is younger at the
    // bottom than a churned one.
    let warm_up = nodes;
    let mut counts = [Counts::default(), Counts::default()];
    for event in 0..warm_up + COUNTED {
        let gone = crowd.go();
        coordinator.leave(crowd.now(), gone);
        let [mut all, mut media] = links.follow(&mut coordinator, Some(gone));
        crowd.learn(&mut coordinator);
        let learned = links.follow(&mut coordinator, None);
        all += learned[0];
        media += learned[1];
        if event >= warm_up {
            counts[0].note(all);
            counts[1].note(media);
        }
        let copies = crowd.copies();
        let newcomer = crowd.newcomer(copies);
        crowd.come(coordinator.join(crowd.now(), newcomer), copies);
        links.follow(&mut coordinator, None);
    }
    counts
}
