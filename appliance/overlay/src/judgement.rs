//! What follows from complaints: who is put apart, and who is at fault.
//!
//! * One word parts two nodes and no more, whatever it says.
//! * Words of nodes behind different addresses add up, for [`COMPLAINT_WINDOW`]: two and
//!   the accused underperforms; two that it forged and it is a leaf for good, three and it
//!   is turned away.
//! * Who is itself far behind and has said so is excused: what it lacks it cannot pass on,
//!   and the place above it is judged by its own neighbours.
//! * A node and its partner that are both far behind speak of one place: what they say of
//!   the two who feed them counts against both of those. So partners who withhold together
//!   do not hide each other, for lateness is measured against the signed capture time.
//! * Who complains of many is the more likely cause, and loses its credit.
//! * If a good part of the audience complains within seconds, it is the source or the box,
//!   and nobody is judged but forgers.

mod alarm;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use peerstream_wire::{Complaint, NodeId};

use alarm::Alarm;

use crate::{
    defaults::{
        ALARM, CASES_MOST, COMPLAINT_WINDOW, CREDIT, DEMOTIONS_SHARE, FAR_BEHIND_MS,
        FORGERY_WINDOW, LASTS, SILENT_WINDOW, WORDS_FOR_LEAF, WORDS_FOR_REFUSAL,
    },
    told::NOBODY,
};

/// A complaint, and who is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word {
    /// Who complains, and where from: words of one origin count once.
    pub(crate) by: NodeId,
    pub(crate) origin: u64,
    /// Who is accused, and its partner.
    pub(crate) about: NodeId,
    pub(crate) partner: Option<NodeId>,
    pub(crate) complaint: Complaint,
    /// How far behind the capture the complainer is, in ms.
    pub(crate) behind_ms: u16,
}

/// What follows from a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing now.
    Noted,
    /// The two are put apart.
    Separate,
    /// The accused, and its partner if so said, underperform.
    Demote {
        /// The partner as well.
        both: bool,
    },
    /// The accused is a leaf from now on.
    LeafForGood,
    /// The accused is turned away.
    Refuse,
    /// The complainer complains of everybody.
    Discredit,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    by: NodeId,
    origin: u64,
    forged: bool,
    silent: bool,
    far: bool,
    /// Since when it has said so.
    first: Duration,
    at: Duration,
}

impl Said {
    /// Not a moment's trouble: said again when it could be.
    fn lasts(&self) -> bool {
        self.at.saturating_sub(self.first) >= LASTS
    }
}

/// Words about one node; more do not change anything.
type Words = [Option<Said>; 4];

/// What a node has said of others.
#[derive(Debug, Clone, Copy)]
struct Record {
    accused: [NodeId; CREDIT],
    since: Duration,
    last: Duration,
    /// The last time it said that it is far behind because of who feeds it.
    far: Option<Duration>,
}

/// Complaints of late.
#[derive(Debug, Default)]
pub(crate) struct Judgement {
    about: BTreeMap<NodeId, Words>,
    by: BTreeMap<NodeId, Record>,
    /// When which entries may be looked at for their age, in order.
    ages: VecDeque<(Duration, NodeId)>,
    /// Nodes that have said that they are far behind.
    far: usize,
    alarm: Alarm,
    /// Since when demotions are counted, and how many there were.
    demoted: (Duration, usize),
}

impl Judgement {
    /// Takes a complaint in, of one in an audience of so many.
    pub(crate) fn hear(&mut self, now: Duration, word: Word, audience: usize) -> Verdict {
        self.age(now);
        if self.ages.len() >= CASES_MOST {
            return Verdict::Noted;
        }
        let far = word.behind_ms >= FAR_BEHIND_MS;
        let forged = word.complaint == Complaint::Forged;
        // Whoever has complained within this stretch of time is counted.
        let last = self.by.get(&word.by).map(|record| record.last);
        let counts = !forged && last.is_none_or(|last| last < self.alarm.since);
        if self.alarm.rings(now, counts, audience) && !forged {
            self.note_far(now, word.by, far);
            return Verdict::Noted;
        }
        if !self.has_credit(now, &word, far) {
            return Verdict::Discredit;
        }
        let slow = matches!(
            word.complaint,
            Complaint::Late | Complaint::Withholding | Complaint::Silent
        );
        if slow && self.is_far_behind(now, word.about) {
            return Verdict::Noted;
        }
        let said = Said {
            by: word.by,
            origin: word.origin,
            forged,
            silent: word.complaint == Complaint::Silent,
            far: far && slow,
            first: now,
            at: now,
        };
        let words = self.about.entry(word.about).or_insert([None; 4]);
        let known = words.iter().flatten().any(|before| before.by == word.by);
        note(words, said);
        self.ages.push_back((now, word.about));
        self.verdict(now, &word, known)
    }

    /// Counts a demotion for bad service, if there may be one more: honest nodes fail one by
    /// one, and whoever strikes with many is dealt with one after the other.
    pub(crate) fn may_demote(&mut self, now: Duration, audience: usize) -> bool {
        let passed = now.saturating_sub(self.demoted.0);
        if passed >= ALARM {
            self.demoted = (now, 0);
        }
        let may = self.demoted.1 < 1 + audience / DEMOTIONS_SHARE;
        self.demoted.1 += usize::from(may);
        may
    }

    /// Whether anybody has complained of a node of late.
    pub(crate) fn is_accused(&self, now: Duration, node: NodeId) -> bool {
        self.count(now, node, |_| true, None) > 0
    }

    /// Whether several have just said that nothing at all comes from a node.
    pub(crate) fn is_silent(&self, now: Duration, node: NodeId) -> bool {
        let just_now = |said: &Said| said.silent && now.saturating_sub(said.at) < SILENT_WINDOW;
        self.count(now, node, just_now, None) >= WORDS_FOR_LEAF
    }

