//! Numbers with their unit and reason.

use core::time::Duration;

/// Direct feeds, unless configured otherwise: two, for one pair of roots, is what the
/// smallest uplink (2 Mbit/s, a 1 Mbit/s stream) carries.
pub const FEEDS: u16 = 2;

/// Direct feeds in an emergency, unless configured otherwise: no more than usual.
pub const FEEDS_MAX: u16 = 2;

/// So long something has to have waited for the uplink before all direct feeds but one end:
/// longer than a key frame's burst, and no longer than the picture of a node without a feeder
/// goes on. 5% of 100,000 gone at once are fed again by a twelfth sooner than with one second.
pub const FEEDS_YIELD: Duration = Duration::from_millis(300);

/// And so many there have to be. What fewer have to be told is soon said, and they are better off
/// with both feeds: 60 nodes lost a third more of the picture with one.
pub const FEEDS_YIELD_TO: usize = 256;

/// So long there has to have been room for them before they return: after a crowd has come,
/// many of those who did not mean to stay leave within this.
pub const FEEDS_RETURN: Duration = Duration::from_secs(60);

/// Copies that a node passes on at the most. A fifth would help the depth by a level at a
/// million nodes, and would cost its successor two more links.
pub const MOST_COPIES: u8 = peerstream_wire::MAX_CHILDREN as u8;

/// Copies of a node of which nothing is known: what a binary tree needs, and what the
/// slowest of the usual uplinks carries at the usual bitrates.
pub const DEFAULT_COPIES: u8 = peerstream_wire::DEFAULT_COPIES;

/// Hundredths of demand that supply is kept at: a fifth more than is needed, for those who
/// are about to leave and for copies that are not where they are wanted.
pub const SUPPLY: u64 = 120;

/// Hundredths of demand from which direct feeds beyond the usual are given up again; far
/// enough from [`SUPPLY`] that they do not come and go.
pub const SUPPLY_AGAIN: u64 = 150;

/// Nodes of one public address that forward while others suffice. A household has fewer;
/// whoever joins a thousand times from one address holds no more.
pub const FORWARDERS_PER_ADDRESS: u32 = 8;

/// In large audiences, one node in this many may be a forwarder of one address: behind a
/// provider's address translation there are many honest ones.
pub const FORWARDERS_SHARE: usize = 256;

/// In audiences of more, the trees are made shallower after every event, if they can be: with a
/// million nodes each level counts, for there are twenty. In smaller ones only where they are
/// two levels deeper than they need be, after one event in [`LEVEL_TURNS`]: 60 nodes have 50
/// new links a minute then instead of 90, and the worst off misses a fifth less of the picture.
pub const LEVEL_ALWAYS: usize = 1_000;

/// See [`LEVEL_ALWAYS`].
pub const LEVEL_TURNS: u8 = 4;

/// While the uplink is short, trees that are a level too deep are made shallower after one event in
/// so many. After every event that took half of the uplink of a million nodes for twenty seconds,
/// when much had come to hang from a few nodes that were new high up.
pub const LEVEL_TURNS_PRESSED: u8 = 200;

/// One node in this many may be without a partner before two such are put together. It
/// costs them nothing but their own children, and the next newcomer fills the place.
pub const VACANCY_SHARE: usize = 16;

/// How long after a change of its assignment a node may still speak of nodes that it is no
/// longer linked with; that is dropped without a word. News and answers cross on the way,
/// and a link whose role has ended may stay open for minutes.
pub const STRAY_GRACE: Duration = Duration::from_secs(600);

/// The first wait before a failed parent link is tried again. Each further failure doubles it.
pub const LINK_RETRY: Duration = Duration::from_secs(3);

/// The same for a node whose link may have failed for want of an uplink alone, and that nobody
/// feeds meanwhile.
pub const LINK_RETRY_UNFED: Duration = Duration::from_millis(300);

/// The same for a node that its reserve feeds: it is better off than it would be by trying.
pub const LINK_RETRY_FED: Duration = Duration::from_secs(60);

/// How often [`LINK_RETRY`] doubles at most: 96 s, where a retry (about 2 KB of
/// signalling) costs the uplink next to nothing.
pub const LINK_RETRY_DOUBLINGS: u8 = 5;

