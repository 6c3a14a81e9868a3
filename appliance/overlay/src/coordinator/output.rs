use peerstream_wire::{NodeId, Refusal, ToNode};

use crate::config::Measure;

/// What the coordinator wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Greet this node with its name and ticket ([`ToNode::Welcome`]): it is let in. Told
    /// before anything else of it but notices.
    Welcome {
        /// A node that has joined and not left.
        node: NodeId,
    },
    /// Send this to that node.
    Send {
        /// A node that has joined and not left.
        to: NodeId,
        /// The message.
        message: ToNode,
    },
    /// Whether a node may have a direct feed from now on. Told before the assignment that
    /// goes with it, and not told of nodes that leave: their feed ends with their socket.
    Feed {
        /// The node.
        node: NodeId,
        /// When this turns false, a feed that the node has goes on until it unsubscribes.
        allowed: bool,
    },
    /// The node is out of the overlay. Tell it why and close its socket.
    Refuse {
        /// The node.
        node: NodeId,
        /// Why. [`Refusal::TooSlow`] is for one that did not answer a probe.
        reason: Refusal,
    },
}

/// The overlay in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Nodes in all.
    pub viewers: usize,
    /// Nodes in tree A and in tree B.
    pub nodes: [usize; 2],
    /// Links from the box to the node farthest away; 0 without an audience.
    pub depth: u8,
    /// Links that nodes have reported as failed since the start.
    pub link_failures: u64,
    /// Copies that all nodes can pass on, and the box.
    pub supply: u64,
    /// Copies that all nodes want.
    pub demand: u64,
    /// Nodes that pass nothing on.
    pub leaves: usize,
    /// Nodes that wait for room.
    pub queued: usize,
    /// Direct feeds that there may be.
    pub feeds: usize,
    /// What would help most.
    pub measure: Measure,
    /// Nodes that are leaves because they did not do their part.
    pub underperforming: usize,
    /// Pairs of nodes put apart because one complained of the other, since the start.
    pub separated: u64,
    /// Nodes turned away since the start.
    pub refused: u64,
    /// Commands told since the start.
    pub commands: u64,
    /// Changes since the start that were told together with another of the same node.
    pub folded: u64,
    /// Probes sent since the start.
    pub probes: u64,
    /// Changes since the start that went by letter ([`peerstream_wire::Letter`]).
    pub letters: u64,
    /// Nodes since the start that came back on a new socket before the old one was known to
    /// be gone: the network had changed, or something that was told had been lost.
    pub returned: u64,
}
