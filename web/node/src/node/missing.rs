//! What has not come, and whom to ask for it.
//!
//! The parent sends in order, so what it has overtaken by itself is lost, or was lost further
//! up. The parent is asked first: if it has the piece, it was this link that lost it, and if
//! it has not, it is asking for it itself and will pass it on, to all below. Were every node
//! to ask its partner at once, one loss would be repaired once for each node below it, and
//! most of that would come twice. Who has no answer within a round trip asks the partner, and
//! then whoever else may have it.

use core::time::Duration;

use peerstream_fragment::Position;
use peerstream_wire::{LinkMessage, Parent};

use super::Node;
use crate::{
    config::{NEWCOMER_PATIENCE, REORDERING},
    playout::SEAM,
    store::Entry,
    timer::Timer,
};

/// Missing fragments that are asked for at once, at most.
const REQUESTS: usize = 32;
/// How often the same thing is asked for, at most and about.
const TIMES: u32 = 5;
/// How often what nothing can be shown without is asked for after that.
const PERSISTENT: Duration = Duration::from_secs(1);

/// Something that is missing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    since: Duration,
    /// When it was asked for last, and how often.
    last: Duration,
    times: u32,
}

impl Node {
    /// Asks for everything that should have come by now.
    pub(super) fn ask_again(&mut self, now: Duration) {
        let wanted = self.wanted();
        if wanted.is_empty() {
            return;
        }
        // Two who feed at once do not keep each other's order, and what a newcomer begins
        // with comes after what is live.
        let feeds = self
            .links
            .values()
            .filter(|link| link.fed.is_some())
            .count();
        let patience = match self.playout.cursor() {
            None => NEWCOMER_PATIENCE,
            Some(_) if feeds > 1 => self.latency(),
            // What the wire has lost, the browser at the other end sends again by itself, and
            // mostly that is here a round trip later.
            Some(_) => REORDERING + self.round_trip(),
        };
        let answer = (self.round_trip() + 2 * REORDERING).min(self.latency());
        for (at, parts) in wanted {
            let asked = self.asked.get_or_insert(at, || Asked {
                since: now,
                last: now,
                times: 0,
            });
            let due = match asked.times {
                0 => asked.since + patience,
                1 => asked.last + answer,
                2..=TIMES => asked.last + 2 * answer,
                // Without the init data there is no picture at all.
                _ if at.index == 0 => asked.last + PERSISTENT,
                _ => continue,
            };
            if now < due {
                self.timers.by(Timer::Gap, due);
                continue;
            }
            let times = asked.times;
            (asked.last, asked.times) = (now, times + 1);
            self.timers.by(Timer::Gap, now + answer);
            self.ask(now, at, parts, times);
        }
        if self.asked.len() > 4 * REQUESTS {
            let cursor = self.playout.cursor();
            self.asked.retain(|at, _| Some(*at) > cursor);
        }
    }

    /// What is missing before something that is there: fragments, and parts of such (a bit
    /// each, 0 for all).
    fn wanted(&self) -> Vec<(Position, u64)> {
        let mut wanted = Vec::new();
        let cursor = self.playout.cursor();
        let mut last = cursor.map(|at| (at, self.store.get(at).map_or(u64::MAX, Entry::end)));
        let mut entries = self.store.after(cursor).peekable();
        while let Some((at, entry)) = entries.next() {
            let meta = &entry.header().header.meta;
            let mut begin = 0;
            if let Some((before, end)) = last {
                let next = before.index.saturating_add(1);
                if before.segment == at.segment {
                    begin = next;
                } else if meta.init != at.segment && meta.media_time > end.saturating_add(SEAM) {
                    // How long the segment before was is not known: one more is worth asking.
                    let segment = before.segment;
                    wanted.push((
                        Position {
                            segment,
                            index: next,
                        },
                        0,
                    ));
                }
                let segment = at.segment;
                wanted.extend((begin..at.index).map(|index| (Position { segment, index }, 0)));
            }
            let init = Position {
                segment: meta.init,
                index: 0,
            };
            if self.store.init(meta.init).is_none() && init != at {
                wanted.push((init, 0));
            }
            if let Entry::Partial(assembly) = entry {
                let mut missing = assembly.missing();
                if entries.peek().is_none() {
                    // The rest of the newest is simply on its way.
                    let held = (0..64u8).rev().find(|part| assembly.has(*part));
                    missing &= held.map_or(0, |held| (1 << held) - 1);
                }
                if missing != 0 {
                    wanted.push((at, missing));
                }
            }
            last = Some((at, entry.end()));
            if wanted.len() >= REQUESTS {
                break;
            }
        }
        wanted.truncate(REQUESTS);
        wanted
    }

    fn ask(&mut self, now: Duration, at: Position, parts: u64, times: u32) {
        let mut sources: Vec<Parent> = self.parent().into_iter().chain(self.helpers()).collect();
        sources.retain(|origin| {
            let link = self.links.get(origin);
            link.is_some_and(|link| link.is_usable() && now >= link.resume)
        });
        if let Some(source) = sources.get(times as usize % sources.len().max(1))
            && let Some(link) = self.links.get_mut(source)
            && link.asks.admit(now)
        {
            self.send(now, *source, LinkMessage::Request { at, parts });
        }
    }
}
