//! What the uplink carries, found out once before anybody depends on it: padding to a
//! neighbour, and how far apart what was sent together arrives (the dispersion of a packet
//! train; Dovrolis, Ramanathan, Moore 2001), which no round trip and no window that is still
//! small makes longer. What is learned from then on comes with what is passed on
//! ([`crate::uplink`]).

use core::time::Duration;

use bytes::Bytes;
use peerstream_wire::{LinkMessage, NodeId, Parent};

use super::Node;
use crate::{
    event::{Lane, Output},
    link::Link,
    ordered::sort,
};

/// How far the trial is.
#[derive(Debug, Default)]
pub(super) enum Trial {
    #[default]
    Due,
    /// What has gone has to be gone, so that those who are fed already hardly notice.
    Pausing {
        found: Vec<Found>,
        until: Duration,
    },
    Running {
        found: Vec<Found>,
        since: Duration,
        /// What had been sent by then, in bytes.
        sent: u64,
        peer: NodeId,
        marks: Vec<Mark>,
    },
    Over,
}

/// Bytes a second to one neighbour.
type Found = (u64, NodeId);

/// A ping before, between and behind the pieces.
#[derive(Debug)]
pub(super) struct Mark {
    token: u32,
    /// When it came, by the clock there in microseconds.
    came: Option<u32>,
}

/// What goes between two marks, and how many such pieces go: the windows open on the way. Less
/// where somebody is fed already and has to wait behind it.
const MESSAGE: usize = 4_000;
const MESSAGES: usize = 2;
const PIECE: u64 = (MESSAGE * MESSAGES) as u64;
const PIECES: [usize; 3] = [20, 10, 5];
/// Neighbours that are tried. What the middle one shows counts, or the lesser of two: one may be
/// badly connected itself, and another be on the same network, which is wider than the uplink.
const PEERS: usize = 3;
/// What a newcomer begins with has come by then.
const CALM: Duration = Duration::from_millis(500);
/// Who feeds several from the first moment on has to find out as well, when these have begun.
const LATE: Duration = Duration::from_millis(1500);
const PAUSE: Duration = Duration::from_millis(100);
/// What keeps a page from looking at what has come, in microseconds: the shorter a stretch,
/// the less it tells.
const BUSY: u32 = 3_000;
/// An uplink that takes longer for that carries no copy of anything.
const PATIENCE: Duration = Duration::from_secs(2);

impl Node {
    /// Begins the trial when the picture moves and hardly anybody is fed yet, and ends one
    /// that takes too long.
    pub(super) fn tend_trial(&mut self, now: Duration) {
        match &self.trial {
            Trial::Over => {}
            Trial::Due => {
                let calm = if self.served() < 2 { CALM } else { LATE };
                let calm = self.began.is_some_and(|began| now >= began + calm);
                if calm && self.control.shares() {
                    self.try_next(now, Vec::new());
                }
            }
            Trial::Pausing { found, until } => {
                if now >= *until {
                    let found = found.clone();
                    self.try_next(now, found);
                }
            }
            Trial::Running { since, .. } => {
                if now >= *since + PATIENCE {
                    self.tried(now);
                }
            }
        }
    }

    /// Goes on with another neighbour, or ends the trial where there is none.
    fn try_next(&mut self, now: Duration, mut found: Vec<Found>) {
        let idle =
            |link: &Link| link.is_usable() && link.serving.is_none() && link.strands.count() == 0;
        let new = |peer: &NodeId| !found.iter().any(|(_, tried)| tried == peer);
        let peer = self.links.iter().find_map(|(origin, link)| match origin {
            Parent::Node(peer) if idle(link) && new(peer) => Some(*peer),
            _ => None,
        });
        let Some(peer) = peer.filter(|_| found.len() < PEERS) else {
            if !found.is_empty() {
                sort(&mut found);
                let middle = found.get((found.len() - 1) / 2);
                self.uplink.tried(middle.map(|(rate, _)| *rate));
                self.trial = Trial::Over;
                self.judge_uplink(now);
            }
            return;
        };
        let served = usize::try_from(self.served()).unwrap_or(usize::MAX);
        let pieces = PIECES[served.min(PIECES.len() - 1)];
        let sent = self.uplink.bytes();
        let padding = LinkMessage::Padding(Bytes::from_static(&[0; MESSAGE])).encode();
        let mut marks = Vec::new();
        loop {
            let token = self.uplink.token();
            self.pad(peer, LinkMessage::Ping(token).encode());
            marks.push(Mark { token, came: None });
            if marks.len() > pieces {
                break;
            }
            for _ in 0..MESSAGES {
                self.pad(peer, padding.clone());
            }
        }
        self.trial = Trial::Running {
            found,
            since: now,
            sent,
            peer,
            marks,
        };
    }

