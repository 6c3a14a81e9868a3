//! The first place that there is.

use peerstream_wire::{Assignment, Parent, Tree};

/// At the top of tree A, alone.
pub(crate) fn top() -> Assignment {
    Assignment {
        epoch: 1,
        tree: Tree::A,
        depth: 1,
        parent: Parent::Box,
        partner: None,
        reserve: None,
        children: vec![],
        wards: vec![],
        hub: None,
        rendition: 0,
    }
}
