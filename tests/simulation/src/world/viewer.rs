use core::time::Duration;

use peerstream_overlay::Network;

use super::{Conditions, Draw, Subject, World};

/// One member of the audience.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewer {
    /// What it can send, in bit/s.
    pub uplink: u64,
    /// It never forwards, and says so when it joins.
    pub leaf_only: bool,
    /// Share of packets lost on its line; a path loses what the worse of its two lines
    /// does.
    pub loss: f64,
    /// Where it is.
    pub network: Network,
    /// One way to the box.
    pub control: Duration,
    /// From opening the page to closing it.
    pub session: Duration,
    /// How long it still stays, if it is one of those whom one meets at any moment: who
    /// stays long is met more often. A part, evenly drawn, of a session drawn with a
    /// probability in proportion to its length.
    pub residual: Duration,
    /// For how long it has been there then.
    pub age: Duration,
    /// Whether it takes its leave when it goes.
    pub says_goodbye: bool,
}

pub(super) fn viewer(world: &World, number: u32) -> Viewer {
    let conditions = world.conditions();
    let mut draw = world.draw(Subject::Viewer, number.into());
    let (uplink, leaf_only) = uplink(conditions, draw.share());
    let poor = draw.chance(conditions.poor);
    let control = Draw::log_normal(conditions.delay, conditions.delay_sigma, draw.normal());
    let says_goodbye = !draw.chance(conditions.wordless);
    let (session, met) = sessions(world, number);
    let residual = met.mul_f64(world.draw(Subject::Residual, number.into()).share());
    let ordinary = Viewer {
        uplink,
        leaf_only,
        loss: if poor {
            conditions.poor_loss
        } else {
            conditions.loss
        },
        network: network(world, number),
        control,
        session,
        residual,
        age: met.saturating_sub(residual),
        says_goodbye,
    };
    if number < World::ATTACKERS {
        return ordinary;
    }
    let best = conditions.uplinks.iter().map(|share| share.uplink).max();
    Viewer {
        uplink: best.unwrap_or(conditions.leaf_uplink),
        leaf_only: false,
        loss: conditions.loss,
        session: FOR_EVER,
        residual: FOR_EVER,
        ..ordinary
    }
}

fn uplink(conditions: &Conditions, mut rank: f64) -> (u64, bool) {
    for share in &conditions.uplinks {
        if rank < share.share {
            return (share.uplink, false);
        }
        rank -= share.share;
    }
    (conditions.leaf_uplink, true)
}

/// A session, and one of those that are met at any moment. Drawing a log-normal in
/// proportion to its value shifts its logarithm by the variance.
fn sessions(world: &World, number: u32) -> (Duration, Duration) {
    let conditions = world.conditions();
    let sigma = conditions.session_sigma;
    let score = world.draw(Subject::Session, number.into()).normal();
    let of = |score| Draw::log_normal(conditions.session, sigma, score);
    (of(score), of(score + sigma))
}

pub(super) fn network(world: &World, number: u32) -> Network {
    // All sybils are asked about as the first of them.
    let number = number.min(World::SYBILS);
    let mut draw = world.draw(Subject::Network, number.into());
    if number < World::ATTACKERS && draw.chance(world.conditions().shared_address) {
        // Three or so of neighbouring numbers are in one home, one school, one café.
        draw = world.draw(Subject::Home, u64::from(number / 32));
    }
    let rank = draw.share();
    let provider = world.providers.partition_point(|end| *end <= rank);
    let provider = provider.min(world.providers.len().saturating_sub(1));
    Network {
        address: draw.number(),
        prefix: world.prefix(u32::try_from(provider).unwrap_or(0)),
    }
}

/// Ten years.
const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);
