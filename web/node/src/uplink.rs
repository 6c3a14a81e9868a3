//! What a node's uplink carries, learned from what it forwards anyway.

use core::time::Duration;
use peerstream_wire::{DEFAULT_COPIES, MAX_CHILDREN, NodeId};

/// Learns the uplink, and how many copies of the stream it has room for.
///
/// Whatever is sent back to back is timed (the dispersion of a packet train; Dovrolis,
/// Ramanathan, Moore 2001): a ping goes before it and one behind it, to the same child and
/// through the same queues, and what lies between their arrivals is what the train took. A window
/// that is still opening only makes the uplink look slower, so the best but one of the last
/// measurements is taken.
#[derive(Debug, Default)]
pub(crate) struct Uplink {
    /// What the pings' tokens are made of.
    secret: u64,
    /// Bytes handed over in all.
    sent: u64,
    /// More than one fragment's worth is about to go.
    long: bool,
    /// The ping before the train.
    first: Option<Marker>,
    /// Up to which byte all had been delivered when, by this child's clock in microseconds,
    /// and when these had gone.
    anchor: Option<(NodeId, u64, u32, Duration)>,
    /// The ping behind the train, or behind a piece of it.
    marker: Option<Marker>,
    /// More waits: the train goes on, however long that takes.
    waits: bool,
    /// The browser's queues were full for several children since the last answer.
    filled: bool,
    /// The pace that was kept, if any.
    paced: Option<u64>,
    /// What was found out before there were children.
    tried: Option<u64>,
    samples: Vec<Sample>,
    /// How many samples there were.
    counted: u32,
    /// The next one is to show whether there is more.
    probing: bool,
    /// How many are served.
    served: u8,
    /// And since when there have been so many.
    since: Duration,
    copies: Option<u8>,
    /// Not to be raised before.
    hold: Duration,
    /// Since when all children have had to wait, and what had gone by then.
    distress: Option<(Duration, u64)>,
    shortages: u32,
}

#[derive(Debug)]
struct Marker {
    peer: NodeId,
    token: u32,
    at: Duration,
    sent: u64,
}

#[derive(Debug)]
struct Sample {
    at: Duration,
    /// Bytes a second.
    rate: u64,
    /// It took longer to go than to come in, so that this is all that goes.
    full: bool,
}

/// A train of less says nothing: windows open by and by, and clocks are coarse.
const TRAIN: u64 = 32 * 1024;
/// A longer one is timed in pieces of this length.
const PIECE: u64 = 128 * 1024;
/// What took less is not known to have taken less.
const SHORTEST: Duration = Duration::from_millis(20);
/// The samples that are remembered, and for how long at least, if there are newer ones.
const SAMPLES: usize = 8;
const MEMORY: Duration = Duration::from_secs(60);
/// It takes so many to conclude anything.
const EVIDENCE: usize = 3;
/// A ping that is not answered by then is lost.
const LOST: Duration = Duration::from_secs(1);
/// Before another copy is offered, the last one is tried out for so long; after a shortage
/// four times as long, and twice that with every further one.
const TRIAL: Duration = Duration::from_secs(10);
/// How long a set of children takes to settle.
const SETTLED: Duration = Duration::from_secs(3);
/// For so long all have to wait until it is certain that there is too little for them.
const DISTRESS: Duration = Duration::from_millis(1500);

impl Uplink {
    /// One that has learned nothing. The seed is nobody else's.
    pub(crate) fn new(seed: u64) -> Self {
        Uplink {
            secret: seed,
            ..Uplink::default()
        }
    }

    /// So many bytes are about to go.
    pub(crate) fn expect(&mut self, bytes: u64) {
        self.long |= bytes >= TRAIN;
    }

    /// Something goes to this child. The token of the ping that is to go before it, if a
    /// train begins.
    pub(crate) fn begin(&mut self, now: Duration, peer: NodeId) -> Option<u32> {
        let lost = |marker: &Marker| now >= marker.at + LOST;
        let free = |marker: &Option<Marker>| marker.as_ref().is_none_or(lost);
        if !core::mem::take(&mut self.long)
            || self.waits
            || !free(&self.first)
            || !free(&self.marker)
        {
            return None;
        }
        let token = self.token();
        (self.anchor, self.marker, self.filled) = (None, None, false);
        self.first = Some(Marker {
            peer,
            token,
            at: now,
            sent: self.sent,
        });
        Some(token)
    }

