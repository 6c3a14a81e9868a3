//! The audience and its wires, as pure functions of a seed and of numbers.
//!
//! Nothing here is drawn from a stream of chance: what viewer 17 is like, and what lies
//! between 17 and 4, follows from the seed and from 17 and 4 alone. So every overlay that
//! is tried meets the same audience, in whatever order it asks.

mod conditions;
mod draw;
mod path;
mod viewer;

pub use conditions::{Conditions, Share, Stream};
pub use path::Path;
pub use peerstream_overlay::Network;
pub use viewer::Viewer;

pub(crate) use draw::{Draw, Subject};

/// An audience of any size, and what lies between its members.
///
/// Viewers have numbers from 0. Those from [`World::ATTACKERS`] on are strong and stay;
/// those from [`World::SYBILS`] on share one address besides. A scenario gives them to
/// attackers.
#[derive(Debug, Clone)]
pub struct World {
    seed: u64,
    conditions: Conditions,
    /// Where each provider's share of the audience ends, between 0 and 1.
    providers: Vec<f64>,
    /// Share of all pairs that have the same provider.
    neighbourly: f64,
}

impl World {
    /// The first number of a viewer with the best uplink that never goes by itself.
    pub const ATTACKERS: u32 = 1 << 31;
    /// The first number of a viewer that is such a one and sits behind the one address
    /// of all of these.
    pub const SYBILS: u32 = Self::ATTACKERS | 1 << 30;

    /// The world of this seed.
    #[must_use]
    pub fn new(seed: u64, conditions: Conditions) -> World {
        let weights = (1..=conditions.providers.max(1)).map(|rank| 1.0 / f64::from(rank));
        let total: f64 = weights.clone().sum();
        let mut end = 0.0;
        let providers = weights.clone().map(|weight| {
            end += weight / total;
            end
        });
        World {
            seed,
            providers: providers.collect(),
            neighbourly: weights.map(|weight| (weight / total).powi(2)).sum(),
            conditions,
        }
    }

    /// What the world was made from.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What holds for all of it.
    #[must_use]
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// One member of the audience.
    #[must_use]
    pub fn viewer(&self, number: u32) -> Viewer {
        viewer::viewer(self, number)
    }

    /// What lies between two members; the same both ways.
    #[must_use]
    pub fn path(&self, a: u32, b: u32) -> Path {
        path::path(self, a, b)
    }

    /// The network of the provider of this rank, 0 being the largest.
    #[must_use]
    pub fn prefix(&self, provider: u32) -> u32 {
        u32::try_from(self.draw(Subject::Prefix, provider.into()).number() >> 32).unwrap_or(0)
    }

    pub(crate) fn draw(&self, subject: Subject, number: u64) -> Draw {
        Draw::new(self.seed, subject, number)
    }
}
