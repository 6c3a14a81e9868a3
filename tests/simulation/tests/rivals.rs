//! The models of other overlays do what they are said to do.

use core::time::Duration;

use peerstream_simulation::{
    Conditions, Figures, Scenario, World,
    rivals::{self, Rival},
};

fn figures(seed: u64, scenario: Scenario, rival: Rival) -> Figures {
    let world = World::new(seed, Conditions::default());
    rivals::run(&world, scenario, 120, 30, rival, rival.delay())
}

#[test]
fn each_carries_the_stream() {
    for rival in Rival::ALL {
        let figures = figures(1, Scenario::Churn, rival);
        assert!(figures.viewers > 100, "{figures:?}");
        assert!(figures.continuity_p0_1 > 0.8, "{figures:?}");
        assert!(figures.latency_s.p50 > 0.4, "{figures:?}");
        assert!((0.1..0.9).contains(&figures.uplink_used), "{figures:?}");
    }
}

/// Without partners an orphan waits at least until its parent is known to be gone, and
/// then for a link; with five stripes of which four suffice nobody need notice.
#[test]
fn a_plain_tree_feels_a_death_and_stripes_do_not() {
    let tree = figures(2, Scenario::MassDeparture, Rival::Tree);
    let stripes = figures(2, Scenario::MassDeparture, Rival::Stripes);
    assert!(tree.refed_s.max > 0.7, "{tree:?}");
    assert!(
        tree.continuity_p0_1 < stripes.continuity_p0_1,
        "{tree:?} {stripes:?}"
    );
}

/// A mesh needs time for its rounds: with less it shows less.
#[test]
fn a_mesh_pays_with_delay() {
    let world = World::new(3, Conditions::default());
    let run = |delay| rivals::run(&world, Scenario::Churn, 120, 30, Rival::Mesh, delay);
    let (short, long) = (run(Duration::from_millis(700)), run(Duration::from_secs(8)));
    assert!(
        short.continuity_p0_1 < long.continuity_p0_1,
        "{short:?} {long:?}"
    );
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    for rival in Rival::ALL {
        let run = || Figures {
            realtime_factor: 0.0,
            ..figures(4, Scenario::MassDeparture, rival)
        };
        assert_eq!(run(), run());
    }
}
