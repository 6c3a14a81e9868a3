//! What a node has been told of its place, in little memory.

use peerstream_wire::{Assignment, MAX_CHILDREN, NodeId, Parent, Tree};

use crate::{forest::Forest, place::Place, slots::State};

/// Nobody; never handed out.
pub(crate) const NOBODY: NodeId = NodeId(0);

/// A place, as an [`Assignment`] has it, without memory of its own elsewhere. The lists
/// begin with whoever there is and end with [`NOBODY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// [`NOBODY`] for the box.
    pub(crate) parent: NodeId,
    pub(crate) partner: NodeId,
    pub(crate) reserve: NodeId,
    pub(crate) hub: NodeId,
    pub(crate) children: [NodeId; MAX_CHILDREN],
    pub(crate) wards: [NodeId; MAX_CHILDREN],
    pub(crate) tree: Tree,
    pub(crate) depth: u8,
}

impl Default for Told {
    fn default() -> Told {
        Told {
            parent: NOBODY,
            partner: NOBODY,
            reserve: NOBODY,
            hub: NOBODY,
            children: [NOBODY; MAX_CHILDREN],
            wards: [NOBODY; MAX_CHILDREN],
            tree: Tree::A,
            depth: 0,
        }
    }
}

impl Told {
    /// How things are at a place; none if nobody is there, or it is in no tree.
    pub(crate) fn of(forest: &Forest, place: Place) -> Option<Told> {
        let slot = forest.slots().get(place.slot())?;
        slot.occupant(place.side())?;
        if !slot.is_attached() {
            return None;
        }
        let who = |place: Place| forest.occupant(place).unwrap_or(NOBODY);
        let parent = forest.parent(place);
        let reserve = parent
            .filter(|_| slot.state == State::Hung)
            .map_or(NOBODY, |above| who(above.partner()));
        let partner = match who(place.partner()) {
            NOBODY => reserve,
            partner => partner,
        };
        let other = place.tree().other();
        let wards = slot
            .below()
            .iter()
            .map(|below| who(Place::new(*below, other)));
        Some(Told {
            parent: parent.map_or(NOBODY, who),
            partner,
            reserve,
            hub: NOBODY,
            children: listed(forest.children(place).map(who)),
            wards: listed(wards),
            tree: place.tree(),
            depth: forest.depth(place),
        })
    }

    /// What a node says that it was told.
    pub(crate) fn claimed(place: &Assignment) -> Told {
        Told {
            parent: match place.parent {
                Parent::Box => NOBODY,
                Parent::Node(parent) => parent,
            },
            partner: place.partner.unwrap_or(NOBODY),
            reserve: place.reserve.unwrap_or(NOBODY),
            hub: NOBODY,
            children: listed(place.children.iter().copied()),
            wards: listed(place.wards.iter().copied()),
            tree: place.tree,
            depth: place.depth,
        }
    }

    /// The same as a message has it.
    pub(crate) fn assignment(&self, epoch: u32) -> Assignment {
        let anybody = |node: NodeId| (node != NOBODY).then_some(node);
        let all = |nodes: [NodeId; MAX_CHILDREN]| nodes.into_iter().filter_map(anybody).collect();
        Assignment {
            epoch,
            tree: self.tree,
            depth: self.depth,
            parent: anybody(self.parent).map_or(Parent::Box, Parent::Node),
            partner: anybody(self.partner),
            reserve: anybody(self.reserve),
            children: all(self.children),
            wards: all(self.wards),
            hub: anybody(self.hub),
            rendition: 0,
        }
    }

    /// Everyone that it names; some perhaps twice.
    pub(crate) fn named(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.roles().filter(|node| *node != NOBODY)
    }

    /// Who is in which role, always in the same order.
    pub(crate) fn roles(&self) -> impl Iterator<Item = NodeId> + '_ {
        [self.parent, self.partner, self.reserve]
            .into_iter()
            .chain(self.children)
            .chain(self.wards)
    }

    /// Whether it names this node in any role.
    pub(crate) fn names(&self, node: NodeId) -> bool {
        node != NOBODY
            && (self.parent == node
                || self.partner == node
                || self.reserve == node
                || self.children.contains(&node)
                || self.wards.contains(&node))
    }

    /// Whether the partner is one, and not the reserve standing in.
    pub(crate) fn has_partner(&self) -> bool {
        self.partner != NOBODY && self.partner != self.reserve
    }
}

fn listed(nodes: impl Iterator<Item = NodeId>) -> [NodeId; MAX_CHILDREN] {
    let mut list = [NOBODY; MAX_CHILDREN];
    let there = nodes.filter(|node| *node != NOBODY);
    for (at, node) in list.iter_mut().zip(there) {
        *at = node;
    }
    list
}
