//! The mode that carries a million: it must be right where it can be compared, and as fast
//! as it says. `SIMULATION_SEED` replaces all seeds.

mod audience;

use audience::world;
use peerstream_overlay::Config;
use peerstream_simulation::{
    Conditions, Figures, Scenario,
    run::{self, Plan},
    tide,
};

fn plan(conditions: Conditions, scenario: Scenario, nodes: u32, seconds: u32, seed: u64) -> Plan {
    Plan {
        world: world(seed, conditions),
        scenario,
        nodes,
        seconds,
        overlay: Config::default(),
    }
}

fn tide(conditions: Conditions, scenario: Scenario, nodes: u32, seconds: u32) -> Figures {
    let plan = plan(conditions, scenario, nodes, seconds, 1);
    tide::play(&plan, |_| {}).figures
}

/// A small stream, and nobody goes by chance.
fn patient() -> Conditions {
    Conditions {
        session: core::time::Duration::from_secs(1_000_000),
        ..Conditions::calm()
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_figures() {
    let run = |seed| {
        let plan = plan(Conditions::default(), Scenario::Churn, 2_000, 10, seed);
        tide::play(&plan, |_| {}).figures
    };
    let (one, again, other) = (run(11), run(11), run(12));
    assert_eq!(one, again);
    assert_ne!(one.trace, other.trace);
}

#[test]
fn where_nothing_happens_nothing_is_lost_and_next_to_nothing_said() {
    let figures = tide(patient(), Scenario::Churn, 3_000, 30);
    assert_eq!(figures.departures, 0, "{figures:?}");
    assert!(figures.continuity_p0_1 >= 1.0, "{figures:?}");
    assert!(figures.takeovers_per_departure == 0.0, "{figures:?}");
    // A clock every eight minutes.
    assert!(
        figures.control_bytes_per_viewer_minute < 30.0,
        "{figures:?}"
    );
}

#[test]
fn the_picture_is_further_behind_the_deeper_one_sits() {
    let plan = plan(Conditions::default(), Scenario::Churn, 20_000, 5, 1);
    let outcome = tide::play(&plan, |_| {});
    let known: Vec<f64> = outcome
        .latency_by_depth
        .iter()
        .filter(|(_, _, samples)| *samples > 2_000)
        .map(|(median, _, _)| *median)
        .collect();
    assert!(known.len() > 4 && known.is_sorted(), "{known:?}");
    assert!(outcome.figures.latency_s.p95 < 1.5, "{:?}", outcome.figures);
}

#[test]
fn every_scenario_runs_and_most_of_the_audience_sees_it_through() {
    for scenario in [
        Scenario::Churn,
        Scenario::FlashCrowd,
        Scenario::MassDeparture,
        Scenario::ProviderLost,
        Scenario::RootKilled,
        Scenario::BoxRestart,
    ] {
        let plan = plan(Conditions::default(), scenario, 1_000, 40, 1);
        let outcome = tide::play(&plan, |_| {});
        let figures = &outcome.figures;
        assert!(figures.viewers > 700, "{figures:?}");
        let end = &outcome.continuity[35..];
        let mean = end.iter().sum::<f64>() / end.len() as f64;
        assert!(mean > 0.95, "{scenario}: {mean}, {figures:?}");
    }
}

/// Real nodes and worked-out ones on one world, from one seed. What is compared does not
/// hang on single events: a hundred viewers of whom nobody goes, and the stream as it comes to
/// them.
#[test]
fn real_nodes_are_as_far_behind_as_those_worked_out() {
    let plan = plan(patient(), Scenario::Churn, 100, 8, 5);
    let full = run::play(&plan, |_| {}).figures;
    let tide = tide::play(&plan, |_| {}).figures;
    for (real, worked_out) in [
        (full.latency_s.p50, tide.latency_s.p50),
        (full.latency_s.p95, tide.latency_s.p95),
    ] {
        let factor = worked_out / real;
        assert!((0.75..1.33).contains(&factor), "{full:?} {tide:?}");
    }
    assert!(
        full.max_depth.abs_diff(tide.max_depth) <= 2,
        "{full:?} {tide:?}"
    );
}

/// The same with departures, on the default audience and as many as real nodes can be had
/// in minutes: `cargo test --release -p peerstream-simulation --test tide -- --ignored`.
#[test]
#[ignore = "takes minutes"]
fn real_nodes_mend_as_quickly_as_those_worked_out() {
    let plan = plan(Conditions::default(), Scenario::MassDeparture, 1_000, 20, 5);
    let full = run::play(&plan, |_| {}).figures;
    let tide = tide::play(&plan, |_| {}).figures;
    for (what, real, worked_out, within) in [
        ("latency p50", full.latency_s.p50, tide.latency_s.p50, 1.25),
        ("latency p95", full.latency_s.p95, tide.latency_s.p95, 1.35),
        ("refed p50", full.refed_s.p50, tide.refed_s.p50, 2.0),
        (
            "new links",
            full.new_links_per_departure.mean,
            tide.new_links_per_departure.mean,
            2.0,
        ),
        (
            "takeovers",
            full.takeovers_per_departure,
            tide.takeovers_per_departure,
            2.5,
        ),
    ] {
        let factor: f64 = worked_out / real;
        assert!(
            (1.0 / within..within).contains(&factor),
            "{what}: {real} and {worked_out}\n{full:?}\n{tide:?}"
        );
    }
}
