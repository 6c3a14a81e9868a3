//! Telling, asking, getting.

use core::time::Duration;

use super::{Event, ROUND, Run};
use crate::rivals::{
    screen::frame_at,
    wire::{BOX, Peer},
};

/// Frames in a chunk: 200 ms.
const CHUNK: u32 = 6;
/// Chunks that are on their way from one neighbour, at most.
const IN_FLIGHT: usize = 2;
/// What was asked for and has not come by then is asked for elsewhere.
const PATIENCE: Duration = Duration::from_millis(1_000);
/// Who is behind with sending serves nobody new.
const BUSY: Duration = Duration::from_millis(400);
/// What headers add to the media.
const HEADERS: f64 = 1.06;
const QUESTION: usize = 16;
/// Chunks that are due soon.
const URGENT: u32 = 5;
/// A map of what is held, in bytes.
const MAP: usize = 40;
/// To so many of its neighbours the box gives each chunk.
const COPIES: usize = 3;

impl Run<'_> {
    pub(super) fn capture(&mut self, chunk: u32) {
        let frame = self.wire.world.conditions().stream.frame;
        if let Some(chunk) = chunk.checked_sub(1) {
            let fed: Vec<Peer> = self.nodes[BOX].neighbours.keys().copied().collect();
            for turn in 0..COPIES.min(fed.len()) {
                let to = fed[(chunk as usize * COPIES + turn) % fed.len()];
                self.question(BOX, to, chunk);
            }
        }
        let next = frame * ((chunk + 1) * CHUNK);
        self.agenda.note(next, Event::Capture(chunk + 1));
    }

    pub(super) fn round(&mut self, node: Peer) {
        if !self.nodes[node].here {
            return;
        }
        let held = self.nodes[node].held;
        let neighbours: Vec<Peer> = self.nodes[node].neighbours.keys().copied().collect();
        if self.nodes[node].serves && node != BOX {
            for &to in &neighbours {
                if let Some(arrives) = self.wire.send(self.now, node, to, MAP) {
                    let event = Event::Map {
                        to,
                        from: node,
                        held,
                    };
                    self.agenda.note(arrives, event);
                }
            }
        }
        if node != BOX {
            self.pull(node);
        }
        self.agenda.note(self.now + ROUND, Event::Round(node));
    }

    fn pull(&mut self, node: Peer) {
        let (now, stream) = (self.now, self.wire.world.conditions().stream);
        self.nodes[node]
            .coming
            .retain(|_, (_, asked)| now < *asked + PATIENCE);
        let live = frame_at(stream.frame, now) / CHUNK;
        let past = frame_at(stream.frame, now.saturating_sub(self.delay)) / CHUNK;
        let lacks = |chunk: &u32| {
            let node = &self.nodes[node];
            !node.held.has(*chunk) && !node.coming.contains_key(chunk)
        };
        let holders = |chunk: u32| {
            let all = self.nodes[node].neighbours.values();
            all.filter(|neighbour| neighbour.held.has(chunk)).count()
        };
        // The rarest first, but before all what is due soon; among equals by chance, or
        // all would ask for the same.
        let due = past + URGENT;
        let mut wanted: Vec<(bool, usize, u64, u32)> = (past..live)
            .filter(lacks)
            .map(|chunk| (chunk >= due, holders(chunk), u64::from(chunk), chunk))
            .filter(|(_, holders, ..)| *holders > 0)
            .collect();
        for (later, _, order, _) in &mut wanted {
            if *later {
                *order = self.wire.dice.number();
            }
        }
        wanted.sort_unstable();
        for neighbour in self.nodes[node].neighbours.values_mut() {
            neighbour.asked = 0;
        }
        let asked: Vec<Peer> = self.nodes[node]
            .coming
            .values()
            .map(|(from, _)| *from)
            .collect();
        for from in asked {
            if let Some(neighbour) = self.nodes[node].neighbours.get_mut(&from) {
                neighbour.asked += 1;
            }
        }
        for (.., chunk) in wanted {
            let from = self.nodes[node]
                .neighbours
                .iter()
                .filter(|(_, neighbour)| neighbour.held.has(chunk) && neighbour.asked < IN_FLIGHT)
                .min_by_key(|(peer, neighbour)| (neighbour.asked, **peer))
                .map(|(peer, _)| *peer);
            let Some(from) = from else { continue };
            if let Some(neighbour) = self.nodes[node].neighbours.get_mut(&from) {
                neighbour.asked += 1;
            }
            self.nodes[node].coming.insert(chunk, (from, now));
            if let Some(arrives) = self.wire.send(now, node, from, QUESTION) {
                let event = Event::Question {
                    to: from,
                    from: node,
                    chunk,
                };
                self.agenda.note(arrives, event);
            }
        }
    }

    pub(super) fn question(&mut self, to: Peer, from: Peer, chunk: u32) {
        if !self.nodes[to].here || self.wire.queue(self.now, to) > BUSY {
            return;
        }
        let stream = self.wire.world.conditions().stream;
        let frames = chunk * CHUNK..(chunk + 1) * CHUNK;
        let index = |frame: u32| u16::try_from(frame % u32::from(stream.segment)).unwrap_or(0);
        let bytes: usize = frames.map(|frame| stream.bytes(index(frame))).sum();
        let mut arrives = None;
        let mut left = (bytes as f64 * HEADERS) as usize;
        while left > 0 {
            let piece = left.min(4_096);
            left -= piece;
            arrives = arrives.max(self.wire.send(self.now, to, from, piece));
        }
        if let Some(at) = arrives {
            let event = Event::Chunk {
                to: from,
                from: to,
                chunk,
            };
            self.agenda.note(at, event);
        }
    }

    pub(super) fn chunk(&mut self, to: Peer, from: Peer, chunk: u32) {
        let segment = u32::from(self.wire.world.conditions().stream.segment);
        let node = &mut self.nodes[to];
        if !node.here || !self.nodes[from].here {
            return;
        }
        let node = &mut self.nodes[to];
        node.coming.remove(&chunk);
        node.held.add(chunk);
        if let Some(lost) = node.hungry.take() {
            self.ledger.refed(self.now - lost);
        }
        for frame in chunk * CHUNK..(chunk + 1) * CHUNK {
            node.screen
                .arrive(self.now, frame, frame.is_multiple_of(segment));
        }
        // Everybody shows at the same distance from the capture.
        if node.screen.startup.is_some() {
            node.screen.delay = Some(self.delay);
        }
    }
}
