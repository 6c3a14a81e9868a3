//! The coordinator: who feeds whom.
//!
//! Sans-IO: joins, departures, messages and the time go in, messages to nodes come out.
//! No sockets, no clock, no randomness. The daemon drives it over WebSockets, the
//! simulator (`tests/simulation`) in virtual time, and both drive this very code.
//!
//! # Contract
//! After every call that takes `&mut self`, drain [`Coordinator::poll_output`] until it
//! returns `None`, or as far as the uplink has room: what stays folds with what comes, and
//! the most urgent goes first. Then call [`Coordinator::timeout`] no later than
//! [`Coordinator::poll_timeout`] says; draining may bring that forward. The time is a [`core::time::Duration`] since an
//! epoch of the caller's choosing that does not step back. Nothing that a node sends can
//! make any of this panic.
//!
//! # The shape
//! Two trees, A and B, of one shape, so there is one tree of *slots*: a slot is a
//! dumbbell, one place in A and the same place in B. Slots form explicit trees, one below
//! each pair of direct feeds; a slot has as many below it as the weaker of its occupants
//! can feed (0 to 4), and one node alone feeds nobody. While the uplink does not carry what a
//! large audience has to be told, one feed has to do: the root of tree B hangs from its partner.
//!
//! Every role of a node follows from its place:
//!
//! | role | who |
//! | --- | --- |
//! | parent | the same tree's occupant of the slot above; the box for a root; with one feed only, for the root of tree B the root of tree A |
//! | children | the same tree's occupants of the slots below; with one feed only, the root of tree A has its partner among them |
//! | partner | the other occupant of the slot |
//! | reserve | the other tree's occupant of the slot above |
//! | wards | the other tree's occupants of the slots below |
//!
//! Links exist between the occupants of one slot and between the occupants of a slot and
//! of the slot above it, and nowhere else.
//!
//! **Invariants**, held after every event (`tests/shape`):
//! * a slot with anyone below it is full, so whoever is alone in a slot is a leaf; its
//!   partner is then its reserve (none for a lone root, which the box feeds);
//! * hence any one node can vanish and everyone else still has a path from the box over
//!   parent and partner links alone: if the vanished node is above N in N's own tree, N's
//!   partner is fed by the other tree, which it is not in;
//! * nobody feeds more than it offers, but for one child more while supply is short and
//!   there is no room anywhere;
//! * only newcomers wait, and only while there is no room for them; somebody who has a place
//!   is put in the queue only when a forwarder goes and nobody is left who can feed them,
//!   stretched as above and with all the feeds that the box may have;
//! * while anyone is below the roots, both places of every root are taken.
//!
//! # Joining and leaving
//! **Who goes together.** A slot feeds no more than the weaker of its two can, so those
//! who can feed others are put together by what they can. Those who can feed nobody are
//! put with those who can feed one (neither feeds anybody by its place), so that one of the
//! two can help the other. Of several candidates one of another address is taken.
//!
//! **A newcomer** takes the vacant place of a root, else one beside a node that is alone
//! and goes with it, else it founds a slot: as high as there is room if it can feed others,
//! otherwise as deep as does not add a level. What it can do is not known at first: two copies
//! are assumed, and nobody is put below it, nor is it made an heir, until it has said what it
//! found out, as long as there is room elsewhere. Once it has learned that it is less than what
//! it is asked for, it changes places with an heir from near, or the leaves that are too many
//! below it move elsewhere. No root that can feed anybody changes so within ten seconds after
//! another did.
//!
//! **When a node leaves**, one that nobody is below and that can feed as many moves up
//! (`heirs`); the place that falls vacant at the bottom is left to the next newcomer, who
//! needs links anyway. New links for an heir with `k` slots to feed: `2k` from right below,
//! `2k + 1` from two levels below or from beside, `2k + 3` from elsewhere; and 4 for each slot
//! below that is too much for the heir.
//!
//! **By and by** (`upkeep`), a bounded amount after each event, and only if the event itself has
//! moved nobody: while the trees are deeper than binary ones of their size, what hangs
//! deepest moves up to where there is room, or changes places with leaves high up; whoever
//! makes a slot the link of a chain changes places with somebody stronger; and where there is no
//! room at all, two slots of unequal partners become two of equal ones, which feed more.
//!
//! ## Age order against few links
//! Strict age order (the whole line of older children moves up by one) was measured when all had
//! two copies: 3.5 new links per departure in the mean, 19 at the 99th percentile, against
//! 2.5 and 7 for one leap from the bottom. So one node moves, and age decides among those
//! who are as near and as able. Nobody moves down but leaves (for the depth), whoever has lost
//! capacity, and what is too much below an heir.
//!
//! With what audiences really offer, the same figures depend on how many copies there are to
//! spare. New links of each departure, as the simulator counts them (`sim`, `MODE=tide`; all
//! that is assigned anew until the next departure counts: failed links at 15% of pairs,
//! what newcomers learn, and upkeep):
//!
//! | nodes | seconds | 0 / 1 / 3 / 4 copies: 35 / 20 / 25 / 20% (supply 1.75) |
//! | --- | --- | --- |
//! | 10,000 | 60 | 2.0 / 17 |
//! | 100,000 | 60 | 2.5 / 17 |
//! | 1,000,000 | 60 | 2.2 / 15 |
//!
//! Where everybody who comes finds out that it can do less or more than two within the next
//! dozen departures, forever (`make bench-overlay`, audience `learning`), it is 3.7 / 15.
//!
//! With random departures, each followed by a join, and capacities that are known (`make
//! bench-overlay`), mean / 99th percentile: 2.5 / 7 at 1,000 and at 1,000,000 where all say two
//! copies (depth 19), 2.7 / 9 at both with 0 / 1 / 3 / 4 copies (depth 19).
//!
//! The mean stays below three. The percentile does not reach six, and by arithmetic cannot
//! there: of 100 nodes 45 can feed at least two, which is too few for binary trees, so
//! those who can feed four have to, and an heir to four slots needs at least eight links; as few
//! leaves can feed four, most of their heirs can feed two, and two slots move elsewhere.
//! Feeding no more than three each was tried: 3.7 in the mean instead of 2.9 at the time, because it
//! takes the leaves that could be heirs. Where supply is generous (1.65 and more) three is
//! the rule. Leaves that could be heirs beside weak nodes, one below each slot, instead of
//! in pairs: 3.1 in the mean instead of 2.7 with 0 / 1 / 3 / 4 copies, and as many at the
//! 99th percentile.
//!
//! # The conversation
//! A node is told its place whole when it joins, and after that what changes in it, as
//! commands (`commands`): a new feeder takes its role when the link with it opens, an old
//! child is let go when it has gone of itself. Nobody is told that a neighbour is merely
//! gone: whoever had a link with it knows, so a leaf departs without a word. Nor is anybody
//! who loses a neighbour and gets no other, if that neighbour is told of its new place: it
//! ends the link with a good-bye. What changes before it is told folds
//! ([`Status::folded`]; `tests/urgency.rs` counts it in mass departures).
//!
//! **First** (`urgency`) come those whom nobody feeds or can help, the highest before the
//! others; then their signals, answers before offers: where the uplink is short, what has been
//! begun is completed before more is; then the signals of those who have lost their parent, and
//! these themselves, first those whose helpers have too many others to feed; then all other
//! signals, newcomers, and everyone else. Who says that nobody feeds it
//! ([`peerstream_wire::ToBox::Unfed`]) is believed. A partner whose own parent is gone helps
//! nobody, nor does one to whom the link is known to be down. Both ends of a new link are told
//! together. Probes and refusals, which are small, go before all that. A signal that has waited
//! for more than a second is dropped, and while signals queue a link that does not open says
//! nothing about the two, unless its answer was passed on (`answered`): then it had its chance.
//!
//! **Newcomers** (`lobby`) come in, in their order, when nothing else waits for the uplink, and
//! no faster than it carries what a join costs. Until then they cost next to nothing: no name,
//! no place, and a word now and then on how many are before them. Without that a crowd at the
//! door takes the bytes with which those inside are kept together (a million nodes on a
//! 10 Mbit/s uplink, `sim`: 0.1% miss 93% of the picture without it, 2% with it).
//!
//! **Hubs** (`hubs`). Links come in bundles: with a node that moves, or with a pair and all
//! below it. The signals of one link of each bundle go by the box, those of the others by a
//! node that has links with both ends, which whoever makes the offer is told of.
//!
//! **Letters** (`coordinator/letters`). Where the uplink is short, one of those who are to be told
//! something takes along what is to be told to those it has open links with, each sealed for
//! its receiver: a change is 23 bytes, and what is around it 76. A million viewers cost the box 48
//! to 50 bytes a minute each instead of 57 to 66. Nobody is left to a letter that nobody feeds, whose
//! links are new, or while many may be gone.
//!
//! **Links that fail** are remembered as pairs of addresses (`pairs`), for half an hour to
//! an hour, and whoever is placed, moved or made an heir goes where none or few of its links
//! are known to fail (`forest`). A child that does not reach its parent changes trees with its partner, if both
//! and everyone below them then reach who feeds them: that takes no new link. Otherwise a
//! leaf moves to another slot, and whoever has people below makes do with its reserve; one
//! that reaches neither gives its place to an heir. Partners who do not reach each other stay
//! as long as their reserves reach them.
//!
//! **Who is gone** is for the box to find out (`probe`): a node of which a neighbour says
//! that it is silent, or that an open link with it has broken, is asked, once. An answer, and
//! the two are put apart. None within 0.7 s (0.35 s if nodes behind two addresses hear
//! nothing), and its place is given to an heir; it is out only 5 s later, and whatever it
//! says before brings it back, to another place. With one feed everything hangs from one root:
//! while that is asked, the box feeds its partner as well (`coordinator/relief`). Of a million
//! whose root is killed four times in a minute, one in a thousand misses 0.7% of the picture then;
//! without it 29%.
//!
//! **Who is to blame** (`judgement`) follows from how many different addresses say so:
//!
//! | said by | of bad service | of forgery |
//! | --- | --- | --- |
//! | one | the two are put apart | the same |
//! | two within a minute (forgery: ten) | a leaf for five minutes, the third time for good | a leaf for good |
//! | three | | turned away |
//!
//! Not heard are those who have just been given a parent; complaints of slowness while
//! somebody on the accused's own way from the box has lost its parent; anybody (but of
//! forgery) while a good part of the audience complains at once; and those who complain of
//! everyone: they become leaves themselves. In ten seconds no more than one node, and one in
//! 500, is made a leaf for bad service, and no root while another is complained of as well or
//! soon after one was replaced. Partners who withhold together, each lying for the other, are
//! found because both of a pair below them are behind the signed capture time; who is
//! itself behind and says so is excused. A root that answers the box while two of its
//! children hear nothing at all from it is replaced at once, and so is the other. While supply is short nobody is made a leaf for
//! bad service. An audience most of which lags is told ([`peerstream_wire::Notice::TooSlow`]).
//!
//! **After a restart** (`rebuild`) nodes say where they were. Two slots belong together
//! where an occupant of each names the other in the roles that go together; a claim that
//! nobody confirms is worth nothing. Nobody hears anything until ten seconds after the
//! first has come back, and then only those whose place is not what they said. What a
//! missing node had below it is found through its partner and gets an heir, which costs
//! that heir its parent; all other pairs of parent and child stay (`tests/rejoin.rs`).
//!
//! # Modules
//! The shape: `place`, `slots`, `register` and `pages` (memory), `forest` (who is where),
//! `placement` (who goes where), `matching` (who goes with whom), `heirs` and `succession`
//! (who moves up), `capacity`, `supply` and `upkeep` (what is kept in
//! order by and by). The conversation: `coordinator` (messages, epochs, feeds), `told` and
//! `commands`, `hubs`, `urgency`, `answered`, `lobby`, `pairs`, `probe`, `judgement`, `rebuild`, `timer`. And
//! [`defaults`].

mod answered;
mod capacity;
mod commands;
mod config;
mod coordinator;
pub mod defaults;
mod error;
mod forest;
mod heirs;
mod hubs;
mod judgement;
mod lobby;
mod matching;
mod pages;
mod pairs;
mod place;
mod placement;
mod policy;
mod probe;
mod rebuild;
mod register;
mod seat;
mod slots;
mod succession;
mod supply;
mod thrift;
mod timer;
mod told;
mod upkeep;
mod urgency;

pub use config::{Config, Measure, Network, Newcomer, Policy};
pub use coordinator::{Coordinator, Output, Status};
pub use error::Misbehaved;
pub use policy::{ByAgeAndDelivery, ByNearness, Placement, Profile};
