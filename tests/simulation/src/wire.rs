//! What the wire, the browser and the operating system add, in one place.
//!
//! Delay, loss and rate are the audience's ([`crate::world`]); these are the figures of
//! the machinery, by which the model is fitted to measured links.
//!
//! | parameter | from |
//! | --- | --- |
//! | initial window, least RTO, burst | Chromium's SCTP (dcsctp): a page cannot change them |
//! | growth, halving, Mathis bound | RFC 9260, sections 7.2.1 to 7.2.3; Mathis et al. 1997 |
//! | overhead | IPv4 20, UDP 8, DTLS 1.2 with AES-GCM 37, SCTP 12, DATA chunk 16 |
//! | set-up | measured between eight pages on two cores, and pages slowed down 4 and 6 times: an offer with candidates after 22 to 76 ms, an answer after 14 to 89, the link open 4 to 49 ms later, round trips aside |
//!
//! # The model against the laboratory
//! What a hop adds beyond the wire's 20 ms each way, from the last part here to the last
//! part there, in milliseconds: ordinary fragments p50 / p95 / p99, key fragments p50 /
//! p95. Chromium pages in network namespaces (`tests/netlab`, `make bench-links`),
//! 2.5 Mbit/s in 30 fragments a second, a key fragment of 166 KB every 2 s, 10 Mbit/s up,
//! no pacing. The model's column comes from
//! `cargo test -p peerstream-simulation calibration -- --nocapture`.
//!
//! | copies | loss % | laboratory | model |
//! | --- | --- | --- | --- |
//! | 1 | 0 | 4 / 18 / 60, 15 / 95 | 5 / 7 / 30, 5 / 30 |
//! | 1 | 0.1 | 4 / 19 / 81, 16 / 91 | 5 / 62 / 151, 15 / 133 |
//! | 1 | 0.2 | 4 / 48 / 165, 28 / 164 | 6 / 166 / 251, 33 / 210 |
//! | 1 | 1 | 242 / 1040 / 1076, 334 / 787 | 519 / 1127 / 1230, 542 / 1165 |
//! | 2 | 0 | 10 / 189 / 279, 167 / 265 | 9 / 166 / 181, 148 / 269 |
//! | 2 | 0.1 | 11 / 257 / 354, 174 / 331 | 9 / 155 / 228, 106 / 268 |
//! | 2 | 0.2 | 11 / 262 / 417, 174 / 383 | 9 / 172 / 296, 81 / 307 |
//! | 2 | 1 | 498 / 1026 / 1134, 504 / 1034 | 297 / 893 / 1068, 382 / 1049 |
//!
//! Both are of the first 20 s of a link. Later each loss costs more, since windows have shrunk:
//! after two minutes of the model, one copy at 0.1% of loss, p95 is 139 ms. The model's losses
//! cost more than the laboratory's where one copy is sent, and its tail without loss is
//! shorter: it has no other processes that want the processor.

use core::{ops::Range, time::Duration};

/// Payload of one packet on a data channel: dcsctp fills 1,191 bytes of SCTP.
pub(crate) const PACKET: usize = 1_163;
/// What is around that payload, in bytes; see the module's words.
pub(crate) const PACKET_OVERHEAD: usize = 93;
/// What SCTP may have under way at first, in bytes.
pub(crate) const FIRST_WINDOW: usize = 10 * PACKET;
/// What it may have under way at least, however much is lost.
pub(crate) const LEAST_WINDOW: usize = 4 * PACKET;
/// A packet whose retransmission was lost as well is sent again after this at the earliest.
pub(crate) const RTO: Duration = Duration::from_millis(400);
/// How long it takes until three later packets have shown that one is lost, where others
/// follow at the pace of a stream.
pub(crate) const THREE_LATER: Duration = Duration::from_millis(12);
/// What waits at a home router for longer than this is dropped, for want of room.
pub(crate) const UPLINK_QUEUE: Duration = Duration::from_millis(100);
/// Messages of the media channel are given up by the browser after this.
pub(crate) const LIFETIME: Duration = Duration::from_secs(1);
/// `bufferedAmountLowThreshold`, as the page sets it: where the four connections of a link hold
/// as much as they may together, one of them holds more than this.
pub(crate) const LOW: usize = 12 * 1024;

/// From a packet's arrival until the page's own code has it: the browser's network process,
/// the queue of the main thread.
pub(crate) const DISPATCH: Duration = Duration::from_micros(500);
/// What other work of the page adds to that on average; exponential.
pub(crate) const BUSY: Duration = Duration::from_micros(700);
/// Browsers' timers have a grain of a millisecond, and are late by as much.
pub(crate) const TIMER_GRAIN: Duration = Duration::from_millis(1);

/// From being asked to a description with candidates.
pub(crate) const GATHERING: Range<Duration> = ms(10)..ms(80);
/// ICE, DTLS and SCTP: so many times there and back,
pub(crate) const HANDSHAKE_ROUND_TRIPS: u32 = 4;
/// and so much work besides, at both ends.
pub(crate) const HANDSHAKE: Range<Duration> = ms(5)..ms(45);
/// TCP, TLS, WebSocket: so many times there and back.
pub(crate) const SOCKET_ROUND_TRIPS: u32 = 3;

/// How long after a page has died without a word its links are closed at the other end:
/// ICE consent (RFC 7675) runs out after 30 s; browsers speak up earlier.
pub(crate) const LINK_NOTICE: Duration = Duration::from_secs(15);
/// How long after that its control socket is gone at the box, which sends nothing to it:
/// TCP keep-alive at the earliest. What the box knows earlier it knows from neighbours.
pub(crate) const SOCKET_NOTICE: Duration = Duration::from_secs(90);

/// TCP sends again what nothing later shows to be lost after this at the earliest (Linux).
pub(crate) const TCP_RTO: Duration = Duration::from_millis(200);
/// Payload of a TCP segment.
pub(crate) const SEGMENT: usize = peerstream_budget::SEGMENT as usize;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
