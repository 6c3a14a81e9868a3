use std::time::Duration;

use peerstream_ingest::Source;
use peerstream_media::SourceEvent;
use tokio::time::Instant;
use tracing::{info, warn};

use super::backlog::Backlog;
use super::child::Child;
use super::patience::Patience;

/// A source that is to be kept running.
pub(super) struct Post {
    pub(super) role: Role,
    pub(super) source: Source,
    pub(super) child: Option<Child>,
    /// When to start the next child.
    pub(super) due: Option<Instant>,
    patience: Patience,
    pub(super) backlog: Backlog,
    /// What the child has announced and the studio has not been told.
    pub(super) tracks: Option<SourceEvent>,
    /// What the source sends in vain, and that has been said.
    left_out: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Demo,
    Publisher,
}

impl Post {
    pub(super) fn new(role: Role, source: Source) -> Self {
        Self {
            role,
            source,
            child: None,
            due: Some(Instant::now()),
            patience: Patience::default(),
            backlog: Backlog::default(),
            tracks: None,
            left_out: Vec::new(),
        }
    }

    pub(super) fn is_held_by(&self, child: u64) -> bool {
        self.child
            .as_ref()
            .is_some_and(|held| held.number() == child)
    }

    pub(super) fn takes(&mut self, mut child: Child, now: Instant) {
        info!(
            source = self.role.name(),
            pid = child.pid(),
            "ingest process started"
        );
        self.due = None;
        self.patience.started(now);
        if self.role == Role::Publisher {
            child.feed(self.backlog.resume());
        }
        self.child = Some(child);
    }

    /// Says once, and no more, that something is not passed on.
    pub(super) fn leave_out(&mut self, what: String) {
        if self.left_out.len() < MOST_LEFT_OUT && !self.left_out.contains(&what) {
            warn!("publisher sends {what}, which browsers do not play: it is left out");
            self.left_out.push(what);
        }
    }

    /// The child is gone. When there will be another one.
    pub(super) fn lost(&mut self) -> Duration {
        let now = Instant::now();
        let wait = self.patience.wait(now);
        self.child = None;
        self.tracks = None;
        self.due = Some(now + wait);
        wait
    }

    pub(super) fn is_sound_only(&self) -> bool {
        matches!(self.tracks, Some(SourceEvent::Tracks { video: None, .. }))
    }
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Role::Demo => "demo",
            Role::Publisher => "publisher",
        }
    }
}

/// A publisher that sends more kinds of what is left out is not reported on any more.
const MOST_LEFT_OUT: usize = 4;
