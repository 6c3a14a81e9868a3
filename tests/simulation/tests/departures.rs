//! Pages close, with and without a word, and nobody else's picture stops.

mod audience;

use core::time::Duration;

use audience::{calm, parent_at, playbacks, settled, stats, world};
use peerstream_simulation::{Conditions, Swarm};

/// From capture to a node's player, takeover included: what a takeover takes (2 L, a
/// round trip, the helper's answer) on top of six hops.
const LATEST: Duration = Duration::from_millis(800);

/// The dead node's children turn to their partners, and so may its partner and theirs;
/// not the dozens below.
const MOST_TAKEOVERS: u64 = 12;

#[test]
fn a_dead_parent_costs_few_takeovers() {
    for seed in 1..=2 {
        for depth in 1..=3 {
            let mut swarm = settled(calm(seed), 62);
            let victim = parent_at(&swarm, depth);
            let before = swarm.takeovers() - stats(&swarm, victim).takeovers;
            swarm.mark();
            swarm.kill(victim);
            swarm.run(Duration::from_secs(20));
            let takeovers = swarm.takeovers() - before;
            assert!(
                (1..=MOST_TAKEOVERS).contains(&takeovers),
                "{takeovers} at depth {depth}"
            );
            nobody_noticed(&swarm);
            assert_eq!(swarm.status().viewers, 61);
        }
    }
}

#[test]
fn a_farewell_costs_no_picture() {
    for depth in 1..=3 {
        let mut swarm = settled(calm(3), 30);
        let leaver = parent_at(&swarm, depth);
        swarm.mark();
        swarm.leave(leaver);
        swarm.run(Duration::from_secs(10));
        nobody_noticed(&swarm);
        assert_eq!(swarm.status().viewers, 29);
    }
}

#[test]
fn the_survivors_of_steady_churn_play_on() {
    let mut swarm = settled(calm(4), 24);
    for round in 0..20 {
        swarm.mark();
        let victim = swarm.any_page().expect("24 pages");
        if round % 2 == 0 {
            swarm.kill(victim);
        } else {
            swarm.leave(victim);
        }
        swarm.run(Duration::from_millis(1_500));
        swarm.join();
        swarm.run(Duration::from_millis(1_500));
        nobody_noticed(&swarm);
    }
    assert_eq!(swarm.offences(), &[]);
}

/// With hardly any room beside the feeds, what departures bring about goes by letter, and every
/// real node believes it.
#[test]
fn letters_bring_what_the_box_has_no_room_to_say() {
    let conditions = Conditions {
        box_uplink: 1_000_000,
        ..Conditions::calm()
    };
    let mut swarm = settled(Swarm::new(world(5, conditions)), 62);
    swarm.run(Duration::from_secs(20));
    let before = swarm.status().letters;
    for _ in 0..30 {
        swarm.mark();
        let victim = swarm.any_page().expect("dozens of pages");
        swarm.leave(victim);
        swarm.run(Duration::from_millis(700));
        nobody_noticed(&swarm);
    }
    let letters = swarm.status().letters - before;
    assert!(letters >= 10, "{letters} letters");
    swarm.run(Duration::from_secs(5));
    // Whoever had missed one would have come back on a new socket.
    let status = swarm.status();
    assert_eq!((status.viewers, status.returned), (32, 0));
    assert_eq!(swarm.offences(), &[]);
}

fn nobody_noticed(swarm: &Swarm) {
    for (page, playback) in playbacks(swarm) {
        let what = format!("{page:?}: {playback:?}");
        assert_eq!(
            (playback.wrong, playback.skipped),
            (0, Duration::ZERO),
            "{what}"
        );
        assert!(playback.latest < LATEST, "{what}");
        assert!(playback.shown > 0 || playback.startup.is_none(), "{what}");
    }
}
