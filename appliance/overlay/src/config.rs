//! What is decided outside, and what a newcomer brings.

use crate::defaults::{DEFAULT_COPIES, FEEDS, FEEDS_MAX};

/// What is decided outside.
#[derive(Debug, Clone)]
pub struct Config {
    /// Direct feeds: 2 for each pair of roots, of which there is at least one. With 1 there
    /// is one root, and its partner is fed by it. 0 counts as 1, an odd number above 1 as
    /// one less.
    pub feeds: u16,
    /// Direct feeds that the uplink carries in an emergency or while supply is short.
    pub feeds_max: u16,
    /// Node ids start above this. After a restart: above whatever was handed out before.
    pub first: u32,
    /// Renditions that there are; with more than one a smaller one can be asked for.
    pub renditions: u8,
    /// Who goes where among places that are as good for the shape.
    pub placement: Policy,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            feeds: FEEDS,
            feeds_max: FEEDS_MAX,
            first: 0,
            renditions: 1,
            placement: Policy::default(),
        }
    }
}

/// The built-in ways to choose among places that are as good for the shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// Those who deliver, then those who have stayed longest, come first.
    #[default]
    ByAgeAndDelivery,
    /// Parent and child on the same network where there is a choice, then by age.
    ByNearness,
}

impl Policy {
    /// As settings call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Policy::ByAgeAndDelivery => "age",
            Policy::ByNearness => "nearness",
        }
    }
}

/// What is known of a node when it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Newcomer {
    /// Where it comes from.
    pub network: Network,
    /// Copies of the stream that it can pass on: 0 for a leaf, at most 4; more counts as 4.
    pub copies: u8,
}

impl Default for Newcomer {
    fn default() -> Newcomer {
        Newcomer {
            network: Network::default(),
            copies: DEFAULT_COPIES,
        }
    }
}

/// Where a node is, as far as the box sees it. Zero means unknown, and two unknowns are
/// not taken for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Network {
    /// Hash of the public address: IPv4 whole, IPv6 its first 64 bits.
    pub address: u64,
    /// Hash of the provider's part: 16 bits of IPv4, 32 of IPv6.
    pub prefix: u32,
}

impl Network {
    /// Whether both are known to share a public address.
    pub(crate) fn same_address(self, other: Network) -> bool {
        self.address != 0 && self.address == other.address
    }

    /// Whether both are known to be with the same provider.
    pub(crate) fn same_prefix(self, other: Network) -> bool {
        self.prefix != 0 && self.prefix == other.prefix
    }
}

/// What would help the audience most, by supply and demand; see the crate's docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Measure {
    /// Supply is at least 1.2 times demand.
    #[default]
    Enough,
    /// More direct feeds; the coordinator adds them by itself up to `feeds_max`.
    MoreFeeds,
    /// A rendition that costs each forwarder less.
    SmallerRendition,
    /// Newcomers who forward nothing wait until there is room.
    Queue,
}
