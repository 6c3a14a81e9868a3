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
/// How often a child hears what there is to be had although the stream itself shows that
/// this node lives: what has not come by then did not get through.
pub(crate) const SERVED_HEARTBEAT: Duration = Duration::from_millis(500);
/// A partner of which nothing is heard for so long is gone, for all that one knows.
pub(crate) const QUIET: Duration = Duration::from_millis(2500);
/// A link over which nothing has come for so long is closed: browsers take half a minute to
/// find one dead, and a dead child would count as fed that long.
pub(crate) const DEAD: Duration = Duration::from_secs(5);
/// How often the round trip of a link is measured: not in step with the key frames, behind
/// which every answer would be late.
pub(crate) const PING: Duration = Duration::from_millis(1700);
/// A link that is not open by then is given up, or [`LINK_OPEN_STARVING`] after its answer has
/// come (ICE and DTLS take well under a second where they succeed at all). Until then nobody
/// looks for another, and who lacks a feeder has one chance less.
pub(crate) const LINK_OPEN: Duration = Duration::from_secs(3);
/// How long a newcomer waits for the link to its parent before it turns to its partner.
pub(crate) const NEWCOMER_PATIENCE: Duration = Duration::from_millis(400);
/// How much longer the end of a link that does not begin it waits: mostly the other one
/// has reported the failure by then, and the box found another pair.
pub(crate) const LINK_OPEN_PASSIVE: Duration = Duration::from_secs(1);
/// How long a node to which nothing comes waits for a link: 99% are open by then, and if this
/// one is not the box has to find another.
pub(crate) const LINK_OPEN_STARVING: Duration = Duration::from_millis(1500);
/// So long it has at least once both descriptions are exchanged: where the box has many to
/// serve that takes most of the time, and what is left is the handshake, of less than 0.5 s.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(1);
/// Nothing new for so long, and the picture stands.
pub(crate) const STARVING: Duration = Duration::from_secs(1);
/// How long signals wait for the link with whoever is to pass them on, which may wait for another
/// itself, and an offer for its answer, before they go by the box: what is left of [`LINK_OPEN`]
/// is enough for that way.
pub(crate) const HUB_PATIENCE: Duration = Duration::from_millis(1200);
/// An offer that has waited for that link is given this for its answer: most take half of it.
pub(crate) const HUB_ANSWER: Duration = Duration::from_millis(600);
/// How long a helper that holds no more than its asker is waited for before another is asked as
/// well: it would send what comes to it, but may have lost the same feeder. The one who has
/// more says so within a sign of life.
pub(crate) const HOPE: Duration = Duration::from_millis(150);
/// A helper whose answer takes longer is asked after one that is nearer: no buffer covers that as
/// well. With shorter steps the reserve would often go before the partner, and it has more to
/// do: of a million nodes six times as many had a gap of 0.6 s.
pub(crate) const FAR: Duration = Duration::from_millis(200);
/// How long a node that is fed lets its parent come up to its own new place before it turns to
/// it although that is farther behind: as long as it may take until the box has found another
/// heir whose links open. At the top of a million nodes 100,000 follow whoever turns too early.
pub(crate) const PARENT_COMES_UP: Duration = Duration::from_secs(12);
/// The first pause before somebody who fed worse than another is asked again.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);
/// Without anything new for so long, even those who are paused are asked.
pub(crate) const DRY: Duration = Duration::from_secs(1);
/// How far the newest fragment may be behind the box's clock before all who feed this node
/// are doubted, whatever they say, and however steadily they deliver; four L if that is more.
pub(crate) const STALE: Duration = Duration::from_secs(2);
/// How often that doubt leads to asking somebody else who says that he has more.
pub(crate) const DOUBT_AGAIN: Duration = Duration::from_secs(2);
/// How often it does where nobody says so: when the source itself is late, nobody can help.
pub(crate) const STALE_AGAIN: Duration = Duration::from_secs(10);
/// The most that a neighbour's L can make this node wait by.
pub(crate) const PATIENCE_CEILING: Duration = Duration::from_millis(600);
/// How long a node has to have played before it complains of others.
pub(crate) const SETTLED: Duration = Duration::from_secs(5);
/// The box is told of one neighbour at most this often.
pub(crate) const REPORT: Duration = Duration::from_secs(10);
/// The box is told what this node can pass on at most this often.
pub(crate) const CAPACITY: Duration = Duration::from_secs(5);
/// A node that wakes this long after it meant to has been frozen, and must not take its
/// own sleep for its neighbours' silence.
pub(crate) const FROZEN: Duration = Duration::from_secs(1);
/// How long a link that is assigned no more goes on: until the new one is up, and while it is
/// one more to turn to. With 5 s 99.9% of 60 simulated viewers reach a continuity of 0.84 (mean
/// of 32 seeds), with 30 s 0.91, with 60 s 0.88.
pub(crate) const RETIRE: Duration = Duration::from_secs(30);
/// How much longer one goes on over which somebody is still fed, who has nobody else yet: the
/// box has not come to it, or the link with the new parent fails.
pub(crate) const RETIRE_SERVING: Duration = Duration::from_secs(60);
/// How long a node whose owner says no goes on feeding, until the box has found others.
pub(crate) const WIND_UP: Duration = Duration::from_secs(5);
/// How long after the last word over a link it is closed, so that the word arrives.
pub(crate) const FAREWELL: Duration = Duration::from_secs(1);
/// At most this many bytes sit in the browser's own queue per link: it drops nothing and
/// reorders nothing, so what must stay droppable waits in ours.
pub(crate) const IN_FLIGHT: usize = 64 * 1024;
/// The same of what can wait, so that it is not before what cannot. More than what is left
/// when the page says that there is room again, 12 KiB over each connection.
pub(crate) const IN_FLIGHT_LOW: usize = 40 * 1024;
/// How long a live part may wait for its turn. After that it would come when the picture has
/// gone on without it, and only keep from the child what it can still use.
pub(crate) const PART_LIFETIME: Duration = Duration::from_millis(800);
/// What waits for one child at most, in bytes, whatever its lifetime: as much as a stream of
/// 10 Mbit/s brings in [`PART_LIFETIME`].
pub(crate) const QUEUE_LIMIT: usize = 1024 * 1024;
/// What may be sent to one link again because it asks for it: so much at once (a large key
/// frame), and so much a second after that.
pub(crate) const AGAIN: (u32, u32) = (256 * 1024, 64 * 1024);
/// What a link may send in vain, again at once and a second: parts that are held already, that
/// are too old, or that no header ever comes for. A takeover brings up to a segment twice.
pub(crate) const IN_VAIN: (u32, u32) = (4 * 1024 * 1024, 1024 * 1024);
/// What a link may send to measure its uplink with: a newcomer does so once.
pub(crate) const PADDING: (u32, u32) = (1024 * 1024, 16 * 1024);
/// How often a link may have the segment so far sent to it: at once, and a second after that.
pub(crate) const BEGINNINGS: (u32, u32) = (4, 1);
/// For how long nobody listens to one that sends too much in vain.
pub(crate) const DEAF: Duration = Duration::from_secs(1);
/// What the node keeps of the stream at most, in bytes.
pub(crate) const STORE_LIMIT: usize = 24 * 1024 * 1024;
/// What the node keeps of the stream at least, besides the current segment.
pub(crate) const KEEP: Duration = Duration::from_secs(3);
/// The shortest pause before the control socket is opened again.
pub(crate) const RECONNECT_MIN: Duration = Duration::from_millis(200);
/// What chance adds to it at most at the first try. That doubles with every try, and with
/// every second level of a deep tree: where the audience is large, it must not come back
/// all at once, and the top of the tree, which feeds the rest, first.
pub(crate) const RECONNECT: Duration = Duration::from_millis(1300);
/// The longest that chance can add.
pub(crate) const RECONNECT_MAX: Duration = Duration::from_secs(10);
/// How often the box's clock is asked for once it is known. Each answer costs the box's
/// uplink as much as two minutes of all else; it keeps the socket from being idle, too, for
/// which routers allow two hours (RFC 5382, REQ-5). Two clocks drift apart by 60 ms meanwhile.
pub(crate) const CLOCK: Duration = Duration::from_secs(20 * 60);
/// How often it is asked for until it is known well, and how many answers that takes.
pub(crate) const CLOCK_FIRST: (Duration, u32) = (Duration::from_millis(250), 3);
/// The longest that the player waits for a missing fragment that can still be asked for: what
/// it holds back for an L of [`LATENCY_CEILING`], about.
pub(crate) const GAP_PATIENCE: Duration = Duration::from_millis(400);
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
