//! Signals between nodes that have a link assigned, on their way through the box.

use core::time::Duration;

use peerstream_wire::{NodeId, Signal, ToNode};

use super::{Coordinator, Output};
use crate::{
    Misbehaved,
    defaults::{BEHIND, SIGNAL_KEEPS, SIGNAL_WAITS, STRAY_GRACE},
    place::Place,
    seat::{Seat, millis},
    urgency::Rush,
};

/// A signal on its way from one node to another.
#[derive(Debug)]
pub(super) struct Relayed {
    at: Duration,
    from: NodeId,
    to: NodeId,
    signal: Signal,
}

impl Coordinator {
    /// The peer's place if `from` has a link with it, none if it had one a moment ago.
    pub(super) fn linked(
        &self,
        from: NodeId,
        place: Place,
        peer: NodeId,
    ) -> Result<Option<Place>, Misbehaved> {
        let Some(other) = self.forest.place(peer) else {
            let was = peer != NodeId(0) && peer.0 <= self.newest;
            return if was {
                Ok(None)
            } else {
                Err(Misbehaved::NoSuchPeer(peer))
            };
        };
        if self.forest.linked(place, other) {
            return Ok(Some(other));
        }
        let grace = millis(STRAY_GRACE);
        let of_late = |seat: &Seat| {
            seat.noted != 0
                || seat.told.names(peer)
                || millis(self.now).wrapping_sub(seat.changed) <= grace
        };
        let excused = self.recovery.is_running() || self.forest.seat(place).is_some_and(of_late);
        if peer != from && excused {
            return Ok(None);
        }
        Err(Misbehaved::NotLinked(peer))
    }

    /// A node has something for another that has a link with it.
    pub(super) fn relay(&mut self, rush: Rush, from: NodeId, to: NodeId, signal: Signal) {
        let at = self.now;
        let begins = !matches!(signal, Signal::Answer(_));
        self.relayed[rush as usize][usize::from(begins)].push_back(Relayed {
            at,
            from,
            to,
            signal,
        });
    }

    /// The next signal of this urgency, answers before offers; before it what
    /// its receiver is to be told, so that it knows who is calling. What has waited for so long
    /// that the link will not open in time is left out, and so is what concerns two who are no
    /// neighbours any more.
    pub(super) fn next_signal(&mut self, rush: Rush) -> Option<Output> {
        let rush = rush as usize;
        for queue in 0..2 {
            while let Some(first) = self.relayed[rush][queue].front() {
                let (from, to, waited) = (first.from, first.to, self.now.saturating_sub(first.at));
                if waited >= SIGNAL_WAITS {
                    self.behind[rush] = self.now + BEHIND;
                }
                let linked = self.forest.place(from).zip(self.forest.place(to));
                let linked = linked.filter(|(from, to)| self.forest.linked(*from, *to));
                if let Some((_, place)) = linked.filter(|_| waited < SIGNAL_KEEPS) {
                    let noted = self.forest.seat(place).map_or(0, |seat| seat.noted);
                    let news = noted
                        .checked_sub(1)
                        .and_then(|rank| self.announce(rank, place));
                    if news.is_some() {
                        return news;
                    }
                    let Relayed { signal, .. } = self.relayed[rush][queue].pop_front()?;
                    if matches!(signal, Signal::Answer(_)) {
                        self.answered.note(self.now, from, to);
                    }
                    let message = ToNode::Signal { peer: from, signal };
                    return Some(Output::Send { to, message });
                }
                self.relayed[rush][queue].pop_front();
            }
        }
        None
    }
}
