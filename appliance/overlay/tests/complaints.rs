//! Nodes that do not do their part, and nodes that say so of others.

mod audience;

use core::time::Duration;

use audience::{Audience, complaining::*};
use peerstream_overlay::{Network, Newcomer, defaults};
use peerstream_wire::{Complaint, NodeId, Parent, Refusal, ToBox};
use proptest::prelude::*;

#[test]
fn one_word_puts_two_apart_and_harms_nobody() {
    for complaint in [Complaint::Late, Complaint::Withholding, Complaint::Forged] {
        let mut audience = settled(60);
        let (child, parent) = leaf(&audience);
        complain(&mut audience, child, parent, complaint, 300);
        assert_ne!(
            audience.told[&child].parent,
            Parent::Node(parent),
            "{complaint:?}"
        );
        assert!(!audience.told[&parent].children.is_empty(), "{complaint:?}");
        let status = audience.coordinator.status();
        assert_eq!((status.separated, status.underperforming), (1, 0));
        assert_eq!(audience.known(), audience.meant());
    }
}

#[test]
fn the_word_of_one_address_is_one_word() {
    let mut audience = Audience::new(1);
    for _ in 0..60 {
        audience.newcomer(at_home());
    }
    audience.now += Duration::from_secs(60);
    let accused = NodeId(3);
    for round in 0..20 {
        let neighbours: Vec<NodeId> = audience.told[&accused].peers().collect();
        for peer in neighbours {
            try_to_complain(&mut audience, peer, accused, Complaint::Forged);
        }
        audience.now += Duration::from_secs(round);
    }
    assert_eq!(audience.refused, []);
    // But those who complained of many are no longer believed.
    assert!(audience.told.contains_key(&accused));
}

#[test]
fn two_of_different_addresses_send_it_to_the_bottom() {
    let mut audience = settled(60);
    let (accused, children) = parent_of_two(&audience);
    let [one, other, ..] = children[..] else {
        panic!("two children")
    };
    complain(&mut audience, one, accused, Complaint::Withholding, 900);
    try_to_complain(&mut audience, other, accused, Complaint::Late);
    assert_eq!(audience.coordinator.status().underperforming, 0, "a moment");
    audience.now += defaults::LASTS;
    for child in [one, other] {
        try_to_complain(&mut audience, child, accused, Complaint::Late);
    }
    assert_eq!(audience.told[&accused].children, []);
    assert_eq!(audience.coordinator.status().underperforming, 1);
    assert_eq!(audience.known(), audience.meant());
    // It offers as much as it likes.
    say(&mut audience, accused, ToBox::Capacity { copies: 4 });
    churn(&mut audience, accused, 100);
    assert!(feeds_nobody(&audience, accused));
    // After a while it may show that it has recovered.
    audience.now += defaults::PARDON;
    audience.coordinator.timeout(audience.now);
    assert_eq!(audience.coordinator.status().underperforming, 0);
}

#[test]
fn who_underperforms_again_and_again_stays_a_leaf() {
    let mut audience = settled(60);
    for _ in 0..defaults::PARDONS {
        let accused = NodeId(3);
        climb(&mut audience, accused);
        let place = audience.told[&accused].clone();
        audience.now += defaults::COMPLAINT_GRACE;
        for _ in 0..2 {
            for fed in place.children.iter().take(1).chain(&place.partner) {
                try_to_complain(&mut audience, *fed, accused, Complaint::Late);
            }
            audience.now += defaults::LASTS;
        }
        assert_eq!(audience.coordinator.status().underperforming, 1);
        audience.now += defaults::PARDON;
        audience.coordinator.timeout(audience.now);
        audience.deliver();
    }
    assert_eq!(
        audience.coordinator.status().underperforming,
        1,
        "no pardon"
    );
    churn(&mut audience, NodeId(3), 200);
    assert!(feeds_nobody(&audience, NodeId(3)));
}

#[test]
fn forgery_said_by_three_addresses_ends_it() {
    let mut audience = settled(60);
    let (accused, _) = parent_of_two(&audience);
    let mut said: Vec<NodeId> = Vec::new();
    while said.len() < defaults::WORDS_FOR_REFUSAL {
        let peer = audience.told[&accused]
            .peers()
            .find(|peer| !said.contains(peer) && audience.told.contains_key(peer));
        match peer {
            Some(peer) => {
                let heard = try_to_complain(&mut audience, peer, accused, Complaint::Forged);
                assert!(heard);
                said.push(peer);
            }
            // It has only neighbours who have said it already.
            None => churn(&mut audience, accused, 1),
        }
        let words = said.len();
        let out = audience.refused == [(accused, Refusal::Forging)];
        assert_eq!(out, words >= defaults::WORDS_FOR_REFUSAL, "after {words}");
        assert!(out || words < defaults::WORDS_FOR_LEAF || feeds_nobody(&audience, accused));
    }
    let status = audience.coordinator.status();
    assert_eq!((status.refused, status.viewers), (1, 59));
}

