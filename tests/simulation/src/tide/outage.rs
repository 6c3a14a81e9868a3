//! Losing a feeder: who notices when, and what the gap does below.

use peerstream_wire::{Complaint, NodeId, ToBox};

use super::{
    node::{BOX, LONGEST, Link, NOBODY, Name, Node, State},
    rules,
    state::{Event, Tide, Time, seconds},
};

/// A page that is gone without a word is noticed by the other end of its links then.
const LINK_NOTICE: Time = 15_000_000;
/// Its socket is given up by the box then.
const SOCKET_NOTICE: Time = 90_000_000;

impl Tide<'_> {
    /// A feed has ended for all who were fed through this node; now it goes on.
    pub(super) fn gap_below(&mut self, name: Name, cut: Time) {
        let away = self.was_away.map_or(0, |(from, until)| {
            until.min(self.now).saturating_sub(from.max(cut))
        });
        let length = self.now.saturating_sub(cut).saturating_sub(away) as f32 / 1e6;
        let (now, frame) = (self.now, self.media.frame);
        let mut below = vec![name];
        while let Some(at) = below.pop() {
            self.fed_by(at, &mut below);
            let node = &mut self.nodes[at as usize];
            if node.picture.began != 0 {
                let flow = node.flow;
                node.picture.gap(now, length, &flow, frame);
            }
            self.keep_promises(at);
        }
    }

    /// A node gets nothing more, from this time on.
    pub(super) fn cut(&mut self, name: Name, at: Time, silent: bool, orphan: bool) {
        let Some(node) = self.nodes.get_mut(name as usize).filter(|node| node.alive) else {
            return;
        };
        node.feeder = NOBODY;
        node.asking = NOBODY;
        node.turn = node.turn.wrapping_add(1);
        node.tries = 0;
        (node.sought, node.cried) = (NOBODY, NOBODY);
        (node.cut, node.silent, node.orphan) = (at.max(1), silent, orphan);
        let (turn, patience) = (node.turn, node.flow.patience.max(0.1));
        if silent {
            // Signs of life come whether or not their sender is fed, so one's own L is enough.
            let latency = self.nodes[name as usize].flow.latency;
            let silent = seconds(rules::silence(latency));
            self.note(at + silent, Event::Silence(name, turn));
        } else {
            self.seek(name);
        }
        self.note(at + seconds(3.0 * patience), Event::Late(name, name, 0));
    }

    /// A feeder has been silent for 2 L.
    pub(super) fn silence(&mut self, name: Name, turn: u32) {
        let Some(node) = self.present(name) else {
            return;
        };
        if node.turn != turn || node.feeder != NOBODY {
            return;
        }
        self.complain(name, self.nodes[name as usize].parent(), Complaint::Silent);
        self.seek(name);
    }

    pub(super) fn complain(&mut self, name: Name, of: Name, complaint: Complaint) {
        let node = &self.nodes[name as usize];
        if of != NOBODY && of != BOX {
            let behind =
                self.now.saturating_sub(node.cut) / 1_000 + (node.flow.arrival * 1e3) as u64;
            self.say(
                name,
                ToBox::Report {
                    peer: NodeId(of),
                    complaint,
                    behind_ms: u16::try_from(behind).unwrap_or(u16::MAX),
                },
            );
        }
    }

    /// Somebody above, `head`, has been cut for long: after 3 L each turns to its own
    /// partner, if that has more.
    pub(super) fn late(&mut self, name: Name, head: Name, since: u32) {
        let Some(above) = self.present(head) else {
            return;
        };
        let cut = above.cut;
        if cut == 0 || (since != 0 && since != stamp(cut)) {
            return;
        }
        let mut below = Vec::new();
        if name != head {
            let node = &self.nodes[name as usize];
            if !node.alive || node.cut != 0 || node.feeder == NOBODY || node.feeder == BOX {
                return;
            }
            let later = seconds(node.flow.arrival - above.flow.arrival);
            let due = cut + later + seconds(3.0 * node.flow.patience.max(0.1));
            if self.now < due {
                return self.note(due, Event::Late(name, head, stamp(cut)));
            }
            if node.picture.began == 0 {
                return;
            }
            let helpers = [node.place.partner, node.place.reserve];
            let better = helpers.into_iter().flatten().any(|NodeId(peer)| {
                node.is_linked(peer) && self.present(peer).is_some() && !self.is_frozen(peer)
            });
            if better {
                let (feeder, parent) = (node.feeder, node.parent());
                self.complain(name, parent, Complaint::Late);
                self.unserve(feeder, name);
                self.cut(name, cut + later, false, false);
                let node = &mut self.nodes[name as usize];
                node.silent = true;
                self.survey.takeovers += 1;
                if parent == feeder {
                    node.resume = self.now + rules::GIVE_BACK;
                }
                return;
            }
        }
        self.fed_by(name, &mut below);
        for peer in below {
            let node = &mut self.nodes[peer as usize];
            if core::mem::replace(&mut node.late, stamp(cut)) == stamp(cut) {
                continue;
            }
            let node = &self.nodes[peer as usize];
            let later = seconds(node.flow.arrival - self.nodes[head as usize].flow.arrival);
            let due = cut + later + seconds(3.0 * node.flow.patience.max(0.1));
            self.note(
                due.max(self.now + 1_000),
                Event::Late(peer, head, stamp(cut)),
            );
        }
        if name != head {
            let again = self.now + 250_000;
            self.note(again, Event::Late(name, head, stamp(cut)));
        }
    }

    /// A viewer goes. `told` is false where the box knows already.
    pub(super) fn depart(&mut self, name: Name, goodbye: bool, told: bool) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(name as usize).filter(|node| node.alive) else {
            return;
        };
        node.alive = false;
        self.present -= 1;
        let links = core::mem::take(&mut node.links);
        let number = node.number;
        // What is sent to it meets nobody, and soon waits in the socket.
        self.allow(name, false);
        self.mark(7, name.into());
        if let Some(held) = self.names.get_mut(number as usize) {
            *held = NOBODY;
        }
        self.settle_figures(name);
        self.nodes[name as usize].cut = now;
        if goodbye && told {
            self.say(name, ToBox::Leave);
        } else if !goodbye {
            self.note(now + SOCKET_NOTICE, Event::Lost(name));
        }
        for link in links {
            if link.state == State::Broken {
                continue;
            }
            let way = Time::from(link.delay);
            let notice = if goodbye { way } else { LINK_NOTICE };
            self.note(
                now + notice,
                Event::Gone {
                    node: link.peer,
                    peer: name,
                    goodbye,
                },
            );
            let other = self.present(link.peer);
            let beside = |other: &Node| other.place.partner == Some(NodeId(name));
            if !goodbye && other.is_some_and(beside) {
                self.note(now + way + rules::QUIET, Event::Quiet(link.peer, name));
            }
            let fed = self
                .present(link.peer)
                .is_some_and(|other| other.feeder == name);
            if fed && !goodbye {
                self.cut(link.peer, now + way, true, true);
            }
        }
    }

    /// A partner has been silent for long.
    pub(super) fn quiet(&mut self, name: Name, partner: Name) {
        let waits =
            |node: &Node| node.place.partner == Some(NodeId(partner)) && node.is_linked(partner);
        if self.present(name).is_some_and(waits) {
            let (peer, complaint) = (NodeId(partner), Complaint::Silent);
            let behind_ms = 0;
            self.say(
                name,
                ToBox::Report {
                    peer,
                    complaint,
                    behind_ms,
                },
            );
        }
    }

    /// A node learns that a neighbour is gone.
    pub(super) fn gone(&mut self, name: Name, peer: Name, goodbye: bool) {
        let Some(node) = self.present(name) else {
            return;
        };
        if node.link(peer).is_none() {
            return;
        }
        let (feeder, asking) = (node.feeder, node.asking);
        self.unserve(name, peer);
        let node = &mut self.nodes[name as usize];
        let known = |link: &Link| link.retired != 0 || link.state == State::Broken;
        let known = node.link(peer).is_some_and(known);
        self.give_up(name, peer);
        if !goodbye && !known {
            self.say(name, ToBox::LinkFailed { peer: NodeId(peer) });
        }
        if feeder == peer {
            self.cut(name, self.now, false, true);
        } else if asking == peer && feeder == NOBODY {
            self.seek(name);
        }
        self.settle(name);
    }

    /// Whether a node was cut off, itself or above, before this time or soon after: what it
    /// says it holds is nothing new then.
    pub(super) fn has_no_more(&self, name: Name, cut: Time) -> bool {
        self.is_frozen(name) && self.cut_since(name) < cut + 50_000
    }

    /// Whether nothing new has come to a node for so long that its picture stands.
    pub(super) fn is_starving(&self, name: Name) -> bool {
        let cut = self.cut_since(name);
        let began = self.nodes[name as usize].picture.began != 0;
        began && cut != 0 && self.now >= cut + rules::STARVING
    }

    /// Whether nothing new comes to a node.
    pub(super) fn is_frozen(&self, name: Name) -> bool {
        let mut at = name;
        for _ in 0..LONGEST {
            if at == BOX {
                return self.away.is_some();
            }
            let Some(node) = self.present(at) else {
                return true;
            };
            if node.cut != 0 || node.feeder == NOBODY {
                return true;
            }
            at = node.feeder;
        }
        true
    }
}

/// Tells one outage from another of the same node.
fn stamp(cut: Time) -> u32 {
    (cut as u32) | 1
}
