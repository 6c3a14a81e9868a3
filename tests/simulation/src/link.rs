//! WebRTC as far as a node can tell: two ends describe themselves to one another, after
//! which messages flow until one end closes or dies.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use peerstream_wire::{Address, Candidate, CandidateKind, Description, NodeId, Setup};

use crate::{channel::Channel, page::PageId};

/// One attempt at a link; its number is its ICE user fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LinkId(u32);

/// 0: the end that offered; 1: the end that answered.
pub(crate) type Side = u8;

#[derive(Default)]
pub(crate) struct Links {
    links: Vec<Link>,
    /// How many messages have gone by one of several strands.
    turns: u64,
    /// By page: the newest attempt that it knows under each peer's name, of each strand.
    ends: Vec<Vec<(NodeId, LinkId)>>,
}

/// One connection: the link itself, or a strand of it.
pub(crate) struct Link {
    open: bool,
    /// 0 for the link itself.
    strand: u8,
    /// Each end, and what it calls the other.
    ends: [Option<(PageId, NodeId)>; 2],
    /// One way, and the share of packets lost; known once both ends are.
    pub(crate) delay: Duration,
    pub(crate) loss: f64,
    /// By the end that sends.
    pub(crate) channels: [Channel; 2],
    /// Whether each end has asked the other one to feed it.
    pub(crate) subscribed: [bool; 2],
    /// When each end last received a part from the other one.
    pub(crate) delivered: [Option<Duration>; 2],
}

impl Links {
    pub(crate) fn offer(&mut self, page: PageId, peer: NodeId, strand: u8) -> Description {
        let id = LinkId(u32::try_from(self.links.len()).unwrap_or(u32::MAX));
        self.links.push(Link {
            open: false,
            strand,
            ends: [Some((page, peer)), None],
            delay: Duration::ZERO,
            loss: 0.0,
            channels: [Channel::new(), Channel::new()],
            subscribed: [false; 2],
            delivered: [None; 2],
        });
        self.know(page, peer, id);
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
        let link = self.links.get_mut(id.0 as usize)?;
        if link.ends[1].is_some() {
            return None;
        }
        link.ends[1] = Some((page, peer));
        self.know(page, peer, id);
        Some(describe(id, Setup::Active))
    }

    /// The link that an answer completes, if the page still wants it, and both its ends.
    pub(crate) fn complete(
        &self,
        page: PageId,
        peer: NodeId,
        answer: &Description,
    ) -> Option<(LinkId, [PageId; 2])> {
        let id = identify(answer)?;
        let [Some((one, _)), Some((other, _))] = self.links.get(id.0 as usize)?.ends else {
            return None;
        };
        self.knows(page, peer, id).then_some((id, [one, other]))
    }

    /// Opens a link, if both ends still want it; who they are.
    pub(crate) fn open(&mut self, id: LinkId) -> Option<[(PageId, NodeId); 2]> {
        let ends = [self.end(id, 0)?, self.end(id, 1)?];
        self.get_mut(id)?.open = true;
        Some(ends)
    }

    /// The end of a link, as long as it has not closed or replaced it.
    pub(crate) fn end(&self, id: LinkId, side: Side) -> Option<(PageId, NodeId)> {
        let (page, peer) = self.links.get(id.0 as usize)?.ends[usize::from(side)]?;
        self.knows(page, peer, id).then_some((page, peer))
    }

    /// The open link under this name, and which end the page is.
    pub(crate) fn route(&self, page: PageId, peer: NodeId) -> Option<(LinkId, Side)> {
        self.strands(page, peer)
            .find(|(id, _)| self.strand(*id) == 0)
    }

