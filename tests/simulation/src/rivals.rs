//! Other overlays, under the same audience.
//!
//! Models, not products: each does what its paper says is its way, with everything that a
//! central box can know in its favour (uplinks are known from the start, newcomers go to
//! the best place at once), over the same uplinks, delays, losses and pairs that cannot
//! connect, and with the same people coming and going. `COMPARISON.md` has the table that
//! they give, and how to make it.
//!
//! | name | what |
//! | --- | --- |
//! | `tree` | one plain binary tree; an orphan waits for a new parent |
//! | `stripes` | interior-disjoint trees (SplitStream, Castro et al. 2003): five stripes, of which any four give the picture; each node forwards in one and is a leaf in the others |
//! | `mesh` | a pull mesh (CoolStreaming, Zhang et al. 2005): six neighbours tell one another what they hold and ask for what they lack |
//!
//! What is left out, in favour of all three: verifying, congestion control, competing
//! traffic, and the cost of finding out what uplink a node has.

mod ledger;
mod mesh;
mod screen;
mod trees;
mod wire;

use core::{fmt, str::FromStr, time::Duration};

use crate::{
    report::Figures,
    scenario::{Scenario, Schedule, What, schedule},
    world::World,
};

/// One of the other overlays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rival {
    /// One binary tree without partners.
    Tree,
    /// Several interior-disjoint trees.
    Stripes,
    /// A pull mesh.
    Mesh,
}

impl Rival {
    /// All of them.
    pub const ALL: [Rival; 3] = [Rival::Tree, Rival::Stripes, Rival::Mesh];

    /// Its name on the command line and in the figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rival::Tree => "tree",
            Rival::Stripes => "stripes",
            Rival::Mesh => "mesh",
        }
    }

    /// The playout delay behind the arrival (behind the capture, for the mesh) with which
    /// it is compared unless another one is asked for: as much as this overlay's nodes
    /// keep; for the mesh three rounds of telling, asking and getting.
    #[must_use]
    pub fn delay(self) -> Duration {
        match self {
            Rival::Tree | Rival::Stripes => Duration::from_millis(400),
            Rival::Mesh => Duration::from_secs(4),
        }
    }
}

impl fmt::Display for Rival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No other overlay has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no overlay is called {0:?}; there are tree, stripes, mesh")]
pub struct UnknownRival(String);

impl FromStr for Rival {
    type Err = UnknownRival;

    fn from_str(name: &str) -> Result<Rival, UnknownRival> {
        let found = Rival::ALL.into_iter().find(|rival| rival.name() == name);
        found.ok_or_else(|| UnknownRival(name.into()))
    }
}

/// Runs a scenario of one that is no [`Scenario::Hostile`] and no
/// [`Scenario::BoxRestart`]: those ask for what only this overlay claims.
#[must_use]
pub fn run(
    world: &World,
    scenario: Scenario,
    nodes: u32,
    seconds: u32,
    rival: Rival,
    delay: Duration,
) -> Figures {
    let plan = schedule(world, scenario, nodes, seconds);
    let mut figures = match rival {
        Rival::Tree => trees::run(world, &plan, trees::Shape::BINARY, delay),
        Rival::Stripes => trees::run(world, &plan, trees::Shape::STRIPES, delay),
        Rival::Mesh => mesh::run(world, &plan, delay),
    };
    figures.scenario = scenario.name().into();
    figures.mode = rival.name().into();
    (figures.nodes, figures.seconds) = (nodes, seconds);
    figures.seed = world.seed();
    figures
}

/// Residents come one after the other before anything is measured, this far apart.
const SEATING: Duration = Duration::from_millis(20);
/// How long the audience is left alone then.
const SETTLING: Duration = Duration::from_secs(15);

/// What happens on the run's own clock, on which the residents come first, and when the
/// watched time begins and ends.
fn unroll(plan: &Schedule) -> (Vec<(Duration, What)>, Duration, Duration) {
    let mut happenings = Vec::new();
    let mut at = Duration::from_secs(3);
    for &number in &plan.audience {
        happenings.push((at, What::Open(number)));
        at += SEATING;
    }
    let begins = at + SETTLING;
    happenings.extend(plan.happenings.iter().map(|h| (begins + h.at, h.what)));
    (happenings, begins, begins + plan.length)
}
