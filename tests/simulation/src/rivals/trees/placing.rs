//! Where newcomers and orphans go.

use std::collections::VecDeque;

use super::{ASK_AGAIN, Event, GIVE_UP, HAND_OVER, MESSAGE, Run, SIGNALS};
use crate::rivals::wire::{BOX, Peer};

impl Run<'_> {
    pub(super) fn ask(&mut self, node: Peer, stripe: usize) {
        if !self.nodes[node].here || self.nodes[node].parent[stripe].is_some() {
            return;
        }
        let Some(parent) = self.place(node, stripe) else {
            self.agenda
                .note(self.now + ASK_AGAIN, Event::Ask { node, stripe });
            return;
        };
        // What joins cost is not counted.
        if self.nodes[node].hungry[stripe].is_some() {
            self.ledger.control(2 * MESSAGE + SIGNALS);
        }
        // The place is taken while the link opens.
        self.nodes[parent].children[stripe].push(node);
        self.nodes[node].parent[stripe] = Some(parent);
        if let Some(opens) = self.wire.link(parent, node) {
            let event = Event::Linked {
                node,
                stripe,
                parent,
            };
            self.agenda.note(self.now + opens, event);
        } else {
            self.detach(node, stripe);
            self.nodes[node].unreachable.push(parent);
            self.agenda
                .note(self.now + GIVE_UP, Event::Ask { node, stripe });
        }
    }

    pub(super) fn linked(&mut self, node: Peer, stripe: usize, parent: Peer) {
        if self.nodes[node].here && self.nodes[node].parent[stripe] == Some(parent) {
            self.backlog(parent, node, stripe);
        }
    }

    /// Takes a node from its parent.
    pub(super) fn detach(&mut self, node: Peer, stripe: usize) {
        if let Some(parent) = self.nodes[node].parent[stripe].take() {
            self.nodes[parent].children[stripe].retain(|child| *child != node);
        }
    }

    /// The node nearest to the top with room, that is not below the one that asks: who
    /// can forward comes before those who cannot, and takes a leaf's place near the top.
    fn place(&mut self, node: Peer, stripe: usize) -> Option<Peer> {
        let forwards = self.nodes[node].room[stripe] > 0;
        let mut queue = VecDeque::from([BOX]);
        while let Some(at) = queue.pop_front() {
            if at == node {
                continue;
            }
            let reachable = !self.nodes[node].unreachable.contains(&at);
            if reachable {
                let here = &self.nodes[at];
                if here.children[stripe].len() < here.room[stripe] {
                    return Some(at);
                }
                if forwards && let Some(leaf) = self.leaf_below(at, stripe) {
                    self.displace(leaf, stripe);
                    return Some(at);
                }
            }
            queue.extend(self.nodes[at].children[stripe].iter().copied());
        }
        None
    }

    fn leaf_below(&self, parent: Peer, stripe: usize) -> Option<Peer> {
        let stays = |child: &&Peer| {
            let child = &self.nodes[**child];
            child.room[stripe] == 0 && !child.leaving[stripe]
        };
        self.nodes[parent].children[stripe]
            .iter()
            .find(stays)
            .copied()
    }

    /// A leaf makes room: it is fed on until its next link is open.
    fn displace(&mut self, leaf: Peer, stripe: usize) {
        self.nodes[leaf].leaving[stripe] = true;
        let event = Event::HandedOver { node: leaf, stripe };
        self.agenda.note(self.now + HAND_OVER, event);
    }

    pub(super) fn handed_over(&mut self, node: Peer, stripe: usize) {
        self.nodes[node].leaving[stripe] = false;
        if !self.nodes[node].here || self.nodes[node].parent[stripe].is_none() {
            return;
        }
        self.ledger.control(2 * MESSAGE + SIGNALS);
        let Some(parent) = self.place(node, stripe) else {
            return;
        };
        if self.wire.connects(parent, node) {
            self.detach(node, stripe);
            self.nodes[parent].children[stripe].push(node);
            self.nodes[node].parent[stripe] = Some(parent);
        } else {
            self.nodes[node].unreachable.push(parent);
            self.displace(node, stripe);
        }
    }

    /// Links from the box to the node farthest away, in any stripe.
    pub(super) fn depth(&self) -> u8 {
        let mut deepest = 0;
        for stripe in 0..self.shape.stripes {
            let mut level: Vec<Peer> = self.nodes[BOX].children[stripe].clone();
            let mut depth = 0;
            while !level.is_empty() {
                depth += 1;
                level = level
                    .iter()
                    .flat_map(|node| self.nodes[*node].children[stripe].iter().copied())
                    .collect();
            }
            deepest = deepest.max(depth);
        }
        deepest
    }
}
