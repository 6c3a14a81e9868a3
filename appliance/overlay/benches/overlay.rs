//! What the coordinator costs, one JSON object per line and audience.
//!
//! `cargo bench -p peerstream-overlay --bench overlay [-- NODES…]`
//!
//! Every departure is of a random node and followed by a join, so the audience keeps its
//! size. Outputs are drained after every event, as the daemon does. A new link is one
//! between two nodes that had none before the departure; `media` counts those between
//! parent and child and between partners, `all` those with a reserve too.

use core::time::Duration;
use std::{alloc::System, collections::HashMap, time::Instant};

use peerstream_overlay::{Config, Coordinator, Output};
use peerstream_wire::{Assignment, NodeId, Parent, ToNode};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const AUDIENCES: [usize; 3] = [1_000, 100_000, 1_000_000];
/// Departures that are timed: enough that 1,000 nodes take as long as the clock needs.
const TIMED: usize = 400_000;
/// Departures whose links are counted.
const COUNTED: usize = 50_000;

fn main() {
    let asked: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    for &nodes in if asked.is_empty() {
        &AUDIENCES[..]
    } else {
        &asked
    } {
        let cost = cost(nodes);
        let [all, media] = new_links(nodes);
        println!(
            "{{\"bench\":\"overlay\",\"nodes\":{nodes},\"joins_per_s\":{:.0},\
             \"departures_per_s\":{:.0},\"bytes_per_node\":{:.1},\
             \"assignments_per_departure\":{:.2},\
             \"new_links_per_departure\":{},\"new_media_links_per_departure\":{}}}",
            TIMED as f64 / cost.joins.as_secs_f64(),
            TIMED as f64 / cost.departures.as_secs_f64(),
            cost.bytes as f64 / nodes as f64,
            cost.assignments as f64 / TIMED as f64,
            all.json(),
            media.json(),
        );
    }
}

struct Cost {
    joins: Duration,
    departures: Duration,
    /// Allocated by the coordinator, at the most.
    bytes: usize,
    /// Sent because of departures.
    assignments: usize,
}

fn cost(nodes: usize) -> Cost {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut living = Vec::with_capacity(nodes);
    let region = Region::new(ALLOCATOR);
    let mut coordinator = Coordinator::new(Config::default());
    for _ in 0..nodes {
        living.push(coordinator.join(Duration::ZERO));
        drain(&mut coordinator);
    }
    let grown = held(&region);
    let mut cost = Cost {
        joins: Duration::ZERO,
        departures: Duration::ZERO,
        bytes: grown,
        assignments: 0,
    };
    for event in 0..TIMED {
        let now = Duration::from_micros(event as u64);
        let gone = living.swap_remove(rng.next_u32() as usize % living.len());
        let start = Instant::now();
        coordinator.leave(now, gone);
        cost.assignments += drain(&mut coordinator);
        let left = Instant::now();
        let node = coordinator.join(now);
        drain(&mut coordinator);
        cost.joins += left.elapsed();
        cost.departures += left - start;
        living.push(node);
    }
    cost.bytes = grown.max(held(&region));
    cost
}

fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

fn drain(coordinator: &mut Coordinator) -> usize {
    let mut outputs = 0;
    while let Some(output) = coordinator.poll_output() {
        std::hint::black_box(&output);
        outputs += 1;
    }
    outputs
}

/// New links per departure: in any role, and in one that carries media.
fn new_links(nodes: usize) -> [Counts; 2] {
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut coordinator = Coordinator::new(Config::default());
    let mut links = Links::default();
    let mut living = Vec::with_capacity(nodes);
    for _ in 0..nodes {
        living.push(coordinator.join(Duration::ZERO));
    }
    links.follow(&mut coordinator);
    // Let every place change hands before counting: a grown audience is younger at the
    // bottom than a churned one.
    let warm_up = nodes;
    let mut counts = [Counts::default(), Counts::default()];
    for event in 0..warm_up + COUNTED {
        let gone = living.swap_remove(rng.next_u32() as usize % living.len());
        coordinator.leave(Duration::ZERO, gone);
        links.told.remove(&gone);
        let [all, media] = links.follow(&mut coordinator);
        if event >= warm_up {
            counts[0].note(all);
            counts[1].note(media);
        }
        living.push(coordinator.join(Duration::ZERO));
        links.follow(&mut coordinator);
    }
    counts
}

/// The peers of every node, as it has been told: (peer, carries media), sorted.
#[derive(Default)]
struct Links {
    told: HashMap<NodeId, Vec<(NodeId, bool)>>,
}

impl Links {
    /// Takes in what the coordinator has to say; the links that are new, in any role and
    /// in one that carries media.
    fn follow(&mut self, coordinator: &mut Coordinator) -> [usize; 2] {
        let mut ends = [0; 2];
        while let Some(output) = coordinator.poll_output() {
            let Output::Send {
                to,
                message: ToNode::Assign(told),
            } = output
            else {
                continue;
            };
            let peers: Vec<_> = told
                .peers()
                .map(|peer| (peer, media(&told, peer)))
                .collect();
            let before = self.told.insert(to, peers.clone()).unwrap_or_default();
            for (peer, media) in peers {
                if !before.iter().any(|(known, _)| *known == peer) {
                    ends[0] += 1;
                    ends[1] += usize::from(media);
                }
            }
        }
        // Both ends were told.
        ends.map(|ends| ends / 2)
    }
}

fn media(told: &Assignment, peer: NodeId) -> bool {
    // A partner that is no more than the reserve has the node among its wards.
    let partner = told.partner == Some(peer) && told.reserve != Some(peer);
    partner || told.parent == Parent::Node(peer) || told.children.contains(&peer)
}

/// How often each number came up.
#[derive(Default)]
struct Counts(Vec<usize>);

impl Counts {
    fn note(&mut self, number: usize) {
        if self.0.len() <= number {
            self.0.resize(number + 1, 0);
        }
        self.0[number] += 1;
    }

    fn json(&self) -> String {
        let events: usize = self.0.iter().sum();
        let total: usize = self
            .0
            .iter()
            .enumerate()
            .map(|(number, count)| number * count)
            .sum();
        let mut seen = 0;
        let p99 = self.0.iter().position(|count| {
            seen += count;
            seen * 100 >= events * 99
        });
        format!(
            "{{\"mean\":{:.2},\"p99\":{},\"max\":{}}}",
            total as f64 / events as f64,
            p99.unwrap_or(0),
            self.0.len().saturating_sub(1),
        )
    }
}
