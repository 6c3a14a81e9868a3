use core::time::Duration;

use peerstream_fragment::Position;

use crate::{rate_limit::RateLimit, serving::Serving};

/// Commands that one link may send at once, and a second after that. An honest node sends
/// a heartbeat each 100 ms, a ping each 2 s, and a request for each fragment it missed.
const COMMANDS: (u32, u32) = (200, 60);

/// What a node knows of one of its links; the box counts as one, while the control socket
/// is open.
pub(crate) struct Link {
    pub(crate) state: State,
    /// When anything came from the other end last.
    pub(crate) heard: Duration,
    /// When anything was sent to it last.
    pub(crate) sent: Duration,
    /// The newest fragment that the other end says it holds.
    pub(crate) claim: Option<Position>,
    pub(crate) round_trip: Option<Duration>,
    /// A ping that is not answered yet: its token and when it left.
    pub(crate) ping: Option<(u32, Duration)>,
    pub(crate) pinged: Duration,
    /// This node is subscribed to the other end.
    pub(crate) fed: Option<Fed>,
    /// The other end is subscribed to this node.
    pub(crate) serving: Option<Serving>,
    /// The other end sent what no honest node sends.
    pub(crate) distrusted: bool,
    /// Assigned no more; to be closed then.
    pub(crate) retire: Option<Duration>,
    /// Bytes in the browser's queue.
    pub(crate) buffered: usize,
    pub(crate) failures: u32,
    pub(crate) commands: RateLimit,
}

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// This end began, or waits for the other end to.
    Opening { since: Duration },
    /// Messages flow.
    Open,
    /// Given up; to be tried again then, if this is the end that begins.
    Broken { retry: Duration },
}

/// What the other end has done as a feeder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fed {
    pub(crate) since: Duration,
    /// When it delivered anything last.
    pub(crate) delivered_at: Option<Duration>,
    /// The newest fragment of which it delivered anything.
    pub(crate) delivered: Option<Position>,
}

impl Link {
    pub(crate) fn new(now: Duration, state: State) -> Self {
        Link {
            state,
            heard: now,
            sent: now,
            claim: None,
            round_trip: None,
            ping: None,
            pinged: Duration::ZERO,
            fed: None,
            serving: None,
            distrusted: false,
            retire: None,
            buffered: 0,
            failures: 0,
            commands: RateLimit::new(now, COMMANDS.0, COMMANDS.1),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether anything may be asked of the other end.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_open() && !self.distrusted
    }

    /// Forgets all that was true only while the link was open.
    pub(crate) fn interrupt(&mut self, state: State) {
        self.state = state;
        self.fed = None;
        self.serving = None;
        self.claim = None;
        self.ping = None;
        self.buffered = 0;
    }
}
