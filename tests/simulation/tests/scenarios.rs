//! What befalls the default audience, at a small size: what must hold whatever the seed.

use peerstream_overlay::{Config, Policy};
use peerstream_simulation::{
    Attack, Conditions, Scenario, World, plot,
    run::{Outcome, Plan, play},
};

const NODES: u32 = 30;

#[test]
fn the_same_seed_gives_the_same_trace_and_figures() {
    let run = |seed| run_with(Scenario::Churn, 20, 10, seed);
    let (one, again, other) = (run(1), run(1), run(2));
    assert_eq!(one.figures, again.figures);
    assert_ne!(one.figures.trace, other.figures.trace);
}

#[test]
fn churn_leaves_a_picture() {
    let figures = run(Scenario::Churn, 30).figures;
    assert!(figures.continuity_p0_1 > 0.3, "{figures:?}");
    assert!(figures.latency_s.p95 < 3.0, "{figures:?}");
    assert!(figures.max_depth <= 12, "{figures:?}");
}

#[test]
fn a_flash_crowd_is_let_in() {
    let figures = run(Scenario::FlashCrowd, 45).figures;
    assert!(figures.viewers > NODES * 7 / 10, "{figures:?}");
    assert!(figures.startup_ms.p95 < 6_000.0, "{figures:?}");
}

#[test]
fn survivors_of_a_mass_departure_are_fed_again() {
    let figures = run(Scenario::MassDeparture, 20).figures;
    assert!(figures.departures >= 1, "{figures:?}");
    assert!(figures.refed_s.max < 5.0, "{figures:?}");
}

#[test]
fn a_lost_provider_is_survived() {
    let figures = run(Scenario::ProviderLost, 20).figures;
    assert!(figures.departures >= 2, "{figures:?}");
    assert!(figures.refed_s.max < 5.0, "{figures:?}");
}

#[test]
fn a_killed_root_is_replaced() {
    let figures = run(Scenario::RootKilled, 20).figures;
    assert!(figures.departures >= 1, "{figures:?}");
    assert!(figures.refed_s.max < 5.0, "{figures:?}");
}

#[test]
fn a_box_that_restarts_keeps_its_audience() {
    let figures = run(Scenario::BoxRestart, 40).figures;
    assert!(figures.viewers >= NODES * 8 / 10, "{figures:?}");
    assert!(figures.latency_s.p50 < 3.0, "{figures:?}");
    // Torn links would have to be opened anew: several for every viewer.
    let links = figures.new_links_per_departure.mean * figures.departures as f64;
    assert!(links < f64::from(NODES), "{links} new links: {figures:?}");
}

#[test]
fn no_attack_expels_an_honest_viewer() {
    for attack in [
        Attack::Forger,
        Attack::Silent,
        Attack::Withholding,
        Attack::Liar,
        Attack::Dropper,
        Attack::Flooder,
        Attack::Replayer,
        Attack::Patient,
    ] {
        let outcome = run(Scenario::Hostile(attack), 20);
        let hostile = outcome.figures.hostile.expect("a hostile run");
        assert_eq!(hostile.honest_expelled, 0, "{attack:?}: {hostile:?}");
        // Those who have risen first strike where it hurts most, and are found out more slowly.
        let most = if attack == Attack::Patient {
            16.0
        } else {
            10.0
        };
        assert!(hostile.victim_lost_s.p50 < most, "{attack:?}: {hostile:?}");
    }
}

#[test]
fn those_who_come_a_thousand_times_from_one_address_expel_nobody() {
    let figures = run(Scenario::Hostile(Attack::Sybil), 20).figures;
    let hostile = figures.hostile.expect("a hostile run");
    assert_eq!(hostile.honest_expelled, 0, "{hostile:?}");
}

#[test]
fn next_to_nothing_comes_twice() {
    for scenario in [Scenario::Churn, Scenario::RootKilled] {
        let figures = run(scenario, 30).figures;
        let double = figures.double_delivery.expect("real nodes");
        assert!(double > 0.0 && double <= 0.02, "{scenario}: {double}");
    }
}

#[test]
fn by_nearness_works_as_well() {
    let mut plan = plan(Scenario::Churn, NODES, 20, 1);
    plan.overlay.placement = Policy::ByNearness;
    let figures = play(&plan, |_| {}).figures;
    assert_eq!(figures.placement, "nearness");
    assert!(figures.continuity_p0_1 > 0.3, "{figures:?}");
}

/// Others measure by these names.
#[test]
fn a_run_is_one_line_of_json_with_its_figures_by_name() {
    let figures = run_with(Scenario::Churn, 6, 3, 1).figures;
    let json = serde_json::to_value(&figures).expect("it is plain");
    for name in [
        "continuity_p0_1",
        "control_bytes_per_viewer_minute",
        "takeovers_per_departure",
        "max_depth",
        "realtime_factor",
    ] {
        assert!(json[name].is_number(), "{name}: {json}");
    }
    let groups = [
        ("latency_s", &["p50", "p95", "p99"][..]),
        ("startup_ms", &["p50", "p95"]),
        ("refed_s", &["p50", "p99", "max"]),
        ("new_links_per_departure", &["mean", "p99"]),
    ];
    for (group, names) in groups {
        for name in names {
            assert!(json[group][name].is_number(), "{group}.{name}: {json}");
        }
    }
    let line = serde_json::to_string(&figures).expect("it is plain");
    assert!(!line.contains('\n'));
}

#[test]
fn a_run_is_drawn_in_three_pictures() {
    let outcome = run(Scenario::Churn, 20);
    let folder = std::env::temp_dir().join(format!("pictures-{}", std::process::id()));
    let drawn = plot::draw(&outcome, &folder).expect("there is room");
    for (picture, about) in drawn.iter().zip(["latency", "continuity", "links"]) {
        let text = std::fs::read_to_string(picture).expect("it has been drawn");
        assert!(text.starts_with("<svg") && text.trim_end().ends_with("</svg>"));
        assert!(text.to_lowercase().contains(about), "{}", picture.display());
        assert!(text.contains("seed 1"), "which run it is of");
    }
    assert_eq!(drawn.len(), 3);
    std::fs::remove_dir_all(folder).expect("it is ours");
}

fn run(scenario: Scenario, seconds: u32) -> Outcome {
    run_with(scenario, NODES, seconds, 1)
}

fn run_with(scenario: Scenario, nodes: u32, seconds: u32, seed: u64) -> Outcome {
    play(&plan(scenario, nodes, seconds, seed), |_| {})
}

fn plan(scenario: Scenario, nodes: u32, seconds: u32, seed: u64) -> Plan {
    let asked = std::env::var("SIMULATION_SEED").ok();
    let seed = asked.and_then(|seed| seed.parse().ok()).unwrap_or(seed);
    Plan {
        world: World::new(seed, Conditions::default()),
        scenario,
        nodes,
        seconds,
        overlay: Config::default(),
    }
}
