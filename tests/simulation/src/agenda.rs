//! What is to happen, in order of time, and in the order of its noting at one time.

use core::{cmp::Ordering, time::Duration};
use std::collections::BinaryHeap;

pub(crate) struct Agenda<E> {
    entries: BinaryHeap<Entry<E>>,
    noted: u64,
}

struct Entry<E> {
    at: Duration,
    order: u64,
    event: E,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Agenda<E> {
        Agenda {
            entries: BinaryHeap::new(),
            noted: 0,
        }
    }

    pub(crate) fn note(&mut self, at: Duration, event: E) {
        self.noted += 1;
        self.entries.push(Entry {
            at,
            order: self.noted,
            event,
        });
    }

    /// The next event, if its time comes before `until` ends.
    pub(crate) fn next(&mut self, until: Duration) -> Option<(Duration, E)> {
        if self.entries.peek()?.at > until {
            return None;
        }
        self.entries.pop().map(|entry| (entry.at, entry.event))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest, and the earliest is wanted.
        (other.at, other.order).cmp(&(self.at, self.order))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}
