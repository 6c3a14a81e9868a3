//! One tree, or several interior-disjoint ones.
//!
//! The box knows every node's uplink and hangs each newcomer, and each orphan with all
//! that is below it, under the node nearest to the top that has room. Whoever loses its
//! parent in a tree gets nothing in that tree until it has a new one.

mod flow;
mod placing;

use core::time::Duration;

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

/// How many trees, and how they are used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Trees.
    stripes: usize,
    /// Pieces of a frame that make it whole; one stripe has pieces of 4 KiB.
    needed: usize,
    /// Children in a tree, at most.
    degree: usize,
}

impl Shape {
    pub(super) const BINARY: Shape = Shape {
        stripes: 1,
        needed: 1,
        degree: 2,
    };
    /// Four stripes and one of parity.
    pub(super) const STRIPES: Shape = Shape {
        stripes: 5,
        needed: 4,
        degree: 16,
    };
}

/// A node that is silent for so long is gone: five heartbeats.
const SILENCE: Duration = Duration::from_millis(500);
/// A link that is not open by then is given up.
const GIVE_UP: Duration = Duration::from_secs(3);
/// Who finds no room asks again.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Of the uplink that is planned with, and what headers add to the media.
const USABLE: f64 = 0.8;
const HEADERS: f64 = 1.06;
/// What a link takes to open, about.
const HAND_OVER: Duration = Duration::from_millis(600);
/// A message of the box, and what the signals of one link are, on the wire.
const MESSAGE: u64 = 76 + 30;
const SIGNALS: u64 = 3 * 76 + 500;
/// How often the screens are judged.
const TICK: Duration = Duration::from_secs(1);

enum Event {
    Happens(What),
    Capture(u32),
    Piece {
        to: Peer,
        stripe: usize,
        frame: u32,
        piece: usize,
    },
    /// A node finds out that it has no parent in a stripe.
    Orphaned {
        node: Peer,
        stripe: usize,
        lost: Duration,
    },
    Ask {
        node: Peer,
        stripe: usize,
    },
    Linked {
        node: Peer,
        stripe: usize,
        parent: Peer,
    },
    /// A leaf that had to make room has its next link.
    HandedOver {
        node: Peer,
        stripe: usize,
    },
    Tick,
}

struct Node {
    number: u32,
    here: bool,
    opened: Duration,
    /// What it can feed, by stripe.
    room: Vec<usize>,
    parent: Vec<Option<Peer>>,
    /// About to make room for one that forwards.
    leaving: Vec<bool>,
    children: Vec<Vec<Peer>>,
    /// Since when it has been without, if somebody was lost.
    hungry: Vec<Option<Duration>>,
    /// Those to whom no link opens.
    unreachable: Vec<Peer>,
    screen: Screen,
    /// Pieces that came, by frame modulo the window: the frame and a bit for each piece.
    pieces: Vec<(u32, u64)>,
}

/// Frames whose pieces are remembered.
const WINDOW: usize = 256;

struct Run<'a> {
    shape: Shape,
    now: Duration,
    wire: Wire<'a>,
    agenda: Agenda<Event>,
    nodes: Vec<Node>,
    /// Who is there under a number.
    present: std::collections::BTreeMap<u32, Peer>,
    reserve: Duration,
    ledger: Ledger,
}

pub(super) fn run(world: &World, plan: &Schedule, shape: Shape, delay: Duration) -> Figures {
    let (happenings, begins, ends) = unroll(plan);
    let mut run = Run::new(world, shape, delay);
    for (at, what) in happenings {
        run.agenda.note(at, Event::Happens(what));
    }
    run.agenda.note(Duration::ZERO, Event::Capture(0));
    run.agenda.note(TICK, Event::Tick);
    run.until(begins);
    run.mark();
    run.until(ends);
    run.figures(plan.length)
}

