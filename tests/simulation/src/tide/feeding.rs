//! Who feeds whom: asking, being declined, being fed, and the first picture.

use super::{
    node::{BOX, LONGEST, NOBODY, Name, State},
    rules,
    state::{Event, Tide, Time, seconds},
};

impl Tide<'_> {
    /// Has the parent feed a node as soon as it can be reached, and somebody else where
    /// nobody feeds it.
    pub(super) fn steer(&mut self, name: Name) {
        let Some(node) = self.present(name) else {
            return;
        };
        let parent = node.parent();
        if parent == NOBODY || parent == node.feeder || parent == node.asking {
            return;
        }
        let reachable = self.now >= node.resume
            && match parent {
                BOX => self.away.is_none(),
                parent => node.is_linked(parent) && self.present(parent).is_some(),
            };
        // A node asks its parent besides whom it has asked: if that one feeds it, it does so first.
        let asked = node.asking;
        let feeds = node
            .link(asked)
            .is_some_and(|link| link.state == State::Open)
            && !self.is_frozen(asked)
            && !self.is_above(name, asked);
        let may_ask = asked == NOBODY || node.feeder == NOBODY && !feeds;
        if reachable && may_ask && (node.feeder == NOBODY || !self.is_frozen(parent)) {
            if self.awaits(name, parent) {
                return self.note(self.now + rules::HEARTBEAT, Event::Steer(name));
            }
            return self.ask(name, parent);
        }
        if node.feeder == NOBODY && node.asking == NOBODY && node.cut == 0 {
            // A newcomer gives its parent's link a moment.
            let opening = node
                .link(parent)
                .filter(|link| link.state == State::Opening);
            let until = node.picture.opened + NEWCOMER + rules::NEWCOMER_PATIENCE;
            if opening.is_some() && self.now < until {
                return self.note(until, Event::Steer(name));
            }
            self.seek(name);
        }
    }

    /// Whether a node that is fed gives its parent time to come up to its own new place.
    fn awaits(&mut self, name: Name, parent: Name) -> bool {
        let node = &self.nodes[name as usize];
        if node.feeder == NOBODY || parent == BOX || self.is_frozen(node.feeder) {
            return false;
        }
        let way = node.link(parent).map_or(0, |link| link.delay) as f32 / 1e6;
        let lag = self.nodes[parent as usize].flow.arrival + way - node.flow.arrival;
        if lag <= rules::near(node.flow.latency) {
            return false;
        }
        let now = self.now;
        let node = &mut self.nodes[name as usize];
        if node.awaits.0 != parent {
            node.awaits = (parent, now);
        }
        now < node.awaits.1 + rules::PARENT_COMES_UP
    }

    /// Asks a node, or the box, to feed one.
    pub(super) fn ask(&mut self, name: Name, helper: Name) {
        let node = &mut self.nodes[name as usize];
        node.asking = helper;
        node.asked = self.now;
        node.turn = node.turn.wrapping_add(1);
        let (turn, patience) = (node.turn, node.flow.latency.max(0.1));
        let way = match helper {
            BOX => node.control,
            helper => node.link(helper).map_or(0, |link| link.delay),
        };
        self.note(
            self.now + Time::from(way),
            Event::Asked {
                helper,
                by: name,
                turn,
            },
        );
        let cut = self.nodes[name as usize].cut;
        let parent = self.nodes[name as usize].parent();
        let helps = cut == 0 || helper == parent || !self.has_no_more(helper, cut);
        let patience = seconds(2.0 * patience);
        let patience = if helps {
            patience
        } else {
            patience.min(rules::HOPE)
        };
        let doubt = self.now + patience.max(2 * Time::from(way) + 20_000);
        self.note(doubt, Event::Doubt(name, turn));
    }

    /// A node is asked to feed another.
    pub(super) fn asked(&mut self, helper: Name, by: Name, turn: u32) {
        let Some(node) = self.present(by).filter(|node| node.turn == turn) else {
            return;
        };
        if helper == BOX {
            if node.may_feed && self.away.is_none() {
                let at = self.now + Time::from(node.control) + 4_000;
                self.note(
                    at,
                    Event::Fed {
                        node: by,
                        from: BOX,
                        turn,
                    },
                );
            }
            return;
        }
        let own = node.feeder == NOBODY;
        let Some(other) = self.present(helper) else {
            return;
        };
        let Some(link) = other.link(by).filter(|link| link.state == State::Open) else {
            return;
        };
        let way = Time::from(link.delay);
        // Until it has learned, a node says yes.
        let room = other.copies > 0
            && (other.is_child(by)
                || !other.tried
                || link.serving
                || rules::has_room(
                    other.uplink.into(),
                    self.media.bitrate,
                    other.served.into(),
                    other.is_ward(by) || link.retired != 0,
                ));
        if !room {
            return self.note(self.now + way, Event::Declined { by, helper, turn });
        }
        if self.is_above(by, helper) {
            return;
        }
        if own && self.is_frozen(helper) {
            // It would if it could, and does as soon as it can.
            if let Some(link) = self.nodes[helper as usize].link_mut(by) {
                link.promised = true;
            }
            return;
        }
        let first = seconds(self.media.fragment / 3.0 / other.uplink);
        if let Some(link) = self.nodes[helper as usize].link_mut(by)
            && !core::mem::replace(&mut link.serving, true)
        {
            self.nodes[helper as usize].served += 1;
        }
        self.note(
            self.now + way + first,
            Event::Fed {
                node: by,
                from: helper,
                turn,
            },
        );
    }

    pub(super) fn declined(&mut self, by: Name, helper: Name, turn: u32) {
        self.survey.declined += 1;
        let Some(node) = self.nodes.get_mut(by as usize).filter(|node| node.alive) else {
            return;
        };
        if node.turn != turn || node.asking != helper {
            return;
        }
        node.asking = NOBODY;
        node.turn = node.turn.wrapping_add(1);
        if node.parent() == helper {
            node.resume = self.now + rules::GIVE_BACK;
        }
        if node.feeder == NOBODY {
            let turn = node.turn;
            // Once round, nobody's answer will be another so soon.
            if usize::from(node.tries) > node.links.len() {
                let at = self.now + seconds(2.0 * node.flow.latency.max(0.1));
                return self.note(at, Event::Doubt(by, turn));
            }
            self.seek(by);
        }
    }

    /// No answer has come.
    pub(super) fn doubt(&mut self, name: Name, turn: u32) {
        let Some(node) = self.nodes.get_mut(name as usize).filter(|node| node.alive) else {
            return;
        };
        if node.turn != turn {
            return;
        }
        let asked = core::mem::replace(&mut node.asking, NOBODY);
        if asked != NOBODY && asked == node.parent() {
            node.resume = self.now + rules::GIVE_BACK;
        }
        if node.feeder == NOBODY {
            self.seek(name);
        } else {
            let at = self.nodes[name as usize].resume.max(self.now + 1_000);
            self.note(at, Event::Steer(name));
        }
    }

    /// The first part from a new feeder arrives.
    pub(super) fn fed(&mut self, name: Name, from: Name, turn: u32) {
        let wanted = self.present(name).is_some_and(|node| node.turn == turn);
        let lives = from == BOX || self.present(from).is_some();
        if !wanted || !lives {
            let stale = self.present(name).is_none_or(|node| node.feeder != from);
            if from != BOX && stale {
                self.unserve(from, name);
            }
            return;
        }
        self.mark(6, u64::from(name) << 32 | u64::from(from));
        let now = self.now;
        let node = &mut self.nodes[name as usize];
        let before = core::mem::replace(&mut node.feeder, from);
        let cut = core::mem::take(&mut node.cut);
        node.asking = NOBODY;
        node.turn = node.turn.wrapping_add(1);
        node.tries = 0;
        node.silent = false;
        let orphan = core::mem::take(&mut node.orphan);
        let parent = node.parent();
        let began = node.picture.began != 0;
        if before != NOBODY && before != BOX && before != from {
            let way = node.link(before).map_or(0, |link| link.delay);
            self.note(
                now + Time::from(way),
                Event::Unsubscribed {
                    feeder: before,
                    by: name,
                },
            );
        }
        if cut != 0 && cut < now {
            if orphan {
                self.survey.refed((now - cut) as f64 / 1e6);
            }
            self.gap_below(name, cut);
        }
        self.pass_to(name);
        if !began {
            self.first_picture(name, from);
        }
        if from != parent {
            let node = &mut self.nodes[name as usize];
            node.resume = node.resume.max(now + rules::GIVE_BACK);
            let at = node.resume;
            self.note(at, Event::Steer(name));
        }
    }

    /// Works out a node's flow outside of the pass.
    fn pass_to(&mut self, name: Name) {
        let feeder = self.nodes[name as usize].feeder;
        if feeder == BOX || self.present(feeder).is_some() {
            self.step_to(name, self.pass);
        }
    }

    /// A node feeds another no longer.
    pub(super) fn unserve(&mut self, feeder: Name, by: Name) {
        let Some(node) = self
            .nodes
            .get_mut(feeder as usize)
            .filter(|_| feeder != BOX)
        else {
            return;
        };
        let Some(link) = node.link_mut(by) else {
            return;
        };
        if core::mem::replace(&mut link.serving, false) {
            node.served = node.served.saturating_sub(1);
            self.settle(feeder);
        }
    }

    /// Who is fed by a node.
    pub(super) fn fed_by(&self, name: Name, into: &mut Vec<Name>) {
        let node = &self.nodes[name as usize];
        let served = node.links.iter().filter(|link| link.serving);
        let fed = served.map(|link| link.peer);
        into.extend(fed.filter(|peer| {
            self.present(*peer)
                .is_some_and(|other| other.feeder == name && other.cut == 0)
        }));
    }

    /// Whether the first feeds the second, directly or not.
    pub(super) fn is_above(&self, above: Name, name: Name) -> bool {
        let mut at = name;
        for _ in 0..LONGEST {
            if at == above {
                return true;
            }
            match self.present(at) {
                Some(node) if node.feeder != NOBODY && node.feeder != BOX => at = node.feeder,
                _ => return false,
            }
        }
        true
    }
}

/// From opening the page to the first place, as a rule; for [`rules::NEWCOMER_PATIENCE`].
const NEWCOMER: Time = 250_000;
