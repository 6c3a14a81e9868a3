use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
};

use peerstream_overlay::Network;

/// What counts as one address: of IPv6, a home or a telephone has 64 bits to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Origin {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Origin {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Origin::V4(address.octets()),
            IpAddr::V6(address) => {
                let [a, b, c, d, e, f, g, h, ..] = address.octets();
                Origin::V6([a, b, c, d, e, f, g, h])
            }
        }
    }

    /// The part of it that a provider has to itself, as a rule: 16 bits of IPv4, 32 of IPv6.
    fn provider(self) -> [u8; 4] {
        match self {
            Origin::V4([a, b, ..]) => [a, b, 0, 0],
            Origin::V6([a, b, c, d, ..]) => [a, b, c, d],
        }
    }
}

/// Turns addresses into what the coordinator knows of them: hashes, by a key of this
/// process, so that nobody can choose an address to collide with another's.
#[derive(Debug, Default)]
pub(crate) struct Map(RandomState);

impl Map {
    pub(crate) fn network(&self, origin: Origin) -> Network {
        let version = matches!(origin, Origin::V4(_));
        let prefix = self.0.hash_one((version, origin.provider()));
        let [a, b, c, d, ..] = prefix.to_be_bytes();
        Network {
            // Zero means that nothing is known.
            address: self.0.hash_one(origin).max(1),
            prefix: u32::from_be_bytes([a, b, c, d]).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(map: &Map, address: &str) -> Network {
        map.network(Origin::of(address.parse().unwrap()))
    }

    #[test]
    fn neighbours_are_told_from_strangers() {
        let map = Map::default();
        let of = |address| network(&map, address);
        assert_eq!(of("198.51.100.7"), of("198.51.100.7"));
        // The same, as a socket that listens for both has it.
        assert_eq!(of("198.51.100.7"), of("::ffff:198.51.100.7"));
        let (near, far) = (of("198.51.100.8"), of("203.0.113.7"));
        assert_ne!(of("198.51.100.7").address, near.address);
        assert_eq!(of("198.51.100.7").prefix, near.prefix);
        assert_ne!(near.prefix, far.prefix);

        let home = of("2001:db8:1:2::1");
        assert_eq!(home, of("2001:db8:1:2:ffff::9"));
        let next_door = of("2001:db8:1:3::1");
        assert_ne!(home.address, next_door.address);
        assert_eq!(home.prefix, next_door.prefix);
        assert_ne!(home.prefix, of("2001:db9:1:2::1").prefix);
    }

    #[test]
    fn another_process_has_other_hashes() {
        let (one, other) = (Map::default(), Map::default());
        assert_ne!(network(&one, "192.0.2.1"), network(&other, "192.0.2.1"));
    }
}
