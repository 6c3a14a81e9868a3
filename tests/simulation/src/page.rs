//! A viewer's page: the node, the player, and how honest it is.

use core::time::Duration;

use peerstream_fragment::{Fragment, Position};
use peerstream_node::{Config, Input, Node, Output, Phase};
use peerstream_wire::NodeId;

use crate::{conduct::Conduct, element::Element, source::Source, watch::Media, world::Viewer};

/// One page, for as long as the run lasts. Its node may have several [`NodeId`]s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageId(pub u32);

pub(crate) struct Page {
    /// Its number in the world.
    pub(crate) number: u32,
    pub(crate) viewer: Viewer,
    pub(crate) node: Node,
    pub(crate) conduct: Conduct,
    pub(crate) element: Element,
    /// What the box calls it.
    pub(crate) name: Option<NodeId>,
    /// The control socket that it has or is opening.
    pub(crate) socket: Option<u32>,
    /// Its clock minus the run's.
    pub(crate) skew: Duration,
    pub(crate) opened: Duration,
    /// The earliest wake-up on the agenda, by the run's clock.
    pub(crate) wake: Option<Duration>,
    /// Until when its uplink is busy, by the run's clock.
    pub(crate) uplink_free: Duration,
    /// Bytes of messages that it has sent over links.
    pub(crate) sent: u64,
    pub(crate) sent_before: u64,
    /// What had come to it when it began to be watched.
    pub(crate) media_before: Media,
    /// How often its player has been looked after.
    pub(crate) samples: u32,
    /// When the last message each way over the control socket arrives: TCP keeps order.
    pub(crate) to_box: Duration,
    pub(crate) from_box: Duration,
    /// When the box last fed it anything.
    pub(crate) box_delivered: Option<Duration>,
    /// Since when it is watched for continuity.
    pub(crate) watched: Option<Duration>,
    /// The newest fragment that anything has come of.
    pub(crate) begun: Option<Position>,
    /// Since when it has lost a feeder, and what had come by then.
    pub(crate) orphaned: Option<(Duration, Option<Position>)>,
    /// Links with a hostile page since the strike, and what was missing then.
    pub(crate) victim: bool,
    pub(crate) playback: Playback,
}

impl Page {
    pub(crate) fn new(
        number: u32,
        viewer: Viewer,
        seed: u64,
        now: Duration,
        skew: Duration,
    ) -> Page {
        let mut page = Page {
            number,
            node: Node::new(Config { pinned: None, seed }, now + skew),
            viewer,
            conduct: Conduct::Honest,
            element: Element::default(),
            name: None,
            socket: None,
            skew,
            opened: now,
            wake: None,
            uplink_free: Duration::ZERO,
            sent: 0,
            sent_before: 0,
            media_before: Media::default(),
            samples: 0,
            to_box: Duration::ZERO,
            from_box: Duration::ZERO,
            box_delivered: None,
            watched: None,
            begun: None,
            orphaned: None,
            victim: false,
            playback: Playback::default(),
        };
        if viewer.leaf_only {
            page.handle(now, Input::Sharing { copies_max: 0 });
        }
        page
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

    /// The player gets a chunk.
    pub(crate) fn show(&mut self, now: Duration, fragment: &Fragment, source: &Source) {
        self.playback.show(now, self.opened, fragment, source);
        self.element.chunk(now, fragment);
    }

    /// Looks after the player. Whether this begins its picture.
    pub(crate) fn sample(&mut self, now: Duration) -> bool {
        let before = self.element.began();
        let delay = self.node.playout_delay();
        self.element.sample(now, delay);
        let began = self.element.began().filter(|_| before.is_none());
        if began.is_some() {
            self.playback.startup = Some(now.saturating_sub(self.opened));
            self.watched = Some(now);
        }
        began.is_some()
    }
}

/// What a page's node has handed to its player since [`crate::Swarm::mark`].
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
    last: Option<Position>,
}

impl Playback {
    /// Forgets everything but what goes on.
    pub(crate) fn mark(&mut self) {
        *self = Playback {
            phase: self.phase,
            startup: self.startup,
            last: self.last,
            ..Playback::default()
        };
    }

    fn show(&mut self, now: Duration, opened: Duration, fragment: &Fragment, source: &Source) {
        let in_order = self.last.is_none_or(|last| last < fragment.at());
        let sealed = source.sealed(fragment.at());
        let same = |sealed: &Fragment| {
            // Most are the very same bytes.
            sealed.payload.as_ptr() == fragment.payload.as_ptr() || sealed == fragment
        };
        if !in_order || !sealed.is_some_and(|sealed| same(&sealed.fragment)) {
            self.wrong += 1;
        }
        self.last = Some(fragment.at());
        let meta = &fragment.header.header.meta;
        let captured = meta.capture_time + u64::from(meta.duration);
        let behind = Duration::from_micros(Source::clock(now).saturating_sub(captured));
        self.shown += 1;
        // A newcomer begins with the segment so far, which it was not there for.
        if self
            .startup
            .is_some_and(|startup| captured > Source::clock(opened + startup))
        {
            self.latest = self.latest.max(behind);
        }
    }
}
