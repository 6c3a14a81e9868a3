//! Arithmetic of places: the only module that knows how slots are numbered.

use peerstream_wire::Tree;

/// A place in one of the trees: twice the slot, plus one in tree B. Sorted, places go
/// from the top down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(u32);

impl Place {
    pub(crate) fn new(slot: u32, tree: Tree) -> Place {
        Place(slot * 2 + u32::from(tree == Tree::B))
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

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A complete binary forest with a number of roots.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Geometry {
    roots: u32,
}

impl Geometry {
    /// At least one root, whatever is asked for.
    pub(crate) fn new(roots: u16) -> Geometry {
        Geometry {
            roots: u32::from(roots.max(1)),
        }
    }

    pub(crate) fn is_root(self, place: Place) -> bool {
        place.slot() < self.roots
    }

    /// The place above, in the same tree.
    pub(crate) fn parent(self, place: Place) -> Option<Place> {
        let below = place.slot().checked_sub(self.roots)?;
        Some(Place::new(below / 2, place.tree()))
    }

    /// The two places below, in the same tree.
    pub(crate) fn children(self, place: Place) -> [Place; 2] {
        let first = self.roots + place.slot() * 2;
        [
            Place::new(first, place.tree()),
            Place::new(first + 1, place.tree()),
        ]
    }

    /// Links from the box to the place: 1 for a root.
    pub(crate) fn depth(self, place: Place) -> u8 {
        // Level d holds roots * 2^(d-1) slots and begins at roots * (2^(d-1) - 1).
        let level = (place.slot() / self.roots + 1).ilog2();
        level as u8 + 1
    }

    /// Whether occupants of the two places have a link: in one slot, or in one slot and
    /// the slot above it.
    pub(crate) fn linked(self, a: Place, b: Place) -> bool {
        let above = |lower: Place, upper: Place| {
            self.parent(lower)
                .is_some_and(|parent| parent.slot() == upper.slot())
        };
        a.partner() == b || above(a, b) || above(b, a)
    }

    /// Every place that is linked with this one.
    pub(crate) fn neighbours(self, place: Place) -> impl Iterator<Item = Place> {
        let parent = self.parent(place);
        let children = self.children(place);
        [Some(place.partner()), parent, parent.map(Place::partner)]
            .into_iter()
            .flatten()
            .chain(
                children
                    .into_iter()
                    .flat_map(|child| [child, child.partner()]),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_and_children_agree() {
        for roots in 1..=5 {
            let geometry = Geometry::new(roots);
            for slot in 0..1000 {
                for tree in Tree::BOTH {
                    let place = Place::new(slot, tree);
                    for child in geometry.children(place) {
                        assert_eq!(geometry.parent(child), Some(place));
                        assert_eq!(geometry.depth(child), geometry.depth(place) + 1);
                    }
                    assert_eq!(geometry.parent(place).is_none(), geometry.is_root(place));
                    assert_eq!(geometry.depth(place) == 1, geometry.is_root(place));
                }
            }
        }
    }

    #[test]
    fn neighbours_are_those_that_are_linked() {
        let geometry = Geometry::new(3);
        let places = || (0..120).flat_map(|slot| Tree::BOTH.map(|tree| Place::new(slot, tree)));
        for place in places().take(60) {
            for other in places() {
                let neighbour = geometry.neighbours(place).any(|found| found == other);
                assert_eq!(
                    geometry.linked(place, other),
                    neighbour,
                    "{place:?} {other:?}"
                );
                assert_eq!(
                    geometry.linked(other, place),
                    neighbour,
                    "{other:?} {place:?}"
                );
            }
        }
    }
}
