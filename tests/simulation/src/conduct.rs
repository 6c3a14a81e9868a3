//! What hostile pages do, around a real node.
//!
//! A hostile page's node is an honest one, so that it is let in, fed and given a place.
//! Its page alters what the node sends.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_node::{Lane, Stats};
use peerstream_wire::{Complaint, LinkMessage, NodeId, Parent, ToBox};

use crate::scenario::Attack;

/// How a page treats what its node wants to send over links.
#[derive(Debug, Clone)]
pub enum Conduct {
    /// As it ships.
    Honest,
    /// Hostile.
    Hostile(Hostile),
}

/// A hostile page's memory.
#[derive(Debug, Clone)]
pub struct Hostile {
    attack: Attack,
    parts: u64,
    /// For the replayer.
    old: VecDeque<Bytes>,
    newest: Option<Position>,
}

/// What becomes of a message.
pub(crate) enum Treated {
    /// It is sent, perhaps altered.
    Send(Bytes),
    /// It is sent so much later.
    Hold(Bytes, Duration),
    /// It is not sent.
    Drop,
}

/// What a hostile page sends of its own accord.
pub(crate) enum Mischief {
    Link(NodeId, Lane, Bytes),
    Box(ToBox),
}

impl Conduct {
    /// Hostile in this way from now on.
    #[must_use]
    pub fn hostile(attack: Attack) -> Conduct {
        Conduct::Hostile(Hostile {
            attack,
            parts: 0,
            old: VecDeque::new(),
            newest: None,
        })
    }

    pub(crate) fn is_hostile(&self) -> bool {
        matches!(self, Conduct::Hostile(_))
    }

    /// What this page does with a message that its node sends over a link.
    pub(crate) fn treat(&mut self, bytes: Bytes) -> Treated {
        match self {
            Conduct::Honest => Treated::Send(bytes),
            Conduct::Hostile(hostile) => hostile.treat(bytes),
        }
    }

    /// What this page sends besides, twenty times a second.
    pub(crate) fn mischief(&self, stats: impl Fn() -> Stats) -> Vec<Mischief> {
        match self {
            Conduct::Hostile(hostile) => hostile.mischief(&stats),
            Conduct::Honest => Vec::new(),
        }
    }
}

impl Hostile {
    fn treat(&mut self, bytes: Bytes) -> Treated {
        let Ok(message) = LinkMessage::decode(bytes.clone()) else {
            return Treated::Send(bytes);
        };
        let media = matches!(message, LinkMessage::Part { .. } | LinkMessage::Header(_));
        if let LinkMessage::Part { at, .. } = &message {
            self.parts += 1;
            self.newest = self.newest.max(Some(*at));
        }
        match (self.attack, message) {
            (Attack::Forger, LinkMessage::Part { at, part, bytes }) => {
                let mut altered = bytes.to_vec();
                if let Some(byte) = altered.last_mut() {
                    *byte ^= 1;
                }
                let bytes = altered.into();
                Treated::Send(LinkMessage::Part { at, part, bytes }.encode())
            }
            // Its own requests and subscriptions still go out: it wants to be fed.
            (
                Attack::Silent | Attack::Patient | Attack::Sybil,
                LinkMessage::Part { .. }
                | LinkMessage::Header(_)
                | LinkMessage::Certificate(_)
                | LinkMessage::Heartbeat { .. }
                | LinkMessage::Pong { .. },
            ) => Treated::Drop,
            (Attack::Withholding, LinkMessage::Heartbeat { .. }) => Treated::Hold(bytes, HELD),
            (Attack::Withholding, _) if media => Treated::Hold(bytes, HELD),
            (Attack::Dropper, LinkMessage::Part { .. }) if self.parts.is_multiple_of(DROPPED) => {
                Treated::Drop
            }
            (Attack::Liar, LinkMessage::Heartbeat { patience_ms, .. }) => {
                let newest = self.newest.map(|at| Position {
                    segment: at.segment + 100,
                    index: 0,
                });
                let lie = LinkMessage::Heartbeat {
                    patience_ms,
                    newest,
                };
                Treated::Send(lie.encode())
            }
            (Attack::Replayer, _) if media => {
                self.old.push_back(bytes);
                if self.old.len() > REPLAYED {
                    self.old.pop_front();
                }
                // The oldest again and again.
                self.old
                    .front()
                    .cloned()
                    .map_or(Treated::Drop, Treated::Send)
            }
            _ => Treated::Send(bytes),
        }
    }

    fn mischief(&self, stats: &dyn Fn() -> Stats) -> Vec<Mischief> {
        match self.attack {
            Attack::Flooder => self.flood(&stats()),
            Attack::Liar => lies(&stats()),
            _ => Vec::new(),
        }
    }

    fn flood(&self, stats: &Stats) -> Vec<Mischief> {
        let mut flood = Vec::new();
        for peer in neighbours(stats) {
            for rank in 0..FLOOD {
                let at = self.newest.unwrap_or(Position {
                    segment: 1_000,
                    index: 0,
                });
                let message = if rank % 2 == 0 {
                    LinkMessage::Request { at, parts: 0 }
                } else {
                    LinkMessage::Ping(rank)
                };
                flood.push(Mischief::Link(peer, Lane::Command, message.encode()));
            }
        }
        for rank in 0..FLOOD {
            flood.push(Mischief::Box(ToBox::Clock { sent: rank.into() }));
        }
        flood
    }
}

/// Says of everyone that it forges or is gone.
fn lies(stats: &Stats) -> Vec<Mischief> {
    let lies = neighbours(stats).into_iter().enumerate();
    let lies = lies.map(|(rank, peer)| match rank % 3 {
        0 => ToBox::LinkFailed { peer },
        1 => ToBox::Report {
            peer,
            complaint: Complaint::Silent,
            behind_ms: u16::MAX,
        },
        _ => ToBox::Report {
            peer,
            complaint: Complaint::Forged,
            behind_ms: 0,
        },
    });
    lies.map(Mischief::Box).collect()
}

fn neighbours(stats: &Stats) -> Vec<NodeId> {
    let parent = match stats.parent {
        Some((Parent::Node(parent), _)) => Some(parent),
        _ => None,
    };
    let peers = stats.children.iter().chain(&stats.partner);
    peers
        .map(|neighbour| neighbour.peer)
        .chain(parent)
        .collect()
}

/// Less than the 3 L (at least 300 ms) after which a late parent is left.
const HELD: Duration = Duration::from_millis(280);
/// One part in so many.
const DROPPED: u64 = 5;
/// Messages of media that are repeated: about two seconds' worth.
const REPLAYED: usize = 256;
/// Messages to each neighbour and the box, twenty times a second.
const FLOOD: u32 = 50;
