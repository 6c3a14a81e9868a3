//! What a node sends to one that subscribed to it, and in which order: the live parts as
//! they come in, newest segment first; before these, for one that joins, the segment so far.
//! What the browser's own queue should not hold yet waits here, where it can be dropped.

use core::time::Duration;
use std::collections::VecDeque;

use bytes::Bytes;
use peerstream_fragment::{Kind, Position};
use peerstream_wire::{LinkMessage, Share};

use crate::{
    config::{PART_LIFETIME, QUEUE_LIMIT},
    event::Lane,
    store::{Entry, Store},
};

/// The segment so far is not longer than it takes to send in this time.
const CATCHES_UP: Duration = Duration::from_secs(3);

/// One subscriber's queue.
#[derive(Default)]
pub(crate) struct Serving {
    /// Whether it gets everything; otherwise only what it asked for.
    pub(crate) subscribed: bool,
    /// The parts that it gets.
    pub(crate) share: Share,
    /// Urgent things first, then the newest segment.
    queue: VecDeque<Queued>,
    bytes: usize,
    /// When it subscribed.
    began: Duration,
    /// Nothing in the queue is older.
    oldest: Duration,
    /// What of the store a joining child is to get next; it is read when its turn comes, so
    /// that it takes no room here. `None` for one that has caught up.
    next: Option<Piece>,
}

/// A header ([`HEADER`]) or a part of a fragment.
pub(crate) type Piece = (Position, u16);

/// The header's number among the pieces of a fragment; part *i* has *i* + 1.
pub(crate) const HEADER: u16 = 0;

struct Queued {
    piece: Piece,
    urgent: bool,
    since: Duration,
    lane: Lane,
    bytes: Bytes,
}

impl Serving {
    /// For a subscriber that gets only what is new.
    pub(crate) fn fresh() -> Self {
        Serving {
            subscribed: true,
            ..Serving::default()
        }
    }

    /// All that a subscriber needs to begin or to go on: certificate, init data, what is
    /// held after what it has, and then everything new.
    pub(crate) fn begin(
        now: Duration,
        store: &Store,
        certificate: Option<&Bytes>,
        after: Option<Position>,
    ) -> Self {
        let mut serving = Serving {
            subscribed: true,
            began: now,
            ..Serving::default()
        };
        if let Some(bytes) = certificate {
            let message = LinkMessage::Certificate(bytes.clone());
            serving.push(now, ORIGIN, Lane::Command, true, message.encode());
        }
        let start = store.start();
        // Whoever is more than a segment behind begins anew, with the newest key frame.
        let resumes = after.filter(|after| {
            start.is_some_and(|start| after.segment.saturating_add(1) >= start.segment)
        });
        match resumes {
            Some(after) => {
                serving.next = store.after(Some(after)).next().map(|(at, _)| (at, HEADER));
            }
            None => serving.skip_to(now, store, start),
        }
        serving
    }

    /// Begins with a fragment, for which the subscriber needs the init data.
    fn skip_to(&mut self, now: Duration, store: &Store, start: Option<Position>) {
        self.next = start.map(|at| (at, HEADER));
        let init = start
            .and_then(|at| store.get(at))
            .and_then(|entry| store.init(entry.header().header.meta.init));
        if let Some(init) = init {
            let entry = Entry::Whole(init.clone());
            let pieces = 0..=entry.pieces();
            for message in pieces.filter_map(|piece| entry.message(piece)) {
                self.push(now, ORIGIN, Lane::Command, true, message.encode());
            }
        }
    }

    /// Whether a piece that is new has to be queued: a joining child comes to what it has
    /// not had yet by itself. `all` for what goes to everybody, whatever the share.
    pub(crate) fn wants(&self, piece: Piece, all: bool) -> bool {
        self.subscribed && (all || self.has(piece)) && self.next.is_none_or(|next| piece < next)
    }

    /// Whether a piece is in this subscriber's share.
    pub(crate) fn has(&self, (at, piece): Piece) -> bool {
        piece == HEADER || self.share.has(at, piece - 1)
    }

