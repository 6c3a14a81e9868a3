use core::time::Duration;

use peerstream_wire::{NodeId, Parent, Tree};

/// A node's figures, for the page, for embedders and for tests.
#[derive(Debug, Clone, Default)]
pub struct Stats {
    /// The node's name, once the box gave it one.
    pub node: Option<NodeId>,
    /// The tree that it is in.
    pub tree: Option<Tree>,
    /// Links from the box; 1 with a direct feed.
    pub depth: u8,
    /// Who feeds it.
    pub parent: Option<(Parent, LinkState)>,
    /// The node in the same position of the other tree.
    pub partner: Option<Neighbour>,
    /// The parent's partner.
    pub reserve: Option<Neighbour>,
    /// Whom it feeds.
    pub children: Vec<Neighbour>,
    /// Media bytes that came in: messages with certificates, headers and parts.
    pub bytes_in: Traffic,
    /// Media bytes that went out.
    pub bytes_out: Traffic,
    /// Media bytes of those that came in of which there was no use: they were held already,
    /// or too old.
    pub bytes_again: u64,
    /// Fragments that came whole and verified.
    pub fragments_verified: u64,
    /// Certificates, headers and parts that were refused.
    pub fragments_refused: u64,
    /// How often the partner or the reserve took over.
    pub takeovers: u64,
    /// L, the working latency.
    pub working_latency: Duration,
    /// Copies that it offers to pass on, as the box was told.
    pub copies: u8,
    /// Copies that it could pass on, as far as it has learned.
    pub copies_learned: u8,
    /// What its uplink carries, in bit/s, as far as it has learned; 0 before that.
    pub uplink: u64,
}

/// A neighbour in the overlay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Its name.
    pub peer: NodeId,
    /// How the link to it is.
    pub state: LinkState,
}

/// How a link is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Being opened.
    Opening,
    /// Open, with nothing flowing.
    Idle,
    /// Open, and the stream flows.
    Feeding,
    /// Given up for now.
    Broken,
}

/// Bytes by the role of the other end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// The box.
    pub from_box: u64,
    /// The parent.
    pub parent: u64,
    /// The partner.
    pub partner: u64,
    /// The children.
    pub children: u64,
    /// Anybody else: the reserve, the wards, those whose role has just ended.
    pub other: u64,
}

impl Traffic {
    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.from_box + self.parent + self.partner + self.children + self.other
    }
}
