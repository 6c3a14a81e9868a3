//! A pull mesh.
//!
//! The stream is cut into chunks. Every node has some neighbours, drawn by the box, and
//! tells them a few times a second which chunks it holds; who lacks one asks a neighbour
//! for it, the rarest first, and of those who hold it the one it has asked for least.

mod exchange;
mod held;

use core::time::Duration;
use std::collections::BTreeMap;

use held::Held;

use super::{
    ledger::Ledger,
    screen::Screen,
    unroll,
    wire::{BOX, Peer, Wire},
};
use crate::{
    agenda::Agenda,
    report::Figures,
    scenario::{Schedule, What},
    world::World,
};

/// How often neighbours tell one another, and ask.
const ROUND: Duration = Duration::from_millis(100);
/// Neighbours that a node looks for, and has at most.
const NEIGHBOURS: usize = 6;
const MOST: usize = 12;
/// Whom the box serves: more than its uplink carries copies for. It is not asked: every
/// chunk goes to the next few of them.
const OF_THE_BOX: usize = 8;
/// A neighbour that is silent for so long is gone.
const SILENCE: Duration = Duration::from_millis(1_000);
/// A message of the box, and the signals of one link, on the wire.
const MESSAGE: u64 = 76 + 30;
const SIGNALS: u64 = 3 * 76 + 500;

enum Event {
    Happens(What),
    Capture(u32),
    Round(Peer),
    Map { to: Peer, from: Peer, held: Held },
    Question { to: Peer, from: Peer, chunk: u32 },
    Chunk { to: Peer, from: Peer, chunk: u32 },
    Seek(Peer),
    Linked(Peer, Peer),
    Lost { node: Peer, gone: Peer },
    Tick,
}

struct Neighbour {
    held: Held,
    asked: usize,
}

struct Node {
    number: u32,
    here: bool,
    opened: Duration,
    serves: bool,
    held: Held,
    neighbours: BTreeMap<Peer, Neighbour>,
    unreachable: Vec<Peer>,
    /// Chunks on their way: from whom, and since when.
    coming: BTreeMap<u32, (Peer, Duration)>,
    screen: Screen,
    hungry: Option<Duration>,
}

struct Run<'a> {
    now: Duration,
    wire: Wire<'a>,
    agenda: Agenda<Event>,
    nodes: Vec<Node>,
    present: BTreeMap<u32, Peer>,
    delay: Duration,
    ledger: Ledger,
}

pub(super) fn run(world: &World, plan: &Schedule, delay: Duration) -> Figures {
    let (happenings, begins, ends) = unroll(plan);
    let mut run = Run {
        now: Duration::ZERO,
        wire: Wire::new(world),
        agenda: Agenda::new(),
        nodes: Vec::new(),
        present: BTreeMap::new(),
        delay,
        ledger: Ledger::new(&world.conditions().stream),
    };
    run.nodes.push(run.node(u32::MAX, true));
    for (at, what) in happenings {
        run.agenda.note(at, Event::Happens(what));
    }
    run.agenda.note(Duration::ZERO, Event::Capture(0));
    run.agenda.note(Duration::from_secs(1), Event::Tick);
    run.until(begins);
    run.mark();
    run.until(ends);
    run.figures(plan.length)
}

