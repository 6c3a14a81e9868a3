use core::time::Duration;

/// What a node is started with.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// The stream's identity key, where the page knows it already. Without it the first
    /// one that the box names is pinned.
    pub pinned: Option<[u8; 32]>,
    /// Seeds the node's jitter (back-off after a lost connection).
    pub seed: u64,
}

/// How often every link hears from this node at least. One fragment, about.
pub(crate) const HEARTBEAT: Duration = Duration::from_millis(100);
/// How often an idle reserve link hears from this node: it only has to stay open, and to
/// be known to be.
pub(crate) const RESERVE_HEARTBEAT: Duration = Duration::from_secs(1);
/// How often the round trip of a link is measured.
pub(crate) const PING: Duration = Duration::from_secs(2);
/// A link that is not open by then is given up (ICE and DTLS take well under a second
/// where they succeed at all).
pub(crate) const LINK_OPEN: Duration = Duration::from_secs(3);
/// How long a newcomer waits for the link to its parent before it turns to its partner.
pub(crate) const NEWCOMER_PATIENCE: Duration = Duration::from_millis(400);
/// The first pause before a failed link is tried again; it doubles from there.
pub(crate) const LINK_RETRY: Duration = Duration::from_secs(1);
/// How long a link that is assigned no more goes on, so that the new one is up before the
/// old one ends.
pub(crate) const RETIRE: Duration = Duration::from_secs(5);
/// At most this many bytes sit in the browser's own queue per link: it drops nothing and
/// reorders nothing, so what must stay droppable waits in ours.
pub(crate) const IN_FLIGHT: usize = 64 * 1024;
/// A child that is this far behind gets the newest segment instead of the oldest bytes.
pub(crate) const QUEUE_LIMIT: usize = 1024 * 1024;
/// What the node keeps of the stream at most, in bytes.
pub(crate) const STORE_LIMIT: usize = 24 * 1024 * 1024;
/// What the node keeps of the stream at least, besides the current segment.
pub(crate) const KEEP: Duration = Duration::from_secs(3);
/// The first pause before the control socket is opened again; it doubles up to
/// [`RECONNECT_MAX`], and is spread by a factor of 1 to 2.
pub(crate) const RECONNECT: Duration = Duration::from_millis(500);
/// The longest pause before the control socket is opened again.
pub(crate) const RECONNECT_MAX: Duration = Duration::from_secs(10);
/// How often the box's clock is asked for once it is known.
pub(crate) const CLOCK: Duration = Duration::from_secs(60);
/// How often it is asked for until it is known well, and how many answers that takes.
pub(crate) const CLOCK_FIRST: (Duration, u32) = (Duration::from_millis(250), 4);
/// The longest that the player waits for a missing fragment that can still be asked for.
pub(crate) const GAP_PATIENCE: Duration = Duration::from_millis(300);
/// How long after its successors a fragment counts as missing rather than as overtaken:
/// the media channel does not keep order.
pub(crate) const REORDERING: Duration = Duration::from_millis(15);
/// The least that L, the working latency, can be.
pub(crate) const LATENCY_FLOOR: Duration = Duration::from_millis(100);
/// The player holds the picture back for an L up to this, and no more: one hiccup raises L
/// for seconds, and a picture half a second behind is worth more than a takeover that nobody
/// sees. What the arrivals themselves need, the playhead learns apart.
pub(crate) const LATENCY_CEILING: Duration = Duration::from_millis(150);
/// How long the first fragments after a takeover take to arrive and to be decoded: browsers
/// that run dry need several times as long to get going again.
pub(crate) const CATCH_UP: Duration = Duration::from_millis(60);
