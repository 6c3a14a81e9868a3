//! What the box's words cost, and what departures make it say.

use core::time::Duration;

use peerstream_budget::ACK_OVERHEAD;
use peerstream_wire::{Act, Assignment, NodeId, Parent, ToBox, ToNode};

use crate::report::JOINING;

/// Books of what has been sent to whom. [`crate::report::Figures`] defines the figures.
#[derive(Default)]
pub(crate) struct Ledger {
    /// By the node's number.
    nodes: Vec<Account>,
    /// Wire bytes besides joins.
    pub(crate) control: u64,
    /// Wire bytes that joins cost.
    pub(crate) joining: u64,
    /// Twice the new links since each departure, the newest last.
    departures: Vec<u32>,
    /// What was told since the last [`Ledger::mark`] and no departure explains.
    strays: u32,
}

#[derive(Default, Clone)]
struct Account {
    joined: Option<Duration>,
    /// It has come with nothing, so that its first links are no departure's doing.
    newcomer: bool,
    /// The place as it was told last.
    place: Option<Assignment>,
    told: Vec<NodeId>,
}

impl Ledger {
    pub(crate) fn joins(&mut self, now: Duration, node: NodeId) {
        let account = self.account(node);
        *account = Account {
            joined: Some(now),
            newcomer: true,
            ..Account::default()
        };
    }

    /// A node is back that this box, or the one before its restart, knows.
    pub(crate) fn rejoins(&mut self, now: Duration, node: NodeId, place: Assignment) {
        let told = place.peers().collect();
        *self.account(node) = Account {
            joined: Some(now),
            newcomer: false,
            place: Some(place),
            told,
        };
    }

    pub(crate) fn leaves(&mut self, node: NodeId) {
        if core::mem::take(self.account(node)).joined.is_some() {
            self.departures.push(0);
        }
    }

    /// The greatest number that was ever given out.
    pub(crate) fn newest(&self) -> u32 {
        u32::try_from(self.nodes.len().saturating_sub(1)).unwrap_or(0)
    }

    pub(crate) fn sent(&mut self, now: Duration, to: Option<NodeId>, message: &ToNode, bytes: u64) {
        let mut bytes = bytes;
        if let ToNode::Change { letters, .. } = message {
            // Each letter counts for what it is about.
            for letter in letters {
                let length = (letter.sealed.len() + LETTER) as u64;
                if let Ok(inner) = ToNode::decode(letter.body()) {
                    bytes = bytes.saturating_sub(length);
                    self.sent(now, Some(letter.to), &inner, length);
                }
            }
        }
        let named = match message {
            ToNode::Assign(place) => place.peers().collect(),
            ToNode::Change { commands, .. } => commands
                .iter()
                .filter_map(|command| names(&command.act))
                .collect(),
            ToNode::Signal { peer, .. } => vec![*peer],
            _ => Vec::new(),
        };
        let joining = to.is_none_or(|node| self.is_joining(now, node))
            || named.iter().any(|node| self.is_joining(now, *node));
        if joining {
            self.joining += bytes;
        } else {
            self.control += bytes;
        }
        if let Some(to) = to {
            self.place(now, to, message);
        }
    }

    /// A message has come. The box acknowledges it, unless it answers at once anyway. What
    /// that takes, in bytes.
    pub(crate) fn heard(
        &mut self,
        now: Duration,
        from: Option<NodeId>,
        message: Option<&ToBox>,
    ) -> u64 {
        let about = match message {
            Some(ToBox::Join { .. } | ToBox::Clock { .. }) => return 0,
            Some(
                ToBox::Signal { peer, .. }
                | ToBox::LinkFailed { peer }
                | ToBox::Report { peer, .. },
            ) => Some(*peer),
            _ => None,
        };
        let joining = |node: NodeId| self.is_joining(now, node);
        if from.is_none_or(joining) || about.is_some_and(joining) {
            self.joining += ACK_OVERHEAD;
        } else {
            self.control += ACK_OVERHEAD;
        }
        ACK_OVERHEAD
    }

    /// Counts anew from here.
    pub(crate) fn mark(&mut self) {
        self.control = 0;
        self.joining = 0;
        self.departures.clear();
        self.strays = 0;
    }

    /// New links of each departure since the mark.
    pub(crate) fn new_links(&self) -> impl Iterator<Item = f64> + '_ {
        self.departures
            .iter()
            .map(|halves| f64::from(*halves) / 2.0)
    }

    /// Follows a node's place, and counts the links that are new in it. Both ends are
    /// told, so each counts half.
    fn place(&mut self, now: Duration, node: NodeId, message: &ToNode) {
        let account = self.account(node);
        match message {
            ToNode::Assign(place) => account.place = Some(place.clone()),
            ToNode::Change { commands, .. } => {
                for command in commands {
                    if let Some(place) = &mut account.place {
                        place.carry_out(&command.act);
                    }
                }
            }
            _ => return,
        }
        let peers: Vec<NodeId> = account.place.iter().flat_map(Assignment::peers).collect();
        let told = core::mem::replace(&mut account.told, peers.clone());
        if self.is_newcomer(now, node) {
            return;
        }
        let new = peers.iter().filter(|peer| !told.contains(peer));
        let new = new.filter(|peer| !self.is_newcomer(now, **peer)).count();
        let new = u32::try_from(new).unwrap_or(0);
        match self.departures.last_mut() {
            Some(links) => *links += new,
            None => self.strays += new,
        }
    }

    fn is_newcomer(&self, now: Duration, node: NodeId) -> bool {
        let account = self.nodes.get(node.0 as usize);
        account.is_some_and(|account| account.newcomer) && self.is_joining(now, node)
    }

    fn is_joining(&self, now: Duration, node: NodeId) -> bool {
        self.nodes
            .get(node.0 as usize)
            .and_then(|account| account.joined)
            .is_some_and(|joined| now < joined + JOINING)
    }

    fn account(&mut self, node: NodeId) -> &mut Account {
        let rank = node.0 as usize;
        if self.nodes.len() <= rank {
            self.nodes.resize(rank + 1, Account::default());
        }
        &mut self.nodes[rank]
    }
}

/// What is around a letter: a name of three bytes, and its length.
const LETTER: usize = 4;

fn names(act: &Act) -> Option<NodeId> {
    match *act {
        Act::Parent(Parent::Node(node))
        | Act::Adopt(node)
        | Act::Release(node)
        | Act::Guard(node)
        | Act::Unguard(node) => Some(node),
        Act::Partner(node) | Act::Reserve(node) | Act::Hub(node) => node,
        Act::Parent(Parent::Box) | Act::Place { .. } | Act::Rendition(_) => None,
    }
}
