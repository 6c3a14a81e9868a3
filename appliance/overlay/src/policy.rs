//! Who comes first, among those that are as good for the shape.

use peerstream_wire::NodeId;

use crate::config::{Network, Policy};

/// What there is to choose by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Ids ascend, so of two nodes the lower has stayed longer.
    pub node: NodeId,
    /// Where it is.
    pub network: Network,
    /// Complaints about it that were upheld of late.
    pub faults: u8,
}

/// A way to choose among nodes, and among places, that are as good for the shape. What is
/// lower comes first, and among equals what was found first.
pub trait Placement {
    /// The rank of a node that could move up to below `above`; none there if the box feeds
    /// the place.
    fn heir(&self, candidate: &Profile, above: Option<Network>) -> (u8, u32);

    /// The rank of a place below `above` for a newcomer. None if all are the same, so that
    /// nothing need be looked up.
    fn parent(&self, above: Network, newcomer: Network) -> Option<u8>;
}

impl Policy {
    pub(crate) fn placement(self) -> &'static dyn Placement {
        match self {
            Policy::ByAgeAndDelivery => &ByAgeAndDelivery,
            Policy::ByNearness => &ByNearness,
        }
    }
}

/// Those who deliver, then those who have stayed longest. Where a newcomer goes is all the
/// same: it has shown nothing yet.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByAgeAndDelivery;

impl Placement for ByAgeAndDelivery {
    fn heir(&self, candidate: &Profile, _: Option<Network>) -> (u8, u32) {
        (candidate.faults, candidate.node.0)
    }

    fn parent(&self, _: Network, _: Network) -> Option<u8> {
        None
    }
}

/// Parent and child with the same provider where there is a choice, so that the stream
/// leaves it less often; otherwise as [`ByAgeAndDelivery`]. Whoever does not deliver comes
/// last all the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByNearness;

impl Placement for ByNearness {
    fn heir(&self, candidate: &Profile, above: Option<Network>) -> (u8, u32) {
        let far = above.is_some_and(|above| !above.same_prefix(candidate.network));
        let rank = candidate
            .faults
            .saturating_mul(2)
            .saturating_add(far.into());
        (rank, candidate.node.0)
    }

    fn parent(&self, above: Network, newcomer: Network) -> Option<u8> {
        Some(u8::from(!above.same_prefix(newcomer)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(node: u32, prefix: u32, faults: u8) -> Profile {
        Profile {
            node: NodeId(node),
            network: Network { address: 0, prefix },
            faults,
        }
    }

    #[test]
    fn delivery_counts_more_than_age_and_age_more_than_nothing() {
        let rank = |node, faults| ByAgeAndDelivery.heir(&profile(node, 0, faults), None);
        assert!(rank(9, 0) < rank(1, 1));
        assert!(rank(1, 1) < rank(2, 1));
    }

    #[test]
    fn the_near_come_first_unless_they_do_not_deliver() {
        let above = Some(Network {
            address: 0,
            prefix: 5,
        });
        let rank = |prefix, faults| ByNearness.heir(&profile(1, prefix, faults), above);
        assert!(rank(5, 0) < rank(6, 0));
        assert!(rank(6, 0) < rank(5, 1));
    }
}
