//! The invariants of the trees, for any sequence of joins and departures. Everything is
//! judged by what the nodes have been told.

mod audience;

use audience::{Audience, events};
use peerstream_wire::{Assignment, NodeId, Parent, Tree};
use proptest::prelude::*;

proptest! {
    #[test]
    fn the_invariants_hold(root_pairs in 1..=4u16, events in events()) {
        let mut audience = Audience::new(root_pairs);
        for event in &events {
            audience.happen(event);
            check(&audience, root_pairs);
        }
    }

    #[test]
    fn any_one_node_can_vanish(root_pairs in 1..=4u16, events in events()) {
        let mut audience = Audience::new(root_pairs);
        for event in &events {
            audience.happen(event);
        }
        prop_assert_eq!(audience.fed_without(None).len(), audience.told.len());
        for gone in audience.nodes() {
            let fed = audience.fed_without(Some(gone));
            prop_assert_eq!(fed.len(), audience.told.len() - 1, "without {:?}", gone);
        }
    }

    /// Newcomers go to the bottom and older children move up, so as long as places at the
    /// bottom are taken by newcomers, and nobody leaps, parents are older.
    #[test]
    fn staying_is_rewarded(size in 17..120usize, departures in prop::collection::vec(any::<usize>(), 0..100)) {
        let mut audience = Audience::of(1, size);
        for rank in departures {
            let nodes = audience.nodes();
            let node = nodes[rank % nodes.len()];
            if generations_below(&audience, node) <= 2 {
                audience.leave(node);
                audience.join();
            }
        }
        for (node, told) in &audience.told {
            if let Parent::Node(parent) = told.parent {
                prop_assert!(parent < *node, "{:?} feeds the older {:?}", parent, node);
            }
        }
    }
}

#[test]
fn a_settled_audience_is_complete() {
    for root_pairs in 1..=4u16 {
        for size in 0..200usize {
            let audience = Audience::of(root_pairs, size);
            let status = audience.coordinator.status();
            assert_eq!(status.viewers, size);
            assert_eq!(status.nodes, [size.div_ceil(2), size / 2]);
            assert_eq!(audience.feeds.len(), size.min(2 * usize::from(root_pairs)));
            let alone = audience
                .told
                .iter()
                .filter(|(node, told)| !mutual(&audience, **node, told));
            assert_eq!(alone.count(), size % 2);
        }
    }
}

#[test]
fn a_mass_departure_keeps_the_shape() {
    for root_pairs in [1, 3] {
        let mut audience = Audience::of(root_pairs, 4_000);
        // No newcomers, and whoever leaves is spread over all depths.
        for departure in 0..3_990usize {
            let nodes = audience.nodes();
            audience.leave(nodes[departure * 7_919 % nodes.len()]);
            if departure % 50 == 0 || nodes.len() < 40 {
                check(&audience, root_pairs);
                assert_eq!(audience.fed_without(None).len(), audience.told.len());
            }
        }
    }
}

#[test]
fn an_empty_stream_starts_over() {
    let mut audience = Audience::of(2, 9);
    for node in audience.nodes() {
        audience.leave(node);
    }
    assert_eq!(
        audience.coordinator.status(),
        peerstream_overlay::Status::default()
    );
    let first = audience.join();
    let told = &audience.told[&first];
    assert_eq!(
        (told.tree, told.parent, told.partner),
        (Tree::A, Parent::Box, None)
    );
}

#[test]
fn the_last_of_two_keeps_its_feed() {
    for leaver in 0..2 {
        let mut audience = Audience::of(1, 2);
        let nodes = audience.nodes();
        audience.leave(nodes[leaver]);
        let told = &audience.told[&nodes[1 - leaver]];
        assert_eq!(
            (told.parent, told.partner, told.reserve),
            (Parent::Box, None, None)
        );
        assert!(audience.feeds.contains(&nodes[1 - leaver]));
    }
}

/// All that must be true of an audience at any time.
fn check(audience: &Audience, root_pairs: u16) {
    let status = audience.coordinator.status();
    let size = audience.told.len();
    assert_eq!(status.viewers, size);
    assert_eq!(status.nodes.iter().sum::<usize>(), size);
    assert_eq!(audience.feeds.len(), size.min(2 * usize::from(root_pairs)));
    let mut alone = 0;
    for (&node, told) in &audience.told {
        let size = status.nodes[told.tree as usize];
        let limit = size.next_power_of_two().ilog2() + 1;
        assert!(
            u32::from(told.depth) <= limit,
            "depth {} of {size}",
            told.depth
        );
        check_parent(audience, node, told);
        check_partner(audience, node, told);
        alone += usize::from(!mutual(audience, node, told));
        assert!(told.children.len() <= 2 && told.wards.len() <= 2);
        for child in &told.children {
            assert_eq!(audience.told[child].parent, Parent::Node(node));
        }
        for ward in &told.wards {
            assert_eq!(audience.told[ward].reserve, Some(node));
        }
        assert!(
            told.peers()
                .all(|peer| peer != node && audience.told.contains_key(&peer))
        );
    }
    assert!(
        alone <= 1 + size / 16,
        "{alone} of {size} are without a partner of their own"
    );
    let depth = audience.told.values().map(|told| told.depth).max();
    assert_eq!(status.depth, depth.unwrap_or(0));
}

/// One parent, of the same tree and one level up, so that there is no cycle.
fn check_parent(audience: &Audience, node: NodeId, told: &Assignment) {
    assert_eq!(told.parent == Parent::Box, audience.feeds.contains(&node));
    let Parent::Node(parent) = told.parent else {
        assert_eq!((told.depth, told.reserve), (1, None));
        return;
    };
    let above = &audience.told[&parent];
    assert_eq!((above.tree, above.depth + 1), (told.tree, told.depth));
    assert!(above.children.contains(&node));
    let reserve = told.reserve.expect("a parent with children has a partner");
    assert_eq!(above.partner, Some(reserve));
    assert_eq!(audience.told[&reserve].tree, told.tree.other());
    assert!(audience.told[&reserve].wards.contains(&node));
}

/// One partner, in the same position of the other tree; whoever is alone there is a leaf
/// and has its reserve instead, or the box alone.
fn check_partner(audience: &Audience, node: NodeId, told: &Assignment) {
    if mutual(audience, node, told) {
        let partner = &audience.told[&told.partner.expect("mutual")];
        assert_eq!(
            (partner.tree, partner.depth),
            (told.tree.other(), told.depth)
        );
        assert_eq!(
            partner.reserve.map(Parent::Node).unwrap_or(Parent::Box),
            told.parent
        );
    } else {
        assert_eq!(told.partner, told.reserve);
        assert!(told.children.is_empty() && told.wards.is_empty());
    }
}

fn mutual(audience: &Audience, node: NodeId, told: &Assignment) -> bool {
    told.partner
        .is_some_and(|partner| audience.told[&partner].partner == Some(node))
}

/// How long the line of older children below a node is.
fn generations_below(audience: &Audience, node: NodeId) -> usize {
    let older = audience.told[&node].children.iter().min();
    older.map_or(0, |&child| 1 + generations_below(audience, child))
}
