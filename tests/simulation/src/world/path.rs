use core::time::Duration;

use super::{Draw, Subject, World};

/// What lies between two viewers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Path {
    /// One way, without any queue.
    pub delay: Duration,
    /// Whether a link between the two can open at all.
    pub connects: bool,
}

/// The delay is log-normal over all pairs, as [`super::Conditions`] say. Two viewers of
/// one provider are never further apart than the median: their draw is always from the
/// lower half, and that of others so much less often that all pairs together keep the
/// distribution.
pub(super) fn path(world: &World, a: u32, b: u32) -> Path {
    let conditions = world.conditions();
    let (low, high) = (a.min(b), a.max(b));
    let mut draw = world.draw(Subject::Delay, u64::from(low) << 32 | u64::from(high));
    let (one, other) = (
        super::viewer::network(world, a),
        super::viewer::network(world, b),
    );
    let shorter = one.prefix == other.prefix || draw.chance(lower_half(world.neighbourly));
    let score = draw.normal().abs();
    let score = if shorter { -score } else { score };
    let delay = Draw::log_normal(conditions.delay, conditions.delay_sigma, score);
    let connects = one.address == other.address || {
        let pair = one.address.min(other.address) ^ one.address.max(other.address).rotate_left(32);
        !world
            .draw(Subject::Connects, pair)
            .chance(conditions.unconnectable)
    };
    Path { delay, connects }
}

/// How often a pair of different providers is nearer than the median: all together are
/// so half of the time.
fn lower_half(neighbourly: f64) -> f64 {
    ((0.5 - neighbourly) / (1.0 - neighbourly)).max(0.0)
}