    fn pad(&mut self, peer: NodeId, bytes: Bytes) {
        if let Some(link) = self.links.get_mut(&Parent::Node(peer)) {
            link.buffered += bytes.len();
            self.uplink.sent(bytes.len());
            let lane = Lane::Media;
            self.outputs.push_back(Output::Send { peer, lane, bytes });
        }
    }

    /// A ping was answered; it had come `at` by the clock there. Whether it was one of these.
    pub(super) fn trial_answered(
        &mut self,
        now: Duration,
        from: NodeId,
        token: u32,
        at: u32,
    ) -> bool {
        let Trial::Running { peer, marks, .. } = &mut self.trial else {
            return false;
        };
        let ours = |mark: &&mut Mark| *peer == from && mark.token == token;
        let Some(mark) = marks.iter_mut().find(ours) else {
            return false;
        };
        mark.came = Some(at);
        if marks.iter().all(|mark| mark.came.is_some()) {
            self.tried(now);
        }
        true
    }

    fn tried(&mut self, now: Duration) {
        let Trial::Running {
            mut found,
            since,
            sent,
            peer,
            marks,
        } = core::mem::replace(&mut self.trial, Trial::Over)
        else {
            return;
        };
        // Browsers say so only of what is more than half.
        if let Some(link) = self.links.get_mut(&Parent::Node(peer)) {
            link.buffered = 0;
        }
        // What was passed on meanwhile went by the same uplink, or had to wait until then.
        let padding = PIECE * (marks.len() as u64 - 1);
        let fed = (self.uplink.bytes() - sent).saturating_sub(padding);
        let passed = u64::try_from((now - since).as_millis()).unwrap_or(u64::MAX);
        let fed = fed / 2 * 1_000 / passed.max(1);
        found.push((dispersion(&marks).map_or(0, |rate| rate + fed), peer));
        let until = now + PAUSE;
        self.trial = Trial::Pausing { found, until };
    }
}

/// Bytes a second: the best that any stretch between two marks shows.
fn dispersion(marks: &[Mark]) -> Option<u64> {
    let mut kept: Vec<(usize, u32)> = Vec::new();
    for (rank, mark) in marks.iter().enumerate().rev() {
        let Some(at) = mark.came else { continue };
        // One that was overtaken had been lost at first.
        if kept
            .last()
            .is_none_or(|(_, later)| later.wrapping_sub(at) <= u32::MAX / 2)
        {
            kept.push((rank, at));
        }
    }
    let stretches = kept.iter().enumerate().flat_map(|(at, last)| {
        let took = |first: &(usize, u32)| {
            let bytes = PIECE * (last.0 - first.0) as u64;
            bytes * 1_000_000 / u64::from(last.1.wrapping_sub(first.1).saturating_add(BUSY))
        };
        kept.get(at + 1..).unwrap_or_default().iter().map(took)
    });
    stretches.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece each 8 ms is a million bytes a second.
    const EVERY: u32 = 8_000;

    fn marks(came: impl Fn(u32) -> u32) -> Vec<Mark> {
        let mark = |rank| Mark {
            token: rank,
            // The clock there wraps on the way.
            came: Some(came(rank).wrapping_sub(50_000)),
        };
        (0..=20).map(mark).collect()
    }

    fn rate(marks: &[Mark]) -> u64 {
        dispersion(marks).expect("marks have come")
    }

    #[test]
    fn a_train_shows_what_it_went_through() {
        let shown = rate(&marks(|rank| rank * EVERY));
        assert!((970_000..=1_000_000).contains(&shown), "{shown}");
    }

    #[test]
    fn a_window_that_was_small_makes_it_no_slower() {
        // After the fourth and the tenth nothing comes for a while.
        let stalls = |rank| u32::from(rank > 4) + u32::from(rank > 10);
        let shown = rate(&marks(|rank| rank * EVERY + stalls(rank) * 90_000));
        assert!((940_000..=1_000_000).contains(&shown), "{shown}");
    }

    #[test]
    fn a_mark_that_came_late_makes_it_no_faster() {
        let lost = |rank| if rank == 9 { 70_000 } else { 0 };
        let shown = rate(&marks(|rank| rank * EVERY + lost(rank)));
        assert!((970_000..=1_000_000).contains(&shown), "{shown}");
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        let mut none = marks(|rank| rank);
        none.iter_mut().for_each(|mark| mark.came = None);
        assert_eq!(dispersion(&none), None);
    }
}