    /// That link and its strands, as far as they are open.
    pub(crate) fn strands(
        &self,
        page: PageId,
        peer: NodeId,
    ) -> impl Iterator<Item = (LinkId, Side)> + '_ {
        let known = self.ends.get(page.0 as usize).into_iter().flatten();
        known.filter_map(move |(name, id)| {
            let link = self.links.get(id.0 as usize)?;
            (*name == peer && link.open).then(|| (*id, link.side(page, peer)))
        })
    }

    /// 0 for a link itself.
    pub(crate) fn strand(&self, id: LinkId) -> u8 {
        self.links.get(id.0 as usize).map_or(0, |link| link.strand)
    }

    pub(crate) fn get_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        self.links.get_mut(id.0 as usize)
    }

    /// One end lets go of a link and all of its strands; the other ends, where there are any,
    /// and the ways to them.
    pub(crate) fn close(&mut self, page: PageId, peer: NodeId) -> Vec<(LinkId, Side, Duration)> {
        let mut closed = Vec::new();
        while let Some(id) = self.known(page, peer) {
            closed.extend(self.close_one(page, peer, id));
        }
        closed
    }

    /// The same of one connection.
    pub(crate) fn close_one(
        &mut self,
        page: PageId,
        peer: NodeId,
        id: LinkId,
    ) -> Option<(LinkId, Side, Duration)> {
        let known = self.ends.get_mut(page.0 as usize)?;
        known.retain(|(_, known)| *known != id);
        let link = self.links.get_mut(id.0 as usize)?;
        let side = link.side(page, peer);
        link.subscribed[usize::from(side)] = false;
        // What this end had still to send is sent no more.
        link.channels[usize::from(side)] = Channel::new();
        let other = 1 - side;
        link.ends[usize::from(other)].map(|_| (id, other, link.delay))
    }

    /// Bytes that the media channels of a link and its strands have queued at this end.
    pub(crate) fn buffered(&mut self, now: Duration, page: PageId, peer: NodeId) -> usize {
        let strands: Vec<(LinkId, Side)> = self.strands(page, peer).collect();
        let mut bytes = 0;
        for (id, side) in strands {
            if let Some(link) = self.get_mut(id) {
                bytes += link.channels[usize::from(side)].buffered(now);
            }
        }
        bytes
    }

    /// Of a link and its strands, the one by which media goes next.
    pub(crate) fn least_queued(
        &mut self,
        now: Duration,
        page: PageId,
        peer: NodeId,
    ) -> Option<(LinkId, Side)> {
        let mut best = None;
        let strands: Vec<(LinkId, Side)> = self.strands(page, peer).collect();
        for (id, side) in strands {
            let link = self.get_mut(id)?;
            let channel = &mut link.channels[usize::from(side)];
            let rank = (channel.buffered(now), channel.turn, id);
            if best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, side));
            }
        }
        let ((.., id), side) = best?;
        self.turns += 1;
        let turn = self.turns;
        self.get_mut(id)?.channels[usize::from(side)].turn = turn;
        Some((id, side))
    }

    /// Whether a page has asked the other end of a link to feed it.
    pub(crate) fn subscribe(&mut self, page: PageId, peer: NodeId, asks: bool) {
        if let Some((id, side)) = self.route(page, peer)
            && let Some(link) = self.get_mut(id)
        {
            link.subscribed[usize::from(side)] = asks;
        }
    }

    /// A page's open links and which end it is of each.
    pub(crate) fn of(&self, page: PageId) -> impl Iterator<Item = (&Link, Side)> + '_ {
        let known = self.ends.get(page.0 as usize).into_iter().flatten();
        known.filter_map(move |(peer, id)| {
            let link = self.links.get(id.0 as usize)?;
            (link.open && link.strand == 0).then(|| (link, link.side(page, *peer)))
        })
    }

    /// A page is gone; the other ends of its links.
    pub(crate) fn close_all(&mut self, page: PageId) -> Vec<(LinkId, Side, Duration)> {
        let known = self.ends.get(page.0 as usize).cloned().unwrap_or_default();
        let closed = known.into_iter();
        closed
            .filter_map(|(peer, id)| self.close_one(page, peer, id))
            .collect()
    }

    fn know(&mut self, page: PageId, peer: NodeId, id: LinkId) {
        let strand = self.strand(id);
        let page = page.0 as usize;
        if self.ends.len() <= page {
            self.ends.resize_with(page + 1, Vec::new);
        }
        let known = &self.ends[page];
        let same =
            |(name, known): &(NodeId, LinkId)| (*name, self.strand(*known)) == (peer, strand);
        match known.iter().position(same) {
            Some(rank) => self.ends[page][rank].1 = id,
            None => self.ends[page].push((peer, id)),
        }
    }

    fn knows(&self, page: PageId, peer: NodeId, id: LinkId) -> bool {
        let known = self.ends.get(page.0 as usize);
        known.is_some_and(|known| known.contains(&(peer, id)))
    }

    fn known(&self, page: PageId, peer: NodeId) -> Option<LinkId> {
        let known = self.ends.get(page.0 as usize)?;
        known
            .iter()
            .find(|(name, _)| *name == peer)
            .map(|(_, id)| *id)
    }
}

impl LinkId {
    pub(crate) fn number(self) -> u64 {
        self.0.into()
    }
}

impl Link {
    fn side(&self, page: PageId, peer: NodeId) -> Side {
        u8::from(self.ends[0] != Some((page, peer)))
    }

    /// Who is at an end, whether or not it still knows.
    pub(crate) fn page(&self, side: Side) -> Option<PageId> {
        self.ends[usize::from(side)].map(|(page, _)| page)
    }
}

/// As long as a real one: a hidden host address, one of IPv6, and one seen from outside.
fn describe(id: LinkId, setup: Setup) -> Description {
    let [a, b, c, d] = id.0.to_be_bytes();
    let candidate = |kind, address, priority| Candidate {
        kind,
        address,
        port: 50_000 + u16::from(d),
        priority,
    };
    let v4 = Address::Ip(IpAddr::V4(Ipv4Addr::new(a, b, c, d)));
    let v6 = Ipv6Addr::from([0x20, 1, 13, 184, 1, 2, 3, 4, 5, 6, 7, 8, a, b, c, d]);
    Description {
        ufrag: format!("{:04}", id.0),
        pwd: "passwordpasswordpassword".into(),
        fingerprint: [7; 32],
        setup,
        candidates: vec![
            candidate(CandidateKind::Host, Address::Mdns([9; 16]), 2_122_260_223),
            candidate(
                CandidateKind::Host,
                Address::Ip(IpAddr::V6(v6)),
                2_122_197_247,
            ),
            candidate(CandidateKind::ServerReflexive, v4, 1_686_052_607),
        ],
    }
}

fn identify(description: &Description) -> Option<LinkId> {
    description.ufrag.parse().ok().map(LinkId)
}