impl Run<'_> {
    fn node(&self, number: u32, serves: bool) -> Node {
        let stream = self.wire.world.conditions().stream;
        Node {
            number,
            here: true,
            opened: self.now,
            serves,
            held: Held::default(),
            neighbours: BTreeMap::new(),
            unreachable: Vec::new(),
            coming: BTreeMap::new(),
            screen: Screen::new(&stream, None, self.now),
            hungry: None,
        }
    }

    fn until(&mut self, end: Duration) {
        while let Some((at, event)) = self.agenda.next(end) {
            self.now = at;
            match event {
                Event::Happens(what) => self.happens(what),
                Event::Capture(chunk) => self.capture(chunk),
                Event::Round(node) => self.round(node),
                Event::Map { to, from, held } => {
                    if let Some(neighbour) = self.nodes[to].neighbours.get_mut(&from) {
                        neighbour.held = held;
                    }
                }
                Event::Question { to, from, chunk } => self.question(to, from, chunk),
                Event::Chunk { to, from, chunk } => self.chunk(to, from, chunk),
                Event::Seek(node) => self.seek(node),
                Event::Linked(a, b) => self.linked(a, b),
                Event::Lost { node, gone } => self.lost(node, gone),
                Event::Tick => self.tick(),
            }
        }
        self.now = end;
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Open(number) => {
                let peer = self.wire.add(number);
                let serves = !self.wire.world.viewer(number).leaf_only;
                let node = self.node(number, serves);
                self.nodes.push(node);
                self.present.insert(number, peer);
                self.ledger.joined();
                let asks = self.now + 5 * self.wire.control(peer);
                self.agenda.note(asks, Event::Seek(peer));
                self.agenda.note(asks + ROUND, Event::Round(peer));
            }
            What::Leave(number) => self.go(number, true),
            What::Kill(number) => self.go(number, false),
            What::KillRoot => {
                if let Some(&peer) = self.nodes[BOX].neighbours.keys().next() {
                    self.go(self.nodes[peer].number, false);
                }
            }
            What::BoxStops | What::BoxStarts | What::Strike => {}
        }
    }

    fn go(&mut self, number: u32, goodbye: bool) {
        let Some(gone) = self.present.remove(&number) else {
            return;
        };
        self.account(gone);
        self.nodes[gone].here = false;
        let neighbours: Vec<Peer> = self.nodes[gone].neighbours.keys().copied().collect();
        // Each neighbour looks for another one.
        self.ledger.departed(neighbours.len());
        for node in neighbours {
            let notice = if goodbye {
                self.wire.delay(node, gone)
            } else {
                SILENCE
            };
            self.agenda
                .note(self.now + notice, Event::Lost { node, gone });
            let fed = &mut self.nodes[node];
            if fed.coming.values().any(|(from, _)| *from == gone) {
                fed.hungry.get_or_insert(self.now);
            }
        }
    }

    fn lost(&mut self, node: Peer, gone: Peer) {
        self.nodes[node].neighbours.remove(&gone);
        self.nodes[node].coming.retain(|_, (from, _)| *from != gone);
        if node == BOX {
            let servers: Vec<Peer> = self
                .present
                .values()
                .copied()
                .filter(|peer| self.nodes[*peer].serves)
                .collect();
            if !servers.is_empty() {
                let next = servers[self.wire.dice.below(servers.len())];
                let opens = self.now + 2 * self.wire.control(next);
                self.agenda.note(opens, Event::Linked(next, BOX));
            }
        } else if self.nodes[node].here {
            self.ledger.control(MESSAGE);
            self.seek(node);
        }
    }

    /// Looks for neighbours, as many as are missing.
    fn seek(&mut self, node: Peer) {
        if !self.nodes[node].here {
            return;
        }
        let wanted = NEIGHBOURS.saturating_sub(self.nodes[node].neighbours.len());
        self.look(node, wanted);
    }

    fn look(&mut self, node: Peer, mut wanted: usize) {
        let joins = self.now < self.nodes[node].opened + crate::report::JOINING;
        let candidates: Vec<Peer> = self.present.values().copied().collect();
        if self.nodes[BOX].neighbours.len() < OF_THE_BOX && self.nodes[node].serves {
            self.agenda.note(
                self.now + 2 * self.wire.control(node),
                Event::Linked(node, BOX),
            );
        }
        for _ in 0..4 * NEIGHBOURS {
            if wanted == 0 || candidates.is_empty() {
                break;
            }
            let other = candidates[self.wire.dice.below(candidates.len())];
            let known = self.nodes[node].neighbours.contains_key(&other)
                || self.nodes[node].unreachable.contains(&other);
            let full = self.nodes[other].neighbours.len() >= MOST;
            // Two who serve nobody are of no use to one another.
            let useless = !self.nodes[node].serves && !self.nodes[other].serves;
            if other == node || known || full || useless {
                continue;
            }
            if !joins {
                self.ledger.control(2 * MESSAGE + SIGNALS);
            }
            wanted -= 1;
            match self.wire.link(node, other) {
                Some(opens) => self
                    .agenda
                    .note(self.now + opens, Event::Linked(node, other)),
                None => {
                    self.nodes[node].unreachable.push(other);
                    self.agenda
                        .note(self.now + Duration::from_secs(3), Event::Seek(node));
                }
            }
        }
    }

    fn linked(&mut self, a: Peer, b: Peer) {
        if !self.nodes[a].here || !self.nodes[b].here {
            return;
        }
        if b == BOX && self.nodes[BOX].neighbours.len() >= OF_THE_BOX {
            return;
        }
        for (one, other) in [(a, b), (b, a)] {
            let held = self.nodes[other].held;
            let neighbour = Neighbour { held, asked: 0 };
            self.nodes[one].neighbours.insert(other, neighbour);
        }
    }

    fn tick(&mut self) {
        let mut hungry = Vec::new();
        for peer in self.present.values() {
            let node = &mut self.nodes[*peer];
            let missed = node.screen.missed;
            node.screen.judge(self.now);
            // Who is served badly looks for one more, and parts with one that has nothing.
            if node.screen.missed > missed && node.neighbours.len() < MOST {
                hungry.push(*peer);
            }
            self.ledger.second(&node.screen);
        }
        for peer in hungry {
            let idle = self.nodes[peer]
                .neighbours
                .iter()
                .find(|(_, neighbour)| neighbour.held.is_empty())
                .map(|(other, _)| *other);
            if let Some(other) = idle {
                self.nodes[peer].neighbours.remove(&other);
                self.nodes[other].neighbours.remove(&peer);
            }
            self.look(peer, 1);
        }
        self.agenda
            .note(self.now + Duration::from_secs(1), Event::Tick);
    }

    fn mark(&mut self) {
        self.ledger.begin(self.now, &self.wire);
        for peer in self.present.values() {
            let screen = &mut self.nodes[*peer].screen;
            screen.judge(self.now);
            screen.mark();
        }
    }

    fn account(&mut self, peer: Peer) {
        let node = &mut self.nodes[peer];
        self.ledger.account(self.now, node.opened, &mut node.screen);
    }

    fn figures(mut self, length: Duration) -> Figures {
        for peer in self.present.values().copied().collect::<Vec<_>>() {
            self.account(peer);
        }
        let nodes = &self.nodes;
        let forwards = (1..nodes.len()).filter(|peer| nodes[*peer].serves);
        self.ledger
            .figures(length, self.present.len(), &self.wire, forwards)
    }
}