    /// So many bytes went to the browser.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// Bytes that went to the browser in all.
    pub(crate) fn bytes(&self) -> u64 {
        self.sent
    }

    /// So many bytes a second go, as a trial showed; nothing is known where nothing arrived.
    pub(crate) fn tried(&mut self, rate: Option<u64>) {
        self.tried = rate.filter(|rate| *rate > 0);
    }

    /// The browser's queues take no more at the moment, for several children at once.
    pub(crate) fn fills(&mut self) {
        self.filled = true;
    }

    /// All that may go now has gone; `idle` if nothing waits. Returns whom a ping is to go to
    /// behind it, and its token, if one is.
    pub(crate) fn mark(&mut self, now: Duration, idle: bool) -> Option<(NodeId, u32)> {
        self.waits = !idle;
        let first = self.first.as_ref().map(|first| (first.peer, first.sent));
        let anchor = self.anchor.map(|(peer, sent, ..)| (peer, sent));
        let (peer, from) = first.or(anchor)?;
        let lost = |marker: &Marker| now >= marker.at + LOST;
        if self.sent - from < if idle { TRAIN } else { PIECE }
            || !self.marker.as_ref().is_none_or(lost)
        {
            return None;
        }
        let token = self.token();
        self.marker = Some(Marker {
            peer,
            token,
            at: now,
            sent: self.sent,
        });
        Some((peer, token))
    }

