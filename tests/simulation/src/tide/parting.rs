//! How links end that are assigned no more: with a word to the other end.

use super::{
    node::{Link, Name, State},
    rules,
    state::{Event, Tide, Time},
};

impl Tide<'_> {
    /// Ends what has been assigned no more for long enough, later if somebody is still fed
    /// over it.
    pub(super) fn retire(&mut self, name: Name) {
        let Some(node) = self.present(name) else {
            return;
        };
        let (feeder, now) = (node.feeder, self.now);
        let over = |link: &&Link| {
            let patience = if link.serving {
                rules::RETIRE_SERVING
            } else {
                rules::RETIRE
            };
            link.retired != 0 && link.retired + patience <= now
        };
        let serves = node
            .links
            .iter()
            .any(|link| link.retired != 0 && link.serving);
        let ended: Vec<Link> = node
            .links
            .iter()
            .filter(over)
            .filter(|link| link.peer != feeder)
            .copied()
            .collect();
        if serves || node.links.iter().filter(over).count() > ended.len() {
            self.note(now + rules::RETIRE, Event::Retire(name));
        }
        for link in ended {
            self.unserve(name, link.peer);
            self.nodes[name as usize]
                .links
                .retain(|held| held.peer != link.peer);
            let at = now + Time::from(link.delay);
            self.note(at, Event::Closed(link.peer, name));
        }
        self.settle(name);
    }

    /// The other end has let go of a link, with a word.
    pub(super) fn closed(&mut self, name: Name, peer: Name) {
        let held = |node: Name, peer: Name| self.present(node).and_then(|node| node.link(peer));
        let Some(link) = held(name, peer).copied() else {
            return;
        };
        if held(peer, name).is_some() || link.state != State::Open {
            // It has been opened anew meanwhile, or is about to.
            return;
        }
        self.unserve(name, peer);
        self.give_up(name, peer);
        let node = &self.nodes[name as usize];
        if node.feeder == peer {
            self.cut(name, self.now, false, false);
        } else if node.asking == peer {
            self.seek(name);
        }
        self.settle(name);
    }

    /// Notes that there is nothing at the other end of a link, unless that matters no more.
    pub(super) fn give_up(&mut self, name: Name, peer: Name) {
        let node = &mut self.nodes[name as usize];
        match node.link_mut(peer) {
            Some(link) if link.retired == 0 => link.state = State::Broken,
            _ => node.links.retain(|link| link.peer != peer),
        }
    }
}