impl<'a> Run<'a> {
    fn new(world: &'a World, shape: Shape, reserve: Duration) -> Run<'a> {
        let mut run = Run {
            shape,
            now: Duration::ZERO,
            wire: Wire::new(world),
            agenda: Agenda::new(),
            nodes: Vec::new(),
            present: std::collections::BTreeMap::new(),
            reserve,
            ledger: Ledger::new(&world.conditions().stream),
        };
        let stripes = shape.stripes;
        let each = run.degree(BOX).min(3 * stripes);
        run.nodes
            .push(run.node(u32::MAX, vec![each.min(16); stripes]));
        run
    }

    fn node(&self, number: u32, room: Vec<usize>) -> Node {
        let stripes = self.shape.stripes;
        let stream = self.wire.world.conditions().stream;
        Node {
            number,
            here: true,
            opened: self.now,
            room,
            parent: vec![None; stripes],
            leaving: vec![false; stripes],
            children: vec![Vec::new(); stripes],
            hungry: vec![None; stripes],
            unreachable: Vec::new(),
            screen: Screen::new(&stream, Some(self.reserve), self.now),
            pieces: vec![(u32::MAX, 0); WINDOW],
        }
    }

    /// How many children in one stripe an uplink carries; the box spreads over all.
    fn degree(&self, peer: Peer) -> usize {
        let stream = self.wire.world.conditions().stream;
        let rate = stream.bitrate as f64 / self.shape.needed as f64 * HEADERS;
        let copies = (self.wire.uplink(peer) as f64 * USABLE / rate) as usize;
        if peer == BOX {
            copies / self.shape.stripes
        } else {
            copies.min(self.shape.degree)
        }
    }

    fn until(&mut self, end: Duration) {
        while let Some((at, event)) = self.agenda.next(end) {
            self.now = at;
            match event {
                Event::Happens(what) => self.happens(what),
                Event::Capture(frame) => self.capture(frame),
                Event::Piece {
                    to,
                    stripe,
                    frame,
                    piece,
                } => self.piece(to, stripe, frame, piece),
                Event::Orphaned { node, stripe, lost } => self.orphaned(node, stripe, lost),
                Event::Ask { node, stripe } => self.ask(node, stripe),
                Event::Linked {
                    node,
                    stripe,
                    parent,
                } => self.linked(node, stripe, parent),
                Event::HandedOver { node, stripe } => self.handed_over(node, stripe),
                Event::Tick => self.tick(),
            }
        }
        self.now = end;
    }

    fn happens(&mut self, what: What) {
        match what {
            What::Open(number) => self.open(number),
            What::Leave(number) => self.go(number, true),
            What::Kill(number) => self.go(number, false),
            What::KillRoot => {
                let fed = self.nodes[BOX].children.iter().flatten().next().copied();
                if let Some(peer) = fed {
                    self.go(self.nodes[peer].number, false);
                }
            }
            What::BoxStops | What::BoxStarts | What::Strike => {}
        }
    }

    fn open(&mut self, number: u32) {
        let peer = self.wire.add(number);
        let mut room = vec![0; self.shape.stripes];
        if !self.wire.world.viewer(number).leaf_only {
            room[peer % self.shape.stripes] = self.degree(peer);
        }
        let node = self.node(number, room);
        self.nodes.push(node);
        self.present.insert(number, peer);
        self.ledger.joined();
        let asks = self.now + 5 * self.wire.control(peer);
        for stripe in 0..self.shape.stripes {
            self.agenda.note(asks, Event::Ask { node: peer, stripe });
        }
    }

    fn go(&mut self, number: u32, goodbye: bool) {
        let Some(peer) = self.present.remove(&number) else {
            return;
        };
        self.account(peer);
        self.nodes[peer].here = false;
        let mut orphans = 0;
        for stripe in 0..self.shape.stripes {
            self.detach(peer, stripe);
            for child in std::mem::take(&mut self.nodes[peer].children[stripe]) {
                orphans += 1;
                self.nodes[child].parent[stripe] = None;
                let notice = if goodbye {
                    self.wire.delay(peer, child)
                } else {
                    SILENCE
                };
                let lost = self.now;
                let event = Event::Orphaned {
                    node: child,
                    stripe,
                    lost,
                };
                self.agenda.note(self.now + notice, event);
            }
        }
        self.ledger.departed(orphans);
    }

    fn orphaned(&mut self, node: Peer, stripe: usize, lost: Duration) {
        if !self.nodes[node].here || self.nodes[node].parent[stripe].is_some() {
            return;
        }
        self.nodes[node].hungry[stripe].get_or_insert(lost);
        let asked = self.now + self.wire.control(node);
        self.agenda.note(asked, Event::Ask { node, stripe });
    }

    fn tick(&mut self) {
        for peer in self.present.values() {
            let node = &mut self.nodes[*peer];
            node.screen.judge(self.now);
            self.ledger.second(&node.screen);
        }
        self.ledger.deepest = self.ledger.deepest.max(self.depth());
        self.agenda.note(self.now + TICK, Event::Tick);
    }

    /// A viewer's time is over, or the run's.
    fn account(&mut self, peer: Peer) {
        let node = &mut self.nodes[peer];
        self.ledger.account(self.now, node.opened, &mut node.screen);
    }

    /// The watched time begins.
    fn mark(&mut self) {
        self.ledger.begin(self.now, &self.wire);
        for peer in self.present.values() {
            let screen = &mut self.nodes[*peer].screen;
            screen.judge(self.now);
            screen.mark();
        }
    }

    fn figures(mut self, length: Duration) -> Figures {
        for peer in self.present.values().copied().collect::<Vec<_>>() {
            self.account(peer);
        }
        let nodes = &self.nodes;
        let forwards = (1..nodes.len()).filter(|peer| nodes[*peer].room.iter().any(|r| *r > 0));
        self.ledger
            .figures(length, self.present.len(), &self.wire, forwards)
    }
}
