//! Who comes, and who leaves when.

use core::{cmp::Reverse, time::Duration};
use std::collections::{BinaryHeap, VecDeque};

use peerstream_overlay::{Coordinator, Newcomer};
use peerstream_wire::{NodeId, ToBox};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

/// So many newcomers do not know yet what they can do.
const LESSONS: usize = 13;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Even,
    Mixed,
    Live,
    Learning,
}

impl Kind {
    pub(crate) const ALL: [Kind; 4] = [Kind::Even, Kind::Mixed, Kind::Live, Kind::Learning];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Even => "even",
            Kind::Mixed => "mixed",
            Kind::Live => "live",
            Kind::Learning => "learning",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Draws who comes, and who leaves next.
pub(crate) struct Crowd {
    kind: Kind,
    rng: ChaCha8Rng,
    pub(crate) living: Vec<NodeId>,
    /// When whose session ends, in ms.
    pub(crate) ends: BinaryHeap<Reverse<(u64, NodeId)>>,
    now: u64,
    /// Who will find out how much it can do.
    lessons: VecDeque<(NodeId, u8)>,
}

impl Crowd {
    pub(crate) fn new(kind: Kind, nodes: usize) -> Crowd {
        Crowd {
            kind,
            rng: ChaCha8Rng::seed_from_u64(1),
            living: Vec::with_capacity(nodes + 1),
            ends: BinaryHeap::with_capacity(nodes + 1),
            now: 0,
            lessons: VecDeque::new(),
        }
    }

    pub(crate) fn copies(&mut self) -> u8 {
        match (self.kind, self.rng.next_u32() % 100) {
            (Kind::Even, _) => 2,
            (_, 0..35) => 0,
            (_, 35..55) => 1,
            (Kind::Learning, 55..80) => 2,
            (_, 55..80) => 3,
            _ => 4,
        }
    }

    /// What a newcomer that can do so much says.
    pub(crate) fn newcomer(&self, copies: u8) -> Newcomer {
        let said = if self.kind == Kind::Learning {
            copies.min(2)
        } else {
            copies
        };
        let said = if self.kind == Kind::Learning && copies == 1 {
            2
        } else {
            said
        };
        Newcomer {
            copies: said,
            ..Newcomer::default()
        }
    }

    /// One more comes at the very beginning.
    pub(crate) fn grow(&mut self, coordinator: &mut Coordinator) {
        let copies = self.copies();
        let node = coordinator.join(Duration::ZERO, self.newcomer(copies));
        self.come(node, copies);
        self.learn(coordinator);
    }

    /// Somebody who came a while ago finds out how much it can do.
    pub(crate) fn learn(&mut self, coordinator: &mut Coordinator) {
        if self.lessons.len() > LESSONS
            && let Some((node, copies)) = self.lessons.pop_front()
        {
            // It may be gone.
            let _ = coordinator.message(self.now(), node, ToBox::Capacity { copies });
        }
    }

    pub(crate) fn come(&mut self, node: NodeId, copies: u8) {
        if self.kind == Kind::Learning && matches!(copies, 1 | 4) {
            self.lessons.push_back((node, copies));
        }
        if matches!(self.kind, Kind::Live | Kind::Learning) {
            // A sum of twelve uniform draws is as good as normal.
            let sum: f64 = (0..12)
                .map(|_| f64::from(self.rng.next_u32()) / f64::from(u32::MAX))
                .sum();
            let session = 300_000.0 * (1.44 * (sum - 6.0)).exp();
            self.ends.push(Reverse((self.now + session as u64, node)));
        } else {
            self.living.push(node);
        }
    }

    pub(crate) fn go(&mut self) -> NodeId {
        if let Some(Reverse((at, node))) = self.ends.pop() {
            self.now = at;
            return node;
        }
        let at = self.rng.next_u32() as usize % self.living.len();
        self.living.swap_remove(at)
    }

    pub(crate) fn now(&self) -> Duration {
        Duration::from_millis(self.now)
    }
}