/// How long after it was told of its place a node's links are as they are to be, and a letter to
/// it has arrived or never will: nine in ten links open within a second. (With 4 s a million
/// nodes have the box say 51 bytes a minute each instead of 48; with 1 s as many letters are
/// lost again.)
pub const LETTER_SETTLES: Duration = Duration::from_millis(1_500);

/// Whom the box tells something else within this from a letter, while many may be gone, it tells
/// its place whole: in case the letter was lost, it need not come back on a new socket first. At
/// other times [`LETTER_SETTLES`] is enough.
pub const LETTER_UNSURE: Duration = Duration::from_secs(10);

/// While more than one node in this many has been asked within [`DOUBTS_MEAN`] whether it is
/// there, nobody is given letters. Of a million who come and go one in a thousand is; where 5% of
/// 100,000 leave at once, letters had the last be fed again after 7.7 s instead of 4.
pub const LETTERS_DOUBT: f64 = 400.0;

/// See [`LETTERS_DOUBT`].
pub const DOUBTS_MEAN: Duration = Duration::from_secs(5);

/// Who has not delivered so many letters is given no more: one may be an accident, or a lie.
pub const LETTERS_LOST: u8 = 2;

/// What has waited for so long for the uplink is for nobody: the link takes two signals, and
/// its ends have 3 s for all of it.
pub const SIGNAL_KEEPS: Duration = Duration::from_millis(1200);

/// A signal that has waited for so long for the uplink leaves the link little time to open:
/// each link takes two, one after the other.
pub const SIGNAL_WAITS: Duration = Duration::from_millis(300);

/// How long after a signal waited for [`SIGNAL_WAITS`] a link that does not open says nothing
/// about the pair: as long as the signal and the link may have taken.
pub const BEHIND: Duration = Duration::from_secs(6);

/// How long after the answer a link takes to open at the most: the way of the answer, four round
/// trips and the pages' work; 99% do in half a second.
pub const HANDSHAKE: Duration = Duration::from_millis(800);

/// The same where a hub passes on what has to be said, from when the later of the two was told.
pub const HUB_CHANCE: Duration = Duration::from_millis(2_000);

/// How long a link that was assigned has to open before a node says that it failed (3 s,
/// the node's rule), with the way of both messages and a sleepy page on top. What fails
/// later was open once.
pub const LINK_OPENS: Duration = Duration::from_secs(8);

/// How long pairs are remembered between which a link has failed, at the most. Routers
/// forget and phones move on; a pair that fails again is noted again.
pub const PAIRS_REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// So many pairs are remembered however small the audience, in each half of the time. A
/// larger one remembers as many as it has nodes.
pub const PAIRS_LEAST: usize = 4096;

/// How long a node has to answer a probe, from when the probe is taken for sending, before
/// its place is given to another. An answer takes a round trip, of which 99% take less than
/// 0.2 s; a page that sleeps for longer than this feeds nobody meanwhile.
pub const PROBE_ANSWER: Duration = Duration::from_millis(700);

/// The same if nodes behind different addresses hear nothing from it: the answer is a
/// formality, and its place is needed.
pub const PROBE_ANSWER_IF_SEVERAL: Duration = Duration::from_millis(350);

/// How long a node that has not answered in time, and has lost its place, may still speak up
/// and get another, before it is out.
pub const ABSENT: Duration = Duration::from_secs(5);

/// How long after a probe a node is not asked again.
pub const PROBE_AGAIN: Duration = Duration::from_secs(3);

/// Nodes that must say that their link with another did not open before that is asked
/// whether it is there: one is no news, since 15% of pairs cannot connect.
pub const SUSPICIONS: usize = 2;

/// Nodes that are asked, or may be soon, at a time.
pub const PROBES_MOST: usize = 65_536;

/// How long a complaint counts together with others. A node that does not do its part
/// fails all of its children within seconds.
pub const COMPLAINT_WINDOW: Duration = Duration::from_secs(60);

/// The same for forgery, which is no matter of bad luck.
pub const FORGERY_WINDOW: Duration = Duration::from_secs(600);

/// How long a word counts that nothing at all comes from a root: its children notice within the
/// same half a second.
pub const SILENT_WINDOW: Duration = Duration::from_secs(2);

