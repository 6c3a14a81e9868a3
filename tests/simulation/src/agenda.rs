//! What is to happen, in order of time, and in the order of its noting at one time.
//!
//! A calendar queue (Brown 1988): most of what is noted comes within seconds and waits in
//! the bucket of its quarter of a millisecond without being sorted; only the bucket whose
//! turn it is is kept as a heap, small enough to stay in the processor's cache.

use core::{cmp::Ordering, time::Duration};
use std::collections::BinaryHeap;

pub(crate) struct Agenda<E> {
    /// What is due in the bucket at hand, or is noted for a time before its end.
    current: BinaryHeap<Entry<E>>,
    bucket: u64,
    /// The buckets that follow, each at its number modulo [`BUCKETS`].
    ring: Vec<Vec<Entry<E>>>,
    in_ring: usize,
    /// What comes after all of them.
    far: BinaryHeap<Entry<E>>,
    noted: u64,
}

struct Entry<E> {
    /// Nanoseconds.
    at: u64,
    order: u64,
    event: E,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Agenda<E> {
        Agenda {
            current: BinaryHeap::new(),
            bucket: 0,
            ring: (0..BUCKETS).map(|_| Vec::new()).collect(),
            in_ring: 0,
            far: BinaryHeap::new(),
            noted: 0,
        }
    }

    pub(crate) fn note(&mut self, at: Duration, event: E) {
        self.noted += 1;
        let at = nanos(at);
        let entry = Entry {
            at,
            order: self.noted,
            event,
        };
        let bucket = at >> WIDTH;
        if bucket <= self.bucket {
            self.current.push(entry);
        } else if bucket - self.bucket < BUCKETS {
            self.ring[slot(bucket)].push(entry);
            self.in_ring += 1;
        } else {
            self.far.push(entry);
        }
    }

    /// The next event, if its time comes before `until` ends.
    pub(crate) fn next(&mut self, until: Duration) -> Option<(Duration, E)> {
        let until = nanos(until);
        loop {
            if let Some(entry) = self.current.peek() {
                if entry.at > until {
                    return None;
                }
                let entry = self.current.pop()?;
                return Some((Duration::from_nanos(entry.at), entry.event));
            }
            self.turn_page(until >> WIDTH)?;
        }
    }

    /// Goes on to the next bucket that may hold something, none after `last`.
    fn turn_page(&mut self, last: u64) -> Option<()> {
        if self.bucket >= last {
            return None;
        }
        let next_far = self.far.peek().map(|entry| entry.at >> WIDTH);
        self.bucket = if self.in_ring > 0 {
            self.bucket + 1
        } else {
            // Empty buckets need not be looked at one by one.
            next_far.unwrap_or(last).clamp(self.bucket + 1, last)
        };
        let due = core::mem::take(&mut self.ring[slot(self.bucket)]);
        self.in_ring -= due.len();
        self.current = due.into();
        while self
            .far
            .peek()
            .is_some_and(|entry| entry.at >> WIDTH <= self.bucket)
        {
            self.current.extend(self.far.pop());
        }
        Some(())
    }
}

fn slot(bucket: u64) -> usize {
    (bucket % BUCKETS) as usize
}

fn nanos(at: Duration) -> u64 {
    u64::try_from(at.as_nanos()).unwrap_or(u64::MAX)
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

/// A bucket is 2^18 ns, about a quarter of a millisecond.
const WIDTH: u32 = 18;
/// All of them are about four seconds: hardly anything is noted for later than that.
const BUCKETS: u64 = 1 << 14;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_in_order_of_time_and_of_noting() {
        let mut agenda = Agenda::new();
        let mut expected = Vec::new();
        for number in 0u64..5_000 {
            // From nanoseconds to a minute, many at one time.
            let at = Duration::from_nanos((number * 7_919 % 600) * 10u64.pow((number % 9) as u32));
            agenda.note(at, number);
            expected.push((at, number));
        }
        expected.sort_unstable();
        let (first, rest) = expected.split_at(2_500);
        let until = first[first.len() - 1].0;
        let mut come = Vec::new();
        while let Some(event) = agenda.next(until) {
            come.push(event);
        }
        // What is noted late for a time that has a bucket already still comes in order.
        agenda.note(until, 9_999);
        assert_eq!(agenda.next(until), Some((until, 9_999)));
        while let Some(event) = agenda.next(Duration::MAX) {
            come.push(event);
        }
        assert_eq!((come.len(), rest.len()), (5_000, 2_500));
        assert_eq!(come, expected);
    }
}
