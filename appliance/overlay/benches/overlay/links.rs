//! Which links there are, and how many are new.

use std::collections::HashMap;

use peerstream_overlay::{Coordinator, Output};
use peerstream_wire::{Assignment, NodeId, Parent};

/// The links that there are, as both their ends know them.
#[derive(Default)]
pub(crate) struct Links {
    peers: HashMap<NodeId, Vec<NodeId>>,
}

impl Links {
    /// Takes in what the coordinator has to say; the links that are new, in any role and
    /// in one that carries media.
    pub(crate) fn follow(
        &mut self,
        coordinator: &mut Coordinator,
        gone: Option<NodeId>,
    ) -> [usize; 2] {
        if let Some(gone) = gone {
            for peer in self.peers.remove(&gone).unwrap_or_default() {
                self.forget(peer, gone);
            }
        }
        let mut new = [0; 2];
        while let Some(output) = coordinator.poll_output() {
            let Output::Send { to, .. } = output else {
                continue;
            };
            let Some(told) = coordinator.assignment(to) else {
                continue;
            };
            let before = self.peers.get(&to).cloned().unwrap_or_default();
            for peer in told.peers().filter(|peer| !before.contains(peer)) {
                self.peers.entry(to).or_default().push(peer);
                self.peers.entry(peer).or_default().push(to);
                new[0] += 1;
                new[1] += usize::from(media(&told, peer));
            }
            for peer in before {
                if !told.peers().any(|now| now == peer) {
                    self.forget(to, peer);
                    self.forget(peer, to);
                }
            }
        }
        new
    }

    fn forget(&mut self, node: NodeId, peer: NodeId) {
        if let Some(peers) = self.peers.get_mut(&node) {
            peers.retain(|known| *known != peer);
        }
    }
}

fn media(told: &Assignment, peer: NodeId) -> bool {
    // A partner that is no more than the reserve has the node among its wards.
    let partner = told.partner == Some(peer) && told.reserve != Some(peer);
    partner || told.parent == Parent::Node(peer) || told.children.contains(&peer)
}

/// How often each number came up.
#[derive(Default)]
pub(crate) struct Counts(Vec<usize>);

impl Counts {
    pub(crate) fn note(&mut self, number: usize) {
        if self.0.len() <= number {
            self.0.resize(number + 1, 0);
        }
        self.0[number] += 1;
    }

    pub(crate) fn json(&self) -> String {
        let events: usize = self.0.iter().sum();
        let total: usize = self
            .0
            .iter()
            .enumerate()
            .map(|(number, count)| number * count)
            .sum();
        let quantile = |percent: usize| {
            let mut seen = 0;
            self.0
                .iter()
                .position(|count| {
                    seen += count;
                    seen * 100 >= events * percent
                })
                .unwrap_or(0)
        };
        format!(
            "{{\"mean\":{:.2},\"p90\":{},\"p99\":{},\"max\":{}}}",
            total as f64 / events as f64,
            quantile(90),
            quantile(99),
            self.0.len().saturating_sub(1),
        )
    }
}
