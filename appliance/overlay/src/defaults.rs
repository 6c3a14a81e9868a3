//! Numbers with their unit and reason.

use core::time::Duration;

/// Pairs of roots, unless configured otherwise: two direct feeds is what the smallest
/// uplink (2 Mbit/s, a 1 Mbit/s stream) carries.
pub const ROOT_PAIRS: u16 = 1;

/// When a node leaves that has at most this many generations below it (along the older
/// children), each of them moves up by one. Above that a single node leaps from the
/// bottom into the vacant place. Up to here climbing costs no more links than leaping (7
/// with reserves), and it keeps children younger than their parents; see the table in the
/// crate's docs.
pub const CLIMB: usize = 2;

/// One place in this many may stay vacant before nodes of the last slot are moved up to
/// fill them. A vacancy costs nothing but balance: depth stays in its bound up to one
/// place in three.
pub const VACANCY_SHARE: usize = 16;

/// How long after a change of its assignment a node may still signal to nodes that it is
/// no longer linked with: the new assignment and the node's last candidates cross on the
/// way. A round trip with a sleepy page in it takes seconds, not more.
pub const STRAY_GRACE: Duration = Duration::from_secs(10);

/// The first wait before a failed parent link is tried again, counted from the last time
/// that the child's assignment changed. Each further failure doubles it.
pub const LINK_RETRY: Duration = Duration::from_secs(3);

/// How often [`LINK_RETRY`] doubles at most: 96 s, where a retry (about 2 KB of
/// signalling) costs the uplink next to nothing.
pub const LINK_RETRY_DOUBLINGS: u8 = 5;
