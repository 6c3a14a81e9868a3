//! Complaints that nothing follows from, or that fall back on who makes them.

mod audience;

use audience::complaining::*;
use peerstream_overlay::defaults;
use peerstream_wire::{Complaint, NodeId, Notice, Parent, ToBox};

#[test]
fn who_has_just_been_given_a_parent_is_not_heard_yet() {
    let mut audience = settled(60);
    let newcomer = audience.join();
    let Parent::Node(parent) = audience.told[&newcomer].parent else {
        panic!("has a parent")
    };
    for (later, separated) in [
        (defaults::COMPLAINT_GRACE / 2, 0),
        (defaults::COMPLAINT_GRACE, 1),
    ] {
        audience.now += later;
        complain(&mut audience, newcomer, parent, Complaint::Late, 2_000);
        assert_eq!(audience.coordinator.status().separated, separated);
    }
}

#[test]
fn if_everybody_complains_at_once_nobody_is_made_a_leaf() {
    let mut audience = settled(100);
    for node in audience.nodes() {
        if let Parent::Node(parent) = audience.told[&node].parent {
            try_to_complain(&mut audience, node, parent, Complaint::Late);
        }
    }
    let status = audience.coordinator.status();
    assert!(
        status.separated <= 100 / defaults::ALARM_SHARE as u64,
        "{status:?}"
    );
    assert!(status.underperforming <= 6, "{status:?}");
}

#[test]
fn who_is_far_behind_itself_is_not_to_blame() {
    let mut audience = settled(120);
    let (accused, children) = parent_of_two_with_parent(&audience);
    let Parent::Node(above) = audience.told[&accused].parent else {
        panic!("has a parent")
    };
    let behind_ms = defaults::FAR_BEHIND_MS;
    let before = audience.told[&above].children.clone();
    complain(&mut audience, accused, above, Complaint::Late, behind_ms);
    for child in children {
        let message = ToBox::Report {
            peer: accused,
            complaint: Complaint::Late,
            behind_ms,
        };
        let _ = audience.coordinator.message(audience.now, child, message);
        audience.deliver();
    }
    assert_eq!(audience.coordinator.status().underperforming, 0);
    assert!(!before.is_empty());
}

#[test]
fn who_complains_of_everybody_goes_to_the_bottom_itself() {
    let mut audience = settled(200);
    let mut complainer = None;
    for _ in 0..10 {
        let node = *complainer.get_or_insert_with(|| parent_of_two_with_parent(&audience).0);
        let Parent::Node(parent) = audience.told[&node].parent else {
            break;
        };
        audience.now += defaults::COMPLAINT_GRACE;
        try_to_complain(&mut audience, node, parent, Complaint::Late);
    }
    let node = complainer.expect("one");
    assert!(feeds_nobody(&audience, node));
    assert_eq!(audience.coordinator.status().underperforming, 1);
}

#[test]
fn if_most_of_an_audience_lags_those_at_the_bottom_are_told() {
    let mut audience = settled(40);
    let behind_ms = defaults::FAR_BEHIND_MS + 1;
    for node in audience.nodes() {
        if let Parent::Node(peer) = audience.told[&node].parent {
            let message = ToBox::Report {
                peer,
                complaint: Complaint::Late,
                behind_ms,
            };
            let _ = audience.coordinator.message(audience.now, node, message);
            audience.deliver();
        }
    }
    let told: Vec<NodeId> = audience.notices.iter().map(|(node, _)| *node).collect();
    assert!(!told.is_empty());
    assert!(
        audience
            .notices
            .iter()
            .all(|(_, notice)| *notice == Notice::TooSlow)
    );
    let mut once = told.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), told.len(), "told once");
}
