//! A page that alters what it passes on.

mod audience;

use core::time::Duration;

use audience::{calm, parent_at, playbacks, settled, stats};
use peerstream_simulation::{Attack, Conduct, PageId};

#[test]
fn a_forger_is_refused_and_others_play() {
    for depth in 1..=3 {
        let mut swarm = settled(calm(depth.into()), 30);
        let forger = parent_at(&swarm, depth);
        let children: Vec<PageId> = stats(&swarm, forger)
            .children
            .iter()
            .filter_map(|child| swarm.page(child.peer))
            .collect();
        swarm.conduct(forger, Conduct::hostile(Attack::Forger));
        swarm.mark();
        swarm.run(Duration::from_secs(20));
        for (page, playback) in playbacks(&swarm) {
            let refused = stats(&swarm, page).fragments_refused;
            let what = format!("{page:?} refused {refused}: {playback:?}");
            assert_eq!(
                (playback.wrong, playback.skipped),
                (0, Duration::ZERO),
                "{what}"
            );
            assert!(playback.shown >= 198, "{what}");
            assert!(playback.latest < Duration::from_millis(800), "{what}");
            assert!(refused > 0 || !children.contains(&page), "{what}");
            // Whoever has found it out does not go on listening.
            assert!(refused < 20, "{what}");
        }
        let refused_by = swarm
            .pages()
            .filter(|page| stats(&swarm, *page).fragments_refused > 0);
        // Its children, and perhaps whoever else it was a helper of.
        assert!((2..=5).contains(&refused_by.count()));
    }
}
