//! Whom a node turns to that nobody feeds.

use peerstream_wire::{Complaint, NodeId, ToBox};

use super::{
    node::{BOX, NOBODY, Name, Node, State},
    rules,
    state::{Event, Tide, Time, seconds},
};

/// How promising somebody is, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Promise {
    /// Partner or reserve.
    Assigned,
    /// Said that he has more, in a role that has ended.
    HasMore,
    /// A partner that holds no more.
    Idle,
    /// Silent for so long that he is gone.
    Silent,
}

impl Tide<'_> {
    /// Turns to the next of those who may help.
    pub(super) fn seek(&mut self, name: Name) {
        let Some(node) = self.present(name) else {
            return;
        };
        let helpers = self.to_turn_to(name);
        let parent = node.parent();
        let lost = !node.is_linked(parent) || self.present(parent).is_none();
        let starves = node.picture.began != 0
            && node.cut != 0
            && self.now >= node.cut + rules::STARVING
            && lost
            && parent != BOX
            && node.cried != parent;
        let (sought, counts) = (node.sought, node.silent && node.picture.began != 0);
        let patience = seconds(2.0 * node.flow.latency.max(0.1));
        let node = &mut self.nodes[name as usize];
        node.tries = node.tries.saturating_add(1);
        if helpers.is_empty() {
            node.asking = NOBODY;
            node.turn = node.turn.wrapping_add(1);
            let turn = node.turn;
            return self.note(self.now + patience, Event::Doubt(name, turn));
        }
        // One after the other, also where some have come or gone meanwhile.
        let next = helpers.iter().position(|helper| *helper == sought);
        let helper = helpers[next.map_or(0, |at| at + 1) % helpers.len()];
        self.nodes[name as usize].sought = helper;
        if starves {
            self.nodes[name as usize].cried = parent;
            self.say(name, ToBox::Unfed);
            self.name_the_silent(name);
        }
        if counts {
            self.survey.takeovers += 1;
        }
        self.ask(name, helper);
    }

    /// Something new has come to a node, which sends it to those to whom it has promised that.
    pub(super) fn keep_promises(&mut self, name: Name) {
        let now = self.now;
        let node = &self.nodes[name as usize];
        let waits = |peer: Name| {
            self.present(peer)
                .is_some_and(|other| other.cut != 0 && other.feeder == NOBODY)
        };
        let open = node.links.iter().filter(|link| link.state == State::Open);
        let told: Vec<(Name, u32)> = open
            .filter(|link| link.promised && waits(link.peer))
            .map(|link| (link.peer, link.delay))
            .collect();
        for (node, delay) in told {
            let at = now + Time::from(delay);
            self.note(at, Event::Kept { node, by: name });
        }
    }

    /// What was promised to a node comes, if it still has to do with that.
    pub(super) fn is_kept(&mut self, name: Name, by: Name) {
        let link = self.nodes[by as usize].link_mut(name);
        let promised = link.is_some_and(|link| core::mem::take(&mut link.promised));
        let waits = |node: &Node| node.feeder == NOBODY && node.cut != 0;
        if !promised || !self.present(name).is_some_and(waits) || self.is_above(name, by) {
            return;
        }
        let node = &mut self.nodes[by as usize];
        if let Some(link) = node.link_mut(name)
            && !core::mem::replace(&mut link.serving, true)
        {
            node.served += 1;
        }
        let turn = self.nodes[name as usize].turn;
        self.fed(name, by, turn);
    }

    /// Parent, partner and reserve may be gone, of which nobody else may know.
    fn name_the_silent(&mut self, name: Name) {
        let node = &self.nodes[name as usize];
        let named = node.place.partner.into_iter().chain(node.place.reserve);
        let mut silent: Vec<Name> = named.map(|NodeId(peer)| peer).collect();
        silent.push(node.parent());
        silent.dedup();
        silent.retain(|peer| node.is_linked(*peer) && self.present(*peer).is_none());
        for peer in silent {
            self.complain(name, peer, Complaint::Silent);
        }
    }

    /// Partner, reserve, then whoever else has more, the nearest to the box first.
    fn to_turn_to(&self, name: Name) -> Vec<Name> {
        let node = &self.nodes[name as usize];
        let named = node.place.partner.into_iter().chain(node.place.reserve);
        let named = named.map(|NodeId(peer)| peer);
        let others = node.links.iter().map(|link| link.peer);
        let parent = node.parent();
        let mut helpers: Vec<(Promise, Name)> = Vec::new();
        // It has heard nothing from that one for so long that it looks for others.
        let silent = node.silent && self.present(parent).is_none();
        let parent_may = self.now >= node.resume && !silent;
        for peer in named.chain(others) {
            let may_help = peer != parent || parent_may;
            let known = helpers.iter().any(|(_, helper)| *helper == peer);
            if known || node.is_child(peer) || !may_help || !node.is_linked(peer) {
                continue;
            }
            if let Some(promise) = self.promise(name, peer) {
                helpers.push((promise, peer));
            }
        }
        helpers.sort_by(|(promise, peer), (other, than)| {
            let arrival = |peer: Name| self.nodes[peer as usize].flow.arrival;
            let far = |peer| {
                node.link(peer)
                    .is_some_and(|link| 2 * link.delay >= rules::FAR)
            };
            let nearer = if *promise == Promise::HasMore {
                arrival(*peer).total_cmp(&arrival(*than))
            } else {
                far(*peer).cmp(&far(*than))
            };
            promise.cmp(other).then(nearer)
        });
        helpers.into_iter().map(|(_, peer)| peer).collect()
    }

    /// What a node can know of a neighbour; `None` if nothing speaks for him.
    fn promise(&self, name: Name, peer: Name) -> Option<Promise> {
        let (node, other) = (&self.nodes[name as usize], &self.nodes[peer as usize]);
        let beside = node.place.partner == Some(NodeId(peer));
        let assigned = beside || node.place.reserve == Some(NodeId(peer)) || peer == node.parent();
        // Nobody knows who is gone before silence shows it.
        let speaks = if beside {
            rules::HEARTBEAT
        } else {
            rules::RESERVE_HEARTBEAT
        };
        let silence = seconds(2.0 * node.flow.latency);
        if !other.alive && self.now > other.cut + speaks + silence {
            return Some(Promise::Silent);
        }
        // A newcomer turns to whoever answers.
        if node.cut == 0 {
            return Some(Promise::Assigned);
        }
        let has_more = !self.has_no_more(peer, node.cut);
        if !assigned {
            let says = has_more && self.has_answered(name, peer);
            return Some(Promise::HasMore).filter(|_| says);
        }
        // A partner says what it holds with every sign of life.
        let outdated = self.now < node.cut + 2 * rules::HEARTBEAT;
        let idle = beside && other.alive && !has_more && !outdated;
        Some(if idle {
            Promise::Idle
        } else {
            Promise::Assigned
        })
    }

    /// Whether somebody has had the time to say what he has to a node that, when it was cut,
    /// told everybody how little it holds.
    fn has_answered(&self, name: Name, peer: Name) -> bool {
        let node = &self.nodes[name as usize];
        let noticed = seconds(if node.silent {
            rules::silence(node.flow.latency)
        } else {
            node.flow.latency
        });
        let way = node.link(peer).map_or(0, |link| link.delay);
        self.now >= node.cut + noticed + 2 * Time::from(way)
    }
}
