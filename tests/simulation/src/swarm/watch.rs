//! What is looked at from outside, for the figures.

use core::time::Duration;

use peerstream_fragment::Position;

use super::Swarm;
use crate::{
    link::{LinkId, Side},
    page::PageId,
};

impl Swarm {
    /// A part of a fragment, if this is one, has come to a page, over a link or from the
    /// box. New media ends the page's being without a feeder.
    pub(super) fn note_media(&mut self, id: PageId, by: Option<(LinkId, Side)>, bytes: &[u8]) {
        let [PART, s0, s1, s2, s3, i0, i1, ..] = *bytes else {
            return;
        };
        let now = self.now;
        let at = Position {
            segment: u32::from_be_bytes([s0, s1, s2, s3]),
            index: u16::from_be_bytes([i0, i1]),
        };
        if let Some((link, side)) = by
            && let Some(link) = self.links.get_mut(link)
        {
            link.delivered[usize::from(side)] = Some(now);
        }
        let Some(page) = self.page_mut(id) else {
            return;
        };
        if by.is_none() {
            page.box_delivered = Some(now);
        }
        if let Some((since, begun)) = page.orphaned
            && Some(at) > begun
        {
            page.orphaned = None;
            let hostile = page.conduct.is_hostile();
            self.watch.refed(now.saturating_sub(since), hostile);
        }
        if let Some(page) = self.page_mut(id) {
            page.begun = page.begun.max(Some(at));
        }
    }

    /// A page passes on nothing any more: whom it fed has lost a feeder.
    pub(crate) fn orphan_children(&mut self, id: PageId) {
        let now = self.now;
        let fed = self.links.of(id).filter_map(|(link, side)| {
            let other = 1 - side;
            let fed = link.subscribed[usize::from(other)]
                && link.delivered[usize::from(other)].is_some_and(|at| now < at + FEEDS);
            fed.then(|| link.page(other)).flatten()
        });
        for child in fed.collect::<Vec<PageId>>() {
            self.orphan(child);
        }
    }

    /// The same of the box.
    pub(super) fn orphan_roots(&mut self) {
        let now = self.now;
        let fed = |id: &PageId| {
            self.get(*id)
                .and_then(|page| page.box_delivered)
                .is_some_and(|at| now < at + FEEDS)
        };
        let fed: Vec<PageId> = self.pages().filter(fed).collect();
        for page in fed {
            self.orphan(page);
        }
    }

    fn orphan(&mut self, id: PageId) {
        let now = self.now;
        if let Some(page) = self.page_mut(id) {
            let begun = page.begun;
            page.orphaned.get_or_insert((now, begun));
        }
    }

    /// Whoever has a link with a hostile page is its victim from then on.
    pub(super) fn note_victims(&mut self, id: PageId) {
        let hostile = |id: PageId| self.get(id).is_some_and(|page| page.conduct.is_hostile());
        let this = hostile(id);
        let others = self
            .links
            .of(id)
            .filter_map(|(link, side)| link.page(1 - side));
        let others: Vec<(PageId, bool)> = others.map(|other| (other, hostile(other))).collect();
        for (other, that) in others {
            let victim = match (this, that) {
                (true, false) => other,
                (false, true) => id,
                _ => continue,
            };
            if let Some(page) = self.page_mut(victim) {
                page.victim = true;
            }
        }
    }

    /// Begins to count.
    pub(crate) fn observe(&mut self) {
        let now = self.now;
        let pages = self.pages.iter_mut().flatten().map(|page| &mut **page);
        self.watch.begin(now, pages);
        self.appliance.ledger.mark();
    }

    /// Ends what is observed of everybody who is still there.
    pub(crate) fn settle_figures(&mut self) {
        let now = self.now;
        for page in self.pages.iter_mut().flatten() {
            if let Some((since, _)) = page.orphaned {
                let hostile = page.conduct.is_hostile();
                self.watch.refed(now.saturating_sub(since), hostile);
            }
            self.watch.settle(now, page);
        }
    }

    /// Whether the box has turned a page away, or holds it for gone.
    pub(crate) fn is_refused(&self, id: PageId) -> bool {
        let Some(page) = self.get(id) else {
            return false;
        };
        let known = page.name.and_then(|name| self.appliance.socket(name));
        page.name.is_some() && (known.is_none() || known != page.socket)
    }

    /// Whether a page feeds any honest one.
    pub(crate) fn feeds_anybody(&self, id: PageId) -> bool {
        self.links.of(id).any(|(link, side)| {
            let other = 1 - side;
            let honest = link
                .page(other)
                .and_then(|page| self.get(page))
                .is_some_and(|page| !page.conduct.is_hostile());
            link.subscribed[usize::from(other)] && honest
        })
    }
}

/// [`peerstream_wire::LinkMessage`] has the table.
const PART: u8 = 0x03;
/// Who has delivered within this feeds.
const FEEDS: Duration = Duration::from_secs(1);
