//! With one direct feed, while it is not known whether the node that gets it is there.

mod audience;

use core::time::Duration;

use audience::Audience;
use peerstream_overlay::{Config, Coordinator, defaults};
use peerstream_wire::{Complaint, NodeId, Parent, ToBox, Tree};

/// An audience with one feed that has been there for a while, and who is at the top.
fn audience() -> (Audience, [NodeId; 2]) {
    let mut audience = Audience::new(1);
    audience.coordinator = Coordinator::new(Config {
        feeds: 1,
        ..Config::default()
    });
    for _ in 0..60 {
        audience.join();
    }
    audience.now += Duration::from_secs(60);
    audience.coordinator.timeout(audience.now);
    audience.deliver();
    let root = audience
        .told
        .iter()
        .find(|(_, place)| place.parent == Parent::Box);
    let (root, partner) = root
        .map(|(node, place)| (*node, place.partner))
        .expect("somebody is fed");
    let partner = partner.expect("it has a partner");
    assert_eq!(audience.told[&partner].parent, Parent::Node(root));
    assert_eq!(audience.feeds.iter().copied().collect::<Vec<_>>(), [root]);
    (audience, [root, partner])
}

fn says(audience: &mut Audience, node: NodeId, message: ToBox) {
    let heard = audience.coordinator.message(audience.now, node, message);
    assert_eq!(heard, Ok(()));
    audience.deliver();
}

/// Somebody whom the root feeds hears nothing from it.
fn is_silent(audience: &mut Audience, root: NodeId, by: NodeId) {
    let (peer, complaint, behind_ms) = (root, Complaint::Silent, 0);
    says(
        audience,
        by,
        ToBox::Report {
            peer,
            complaint,
            behind_ms,
        },
    );
    assert_eq!(audience.probed.last(), Some(&root));
}

#[test]
fn the_box_feeds_the_partner_until_the_root_has_answered() {
    let (mut audience, [root, partner]) = audience();
    is_silent(&mut audience, root, partner);
    assert_eq!(audience.told[&partner].parent, Parent::Box);
    assert!(audience.feeds.contains(&partner));
    audience.now += Duration::from_millis(50);
    says(&mut audience, root, ToBox::Alive);
    assert_eq!(audience.feeds.len(), 1);
    assert_eq!(audience.known(), audience.meant());
}

#[test]
fn it_goes_on_where_the_root_is_gone() {
    let (mut audience, [root, partner]) = audience();
    let mut children = audience.told[&root].children.iter().copied();
    let child = children.rfind(|child| *child != partner);
    // Whoever says so.
    is_silent(&mut audience, root, child.expect("it feeds others"));
    assert!(audience.feeds.contains(&partner));
    audience.now += defaults::PROBE_ANSWER;
    audience.coordinator.timeout(audience.now);
    audience.told.remove(&root);
    audience.deliver();
    assert_eq!(
        audience.feeds.iter().copied().collect::<Vec<_>>(),
        [partner]
    );
    let place = &audience.told[&partner];
    assert_eq!((place.parent, place.tree), (Parent::Box, Tree::A));
    assert!(place.partner.is_some());
}

#[test]
fn with_two_feeds_nobody_needs_that() {
    let mut audience = Audience::of(1, 60);
    audience.now += Duration::from_secs(60);
    let roots: Vec<NodeId> = audience.feeds.iter().copied().collect();
    is_silent(&mut audience, roots[0], roots[1]);
    assert_eq!(audience.feeds.iter().copied().collect::<Vec<_>>(), roots);
}
