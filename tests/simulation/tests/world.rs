//! The audience is what the conditions say, and the same however it is asked about.

use core::time::Duration;

use peerstream_simulation::{
    Attack, Conditions, Scenario, World,
    scenario::{What, schedule},
};

const MANY: u32 = 40_000;

#[test]
fn uplinks_losses_and_providers_have_their_shares() {
    let world = world(1);
    let viewers: Vec<_> = (0..MANY).map(|number| world.viewer(number)).collect();
    let share = |what: &dyn Fn(&peerstream_simulation::Viewer) -> bool| {
        viewers.iter().filter(|viewer| what(viewer)).count() as f64 / f64::from(MANY)
    };
    assert_near(share(&|viewer| viewer.leaf_only), 0.35);
    for (mbit, expected) in [(5, 0.20), (10, 0.25), (20, 0.15), (50, 0.05)] {
        let uplink = mbit * 1_000_000;
        assert_near(
            share(&|viewer| !viewer.leaf_only && viewer.uplink == uplink),
            expected,
        );
    }
    assert_near(share(&|viewer| viewer.loss > 0.005), 0.05);
    assert_near(share(&|viewer| viewer.says_goodbye), 0.80);
    // Zipf over 40: the largest has 1 / (1 + 1/2 + ... + 1/40).
    assert_near(
        share(&|viewer| viewer.network.prefix == world.prefix(0)),
        0.234,
    );
    let mut addresses: Vec<u64> = viewers
        .iter()
        .map(|viewer| viewer.network.address)
        .collect();
    addresses.sort_unstable();
    let shared = addresses
        .chunk_by(|a, b| a == b)
        .filter(|same| same.len() > 1);
    let shared: usize = shared.map(<[u64]>::len).sum();
    assert!(
        (0.06..=0.10).contains(&(shared as f64 / f64::from(MANY))),
        "{shared}"
    );
}

#[test]
fn sessions_have_their_median_and_those_who_are_met_stay_long() {
    let world = world(2);
    let median = |of: &dyn Fn(u32) -> Duration| {
        let mut all: Vec<Duration> = (0..MANY).map(of).collect();
        all.sort_unstable();
        all[all.len() / 2].as_secs_f64()
    };
    let session = median(&|number| world.viewer(number).session);
    assert!((285.0..315.0).contains(&session), "{session}");
    let whole = median(&|number| world.viewer(number).residual + world.viewer(number).age);
    // The median times e^(sigma^2).
    assert!((2_250.0..2_550.0).contains(&whole), "{whole}");
}

#[test]
fn paths_are_symmetric_and_shorter_within_a_provider() {
    let world = world(3);
    let mut delays = Vec::new();
    let mut cut = 0;
    for number in 0..MANY {
        let (a, b) = (number, (number * 7_919 + 13) % MANY);
        assert_eq!(world.path(a, b), world.path(b, a));
        let path = world.path(a, b);
        cut += u32::from(!path.connects);
        delays.push(path.delay);
        if world.viewer(a).network.prefix == world.viewer(b).network.prefix {
            assert!(path.delay <= Duration::from_millis(20));
        }
    }
    delays.sort_unstable();
    let at = |share: f64| delays[(share * f64::from(MANY)) as usize].as_secs_f64();
    assert!((0.0195..0.0205).contains(&at(0.5)), "{}", at(0.5));
    // Median times e^(sigma * 1.645).
    assert!((0.0515..0.0560).contains(&at(0.95)), "{}", at(0.95));
    assert_near(f64::from(cut) / f64::from(MANY), 0.15);
}

#[test]
fn an_audience_keeps_its_size_under_churn() {
    let plan = schedule(&world(4), Scenario::Churn, 10_000, 120);
    let mut there = plan.audience.len() as i64;
    let mut last = Duration::ZERO;
    for happening in &plan.happenings {
        assert!(happening.at >= last && happening.at < plan.length);
        last = happening.at;
        there += match happening.what {
            What::Open(_) => 1,
            What::Leave(_) | What::Kill(_) => -1,
            what => panic!("{what:?}"),
        };
    }
    assert!((9_700..=10_300).contains(&there), "{there}");
    // Mean sessions last 846 s.
    let joins = plan
        .happenings
        .iter()
        .filter(|h| matches!(h.what, What::Open(_)))
        .count();
    assert!((1_300..=1_540).contains(&joins), "{joins}");
}

#[test]
fn scenarios_have_names_and_do_what_they_say() {
    let world = world(5);
    for scenario in Scenario::ALL {
        assert_eq!(scenario.name().parse(), Ok(scenario));
        let plan = schedule(&world, scenario, 1_000, 40);
        assert_eq!(plan, schedule(&world, scenario, 1_000, 40));
        let killed_at_once = plan
            .happenings
            .chunk_by(|a, b| a.at == b.at)
            .map(<[_]>::len)
            .max();
        match scenario {
            Scenario::MassDeparture => assert!((35..=65).contains(&killed_at_once.unwrap_or(0))),
            Scenario::ProviderLost => assert!((85..=150).contains(&killed_at_once.unwrap_or(0))),
            Scenario::FlashCrowd => assert!(plan.audience.is_empty()),
            Scenario::Hostile(Attack::Patient) => {
                assert_eq!(plan.audience[..10], plan.attackers[..]);
            }
            Scenario::Hostile(Attack::Sybil) => {
                let networks = |number: &u32| world.viewer(*number).network;
                assert_eq!(plan.attackers.len(), 1_000);
                assert!(
                    plan.attackers
                        .iter()
                        .all(|n| networks(n) == networks(&World::SYBILS))
                );
            }
            _ => assert!(plan.audience.len() >= 1_000),
        }
    }
    let error = "no-such".parse::<Scenario>().expect_err("no such scenario");
    assert!(error.to_string().contains("flash-crowd"), "{error}");
}

fn world(seed: u64) -> World {
    World::new(seed, Conditions::default())
}

#[track_caller]
fn assert_near(share: f64, expected: f64) {
    assert!(
        (share - expected).abs() < 0.01,
        "{share} instead of {expected}"
    );
}