#[test]
fn roots_that_keep_everything_from_everybody_are_replaced_though_both_do() {
    let mut audience = settled(60);
    let of_the_box = |audience: &Audience| -> Vec<NodeId> {
        let told = audience.told.iter();
        let roots = told.filter(|(_, told)| told.parent == Parent::Box);
        roots.map(|(node, _)| *node).collect()
    };
    let mute = of_the_box(&audience);
    let below = audience.told.clone();
    // They notice within the same moment, and the roots answer the box.
    for (node, told) in below {
        let Parent::Node(peer) = told.parent else {
            continue;
        };
        if mute.contains(&peer) {
            try_to_complain(&mut audience, node, peer, Complaint::Silent);
        }
    }
    assert_eq!(audience.probed, mute);
    for root in &mute {
        say(&mut audience, *root, ToBox::Alive);
    }
    for root in &mute {
        assert!(feeds_nobody(&audience, *root), "{root:?}");
        assert!(!of_the_box(&audience).contains(root), "{root:?}");
    }
    assert_eq!(audience.refused, []);
}

#[test]
fn one_child_that_hears_nothing_deposes_no_root() {
    let mut audience = settled(60);
    let (child, root) = audience
        .told
        .iter()
        .find_map(|(node, told)| match told.parent {
            Parent::Node(parent) if told.depth == 2 => Some((*node, parent)),
            _ => None,
        })
        .expect("large enough");
    assert!(try_to_complain(
        &mut audience,
        child,
        root,
        Complaint::Silent
    ));
    say(&mut audience, root, ToBox::Alive);
    assert_eq!(audience.told[&root].parent, Parent::Box);
}

#[test]
fn partners_who_withhold_together_are_found_by_the_capture_time() {
    let mut audience = settled(60);
    // If both roots are late it is the box.
    let (accused, children) = parent_of_two_with_parent(&audience);
    let liar = audience.told[&accused].partner.expect("has children");
    let one = children[0];
    let other = audience.told[&one].partner.expect("a pair");
    let behind_ms = defaults::FAR_BEHIND_MS;
    assert_eq!(audience.told[&other].parent, Parent::Node(liar));
    // One word of each side, and each of another node.
    let word = |peer| ToBox::Report {
        peer,
        complaint: Complaint::Late,
        behind_ms,
    };
    let now = audience.now;
    assert_eq!(
        audience.coordinator.message(now, one, word(accused)),
        Ok(())
    );
    assert_eq!(audience.coordinator.message(now, other, word(liar)), Ok(()));
    audience.deliver();
    assert!(feeds_nobody(&audience, accused) && feeds_nobody(&audience, liar));
}

#[test]
fn a_node_that_learns_that_it_carries_nothing_becomes_a_leaf_without_blame() {
    let mut audience = settled(60);
    let (node, _) = parent_of_two(&audience);
    say(&mut audience, node, ToBox::Capacity { copies: 0 });
    assert!(feeds_nobody(&audience, node));
    assert_eq!(audience.coordinator.status().underperforming, 0);
    assert_eq!(audience.known(), audience.meant());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever one address sends, and whatever they say: no honest node is turned away.
    #[test]
fn nobody_is_refused_on_the_word_of_one_address(
        says in prop::collection::vec((1..50u32, 0..6usize, 0..5u8, any::<u16>(), 0..9u64), 0..200),
    ) {
        let mut audience = Audience::new(1);
        for node in 0..50 {
            if node % 3 == 0 { audience.newcomer(at_home()) } else { audience.join() };
        }
        for (from, which, what, behind_ms, later) in says {
            audience.now += Duration::from_secs(later);
            let from = NodeId(from - from % 3 + 1);
            let Some(told) = audience.told.get(&from) else { continue };
            let Some(peer) = told.peers().nth(which) else { continue };
            let complaint = [
                Complaint::Forged,
                Complaint::Silent,
                Complaint::Withholding,
                Complaint::Late,
                Complaint::Flooding,
            ][usize::from(what)];
            let report = ToBox::Report { peer, complaint, behind_ms };
            let _ = audience.coordinator.message(audience.now, from, report);
            audience.deliver();
            for node in std::mem::take(&mut audience.probed) {
                let _ = audience.coordinator.message(audience.now, node, ToBox::Alive);
            }
            audience.coordinator.timeout(audience.now);
            audience.deliver();
            prop_assert_eq!(audience.known(), audience.meant());
        }
        prop_assert_eq!(&audience.refused, &vec![]);
        prop_assert_eq!(audience.coordinator.status().viewers, 50);
    }
}

/// Everyone behind one router.
fn at_home() -> Newcomer {
    Newcomer {
        network: Network {
            address: 7,
            prefix: 7,
        },
        copies: 2,
    }
}
