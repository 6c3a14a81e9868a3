//! What the uplink carries, found out once before anybody depends on it: padding to a few
//! neighbours at once, through whose windows together more fits than through one link's.
//! What is learned from then on comes with what is passed on ([`crate::uplink`]).

use core::time::Duration;

use bytes::Bytes;
use peerstream_wire::{LinkMessage, NodeId, Parent};

use super::Node;
use crate::{
    event::{Lane, Output},
    link::Link,
};

/// How far the trial is.
#[derive(Debug, Default)]
pub(super) enum Trial {
    #[default]
    Due,
    /// What has gone has to be gone, so that those who are fed already hardly notice.
    Pausing {
        round: u32,
        until: Duration,
    },
    /// The first round only opens the windows; of the others the best one counts.
    Running {
        round: u32,
        since: Duration,
        /// What had been sent by then, in bytes.
        sent: u64,
        /// Messages over each link.
        messages: usize,
        lines: Vec<Line>,
    },
    Over,
}

/// What goes over one link: a ping before it, and one behind it.
#[derive(Debug)]
pub(super) struct Line {
    peer: NodeId,
    first: u32,
    last: u32,
    /// When the first one came, by the clock there in microseconds.
    came: Option<u32>,
    /// How long after it the last one did.
    took: Option<u32>,
}

/// Links that are used at most, and what goes over each in the first round: as much as may sit
/// in the browser's queue. Each further round has twice as much, for windows grow with what
/// fills them, but not where somebody is fed already and would have to wait behind it.
const LINKS: usize = 3;
const MESSAGE: usize = 4_000;
const MESSAGES: usize = 16;
/// What a newcomer begins with has come by then.
const CALM: Duration = Duration::from_millis(1500);
/// Who feeds several from the first moment on has to find out as well, when these have begun.
const LATE: Duration = Duration::from_secs(4);
/// How many there are, and the time between them.
const ROUNDS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(300);
/// What took so long, in microseconds, several windows have gone by: more shows no more.
const LONG: u32 = 500_000;
/// A shorter time, in microseconds, is not told from none.
const SHORTEST: u32 = 5_000;
/// An uplink that takes longer for one round carries no copy of anything.
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
                    self.begin_round(now, 0);
                }
            }
            Trial::Pausing { round, until } => {
                let round = *round;
                if now >= *until {
                    self.trial = Trial::Over;
                    self.begin_round(now, round);
                    self.conclude(now);
                }
            }
            Trial::Running { since, .. } => {
                if now >= *since + PATIENCE {
                    self.end_round(now);
                }
            }
        }
    }

    fn begin_round(&mut self, now: Duration, round: u32) {
        let idle =
            |link: &Link| link.is_usable() && link.serving.is_none() && link.strands.count() == 0;
        let peers = self.links.iter().filter_map(|(origin, link)| match origin {
            Parent::Node(peer) if idle(link) => Some(*peer),
            _ => None,
        });
        let links = if self.served() == 0 { LINKS } else { 1 };
        let peers: Vec<NodeId> = peers.take(links).collect();
        if peers.is_empty() {
            return;
        }
        let messages = match self.served() {
            0 => MESSAGES << round,
            1 => MESSAGES,
            _ => MESSAGES / 4,
        };
        let mut lines = Vec::new();
        let sent = self.uplink.bytes();
        for peer in &peers {
            let (first, last) = (self.uplink.token(), self.uplink.token());
            self.pad(*peer, LinkMessage::Ping(first).encode());
            lines.push(Line {
                peer: *peer,
                first,
                last,
                came: None,
                took: None,
            });
        }
        let padding = LinkMessage::Padding(Bytes::from_static(&[0; MESSAGE])).encode();
        // In turn, so that they end at about the same time.
        for _ in 0..messages {
            for peer in &peers {
                self.pad(*peer, padding.clone());
            }
        }
        for line in &lines {
            self.pad(line.peer, LinkMessage::Ping(line.last).encode());
        }
        self.trial = Trial::Running {
            round,
            since: now,
            sent,
            messages,
            lines,
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
        peer: NodeId,
        token: u32,
        at: u32,
    ) -> bool {
        let Trial::Running { lines, since, .. } = &mut self.trial else {
            return false;
        };
        let Some(line) = lines.iter_mut().find(|line| line.peer == peer) else {
            return false;
        };
        if token == line.first {
            line.came = Some(at);
            return true;
        }
        if token != line.last {
            return false;
        }
        let Some(link) = self.links.get_mut(&Parent::Node(peer)) else {
            return true;
        };
        // Browsers say so only of what is more than half.
        link.buffered = 0;
        // Where the first ping was lost once, and came late, it would look quick.
        let least = now.saturating_sub(*since + link.quickest.unwrap_or_default()) / 2;
        let took = line.came.map_or(0, |came| at.wrapping_sub(came));
        line.took = Some(took.max(u32::try_from(least.as_micros()).unwrap_or(u32::MAX)));
        if lines.iter().all(|line| line.took.is_some()) {
            self.end_round(now);
        }
        true
    }

    fn end_round(&mut self, now: Duration) {
        let Trial::Running {
            round,
            since,
            sent,
            messages,
            lines,
        } = core::mem::replace(&mut self.trial, Trial::Over)
        else {
            return;
        };
        // All began at once. What has gone by the time that the middle one took is the better
        // half of them, and of each other one its share: neither one that is done at once, while
        // windows hold the others up, nor one that loses something says how it went.
        let each = (MESSAGE * messages) as u64;
        let passed = now.saturating_sub(since).as_micros();
        let took = lines.iter().filter_map(|line| line.took);
        let mut took: Vec<u32> = took.filter(|took| u128::from(*took) <= passed).collect();
        took.sort_unstable();
        // What was passed on meanwhile went by the same uplink, or had to wait until then.
        let long = took.last().is_some_and(|took| *took >= LONG);
        if let Some(middle) = took.get(took.len() / 2).filter(|_| round > 0 || long) {
            let share = |took: &u32| each * 1_000_000 / u64::from(*took.max(middle).max(&SHORTEST));
            let padding = each * lines.len() as u64;
            let fed = (self.uplink.bytes() - sent).saturating_sub(padding);
            let fed = fed / 2 * 1_000_000 / u64::try_from(passed).unwrap_or(u64::MAX).max(1);
            self.uplink.tried(took.iter().map(share).sum::<u64>() + fed);
        }
        if round + 1 < ROUNDS && !long && now < since + PATIENCE {
            let (round, until) = (round + 1, now + PAUSE);
            self.trial = Trial::Pausing { round, until };
        }
        self.conclude(now);
    }

    fn conclude(&mut self, now: Duration) {
        if matches!(self.trial, Trial::Over) {
            self.uplink.conclude();
            self.judge_uplink(now);
        }
    }
}
