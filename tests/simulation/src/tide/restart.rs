//! The box's process ends, is back, and its audience tells it what it holds.

use peerstream_overlay::Coordinator;
use peerstream_wire::{Held, MAX_HELD, NodeId};

use super::{
    node::{BOX, Name, State},
    rules,
    state::{Event, Tide, Time},
    words::newcomer,
};

impl Tide<'_> {
    /// The process ends.
    pub(super) fn stop_box(&mut self) {
        self.away = Some(self.now);
        self.feeds = 0;
        for name in 1..self.nodes.len() as Name {
            let node = &mut self.nodes[name as usize];
            if !node.alive {
                continue;
            }
            node.may_feed = false;
            let (control, feeder) = (Time::from(node.control), node.feeder);
            if feeder == BOX {
                self.cut(name, self.now + control, true, false);
            }
            self.note(self.now + control, Event::Rejoin(name, 0));
        }
    }

    /// It is back, and remembers its keys and how far its names went.
    pub(super) fn start_box(&mut self) {
        if let Some(since) = self.away.take() {
            self.was_away = Some((since, self.now));
        }
        self.overlay.first = self.ledger.newest();
        self.coordinator = Coordinator::new(self.overlay.clone());
        self.free = self.now;
        self.wake = None;
    }

    /// A node that has lost the box tries again, and tells what it holds.
    pub(super) fn rejoins(&mut self, name: Name, attempts: u32) {
        let Some(node) = self.present(name) else {
            return;
        };
        if self.away.is_some() || attempts == 0 {
            let (first, most) = rules::RECONNECT;
            let pause = (first << attempts.min(8)).min(most);
            let at = self.now + pause + self.draw(pause);
            return self.note(at, Event::Rejoin(name, attempts + 1));
        }
        let viewer = self.world.viewer(node.number);
        let open = node.links.iter();
        let open = open.filter(|link| link.state == State::Open);
        let held = Held {
            node: NodeId(name),
            ticket: [7; 16],
            place: node.place.clone(),
            open: open.map(|link| NodeId(link.peer)).take(MAX_HELD).collect(),
        };
        let copies = node.copies;
        let time = self.time();
        let given = self
            .coordinator
            .rejoin(time, newcomer(&viewer, copies), held);
        self.ledger.joins(time, NodeId(name));
        if given.0 != name {
            self.survey.renamed += 1;
        }
        self.carry_out();
        self.steer(name);
    }
}
