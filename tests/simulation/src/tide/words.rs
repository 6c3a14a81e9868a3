//! What is said between nodes and the box, as long as it would be.

use peerstream_overlay::Newcomer;
use peerstream_wire::{
    Act, Address, Candidate, CandidateKind, Description, NodeId, Parent, Setup, Signal, ToNode,
};

use super::{node::Name, state::Missive};
use crate::world::Viewer;

/// The neighbour that a command adds or gives another role.
pub(super) fn added(act: &Act) -> Option<NodeId> {
    match *act {
        Act::Parent(Parent::Node(peer)) | Act::Adopt(peer) | Act::Guard(peer) => Some(peer),
        Act::Partner(peer) | Act::Reserve(peer) => peer,
        _ => None,
    }
}

/// What a newcomer says that it can pass on.
pub(super) fn viewer_copies(viewer: &Viewer) -> u8 {
    if viewer.leaf_only {
        0
    } else {
        peerstream_wire::DEFAULT_COPIES
    }
}

/// What the box knows of one.
pub(super) fn newcomer(viewer: &Viewer, copies: u8) -> Newcomer {
    Newcomer {
        network: peerstream_overlay::Network {
            address: viewer.network.address,
            prefix: viewer.network.prefix,
        },
        copies,
    }
}

/// The box's answer to a join.
pub(super) fn welcome(name: Name) -> ToNode {
    ToNode::Welcome {
        node: NodeId(name),
        stream: [7; 32],
        title: "simulated".into(),
        ticket: [7; 16],
    }
}

/// An offer or answer as long as a browser's, with its number in it.
pub(super) fn signal(missive: &Missive) -> Signal {
    let candidate = |kind, address| Candidate {
        kind,
        address,
        port: 50_000,
        priority: 1_686_052_607,
    };
    let description = Description {
        ufrag: format!("{:05}", missive.attempt),
        pwd: "abcdefghijklmnopqrstuvwx".into(),
        fingerprint: [7; 32],
        setup: if missive.offer {
            Setup::ActPass
        } else {
            Setup::Active
        },
        candidates: vec![
            candidate(CandidateKind::Host, Address::Mdns([7; 16])),
            candidate(
                CandidateKind::ServerReflexive,
                Address::Ip([198, 51, 100, 7].into()),
            ),
        ],
    };
    if missive.offer {
        Signal::Offer(description)
    } else {
        Signal::Answer(description)
    }
}
