//! Which place a node is in. Ids are handed out in ascending order, so those who are there
//! lie close together in a table by id: nothing is hashed, and a look-up touches one line
//! of memory that matters.

use peerstream_wire::NodeId;

use crate::place::Place;

/// Ids in a leaf of the table: one line of memory.
const LEAF: u32 = 16;
/// Leaves under one branch.
const BRANCH: u32 = 4096;
const NOWHERE: u32 = u32::MAX;

/// Three levels: branches of leaves of places. What nobody's id is in is given back.
#[derive(Debug, Default)]
pub(crate) struct Register {
    branches: Vec<Option<Branch>>,
    leaves: Vec<[u32; LEAF as usize]>,
    /// Leaves that nobody's id is in.
    spare: Vec<u32>,
    len: usize,
}

#[derive(Debug)]
struct Branch {
    leaves: Box<[u32]>,
    /// Leaves that there are.
    count: u32,
}

impl Register {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn get(&self, node: NodeId) -> Option<Place> {
        let (branch, leaf, at) = split(node);
        let leaf = *self.branches.get(branch)?.as_ref()?.leaves.get(leaf)?;
        let index = *self.leaves.get(leaf as usize)?.get(at)?;
        (index != NOWHERE).then(|| Place::from_index(index))
    }

    pub(crate) fn set(&mut self, node: NodeId, place: Place) {
        let (branch, leaf, at) = split(node);
        if self.branches.len() <= branch {
            self.branches.resize_with(branch + 1, || None);
        }
        let branch = self.branches[branch].get_or_insert_with(|| Branch {
            leaves: vec![NOWHERE; BRANCH as usize].into_boxed_slice(),
            count: 0,
        });
        let leaf = &mut branch.leaves[leaf];
        if *leaf == NOWHERE {
            branch.count += 1;
            *leaf = self.spare.pop().unwrap_or_else(|| {
                // By a sixteenth at a time: doubling would hold half the table for nothing.
                if self.leaves.len() == self.leaves.capacity() {
                    self.leaves.reserve_exact(self.leaves.len() / 16 + 16);
                }
                self.leaves.push([NOWHERE; LEAF as usize]);
                self.leaves.len() as u32 - 1
            });
        }
        let entry = &mut self.leaves[*leaf as usize][at];
        self.len += usize::from(*entry == NOWHERE);
        *entry = place.index();
    }

    pub(crate) fn remove(&mut self, node: NodeId) {
        let (at_branch, at_leaf, at) = split(node);
        let Some(Some(branch)) = self.branches.get_mut(at_branch) else {
            return;
        };
        let leaf = branch.leaves[at_leaf];
        let Some(entries) = self.leaves.get_mut(leaf as usize) else {
            return;
        };
        self.len -= usize::from(entries[at] != NOWHERE);
        entries[at] = NOWHERE;
        if entries.iter().all(|entry| *entry == NOWHERE) {
            self.spare.push(leaf);
            branch.leaves[at_leaf] = NOWHERE;
            branch.count -= 1;
            if branch.count == 0 {
                self.branches[at_branch] = None;
            }
        }
        if self.len == 0 {
            *self = Register::default();
        }
    }
}

fn split(node: NodeId) -> (usize, usize, usize) {
    let leaf = node.0 / LEAF;
    (
        (leaf / BRANCH) as usize,
        (leaf % BRANCH) as usize,
        (node.0 % LEAF) as usize,
    )
}

#[cfg(test)]
mod tests {
    use peerstream_wire::Tree;

    use super::*;

    #[test]
    fn finds_who_is_there_and_nobody_else() {
        let mut register = Register::default();
        let ids = [1, 2, 15, 16, 17, 65_535, 65_536, 1_000_000, u32::MAX - 1];
        for (slot, id) in (0..).zip(ids) {
            register.set(NodeId(id), Place::new(slot, Tree::B));
        }
        assert_eq!(register.len(), ids.len());
        for (slot, id) in (0..).zip(ids) {
            assert_eq!(register.get(NodeId(id)), Some(Place::new(slot, Tree::B)));
            assert_eq!(register.get(NodeId(id ^ 8)), None);
        }
        register.set(NodeId(17), Place::new(9, Tree::A));
        assert_eq!(register.get(NodeId(17)), Some(Place::new(9, Tree::A)));
        for id in ids {
            register.remove(NodeId(id));
            register.remove(NodeId(id));
            assert_eq!(register.get(NodeId(id)), None);
        }
        assert_eq!(register.len(), 0);
        assert!(register.leaves.is_empty());
    }
}