/// Addresses that must complain before a node counts as underperforming, or, of forgery,
/// is a leaf for good.
pub const WORDS_FOR_LEAF: usize = 2;

/// Addresses that must complain of forgery before a node is turned away.
pub const WORDS_FOR_REFUSAL: usize = 3;

/// Different nodes of which one can complain within [`FORGERY_WINDOW`] and be believed.
/// Three bad feeders one after the other are bad luck, a fourth is bad reception.
pub const CREDIT: usize = 3;

/// Who is fed badly says so every ten seconds at most. A complaint that is not repeated was
/// a moment's trouble, and demotes nobody.
pub const LASTS: Duration = Duration::from_secs(8);

/// A node this far behind the signed capture time is far behind: twice what nodes at the
/// bottom of a million are, playout included.
pub const FAR_BEHIND_MS: u16 = 2_500;

/// Complaints that are remembered at a time.
pub const CASES_MOST: usize = 262_144;

/// How long an underperformer stays a leaf before it may show again what it can do. The
/// third time is for good.
pub const PARDON: Duration = Duration::from_secs(300);

/// Underperforming so often is for good.
pub const PARDONS: u8 = 3;

/// What a node may have the coordinator do at once, in messages (a complaint or a failed
/// link counts as four). Opening all the links of the largest place with all candidates
/// takes less than half of it.
pub const ALLOWANCE: u16 = 400;

/// How much of [`ALLOWANCE`] comes back each second.
pub const ALLOWANCE_PER_S: u16 = 20;

/// How long after the first node has come back to a box that has started anew the others
/// have before their places are filled. Pages reconnect with up to 5 s of jitter.
pub const RECOVERY: Duration = Duration::from_secs(10);

/// How often it is looked whether there is room for those who wait, if nothing happens.
pub const QUEUE_LOOK: Duration = Duration::from_secs(1);

/// Audiences smaller than this are too small to say that most of one lags.
pub const TOO_FEW_TO_TELL: usize = 4;

/// How long after it was told of its parent a node is not listened to when it says that it
/// is late or hears nothing: it is still catching up with the segment so far. Three
/// seconds for the link, and as long as the segment on top.
pub const COMPLAINT_GRACE: Duration = Duration::from_secs(6);

/// How long after a root has been replaced, though it could have stayed, another may be.
pub const ROOTS_REST: Duration = Duration::from_secs(10);

/// If more than one node in this many complains within [`ALARM`], it is the source or the
/// uplink of the box and nobody is to blame.
pub const ALARM_SHARE: usize = 8;

/// As many complaints within [`ALARM`] are never an alarm, however small the audience.
pub const ALARM_LEAST: usize = 4;

/// See [`ALARM_SHARE`].
pub const ALARM: Duration = Duration::from_secs(10);

/// Within [`ALARM`] one node, and one in this many, may be made a leaf for bad service.
pub const DEMOTIONS_SHARE: usize = 500;

/// Underperformers are made leaves up to one node in this many; if there are more, the
/// stream asks too much of this audience, and leaves would only make it worse.
pub const LEAVES_SHARE: usize = 4;

/// What a join is taken to cost the box at first, in bytes on the wire: three links, each two
/// signals of 190 bytes and their acknowledgements, and what eight nodes are told.
pub const JOIN_COST: f64 = 2_500.0;

/// So many joins must have shown what they cost before that counts as much as [`JOIN_COST`].
pub const JOIN_COST_WEIGHT: f64 = 20.0;

/// The time over which the cost of a join is learned: several times what a join takes.
pub const JOIN_COST_MEAN: Duration = Duration::from_secs(30);

/// How long after it was let in a node's messages count as what its join costs.
pub const JOINING: Duration = Duration::from_secs(10);

/// The time over which all other messages are measured: they come in bursts of a second.
pub const OTHERS_MEAN: Duration = Duration::from_secs(5);

/// So many may be let in at once as are joined within this time: a class that scans the code
/// together need not wait for one another.
pub const JOINS_AT_ONCE: Duration = Duration::from_millis(500);

/// The part of what the feeds leave that joins and all other messages may take together. The
/// rest is for departures that come together.
pub const JOINS_MOST: f64 = 0.9;

/// The part that joins may take at least, if nothing waits: nobody waits for ever.
pub const JOINS_LEAST: f64 = 0.02;
