//! What a node sends to one that subscribed to it. The live parts go out as they come in;
//! what the browser's own queue should not hold yet waits here, where it can be dropped.

use std::collections::VecDeque;

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_wire::LinkMessage;

use crate::{
    config::{IN_FLIGHT, QUEUE_LIMIT},
    event::Lane,
    store::{Entry, Store},
};

/// One subscriber's queue.
#[derive(Default)]
pub(crate) struct Serving {
    queue: VecDeque<Queued>,
    bytes: usize,
}

struct Queued {
    at: Position,
    lane: Lane,
    bytes: Bytes,
}

impl Serving {
    /// Everything that a subscriber needs to begin or to go on: certificate, init data,
    /// and what is held after what it has.
    pub(crate) fn begin(
        store: &Store,
        certificate: Option<&Bytes>,
        after: Option<Position>,
    ) -> Self {
        let mut serving = Serving::default();
        let start = store.start();
        // Whoever is more than a segment behind begins anew, with the newest key frame.
        let resumes = |after: &Position| {
            start.is_some_and(|start| after.segment.saturating_add(1) >= start.segment)
        };
        let after = after.filter(resumes);
        let origin = Position {
            segment: 0,
            index: 0,
        };
        if let Some(bytes) = certificate {
            serving.push(
                origin,
                Lane::Command,
                &LinkMessage::Certificate(bytes.clone()),
            );
        }
        let mut init = None;
        for (at, entry) in store.after(after) {
            if after.is_none() && start.is_none_or(|start| at < start) {
                continue;
            }
            let meta = &entry.header().header.meta;
            if init != Some(meta.init) {
                init = Some(meta.init);
                let first = Position {
                    segment: meta.init,
                    index: 0,
                };
                if let Some(init) = store.init(meta.init)
                    && at != first
                {
                    serving.entry(first, Lane::Command, &Entry::Whole(init.clone()));
                }
            }
            serving.entry(at, Lane::Media, entry);
        }
        serving
    }

    /// Queues a fragment as far as it is held.
    fn entry(&mut self, at: Position, lane: Lane, entry: &Entry) {
        self.push(at, lane, &LinkMessage::Header(entry.header().bytes.clone()));
        for (part, bytes) in entry.parts() {
            self.push(at, lane, &LinkMessage::Part { at, part, bytes });
        }
    }

    /// Queues what was asked for again: the header if `parts` is 0, and the parts.
    pub(crate) fn again(&mut self, at: Position, entry: &Entry, parts: u64) {
        if parts == 0 {
            self.entry(at, Lane::Media, entry);
            return;
        }
        for (part, bytes) in entry.parts() {
            if part < 64 && parts & (1 << part) != 0 {
                self.push(at, Lane::Media, &LinkMessage::Part { at, part, bytes });
            }
        }
    }

    /// Queues one message about a fragment.
    pub(crate) fn push(&mut self, at: Position, lane: Lane, message: &LinkMessage) {
        self.push_encoded(at, lane, message.encode());
    }

    /// Queues one message that is encoded already, so that several children share it.
    pub(crate) fn push_encoded(&mut self, at: Position, lane: Lane, bytes: Bytes) {
        self.bytes += bytes.len();
        self.queue.push_back(Queued { at, lane, bytes });
        if self.bytes > QUEUE_LIMIT {
            self.shed(at.segment);
        }
    }

    /// The next message that may go to the browser, which has `buffered` bytes queued.
    pub(crate) fn next(&mut self, buffered: usize) -> Option<(Lane, Bytes)> {
        let head = self.queue.front()?;
        if buffered > 0 && buffered + head.bytes.len() > IN_FLIGHT {
            return None;
        }
        let head = self.queue.pop_front()?;
        self.bytes -= head.bytes.len();
        Some((head.lane, head.bytes))
    }

    /// A child this far behind gains nothing from old media: the newest segment stays.
    fn shed(&mut self, segment: u32) {
        self.queue
            .retain(|queued| queued.lane == Lane::Command || queued.at.segment >= segment);
        self.bytes = self.queue.iter().map(|queued| queued.bytes.len()).sum();
        while self.bytes > QUEUE_LIMIT
            && let Some(oldest) = self.queue.pop_front()
        {
            self.bytes -= oldest.bytes.len();
        }
    }
}