    /// Whether a node has said of late that it is far behind, and why.
    pub(crate) fn is_far_behind(&self, now: Duration, node: NodeId) -> bool {
        let far = self.by.get(&node).and_then(|record| record.far);
        far.is_some_and(|at| now.saturating_sub(at) < COMPLAINT_WINDOW)
    }

    /// How many nodes have said in the last minutes that they are far behind.
    pub(crate) fn far_behind(&self) -> usize {
        self.far
    }

    /// Forgets what a node has said and what was said of it: it has gone, or has been put
    /// where none of it matters.
    pub(crate) fn forget(&mut self, node: NodeId) {
        self.about.remove(&node);
        self.forget_words_of(node);
    }

    fn forget_words_of(&mut self, node: NodeId) {
        if self
            .by
            .remove(&node)
            .is_some_and(|record| record.far.is_some())
        {
            self.far -= 1;
        }
    }

    fn verdict(&self, now: Duration, word: &Word, known: bool) -> Verdict {
        let forged = self.count(now, word.about, |said| said.forged, None);
        if forged >= WORDS_FOR_REFUSAL {
            return Verdict::Refuse;
        }
        if forged >= WORDS_FOR_LEAF {
            return Verdict::LeafForGood;
        }
        if self.count(now, word.about, Said::lasts, None) >= WORDS_FOR_LEAF {
            return Verdict::Demote { both: false };
        }
        if let Some(partner) = word.partner {
            let behind = |said: &Said| said.far;
            let here = self.count(now, word.about, behind, None) > 0;
            let there = self.count(now, partner, behind, Some(word.origin)) > 0;
            if here && there {
                return Verdict::Demote { both: true };
            }
        }
        if known {
            Verdict::Noted
        } else {
            Verdict::Separate
        }
    }

    /// Different origins of words about a node, that one not counted.
    fn count(
        &self,
        now: Duration,
        about: NodeId,
        counts: impl Fn(&Said) -> bool,
        without: Option<u64>,
    ) -> usize {
        let Some(words) = self.about.get(&about) else {
            return 0;
        };
        let mut origins = [None; 4];
        let fresh = words.iter().flatten().filter(|said| {
            let window = if said.forged {
                FORGERY_WINDOW
            } else {
                COMPLAINT_WINDOW
            };
            now.saturating_sub(said.at) < window && counts(said) && Some(said.origin) != without
        });
        for said in fresh {
            let known = origins.contains(&Some(said.origin));
            let free = origins.iter_mut().find(|origin| origin.is_none());
            if let Some(free) = free.filter(|_| !known) {
                *free = Some(said.origin);
            }
        }
        origins.iter().flatten().count()
    }

    /// Notes whom a node accuses; false once those are too many.
    fn has_credit(&mut self, now: Duration, word: &Word, far: bool) -> bool {
        let far = far && word.complaint != Complaint::Flooding;
        let record = self.note_far(now, word.by, far);
        if record.accused.contains(&word.about) {
            return true;
        }
        match record.accused.iter_mut().find(|node| **node == NOBODY) {
            Some(free) => {
                *free = word.about;
                true
            }
            None => false,
        }
    }

    /// A node is far behind, whoever is to blame.
    pub(crate) fn lags(&mut self, now: Duration, node: NodeId) {
        self.note_far(now, node, true);
    }

    /// Notes that a node has complained, and whether it says that it is far behind.
    fn note_far(&mut self, now: Duration, by: NodeId, far: bool) -> &mut Record {
        self.ages.push_back((now, by));
        let record = self.by.entry(by).or_insert(Record {
            accused: [NOBODY; CREDIT],
            since: now,
            last: now,
            far: None,
        });
        record.last = now;
        if far {
            self.far += usize::from(record.far.is_none());
            record.far = Some(now);
        }
        record
    }

    /// Looks at a few of the oldest entries and forgets what is past.
    fn age(&mut self, now: Duration) {
        for _ in 0..4 {
            let Some(&(at, node)) = self.ages.front() else {
                return;
            };
            if now.saturating_sub(at) < FORGERY_WINDOW {
                return;
            }
            self.ages.pop_front();
            let past = |at: Duration| now.saturating_sub(at) >= FORGERY_WINDOW;
            let forgotten = |words: &Words| words.iter().flatten().all(|said| past(said.at));
            if self.about.get(&node).is_some_and(forgotten) {
                self.about.remove(&node);
            }
            if self.by.get(&node).is_some_and(|record| past(record.since)) {
                self.forget_words_of(node);
            }
        }
    }
}

/// One word per complainer, the newest; the oldest makes room for a fifth.
fn note(words: &mut Words, said: Said) {
    let mine = words
        .iter()
        .position(|word| word.is_some_and(|word| word.by == said.by));
    let free = || words.iter().position(Option::is_none);
    let oldest = || {
        let ages = words.iter().enumerate();
        ages.min_by_key(|(_, word)| word.map(|word| word.at))
            .map(|(at, _)| at)
    };
    let at = mine.or_else(free).or_else(oldest);
    if let Some(word) = at.and_then(|at| words.get_mut(at)) {
        // Once forged, always forged: a later "late" does not wash it off.
        let mine = word.filter(|word| word.by == said.by);
        let forged = said.forged || mine.is_some_and(|word| word.forged);
        let recent = |word: &Said| said.at.saturating_sub(word.at) < COMPLAINT_WINDOW;
        let first = mine.filter(recent).map_or(said.first, |word| word.first);
        *word = Some(Said {
            forged,
            first,
            ..said
        });
    }
}

#[cfg(test)]
mod tests;
