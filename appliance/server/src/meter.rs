//! Counts what is sent, by what it is for.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes sent since the start, heads included, TLS not.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// WebSocket frames that carry a direct feed, frame heads included.
    pub(crate) feed: AtomicU64,
    /// All other WebSocket frames, and the responses that opened the sockets.
    pub(crate) signalling: AtomicU64,
    /// The page and its files, and whatever else is no call of the API.
    pub(crate) pages: AtomicU64,
    /// `/api` and `/healthz`.
    pub(crate) api: AtomicU64,
}

/// What a connection sends at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Purpose {
    Pages,
    Api,
    Signalling,
}

/// One connection's meter, shared by its stream and by whoever knows what it is used for.
#[derive(Debug)]
pub(crate) struct Meter {
    sent: Arc<Sent>,
    purpose: AtomicU8,
    /// Bytes of a feed that have been handed to the socket but not written yet.
    feed_due: AtomicU64,
}

impl Meter {
    pub(crate) fn new(sent: Arc<Sent>) -> Arc<Self> {
        Arc::new(Self {
            sent,
            purpose: AtomicU8::new(Purpose::Pages as u8),
            feed_due: AtomicU64::new(0),
        })
    }

    /// What is sent from now on.
    pub(crate) fn set(&self, purpose: Purpose) {
        self.purpose.store(purpose as u8, Relaxed);
    }

    /// The next WebSocket message, with a payload of this length, belongs to a feed.
    pub(crate) fn feed(&self, payload: usize) {
        self.feed_due.fetch_add(frame_len(payload), Relaxed);
    }

    /// Only the connection's own task calls this, so load and store need not be one step.
    fn wrote(&self, bytes: usize) {
        let bytes = bytes as u64;
        let due = self.feed_due.load(Relaxed);
        let feed = bytes.min(due);
        self.feed_due.store(due - feed, Relaxed);
        self.sent.feed.fetch_add(feed, Relaxed);
        let rest = match self.purpose.load(Relaxed) {
            purpose if purpose == Purpose::Signalling as u8 => &self.sent.signalling,
            purpose if purpose == Purpose::Api as u8 => &self.sent.api,
            _ => &self.sent.pages,
        };
        rest.fetch_add(bytes - feed, Relaxed);
    }
}

/// The length of a server's WebSocket frame (RFC 6455, section 5.2; servers do not mask).
fn frame_len(payload: usize) -> u64 {
    let head = match payload {
        0..=125 => 2,
        126..=0xFFFF => 4,
        _ => 10,
    };
    head + payload as u64
}

/// A stream with a meter on its way out.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    stream: S,
    meter: Arc<Meter>,
}

impl<S> Metered<S> {
    pub(crate) fn new(stream: S, meter: Arc<Meter>) -> Self {
        Self { stream, meter }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.meter.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, bufs))?;
        self.meter.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn each_byte_is_counted_once_and_for_its_purpose() {
        let sent = Arc::new(Sent::default());
        let meter = Meter::new(sent.clone());
        let mut stream = Metered::new(Vec::new(), meter.clone());
        stream.write_all(&[0; 10]).await.unwrap();
        meter.set(Purpose::Api);
        stream.write_all(&[0; 20]).await.unwrap();
        meter.set(Purpose::Signalling);
        stream.write_all(&[0; 40]).await.unwrap();
        // A frame of 4 + 300, written in three pieces, the last with other things behind.
        meter.feed(300);
        stream.write_all(&[0; 100]).await.unwrap();
        stream.write_all(&[0; 200]).await.unwrap();
        stream.write_all(&[0; 9]).await.unwrap();
        let counted = [&sent.pages, &sent.api, &sent.signalling, &sent.feed];
        assert_eq!(counted.map(|count| count.load(Relaxed)), [10, 20, 45, 304]);
    }

    #[test]
    fn frame_heads_are_as_rfc_6455_has_them() {
        let lens = [0, 125, 126, 65535, 65536].map(frame_len);
        assert_eq!(lens, [2, 127, 130, 65539, 65546]);
    }
}
