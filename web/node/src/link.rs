use core::time::Duration;

use peerstream_fragment::Position;
use peerstream_wire::{Description, NodeId};

use crate::{
    config::{AGAIN, BEGINNINGS, IN_VAIN, PADDING, PAUSE},
    node::Strands,
    rate_limit::RateLimit,
    serving::Serving,
};

/// Commands that one link may send at once, and a second after that. An honest node sends
/// a heartbeat each 100 ms and a ping each 2 s.
const COMMANDS: (u32, u32) = (200, 60);
/// Requests that one link may make at once, and a second after that: those beyond are not
/// listened to. An honest node makes half as many, and a link that fails for a second leaves
/// it without thirty fragments.
const REQUESTS: (u32, u32) = (256, 128);
/// Signals that one link may have passed on at once, and a second after that. A node that
/// moves up opens some ten links, each with an offer or an answer and its candidates.
const RELAYS: (u32, u32) = (40, 4);

/// What a node knows of one of its links; the box counts as one, while the control socket
/// is open.
pub(crate) struct Link {
    pub(crate) state: State,
    /// When anything came from the other end last.
    pub(crate) heard: Duration,
    /// When anything was sent to it last.
    pub(crate) sent: Duration,
    /// When it was told what this node holds.
    pub(crate) told: Duration,
    /// The newest fragment that the other end says it holds.
    pub(crate) claim: Option<Position>,
    /// Since when it has been saying that it holds more than this node.
    pub(crate) ahead: Option<Duration>,
    /// The L that it waits by itself.
    pub(crate) patience: Duration,
    pub(crate) round_trip: Option<Duration>,
    /// The round trip when nothing is in the way.
    pub(crate) quickest: Option<Duration>,
    /// A ping that is not answered yet: its token and when it left.
    pub(crate) ping: Option<(u32, Duration)>,
    pub(crate) pinged: Option<Duration>,
    /// This node is subscribed to the other end.
    pub(crate) fed: Option<Fed>,
    /// The other end is subscribed to this node.
    pub(crate) serving: Option<Serving>,
    /// The other end sent what no honest node sends.
    pub(crate) distrusted: bool,
    /// When it was asked to feed this node last.
    pub(crate) asked: Duration,
    /// It fed this node worse than another one did, and is not asked again before then.
    pub(crate) resume: Duration,
    pub(crate) pauses: u32,
    /// When the box was told of it last.
    pub(crate) reported: Option<Duration>,
    /// Who passes on the signals that open this link, if not the box.
    pub(crate) via: Option<NodeId>,
    /// An offer went that way, and goes by the box as well unless it is answered by then.
    pub(crate) answer_by: Option<Duration>,
    /// What this end has said of itself: its offer, or its answer.
    pub(crate) said: Option<Description>,
    /// The other end's user fragment: an offer that has it is the same by another way.
    pub(crate) taken: Option<String>,
    /// Assigned no more; to be closed then.
    pub(crate) retire: Option<Duration>,
    /// Bytes in the browser's queue.
    pub(crate) buffered: usize,
    /// The other end has made an offer.
    pub(crate) invited: bool,
    /// When the other end last gave a sign of life that a feeder gives.
    pub(crate) lived: Duration,
    /// When this end got the answer to its offer.
    pub(crate) met: Option<Duration>,
    pub(crate) strands: Strands,
    pub(crate) commands: RateLimit,
    /// Requests of the other end's, and of this one's.
    pub(crate) requests: RateLimit,
    pub(crate) asks: RateLimit,
    /// Signals that the other end may have passed on.
    pub(crate) relays: RateLimit,
    /// Bytes that the other end may have sent to it again.
    pub(crate) again: RateLimit,
    /// How often it may have the segment so far sent to it.
    pub(crate) beginnings: RateLimit,
    /// Bytes that it may send for nothing but to measure with.
    pub(crate) padding: RateLimit,
    /// Bytes that it may send in vain; nothing is heard of one that sent more, until then.
    pub(crate) vain: RateLimit,
    pub(crate) deaf: Duration,
}

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// This end began, or waits for the other end to.
    Opening { since: Duration },
    /// Messages flow.
    Open,
    /// Given up, until the box names the other end anew or that offers it.
    Broken,
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
            told: now,
            claim: None,
            ahead: None,
            patience: Duration::ZERO,
            round_trip: None,
            quickest: None,
            ping: None,
            pinged: None,
            fed: None,
            serving: None,
            distrusted: false,
            asked: Duration::ZERO,
            resume: Duration::ZERO,
            pauses: 0,
            reported: None,
            via: None,
            answer_by: None,
            said: None,
            taken: None,
            retire: None,
            buffered: 0,
            invited: false,
            lived: now,
            met: None,
            strands: Strands::default(),
            commands: RateLimit::new(now, COMMANDS.0, COMMANDS.1),
            requests: RateLimit::new(now, REQUESTS.0, REQUESTS.1),
            asks: RateLimit::new(now, REQUESTS.0 / 2, REQUESTS.1 / 2),
            relays: RateLimit::new(now, RELAYS.0, RELAYS.1),
            again: RateLimit::new(now, AGAIN.0, AGAIN.1),
            beginnings: RateLimit::new(now, BEGINNINGS.0, BEGINNINGS.1),
            padding: RateLimit::new(now, PADDING.0, PADDING.1),
            vain: RateLimit::new(now, IN_VAIN.0, IN_VAIN.1),
            deaf: Duration::ZERO,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether anything may be asked of the other end.
    pub(crate) fn is_usable(&self) -> bool {
        self.is_open() && !self.distrusted
    }

    /// Another feeds better: this one is not asked again for a while, and each time for a
    /// longer one.
    pub(crate) fn pause(&mut self, now: Duration) {
        self.resume = now + PAUSE * 2u32.pow(self.pauses.min(4));
        self.pauses += 1;
    }

    /// Forgets all that was true only while the link was open.
    pub(crate) fn interrupt(&mut self, state: State) {
        self.state = state;
        self.fed = None;
        self.serving = None;
        self.claim = None;
        self.ahead = None;
        self.answer_by = None;
        self.said = None;
        if state != State::Open {
            self.taken = None;
        }
        self.ping = None;
        self.buffered = 0;
        self.strands = Strands::default();
    }
}
