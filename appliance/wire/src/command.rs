//! "When X happens on link L, do Y": how the box changes a node's place.
//!
//! # Folding
//! A command waits for its [`Trigger`]. One that comes before an earlier one about the
//! same thing ([`Act::concerns`]) has fired takes its place: the earlier one never fires.
//! Commands about different things do not touch one another. Hence folding never changes
//! where a node ends up once every trigger has fired, which is where doing all commands
//! in their order, each as soon as its trigger and all before it about the same thing
//! have fired, would have ended; it only leaves out what would have been undone.
//!
//! The box folds as well: what changes in a place before it has been told is told once.

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::{Assignment, NodeId, Parent, Tree};

/// One change of a place, and when it takes effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What it waits for.
    pub when: Trigger,
    /// What happens then.
    pub act: Act,
}

/// What happens on a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// Nothing need happen.
    Now,
    /// The link with this node is open, or opens.
    Opens(NodeId),
    /// The link with this node is closed, or this node feeds it no longer: it has
    /// unsubscribed, or never subscribed.
    Ends(NodeId),
}

/// One change of an [`Assignment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// Another place.
    Place {
        /// As in [`Assignment::tree`].
        tree: Tree,
        /// As in [`Assignment::depth`].
        depth: u8,
    },
    /// Another rendition.
    Rendition(u8),
    /// Another parent.
    Parent(Parent),
    /// Another partner, or none.
    Partner(Option<NodeId>),
    /// Another reserve, or none.
    Reserve(Option<NodeId>),
    /// One child more.
    Adopt(NodeId),
    /// One child less.
    Release(NodeId),
    /// One ward more.
    Guard(NodeId),
    /// One ward less.
    Unguard(NodeId),
    /// Who passes on signals for the links that this change adds.
    Hub(Option<NodeId>),
}

/// What a command is about; two that are about the same thing fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Tree and depth.
    Place,
    /// The rendition.
    Rendition,
    /// The parent.
    Parent,
    /// The partner.
    Partner,
    /// The reserve.
    Reserve,
    /// Whether this node is a child.
    Child(NodeId),
    /// Whether this node is a ward.
    Ward(NodeId),
    /// The hub.
    Hub,
}

impl Act {
    /// What it is about.
    #[must_use]
    pub fn concerns(&self) -> Concern {
        match *self {
            Act::Place { .. } => Concern::Place,
            Act::Rendition(_) => Concern::Rendition,
            Act::Parent(_) => Concern::Parent,
            Act::Partner(_) => Concern::Partner,
            Act::Reserve(_) => Concern::Reserve,
            Act::Adopt(node) | Act::Release(node) => Concern::Child(node),
            Act::Guard(node) | Act::Unguard(node) => Concern::Ward(node),
            Act::Hub(_) => Concern::Hub,
        }
    }
}

/// The commands of a node that have not fired yet; at most one about each thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending(Vec<Command>);

impl Pending {
    /// Takes a command in. One that waits for nothing is carried out at once, and what it
    /// folds with is forgotten.
    pub fn take(&mut self, command: Command, place: &mut Assignment) {
        let concern = command.act.concerns();
        self.0.retain(|waiting| waiting.act.concerns() != concern);
        if command.when == Trigger::Now {
            place.carry_out(&command.act);
        } else {
            self.0.push(command);
        }
    }

    /// Carries out, in their order, the commands whose trigger `has_fired` says has.
    pub fn fire(&mut self, place: &mut Assignment, has_fired: impl Fn(Trigger) -> bool) {
        self.0.retain(|waiting| {
            let fires = has_fired(waiting.when);
            if fires {
                place.carry_out(&waiting.act);
            }
            !fires
        });
    }

    /// Forgets all: a whole [`Assignment`] has come.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What waits, in the order of its coming.
    pub fn iter(&self) -> impl Iterator<Item = &Command> {
        self.0.iter()
    }
}