    /// Not to be guessed, or it could be answered before it has arrived: a linear congruence
    /// (Knuth's MMIX), of which the better half is used.
    pub(crate) fn token(&mut self) -> u32 {
        self.secret = self
            .secret
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.secret >> 32) as u32
    }

    /// A ping was answered; it had come `at` by the other end's clock. Says whether it was one
    /// of these.
    pub(crate) fn answered(&mut self, now: Duration, peer: NodeId, token: u32, at: u32) -> bool {
        let ours = |marker: &mut Marker| (marker.peer, marker.token) == (peer, token);
        if let Some(first) = self.first.take_if(ours) {
            self.anchor = Some((peer, first.sent, at, first.at));
            return true;
        }
        let Some(marker) = self.marker.take_if(ours) else {
            return false;
        };
        let next = Some((peer, marker.sent, at, marker.at)).filter(|_| self.waits);
        let Some((_, from, since, went)) = core::mem::replace(&mut self.anchor, next) else {
            return true;
        };
        let took = Duration::from_micros(at.wrapping_sub(since).into()).max(SHORTEST);
        if took > now.saturating_sub(went) {
            // By no clock.
            return true;
        }
        // What took about as long to come in shows what came in, and not what goes.
        let full = took > marker.at.saturating_sub(went) * 5 / 4 + SHORTEST
            || core::mem::take(&mut self.filled);
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut rate = marker.sent.saturating_sub(from).saturating_mul(1_000_000) / took;
        // What goes at a pace cannot show more than that: it confirms what is known.
        let known = self.rate();
        let confirmed = self.paced.is_some_and(|pace| rate >= pace / 20 * 17);
        if confirmed {
            rate = rate.max(known.unwrap_or(0));
        }
        self.counted += 1;
        // So every fourth time, and as long as it helps, the pace is a little higher.
        self.probing = self.counted.is_multiple_of(4) || known.is_some_and(|known| rate > known);
        let old = |oldest: &Sample| now > oldest.at + MEMORY;
        while self.samples.len() >= SAMPLES
            || (self.samples.len() >= EVIDENCE && self.samples.first().is_some_and(old))
        {
            self.samples.remove(0);
        }
        let full = full && !confirmed;
        self.samples.push(Sample {
            at: now,
            rate,
            full,
        });
        true
    }

    /// What the uplink carries, in bytes a second, once that is known: each train shows what
    /// it carries at least, and the best but one is no accident.
    pub(crate) fn rate(&self) -> Option<u64> {
        if self.samples.len() < EVIDENCE {
            return self.tried;
        }
        let (mut best, mut second) = (0, 0);
        for sample in &self.samples {
            second = second.max(sample.rate.min(best));
            best = best.max(sample.rate);
        }
        // What had gone to other children may still have been under way.
        Some(self.tried.map_or(second, |tried| second.min(tried)))
    }

    /// How fast to send, in bytes a second: a little less than the uplink carries, but not
    /// less than what has to go.
    pub(crate) fn pace(&mut self, needed: u64) -> Option<u64> {
        // What was only seen to be carried says nothing of what more would be.
        let rate = self
            .tried
            .map(|tried| self.rate().map_or(tried, |rate| rate.max(tried)));
        self.paced = rate.map(|rate| {
            let share = if self.probing {
                rate / 4 * 5
            } else {
                rate / 20 * 19
            };
            share.max(needed / 4 * 5)
        });
        self.paced
    }

    /// The copies that were learned to fit.
    pub(crate) fn copies(&self) -> Option<u8> {
        self.copies
    }

    /// Whether another copy may be offered besides the `served` that go well, or one too many
    /// is, for its `own` children among them, of a stream of so many bytes a second. Says
    /// whether the offer changes.
    pub(crate) fn judge(&mut self, now: Duration, stream: u64, own: u8, served: u8) -> bool {
        if self.served != served {
            self.served = served;
            self.since = now;
        }
        if let (None, Some(rate)) = (self.copies, self.tried) {
            self.hold = now + TRIAL;
            // Beside the first one there should be room to help in, and to catch up.
            let copies = (rate / 3 * 2 / stream).max(u64::from(rate / 8 * 7 >= stream));
            return self.set(u8::try_from(copies).unwrap_or(u8::MAX));
        }
        let known = self.copies.unwrap_or(DEFAULT_COPIES);
        let last = self.samples.iter().rev().take(EVIDENCE);
        // Who has fallen behind could never catch up with less.
        let enough = stream * u64::from(own) / 8 * 9;
        let short = last.filter(|sample| sample.full && sample.rate < enough);
        if (2..=known).contains(&own) && short.count() == EVIDENCE {
            return self.lower(now, own - 1);
        }
        let needed = stream * u64::from(known + 1) / 5 * 8;
        let carried = self
            .tried
            .and(self.rate())
            .is_some_and(|rate| rate >= needed);
        // One that was too much once is offered another chance.
        let chance = known < DEFAULT_COPIES && self.rate().is_none();
        let settled = now >= self.since + TRIAL;
        if served < known
            || !settled
            || now < self.hold
            || self.distress.is_some()
            || !(carried || chance)
        {
            return false;
        }
        self.hold = now + 4 * TRIAL;
        self.set(known + 1)
    }

    /// Whether all children have to wait for what is live, while `served` are served. With one
    /// alone that tells no more than that its link is slow; with more than were offered it
    /// tells nothing new. The stream is of so many bytes a second. Says whether the offer changes.
    pub(crate) fn distress(
        &mut self,
        now: Duration,
        waiting: bool,
        stream: u64,
        served: u8,
    ) -> bool {
        let known = self.copies.unwrap_or(DEFAULT_COPIES);
        // A new child gets what was before it came, and a moved one is fed twice for a moment.
        let settled = self.served == served && now >= self.since + SETTLED;
        if !waiting || !settled || served < 2 || served > known {
            self.distress = None;
            return false;
        }
        let (since, before) = *self.distress.get_or_insert((now, self.sent));
        if now < since + DISTRESS {
            return false;
        }
        // What had been held up further up comes all at once, and takes its time from here.
        let took = u64::try_from((now - since).as_millis()).unwrap_or(u64::MAX);
        if self.sent - before >= stream * u64::from(served) / 1000 * took {
            self.distress = None;
            return false;
        }
        self.lower(now, served - 1)
    }

    /// So many, and for a while no more.
    fn lower(&mut self, now: Duration, copies: u8) -> bool {
        self.distress = None;
        self.tried = None;
        self.samples.clear();
        self.shortages += 1;
        self.hold = now + 4 * TRIAL * 2u32.pow(self.shortages.min(5));
        self.set(copies)
    }

    fn set(&mut self, copies: u8) -> bool {
        let most = u8::try_from(MAX_CHILDREN).unwrap_or(u8::MAX);
        let copies = Some(copies.min(most));
        let changed = self.copies != copies;
        self.copies = copies;
        changed
    }
}
