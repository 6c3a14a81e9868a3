use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{DecodeError, MAX_TO_BOX, Signal};

/// A viewer's page, as the overlay sees it. Handed out by the coordinator, in ascending
/// order, and never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u32);

/// One of the two parallel trees of a rendition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tree {
    /// Tree A.
    A,
    /// Tree B.
    B,
}

impl Tree {
    /// Both trees, A first.
    pub const BOTH: [Tree; 2] = [Tree::A, Tree::B];

    /// The tree that one's partner is in.
    #[must_use]
    pub fn other(self) -> Tree {
        match self {
            Tree::A => Tree::B,
            Tree::B => Tree::A,
        }
    }
}

/// Who feeds a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Parent {
    /// The box itself, over the control WebSocket: a direct feed.
    Box,
    /// Another node, over a link.
    Node(NodeId),
}

/// Everything that a node needs to know about its place, whole.
///
/// An assignment replaces the one before it, so a later command folds into an earlier one
/// that the node has not finished carrying out, and a lost or repeated one does no harm.
/// The node compares it with the links that it has: it opens what is new, keeps what
/// stays, and ends an old role only when the new one works (make before break).
///
/// For a link that both ends need and neither has, the node with the **higher**
/// [`NodeId`] makes the offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Rises with every assignment to this node.
    pub epoch: u32,
    /// The tree that the node is in.
    pub tree: Tree,
    /// Links from the box to this node: 1 for a node with a direct feed.
    pub depth: u8,
    /// Who feeds the node.
    pub parent: Parent,
    /// The node in the same position of the other tree. The last node of an odd audience
    /// has the node that would be its partner's parent here, the same as `reserve`.
    pub partner: Option<NodeId>,
    /// The parent's partner, kept linked and idle. None for a node that the box feeds.
    pub reserve: Option<NodeId>,
    /// The nodes that this node feeds.
    pub children: Vec<NodeId>,
    /// The nodes that have this node as their `reserve` (and, with an odd audience, as
    /// their one-sided `partner`).
    pub wards: Vec<NodeId>,
}

impl Assignment {
    /// Every node that this assignment asks for a link with, without repetition.
    pub fn peers(&self) -> impl Iterator<Item = NodeId> + '_ {
        let parent = match self.parent {
            Parent::Box => None,
            Parent::Node(node) => Some(node),
        };
        let named = parent
            .into_iter()
            .chain(self.partner)
            .chain(self.reserve)
            .chain(self.children.iter().copied())
            .chain(self.wards.iter().copied());
        // Few enough that a sorting library would only make the page larger.
        let mut seen: Vec<NodeId> = Vec::new();
        for node in named {
            if let Err(at) = seen.binary_search(&node) {
                seen.insert(at, node);
            }
        }
        seen.into_iter()
    }
}

/// Why the box turns a node away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The node speaks another version of this protocol.
    Protocol,
    /// The node sent something that is no message.
    Malformed,
    /// The node sent more, or more often, than any honest node does.
    Flooding,
    /// The node reads more slowly than its feed flows.
    TooSlow,
    /// The node sent a message that has no place at this point.
    OutOfOrder,
    /// The box is shutting down.
    ShuttingDown,
}

/// From a node to the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToBox {
    /// The first message on every control socket.
    Join {
        /// [`crate::PROTOCOL`] as the node was built with it.
        protocol: u16,
    },
    /// To be passed on to a node that the sender has been assigned a link with.
    Signal {
        /// The other end of the link.
        peer: NodeId,
        /// What to hand over.
        signal: Signal,
    },
    /// A link that was assigned did not open within 3 s, or broke and could not be mended.
    LinkFailed {
        /// The other end of the link.
        peer: NodeId,
    },
    /// Asks for the box's clock.
    Clock {
        /// The node's own clock, in microseconds, returned as it is.
        sent: u64,
    },
    /// The page is going away (`pagehide`).
    Leave,
}

/// From the box to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToNode {
    /// The answer to [`ToBox::Join`].
    Welcome {
        /// The node's name from now on.
        node: NodeId,
        /// The stream's identity key (Ed25519 public key), for the page to pin.
        stream: [u8; 32],
        /// The stream's title, for people.
        title: String,
    },
    /// The node's place, whole.
    Assign(Assignment),
    /// Passed on from a node that the receiver has been assigned a link with.
    Signal {
        /// Who sent it.
        peer: NodeId,
        /// What was handed over.
        signal: Signal,
    },
    /// The answer to [`ToBox::Clock`].
    Clock {
        /// The node's clock, as it was sent.
        sent: u64,
        /// The box's capture clock (monotonic) when it answered, in microseconds.
        box_time: u64,
    },
    /// The box closes this socket, and why.
    Refused(Refusal),
}

impl ToBox {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one message that fills `bytes`.
    ///
    /// # Errors
    /// Anything that a node of this [`crate::PROTOCOL`] does not send.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_TO_BOX {
            return Err(DecodeError::TooLong(bytes.len()));
        }
        let message: Self = decode(bytes)?;
        if let ToBox::Signal { signal, .. } = &message {
            signal.check()?;
        }
        Ok(message)
    }
}

impl ToNode {
    /// The message as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one message that fills `bytes`.
    ///
    /// # Errors
    /// Anything that a box of this [`crate::PROTOCOL`] does not send.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let message: Self = decode(bytes)?;
        if let ToNode::Signal { signal, .. } = &message {
            signal.check()?;
        }
        Ok(message)
    }
}

fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    // Writing into a growing vector fails for types that do not know their length, and
    // no message here holds one.
    postcard::to_allocvec(message).unwrap_or_default()
}

fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(DecodeError::Trailing),
        Err(postcard::Error::DeserializeUnexpectedEnd) => Err(DecodeError::Truncated),
        Err(_) => Err(DecodeError::Malformed),
    }
}
