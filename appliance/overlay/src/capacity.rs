//! How many of the copies that a node offers count.
//!
//! Whoever controls many nodes behind one address would, if all that they offer counted,
//! soon hold many places that others depend on. So while others suffice, only so many of
//! one address forward; the rest are leaves, and are called upon when supply runs short.

use core::hash::{BuildHasherDefault, Hasher};
use std::collections::HashMap;

use peerstream_wire::NodeId;

use crate::{
    config::Network,
    defaults::{FORWARDERS_PER_ADDRESS, FORWARDERS_SHARE, MOST_COPIES},
    forest::Forest,
    seat::Seat,
    supply,
};

/// Nodes that forward, by address; and those that could, and are held back.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    forwarders: HashMap<u64, u32, BuildHasherDefault<AddressHasher>>,
    held_back: Vec<NodeId>,
}

impl Addresses {
    /// A node forwards from now on.
    pub(crate) fn enter(&mut self, network: Network) {
        if network.address != 0 {
            *self.forwarders.entry(network.address).or_insert(0) += 1;
        }
    }

    /// A node forwards no longer.
    pub(crate) fn leave(&mut self, network: Network) {
        if network.address == 0 {
            return;
        }
        if let Some(count) = self.forwarders.get_mut(&network.address) {
            *count -= 1;
            if *count == 0 {
                self.forwarders.remove(&network.address);
            }
        }
    }

    fn forwarders(&self, network: Network) -> u32 {
        self.forwarders.get(&network.address).copied().unwrap_or(0)
    }

    pub(crate) fn forget(&mut self) {
        *self = Addresses::default();
    }
}

/// How many copies of a node that comes, or whose offer changes, count. `counted` of it
/// count already.
pub(crate) fn counted(forest: &mut Forest, seat: &Seat, counted: u8) -> u8 {
    let copies = seat.copies.min(MOST_COPIES);
    if copies == 0 || counted > 0 || supply::is_short(forest) {
        return copies;
    }
    let share = forest.len() / FORWARDERS_SHARE;
    let limit = FORWARDERS_PER_ADDRESS.max(u32::try_from(share).unwrap_or(u32::MAX));
    let addresses = forest.addresses_mut();
    if addresses.forwarders(seat.network) < limit {
        return copies;
    }
    addresses.held_back.push(seat.node);
    // Those that have left are dropped when most of them have.
    if addresses.held_back.len() > 2 * forest.len() {
        let mut held_back = core::mem::take(&mut forest.addresses_mut().held_back);
        held_back.retain(|node| forest.place(*node).is_some());
        forest.addresses_mut().held_back = held_back;
    }
    0
}

/// Supply is short: calls upon some of those who are held back.
pub(crate) fn call_upon(forest: &mut Forest, most: usize) {
    for _ in 0..most {
        let Some(node) = forest.addresses_mut().held_back.pop() else {
            return;
        };
        let Some(place) = forest.place(node) else {
            continue;
        };
        let offered = forest.seat(place).map_or(0, |seat| seat.copies);
        forest.count(place, offered);
    }
}

/// Addresses are hashes already; one multiplication keeps whoever can choose among many
/// from filling a bucket by their low bits alone.
#[derive(Debug, Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, address: u64) {
        self.0 = (self.0 ^ address).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }
}
