//! WebRTC as far as a node can tell: two ends describe themselves to one another, after
//! which messages flow until one end closes or dies.

use core::time::Duration;
use std::collections::BTreeMap;

use peerstream_wire::{Description, NodeId, Setup};

use crate::{dice::Dice, page::PageId, profile::LinkProfile};

/// One attempt at a link; its number is its ICE user fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(usize);

/// 0: the end that offered; 1: the end that answered.
pub(crate) type Side = usize;

pub(crate) struct Links {
    links: Vec<Link>,
    /// The newest attempt that a page knows under a peer's name.
    ends: BTreeMap<(PageId, NodeId), LinkId>,
}

struct Link {
    delay: Duration,
    open: bool,
    /// Each end, and what it calls the other.
    ends: [Option<(PageId, NodeId)>; 2],
    /// Bytes of the media channel that have not left yet, by end.
    buffered: [usize; 2],
}

impl Links {
    pub(crate) fn new() -> Links {
        Links {
            links: Vec::new(),
            ends: BTreeMap::new(),
        }
    }

    pub(crate) fn offer(
        &mut self,
        page: PageId,
        peer: NodeId,
        profile: &LinkProfile,
        dice: &mut Dice,
    ) -> Description {
        let id = LinkId(self.links.len());
        self.links.push(Link {
            delay: dice.duration(&profile.delay),
            open: false,
            ends: [Some((page, peer)), None],
            buffered: [0; 2],
        });
        self.ends.insert((page, peer), id);
        describe(id, Setup::ActPass)
    }

    /// The answer; none if the offer is not one of ours, or is taken.
    pub(crate) fn answer(
        &mut self,
        page: PageId,
        peer: NodeId,
        offer: &Description,
    ) -> Option<Description> {
        let id = identify(offer)?;
        let link = self.links.get_mut(id.0)?;
        if link.ends[1].is_some() {
            return None;
        }
        link.ends[1] = Some((page, peer));
        self.ends.insert((page, peer), id);
        Some(describe(id, Setup::Active))
    }

    /// The link that an answer completes, if the page still wants it.
    pub(crate) fn complete(
        &self,
        page: PageId,
        peer: NodeId,
        answer: &Description,
    ) -> Option<LinkId> {
        let id = identify(answer)?;
        (self.ends.get(&(page, peer)) == Some(&id)).then_some(id)
    }

    /// Opens a link, if both ends still want it; who they are.
    pub(crate) fn open(&mut self, id: LinkId) -> Option<[(PageId, NodeId); 2]> {
        let ends = [self.end(id, 0)?, self.end(id, 1)?];
        self.links.get_mut(id.0)?.open = true;
        Some(ends)
    }

    /// The end of a link, as long as it has not closed or replaced it.
    pub(crate) fn end(&self, id: LinkId, side: Side) -> Option<(PageId, NodeId)> {
        let end = self.links.get(id.0)?.ends[side]?;
        (self.ends.get(&end) == Some(&id)).then_some(end)
    }

    /// The open link under this name, which end the page is, and the delay.
    pub(crate) fn route(&self, page: PageId, peer: NodeId) -> Option<(LinkId, Side, Duration)> {
        let id = *self.ends.get(&(page, peer))?;
        let link = self.links.get(id.0)?;
        let side = usize::from(link.ends[0] != Some((page, peer)));
        link.open.then_some((id, side, link.delay))
    }

    /// One end lets go; the other end, if there is one.
    pub(crate) fn close(&mut self, page: PageId, peer: NodeId) -> Option<(LinkId, Side, Duration)> {
        let id = self.ends.remove(&(page, peer))?;
        let link = self.links.get(id.0)?;
        let other = usize::from(link.ends[0] == Some((page, peer)));
        link.ends[other].map(|_| (id, other, link.delay))
    }

    /// A page is gone; the other ends of its links.
    pub(crate) fn close_all(&mut self, page: PageId) -> Vec<(LinkId, Side, Duration)> {
        let range = (page, NodeId(0))..=(page, NodeId(u32::MAX));
        let peers: Vec<NodeId> = self.ends.range(range).map(|((_, peer), _)| *peer).collect();
        peers
            .into_iter()
            .filter_map(|peer| self.close(page, peer))
            .collect()
    }

    /// Counts bytes in or out of the media channel's buffer; what is in it then.
    pub(crate) fn buffer(&mut self, id: LinkId, side: Side, add: usize, remove: usize) -> usize {
        let Some(link) = self.links.get_mut(id.0) else {
            return 0;
        };
        let buffered = &mut link.buffered[side];
        *buffered = (*buffered + add).saturating_sub(remove);
        *buffered
    }
}

fn describe(id: LinkId, setup: Setup) -> Description {
    Description {
        ufrag: format!("{:04}", id.0),
        pwd: "passwordpasswordpassword".into(),
        fingerprint: [7; 32],
        setup,
        candidates: Vec::new(),
    }
}

fn identify(description: &Description) -> Option<LinkId> {
    description.ufrag.parse().ok().map(LinkId)
}
