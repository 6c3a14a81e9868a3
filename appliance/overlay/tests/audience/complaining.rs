//! Nodes that complain of others.

use core::time::Duration;

use peerstream_wire::{Complaint, NodeId, Parent, ToBox};

use super::Audience;

pub(crate) fn settled(size: usize) -> Audience {
    let mut audience = Audience::of(1, size);
    audience.now += Duration::from_secs(60);
    audience
}

/// A leaf and its parent.
pub(crate) fn leaf(audience: &Audience) -> (NodeId, NodeId) {
    let mut found = audience
        .told
        .iter()
        .filter_map(|(node, told)| match told.parent {
            Parent::Node(parent) if told.children.is_empty() && told.wards.is_empty() => {
                Some((*node, parent))
            }
            _ => None,
        });
    found.next().expect("large enough")
}

pub(crate) fn parent_of_two(audience: &Audience) -> (NodeId, Vec<NodeId>) {
    let mut found = audience
        .told
        .iter()
        .filter(|(_, told)| told.children.len() >= 2);
    let (node, told) = found.next().expect("large enough");
    (*node, told.children.clone())
}

/// The same, fed by a node, and with children that feed others.
pub(crate) fn parent_of_two_with_parent(audience: &Audience) -> (NodeId, Vec<NodeId>) {
    let mut found = audience.told.iter().filter(|(_, told)| {
        let fed = |child: &NodeId| !audience.told[child].children.is_empty();
        matches!(told.parent, Parent::Node(_))
            && told.depth > 2
            && told.children.len() >= 2
            && told.children.iter().all(fed)
    });
    let (node, told) = found.next().expect("large enough");
    (*node, told.children.clone())
}

pub(crate) fn feeds_nobody(audience: &Audience, node: NodeId) -> bool {
    let place = audience.coordinator.assignment(node).expect("is there");
    place.children.is_empty()
}

/// Whoever feeds the node leaves, and others join, until it has a child.
pub(crate) fn climb(audience: &mut Audience, node: NodeId) {
    for _ in 0..200 {
        let place = audience.coordinator.assignment(node).expect("is there");
        if !place.children.is_empty() {
            return;
        }
        match place.parent {
            Parent::Node(parent) => {
                audience.leave(parent);
                audience.join();
            }
            Parent::Box => churn(audience, node, 1),
        }
    }
    panic!("it never rose");
}

/// The eldest but one leaves, and another comes.
pub(crate) fn churn(audience: &mut Audience, keep: NodeId, times: usize) {
    for _ in 0..times {
        let eldest = audience.nodes().into_iter().find(|node| *node != keep);
        audience.leave(eldest.expect("several"));
        audience.join();
    }
}

pub(crate) fn complain(
    audience: &mut Audience,
    from: NodeId,
    peer: NodeId,
    complaint: Complaint,
    behind_ms: u16,
) {
    let report = ToBox::Report {
        peer,
        complaint,
        behind_ms,
    };
    say(audience, from, report);
}

/// Whether it was heard: the two may have been put apart already.
pub(crate) fn try_to_complain(
    audience: &mut Audience,
    from: NodeId,
    peer: NodeId,
    complaint: Complaint,
) -> bool {
    let linked = audience
        .told
        .get(&from)
        .is_some_and(|told| told.peers().any(|other| other == peer));
    let report = ToBox::Report {
        peer,
        complaint,
        behind_ms: 100,
    };
    let said = audience.coordinator.message(audience.now, from, report);
    audience.deliver();
    linked && said.is_ok()
}

pub(crate) fn say(audience: &mut Audience, from: NodeId, message: ToBox) {
    let said = audience.coordinator.message(audience.now, from, message);
    assert_eq!(said, Ok(()));
    audience.deliver();
}
