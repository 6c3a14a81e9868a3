//! Nothing goes wrong, and everybody sees the stream.

mod audience;

use core::time::Duration;

use audience::{calm, playbacks, settled, stats, world};
use peerstream_node::Phase;
use peerstream_overlay::Config;
use peerstream_simulation::{Conditions, Swarm};

#[test]
fn everyone_plays() {
    for (feeds, size) in [(2, 1), (2, 2), (2, 3), (2, 20), (4, 21), (8, 7), (6, 30)] {
        let config = Config {
            feeds,
            feeds_max: feeds,
            ..Config::default()
        };
        let swarm = Swarm::with(world(1, Conditions::calm()), config);
        let mut swarm = settled(swarm, size);
        swarm.mark();
        swarm.run(Duration::from_secs(10));
        for (page, playback) in playbacks(&swarm) {
            let what = format!("{page:?} of {size}: {playback:?}");
            assert_eq!(playback.phase, Some(Phase::Playing), "{what}");
            assert!((98..=102).contains(&playback.shown), "{what}");
            assert_eq!((playback.wrong, playback.skipped), (0, Duration::ZERO));
            assert!(playback.latest < Duration::from_millis(300), "{what}");
            assert!(
                playback.startup < Some(Duration::from_millis(1_500)),
                "{what}"
            );
        }
        assert_eq!((swarm.takeovers(), swarm.offences()), (0, &[][..]));
    }
}

/// Whatever the audience.
#[test]
fn the_box_sends_two_copies() {
    for size in [2, 4, 8, 40] {
        let mut swarm = settled(calm(1), size);
        let before = swarm.box_bytes();
        swarm.run(Duration::from_secs(10));
        let after = swarm.box_bytes();
        let copies = (after.feeds - before.feeds) as f64 / (after.sealed - before.sealed) as f64;
        assert!((2.0..2.02).contains(&copies), "{copies} copies to {size}");
        assert_eq!(
            after.control, before.control,
            "nothing happened, nothing to say"
        );
        let per_join = before.control / size as u64;
        assert!(per_join < 2_048, "{per_join} bytes per join");
    }
}

/// However much quicker a helper's way is than the parent's.
#[test]
fn nobody_is_fed_twice_for_long() {
    let mut swarm = settled(calm(1), 62);
    let received = |swarm: &Swarm| -> Vec<u64> {
        swarm
            .pages()
            .map(|page| stats(swarm, page).bytes_in.total())
            .collect()
    };
    let (before, sealed_before) = (received(&swarm), swarm.box_bytes().sealed);
    swarm.run(Duration::from_secs(10));
    let sealed = (swarm.box_bytes().sealed - sealed_before) as f64;
    for (before, after) in before.iter().zip(received(&swarm)) {
        let copies = (after - before) as f64 / sealed;
        assert!((0.95..1.1).contains(&copies), "{copies} copies to one page");
    }
}

#[test]
fn poor_wireless_costs_little_picture() {
    let conditions = Conditions {
        loss: 0.005,
        ..Conditions::calm()
    };
    let mut swarm = settled(Swarm::new(world(1, conditions)), 14);
    swarm.mark();
    swarm.run(Duration::from_secs(20));
    let skipped: Duration = playbacks(&swarm).map(|(_, seen)| seen.skipped).sum();
    assert!(
        skipped < Duration::from_secs(20) * 14 / 200,
        "{skipped:?} of 14 times 20 s"
    );
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut swarm = settled(calm(seed), 10);
        let victim = swarm.any_page().expect("ten pages");
        swarm.kill(victim);
        swarm.run(Duration::from_secs(10));
        swarm.trace()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}
