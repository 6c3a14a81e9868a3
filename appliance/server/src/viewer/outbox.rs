use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use peerstream_wire::{Envelope, LinkMessage, ToNode};
use tokio::{sync::Notify, time::Instant};

use crate::viewer::Offence;

/// What waits to be sent to one viewer. The driver and the viewer's own reading side put
/// things in and never wait; the writing side takes them out.
///
/// It is bounded by time and by bytes: a viewer that does not read costs the box no more
/// than that. The messages of a feed are shared by all who are fed, so that what waits is
/// handles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outbox(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    closed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    closed: Option<Offence>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    message: Outgoing,
}

/// One WebSocket message.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Bytes,
    /// Whether it belongs to a direct feed.
    pub(crate) feed: bool,
}

/// The viewer does not read what it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl Outbox {
    /// Adds a control message; how many bytes it has.
    pub(crate) fn control(&self, message: &ToNode) -> Result<u64, Full> {
        let bytes = Envelope::Control(message.encode().into()).encode();
        let length = bytes.len() as u64;
        self.put([Outgoing { bytes, feed: false }])?;
        Ok(length)
    }

    /// Adds a message of the link between box and viewer.
    pub(crate) fn link(&self, message: LinkMessage) -> Result<(), Full> {
        self.feed([&Envelope::Link(message).encode()])
    }

    /// Adds messages of a feed, encoded already.
    pub(crate) fn feed<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a Bytes>,
    ) -> Result<(), Full> {
        self.put(messages.into_iter().map(|bytes| Outgoing {
            bytes: bytes.clone(),
            feed: true,
        }))
    }

    fn put(&self, messages: impl IntoIterator<Item = Outgoing>) -> Result<(), Full> {
        let now = Instant::now();
        let mut queue = self.queue();
        if queue.closed.is_some() {
            return Ok(());
        }
        let stale = queue
            .waiting
            .front()
            .is_some_and(|oldest| now.duration_since(oldest.since) > MAX_WAIT);
        if stale || queue.bytes > MAX_BYTES {
            return Err(Full);
        }
        for message in messages {
            queue.bytes += message.bytes.len();
            queue.waiting.push_back(Waiting {
                since: now,
                message,
            });
        }
        drop(queue);
        self.0.filled.notify_one();
        Ok(())
    }

    /// The next messages, as soon as there are any: some at a time, so that what has not
    /// been sent keeps ageing here.
    pub(crate) async fn take(&self) -> Vec<Outgoing> {
        loop {
            let taken = self.queue().take();
            if !taken.is_empty() {
                return taken;
            }
            self.0.filled.notified().await;
        }
    }

    /// Ends the connection.
    pub(crate) fn close(&self, offence: Offence) {
        self.queue().closed.get_or_insert(offence);
        self.0.closed.notify_one();
    }

    /// Waits until someone ends the connection, and says why.
    pub(crate) async fn closed(&self) -> Offence {
        loop {
            if let Some(offence) = self.queue().closed.clone() {
                return offence;
            }
            self.0.closed.notified().await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn take(&mut self) -> Vec<Outgoing> {
        let mut taken = Vec::new();
        let mut bytes = 0;
        while bytes < BATCH
            && let Some(Waiting { message, .. }) = self.waiting.pop_front()
        {
            bytes += message.bytes.len();
            taken.push(message);
        }
        self.bytes -= bytes;
        taken
    }
}

/// How long the oldest message may wait. A stream that is this far behind is of no use to
/// those below; the viewer is better off joining anew.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// How much may wait before more is added. A new feed begins with what the hub has, so
/// this is more than that.
const MAX_BYTES: usize = 2 * crate::hub::MAX_WINDOW;
/// How much is taken at once.
const BATCH: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_out_in_order_and_some_at_a_time() {
        let outbox = Outbox::default();
        for n in 0..100u8 {
            outbox.feed([&Bytes::from(vec![n; 4096])]).unwrap();
        }
        let mut seen = Vec::new();
        while seen.len() < 100 {
            let batch = outbox.take().await;
            assert!(batch.len() * 4096 <= BATCH);
            seen.extend(batch.iter().map(|message| message.bytes[0]));
        }
        assert!(seen.iter().copied().eq(0..100));
        assert_eq!(outbox.queue().bytes, 0);
    }

    #[test]
    fn what_nobody_reads_does_not_pile_up() {
        let outbox = Outbox::default();
        let message = Bytes::from(vec![0; 1 << 20]);
        let accepted = (0..1000).take_while(|_| outbox.feed([&message]).is_ok());
        assert!(accepted.count() <= MAX_BYTES / (1 << 20) + 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_too_long_is_not_added_to() {
        let outbox = Outbox::default();
        let message = Bytes::from_static(b"news");
        outbox.feed([&message]).unwrap();
        tokio::time::advance(MAX_WAIT).await;
        outbox.feed([&message]).unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(outbox.feed([&message]), Err(Full));
        // Whoever reads on may go on.
        assert_eq!(outbox.take().await.len(), 2);
        assert_eq!(outbox.feed([&message]), Ok(()));
    }

    #[tokio::test]
    async fn the_first_reason_to_close_is_the_one_that_counts() {
        let outbox = Outbox::default();
        outbox.close(Offence::TooSlow);
        outbox.close(Offence::ShuttingDown);
        assert_eq!(outbox.closed().await, Offence::TooSlow);
    }
}