    /// Another share is wanted from here on, and of what waits already.
    pub(crate) fn share(&mut self, share: Share) {
        self.share = share;
        self.queue.retain(|queued| {
            let (at, piece) = queued.piece;
            let keep = queued.urgent || piece == HEADER || share.has(at, piece - 1);
            self.bytes -= if keep { 0 } else { queued.bytes.len() };
            keep
        });
    }

    /// Whether it still gets what was before it came, which can wait.
    pub(crate) fn is_joining(&self) -> bool {
        self.next.is_some()
    }

    /// Whether a piece is on its way to the subscriber anyway.
    pub(crate) fn holds(&self, piece: Piece) -> bool {
        self.next.is_some_and(|next| piece >= next)
            || self.queue.iter().any(|queued| queued.piece == piece)
    }

    /// Queues one message, encoded already, so that several children share it. What is
    /// urgent goes before everything else.
    pub(crate) fn push(
        &mut self,
        now: Duration,
        piece: Piece,
        lane: Lane,
        urgent: bool,
        bytes: Bytes,
    ) {
        if self.queue.is_empty() {
            self.oldest = now;
        }
        self.bytes += bytes.len();
        let segment = piece.0.segment;
        let before =
            |queued: &Queued| queued.urgent || (!urgent && queued.piece.0.segment >= segment);
        let at = self.queue.iter().rposition(before).map_or(0, |at| at + 1);
        self.queue.insert(
            at,
            Queued {
                piece,
                urgent,
                since: now,
                lane,
                bytes,
            },
        );
        while self.bytes > QUEUE_LIMIT
            && let Some(least) = self.queue.pop_back()
        {
            self.bytes -= least.bytes.len();
        }
    }

    /// Drops what has waited for so long that it is of no use any more.
    pub(crate) fn expire(&mut self, now: Duration) {
        if self.is_joining() || now < self.oldest + PART_LIFETIME {
            return;
        }
        self.oldest = now;
        self.queue.retain(|queued| {
            let keep = queued.lane == Lane::Command || now < queued.since + PART_LIFETIME;
            if keep {
                self.oldest = self.oldest.min(queued.since);
            } else {
                self.bytes -= queued.bytes.len();
            }
            keep
        });
    }

    /// Whether what is live has waited for longer than that, or somebody who should have
    /// caught up by now.
    pub(crate) fn waits_longer(&self, now: Duration, than: Duration) -> bool {
        if self.is_joining() {
            return now > self.began + CATCHES_UP + than;
        }
        let mut live = self.queue.iter().filter(|queued| !queued.urgent);
        live.any(|queued| now > queued.since + than)
    }

    /// How long the next message is, if there is one.
    pub(crate) fn prepare(&mut self, now: Duration, store: &Store) -> Option<usize> {
        while self.queue.is_empty()
            && let Some((at, piece)) = self.next
        {
            self.advance(now, store, at, piece);
        }
        self.queue.front().map(|queued| queued.bytes.len())
    }

    /// The next message.
    pub(crate) fn pop(&mut self) -> Option<(Lane, Bytes)> {
        let head = self.queue.pop_front()?;
        self.bytes -= head.bytes.len();
        Some((head.lane, head.bytes))
    }

    /// Takes one piece more out of the store, or finds that this was all.
    fn advance(&mut self, now: Duration, store: &Store, at: Position, piece: u16) {
        let following = || store.after(Some(at)).next().map(|(at, _)| (at, HEADER));
        let Some(entry) = store.get(at) else {
            self.next = following();
            return;
        };
        if store.is_behind(at, PART_LIFETIME) {
            // This far behind, nothing is gained from old media.
            self.skip_to(now, store, store.start());
            return;
        }
        self.next = if piece < entry.pieces() {
            Some((at, piece + 1))
        } else {
            following()
        };
        let init = entry.header().header.meta.kind == Kind::Init;
        if (init || self.has((at, piece)))
            && let Some(message) = entry.message(piece)
        {
            let lane = if init { Lane::Command } else { Lane::Media };
            self.push(now, (at, piece), lane, false, message.encode());
        }
    }
}

/// What has no place in the stream.
pub(crate) const ORIGIN: Piece = (
    Position {
        segment: 0,
        index: 0,
    },
    HEADER,
);
