//! How the stream flows down.

use core::time::Duration;

use super::{Event, HEADERS, Run, WINDOW};
use crate::rivals::{
    screen::frame_at,
    wire::{BOX, Peer},
};

/// Bytes of a piece in a single tree.
const PIECE: usize = 4_096;
/// What a parent keeps for those who come.
const BACKLOG_PACE: Duration = Duration::from_millis(4);

impl Run<'_> {
    pub(super) fn capture(&mut self, frame: u32) {
        let stream = self.wire.world.conditions().stream;
        for piece in 0..self.pieces(frame) {
            let stripe = piece % self.shape.stripes;
            self.forward(BOX, stripe, frame, piece);
        }
        let next = stream.frame * (frame + 1);
        self.agenda.note(next, Event::Capture(frame + 1));
    }

    /// How many pieces a frame has, those of parity included.
    fn pieces(&self, frame: u32) -> usize {
        if self.shape.stripes == 1 {
            self.bytes(frame).div_ceil(PIECE).clamp(1, 64)
        } else {
            self.shape.stripes
        }
    }

    fn bytes(&self, frame: u32) -> usize {
        let stream = self.wire.world.conditions().stream;
        let index = u16::try_from(frame % u32::from(stream.segment)).unwrap_or(0);
        (stream.bytes(index) as f64 * HEADERS) as usize
    }

    fn piece_bytes(&self, frame: u32) -> usize {
        if self.shape.stripes == 1 {
            self.bytes(frame) / self.pieces(frame)
        } else {
            self.bytes(frame) / self.shape.needed
        }
    }

    fn forward(&mut self, from: Peer, stripe: usize, frame: u32, piece: usize) {
        let bytes = self.piece_bytes(frame);
        for at in 0..self.nodes[from].children[stripe].len() {
            let to = self.nodes[from].children[stripe][at];
            self.send(self.now, from, to, (stripe, frame, piece), bytes);
        }
    }

    fn send(
        &mut self,
        at: Duration,
        from: Peer,
        to: Peer,
        what: (usize, u32, usize),
        bytes: usize,
    ) {
        if let Some(arrives) = self.wire.send(at, from, to, bytes) {
            let (stripe, frame, piece) = what;
            let event = Event::Piece {
                to,
                stripe,
                frame,
                piece,
            };
            self.agenda.note(arrives, event);
        }
    }

    pub(super) fn piece(&mut self, to: Peer, stripe: usize, frame: u32, piece: usize) {
        let needed = if self.shape.stripes == 1 {
            self.pieces(frame)
        } else {
            self.shape.needed
        };
        let segment = u32::from(self.wire.world.conditions().stream.segment);
        let node = &mut self.nodes[to];
        if !node.here {
            return;
        }
        let held = &mut node.pieces[frame as usize % WINDOW];
        if held.0 != frame {
            // An old one that comes late must not push out a new one.
            if held.0 != u32::MAX && held.0 > frame {
                return;
            }
            *held = (frame, 0);
        }
        let bit = 1u64 << (piece % 64);
        if held.1 & bit != 0 {
            return;
        }
        held.1 |= bit;
        if held.1.count_ones() as usize == needed {
            node.screen
                .arrive(self.now, frame, frame.is_multiple_of(segment));
        }
        let captured = self.wire.world.conditions().stream.frame * frame;
        if let Some(lost) = node.hungry[stripe].filter(|lost| captured > *lost) {
            node.hungry[stripe] = None;
            self.ledger.refed(self.now - lost);
        }
        self.forward(to, stripe, frame, piece);
    }

    /// What a new child lacks: what its parent holds of the segment so far, behind the
    /// live pieces, at the pace that they leave.
    pub(super) fn backlog(&mut self, parent: Peer, child: Peer, stripe: usize) {
        let stream = self.wire.world.conditions().stream;
        let live = frame_at(stream.frame, self.now);
        let begins = live - live % u32::from(stream.segment);
        let mut at = self.now;
        let stripes = self.shape.stripes;
        for frame in begins..=live {
            for piece in (stripe..self.pieces(frame)).step_by(stripes) {
                let (known, bits) = self.nodes[parent].pieces[frame as usize % WINDOW];
                let holds = parent == BOX || known == frame && bits & (1 << (piece % 64)) != 0;
                let (known, bits) = self.nodes[child].pieces[frame as usize % WINDOW];
                if holds && !(known == frame && bits & (1 << (piece % 64)) != 0) {
                    let bytes = self.piece_bytes(frame);
                    self.send(at, parent, child, (stripe, frame, piece), bytes);
                    at += BACKLOG_PACE;
                }
            }
        }
    }
}
