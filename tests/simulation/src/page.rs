//! A viewer's page: the node, a player that only watches, and how honest it is.

use core::time::Duration;

use bytes::Bytes;
use peerstream_fragment::{Fragment, Position};
use peerstream_node::{Config, Input, Node, Output, Phase};
use peerstream_wire::{LinkMessage, NodeId};

use crate::source::Source;

/// One page, for as long as the run lasts. Its node may have several [`NodeId`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u32);

/// What a page does with what it passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conduct {
    /// As it ships.
    Honest,
    /// Alters the bytes of every part that it sends.
    Forger,
}

pub(crate) struct Page {
    pub(crate) node: Node,
    pub(crate) conduct: Conduct,
    /// What the box calls it.
    pub(crate) name: Option<NodeId>,
    /// The control socket that it has or is opening.
    pub(crate) socket: Option<u32>,
    /// One way to the box.
    pub(crate) control: Duration,
    /// Its clock minus the run's.
    pub(crate) skew: Duration,
    /// The earliest wake-up on the agenda, by the run's clock.
    pub(crate) wake: Option<Duration>,
    /// Until when its uplink is busy, by the run's clock.
    pub(crate) uplink_free: Duration,
    pub(crate) playback: Playback,
}

impl Page {
    pub(crate) fn new(seed: u64, now: Duration, control: Duration, skew: Duration) -> Page {
        Page {
            node: Node::new(Config { pinned: None, seed }, now + skew),
            conduct: Conduct::Honest,
            name: None,
            socket: None,
            control,
            skew,
            wake: None,
            uplink_free: Duration::ZERO,
            playback: Playback::open(now),
        }
    }

    pub(crate) fn handle(&mut self, now: Duration, input: Input) {
        self.node.handle(now + self.skew, input);
    }

    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.node.poll()
    }

    /// By the run's clock.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        Some(self.node.deadline()?.saturating_sub(self.skew))
    }

    /// The bytes as this page sends them.
    pub(crate) fn tamper(&self, bytes: Bytes) -> Bytes {
        if self.conduct == Conduct::Honest {
            return bytes;
        }
        match LinkMessage::decode(bytes.clone()) {
            Ok(LinkMessage::Part { at, part, bytes }) => {
                let mut altered = bytes.to_vec();
                if let Some(byte) = altered.last_mut() {
                    *byte ^= 1;
                }
                LinkMessage::Part {
                    at,
                    part,
                    bytes: altered.into(),
                }
                .encode()
            }
            _ => bytes,
        }
    }
}

/// What a page has shown since [`crate::Swarm::mark`].
#[derive(Debug, Clone, Default)]
pub struct Playback {
    /// What the viewer is told.
    pub phase: Option<Phase>,
    /// From opening the page to the first picture.
    pub startup: Option<Duration>,
    /// Fragments shown.
    pub shown: u64,
    /// Fragments shown that are not what the source sealed, or out of order.
    pub wrong: u64,
    /// Media given up.
    pub skipped: Duration,
    /// The longest from capture of a fragment's last frame until it could be shown, for
    /// fragments captured after the first picture.
    pub latest: Duration,
    behind: Duration,
    last: Option<Position>,
    opened: Duration,
}

impl Playback {
    pub(crate) fn open(now: Duration) -> Playback {
        Playback {
            opened: now,
            ..Playback::default()
        }
    }

    /// On average, from capture of a fragment's last frame until it could be shown.
    #[must_use]
    pub fn mean_behind(&self) -> Duration {
        self.behind / u32::try_from(self.shown).unwrap_or(u32::MAX).max(1)
    }

    /// Forgets everything but what goes on.
    pub(crate) fn mark(&mut self) {
        *self = Playback {
            phase: self.phase,
            startup: self.startup,
            last: self.last,
            opened: self.opened,
            ..Playback::default()
        };
    }

    pub(crate) fn show(&mut self, now: Duration, fragment: &Fragment, source: &Source) {
        let in_order = self.last.is_none_or(|last| last < fragment.at());
        if source.sealed(fragment.at()) != Some(fragment) || !in_order {
            self.wrong += 1;
        }
        self.last = Some(fragment.at());
        let startup = *self.startup.get_or_insert(now.saturating_sub(self.opened));
        let meta = &fragment.header.header.meta;
        let captured = meta.capture_time + u64::from(meta.duration);
        let behind = Duration::from_micros(Source::clock(now).saturating_sub(captured));
        self.shown += 1;
        self.behind += behind;
        // A newcomer begins with the segment so far, which it was not there for.
        if captured > Source::clock(self.opened + startup) {
            self.latest = self.latest.max(behind);
        }
    }
}
