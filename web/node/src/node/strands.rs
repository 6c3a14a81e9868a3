//! Further connections beside a link's first, where one does not let the stream through.
//!
//! Loss and a long way bound what one SCTP association carries (M. Mathis and others 1997: by
//! the round trip and the square root of the loss), whatever the uplink has to spare. Each
//! further connection has a congestion window of its own. They are made between two pages
//! that have a link already, and what their ends have to tell each other goes over that: it
//! costs the box nothing.

use core::time::Duration;

use peerstream_wire::{LinkMessage, NodeId, Parent, Signal};

use super::Node;
use crate::event::Output;

/// Beside the link itself, at most; each end may begin as many.
const STRANDS: u8 = 3;
/// More than a fragment has waited in the browser for so long: that is no key frame any more.
const BUSY: Duration = Duration::from_millis(300);
const FRAGMENT: usize = 16 * 1024;
/// One that was begun is given this time before the next.
const TAKES: Duration = Duration::from_secs(1);
/// On so long a way a stream fills a window that nothing has been lost of yet.
const FAR: Duration = Duration::from_millis(100);

/// What a link has of them.
#[derive(Debug, Default)]
pub(crate) struct Strands {
    /// A bit for each number that is open.
    open: u8,
    /// The same for those that the other end has begun.
    offered: u8,
    /// How many this end has begun.
    begun: u8,
    /// When the last one was.
    at: Duration,
    /// Since when there is more in the browser's queue than a fragment.
    busy: Option<Duration>,
}

impl Strands {
    /// What the browser has queued now.
    pub(crate) fn queued(&mut self, now: Duration, bytes: usize) {
        self.busy = self.busy.or(Some(now)).filter(|_| bytes > FRAGMENT);
    }

    /// How many are open beside the link itself.
    pub(crate) fn count(&self) -> u8 {
        // Eight bits hold no more than eight ones.
        self.open.count_ones() as u8
    }

    fn lacks(&self, now: Duration, far: bool) -> bool {
        let busy = self.busy.is_some_and(|since| now >= since + BUSY);
        (busy || far && self.begun == 0)
            && self.begun < STRANDS
            && self.count() < STRANDS
            && (self.begun == 0 || now >= self.at + TAKES)
    }

    /// Whether the other end may begin this one. Its numbers are odd if it begins links.
    fn admits(&mut self, strand: u8, begins: bool) -> bool {
        let bit = bit(strand);
        let theirs = (1..=2 * STRANDS).contains(&strand) && strand.is_multiple_of(2) == begins;
        let fresh = theirs && self.offered & bit == 0;
        self.offered |= if fresh { bit } else { 0 };
        fresh
    }

    fn began(&self, strand: u8, begins: bool) -> bool {
        (strand % 2 == 1) == begins && strand.div_ceil(2) <= self.begun
    }
}

impl Node {
    /// Begins one where a child's link does not keep up.
    pub(super) fn tend_strands(&mut self, now: Duration) {
        for (origin, link) in self.links.iter_mut() {
            let Parent::Node(peer) = *origin else {
                continue;
            };
            let feeds = link.serving.as_ref();
            let feeds = feeds.is_some_and(|serving| serving.subscribed && !serving.is_joining());
            let far = link.quickest.is_some_and(|round_trip| round_trip >= FAR);
            if link.is_usable() && link.retire.is_none() && feeds && link.strands.lacks(now, far) {
                link.strands.begun += 1;
                link.strands.at = now;
                let odd = self.name.is_some_and(|name| name > peer);
                let strand = 2 * link.strands.begun - u8::from(odd);
                self.outputs.push_back(Output::CreateOffer { peer, strand });
            }
        }
    }

    /// This end has something to tell about one.
    pub(super) fn strand_signal(
        &mut self,
        now: Duration,
        peer: NodeId,
        strand: u8,
        signal: Signal,
    ) {
        let signal = Box::new(signal);
        let message = LinkMessage::Strand { strand, signal };
        self.send(now, Parent::Node(peer), message);
    }

    /// So has the other end.
    pub(super) fn strand_signalled(&mut self, from: Parent, strand: u8, signal: Signal) {
        let Parent::Node(peer) = from else { return };
        let begins = self.begins(peer);
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        let strands = &mut link.strands;
        let output = match signal {
            Signal::Offer(offer) if strands.admits(strand, begins) => Output::CreateAnswer {
                peer,
                strand,
                offer,
            },
            Signal::Answer(answer) if strands.began(strand, begins) => Output::SetAnswer {
                peer,
                strand,
                answer,
            },
            Signal::Candidates(candidates)
                if strands.began(strand, begins) || strands.offered & bit(strand) != 0 =>
            {
                Output::AddCandidates {
                    peer,
                    strand,
                    candidates,
                }
            }
            _ => return,
        };
        self.outputs.push_back(output);
    }

    /// One has opened, or is gone; the link is there as before.
    pub(super) fn strand_is(&mut self, peer: NodeId, strand: u8, open: bool) {
        let link = self.links.get_mut(&Parent::Node(peer));
        if let Some(link) = link.filter(|link| link.is_open()) {
            link.strands.open &= !bit(strand);
            link.strands.open |= if open { bit(strand) } else { 0 };
        }
    }
}

fn bit(strand: u8) -> u8 {
    1u8.checked_shl(strand.into()).unwrap_or(0)
}
