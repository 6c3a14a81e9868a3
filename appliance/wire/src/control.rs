use alloc::{string::String, vec::Vec};

use serde::{Deserialize, Serialize};

use crate::{Act, Command, DecodeError, Letter, MAX_CHILDREN, MAX_TO_BOX, Signal};

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
    /// The nodes that this node feeds; at most [`MAX_CHILDREN`], and for a moment those
    /// that are about to go as well.
    pub children: Vec<NodeId>,
    /// The nodes that have this node as their `reserve` (and, with an odd audience, as
    /// their one-sided `partner`); as many.
    pub wards: Vec<NodeId>,
    /// Who passes on the signals for the links that are new in this place, so that the
    /// box need not: a node that has links with all of them, or soon will. None for a
    /// newcomer, whose links must not wait for one another.
    pub hub: Option<NodeId>,
    /// The encoding of the stream that this pair of trees carries.
    pub rendition: u8,
}

impl Assignment {
    /// Does what a command says. What it names already, or has no longer, stays as it is,
    /// so doing a thing twice is doing it once.
    pub fn carry_out(&mut self, act: &Act) {
        match *act {
            Act::Place { tree, depth } => (self.tree, self.depth) = (tree, depth),
            Act::Rendition(rendition) => self.rendition = rendition,
            Act::Parent(parent) => self.parent = parent,
            Act::Partner(partner) => self.partner = partner,
            Act::Reserve(reserve) => self.reserve = reserve,
            Act::Adopt(child) => include(&mut self.children, child),
            Act::Release(child) => self.children.retain(|held| *held != child),
            Act::Guard(ward) => include(&mut self.wards, ward),
            Act::Unguard(ward) => self.wards.retain(|held| *held != ward),
            Act::Hub(hub) => self.hub = hub,
        }
    }

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

fn include(nodes: &mut Vec<NodeId>, node: NodeId) {
    if !nodes.contains(&node) {
        nodes.push(node);
    }
}

/// What shows that a name was given by this box: a MAC of it under a key that outlives a
/// restart.
pub type Ticket = [u8; 16];

/// What a node still holds of an overlay whose box it has lost, so that a box that knows
/// nothing any more can take it up again without tearing a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The name that the node had.
    pub node: NodeId,
    /// The ticket that came with it.
    #[serde(with = "crate::array")]
    pub ticket: Ticket,
    /// Its place.
    pub place: Assignment,
    /// The nodes that it has an open link with; at most [`MAX_HELD`].
    pub open: Vec<NodeId>,
}

/// The most links that [`Held::open`] may name: parent, partner, reserve, children and
/// wards, and as many again whose time is running out.
pub const MAX_HELD: usize = 24;

/// What a node says of another that is to feed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Complaint {
    /// It sent what does not verify, which no honest node does.
    Forged,
    /// Nothing comes from it, over a link that is open.
    Silent,
    /// It does not pass on what it says it has.
    Withholding,
    /// It lives and says that it has nothing newer, while others have.
    Late,
    /// It asks for, or sends, far more than its part.
    Flooding,
}

/// What the box wants a viewer to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// There is no room at the moment; so many newcomers are before this one.
    Queued {
        /// 0 for whoever is next.
        ahead: u32,
    },
    /// This connection does not keep up with the stream, and there is no smaller one.
    TooSlow,
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
    /// Several nodes have reported that what this one passes on does not verify.
    Forging,
    /// The box or its uplink is full, and so is the queue.
    Full,
}

/// From a node to the box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToBox {
    /// The first message on every control socket.
    Join {
        /// [`crate::PROTOCOL`] as the node was built with it.
        protocol: u16,
        /// How many copies of the stream the node can and may pass on: 0 for one that is
        /// to be a leaf, [`crate::DEFAULT_COPIES`] for one that does not know yet. More than
        /// [`MAX_CHILDREN`] counts as that.
        copies: u8,
        /// What it holds from before, if it has been here.
        held: Option<Held>,
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
    /// What the node can and may pass on has changed: learned while forwarding, or
    /// decided by its owner.
    Capacity {
        /// As in [`ToBox::Join`].
        copies: u8,
    },
    /// A neighbour does not do its part.
    Report {
        /// The neighbour.
        peer: NodeId,
        /// What is wrong.
        complaint: Complaint,
        /// How far behind the signed capture time the sender's newest fragment is by now,
        /// in milliseconds; what is more, and what is not known, is `u16::MAX`.
        behind_ms: u16,
    },
    /// The answer to [`ToNode::Probe`].
    Alive,
    /// The parent is gone, and for a second nobody else has fed the node either.
    Unfed,
}

/// From the box to a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToNode {
    /// The answer to [`ToBox::Join`].
    Welcome {
        /// The node's name from now on.
        node: NodeId,
        /// The stream's identity key (Ed25519 public key), for the page to pin.
        #[serde(with = "crate::array")]
        stream: [u8; 32],
        /// The stream's title, for people.
        title: String,
        /// For [`Held`], should the box be lost.
        #[serde(with = "crate::array")]
        ticket: Ticket,
    },
    /// The node's place, whole.
    Assign(Assignment),
    /// What changes in the node's place.
    Change {
        /// As in [`Assignment::epoch`]. One more than the last, or something was lost and
        /// the node says [`ToBox::Join`] on a new socket.
        epoch: u32,
        /// In order; see [`Command`].
        commands: Vec<Command>,
        /// To be passed on to neighbours.
        letters: Vec<Letter>,
    },
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
    /// Are you there? To be answered at once with [`ToBox::Alive`]: a neighbour has
    /// reported that this node is gone.
    Probe,
    /// Something for the viewer.
    Notice(Notice),
}

impl Held {
    /// Refuses more neighbours than any place has.
    fn check(&self) -> Result<(), DecodeError> {
        let lists = [&self.place.children, &self.place.wards];
        let crowded = lists.into_iter().any(|nodes| nodes.len() > MAX_CHILDREN);
        if crowded || self.open.len() > MAX_HELD {
            return Err(DecodeError::Malformed);
        }
        Ok(())
    }
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
        match &message {
            ToBox::Signal { signal, .. } => signal.check()?,
            ToBox::Join {
                held: Some(held), ..
            } => held.check()?,
            _ => {}
        }
        Ok(message)
    }
}

impl ToNode {
    /// Seals the letters in it, each with the ticket of the node that it is for.
    pub fn seal(&mut self, ticket: impl Fn(NodeId) -> Ticket) {
        if let ToNode::Change { letters, .. } = self {
            for letter in letters {
                letter.seal(&ticket(letter.to));
            }
        }
    }

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

pub(crate) fn encode<T: Serialize>(message: &T) -> Vec<u8> {
    // Writing into a growing vector fails for types that do not know their length, and
    // no message here holds one.
    postcard::to_allocvec(message).unwrap_or_default()
}

pub(crate) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(DecodeError::Trailing),
        Err(postcard::Error::DeserializeUnexpectedEnd) => Err(DecodeError::Truncated),
        Err(_) => Err(DecodeError::Malformed),
    }
}
