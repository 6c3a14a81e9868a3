//! The name of a place in the trees.

use peerstream_wire::Tree;

/// A place in one of the trees: twice the slot, plus one in tree B.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(u32);

impl Place {
    pub(crate) fn new(slot: u32, tree: Tree) -> Place {
        Place(slot * 2 + u32::from(tree == Tree::B))
    }

    pub(crate) fn from_index(index: u32) -> Place {
        Place(index)
    }

    pub(crate) fn slot(self) -> u32 {
        self.0 / 2
    }

    pub(crate) fn tree(self) -> Tree {
        if self.0.is_multiple_of(2) {
            Tree::A
        } else {
            Tree::B
        }
    }

    /// The other place of the slot.
    pub(crate) fn partner(self) -> Place {
        Place(self.0 ^ 1)
    }

    pub(crate) fn index(self) -> u32 {
        self.0
    }

    /// 0 in tree A, 1 in tree B.
    pub(crate) fn side(self) -> usize {
        (self.0 & 1) as usize
    }
}
