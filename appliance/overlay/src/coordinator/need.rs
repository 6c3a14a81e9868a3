//! How much a node needs to hear from the box.

use peerstream_wire::NodeId;

use super::{Coordinator, telling::is_there};
use crate::{
    defaults::LINK_RETRY,
    place::Place,
    seat::{Carrier, Seat, Whole, millis},
    told::{NOBODY, Told},
    urgency::{Need, Rush},
};

/// Which of a node's feeders it has said that it does not reach, since it was told of them.
/// One that opens after all says nothing, so this may be too dark a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Down(u8);

impl Down {
    /// None of them is of use.
    const ALL: Down = Down(7);

    fn roles(told: &Told) -> [(u8, NodeId); 3] {
        [(1, told.parent), (2, told.partner), (4, told.reserve)]
    }

    /// The link with this one is of no use.
    pub(crate) fn note(&mut self, told: &Told, peer: NodeId) {
        for (role, who) in Down::roles(told) {
            self.0 |= if who == peer { role } else { 0 };
        }
    }

    /// What was said of those who are others now says nothing.
    pub(crate) fn keep(&mut self, before: &Told, now: &Told) {
        for ((role, was), (_, is)) in Down::roles(before).into_iter().zip(Down::roles(now)) {
            self.0 &= if was == is { !0 } else { !role };
        }
    }

    pub(super) fn is(self, told: &Told, peer: NodeId) -> bool {
        Down::roles(told)
            .into_iter()
            .any(|(role, who)| self.0 & role != 0 && who == peer)
    }
}

impl Coordinator {
    /// How much a node needs to hear of its place.
    pub(super) fn need(&self, place: Place, seat: &Seat) -> Need {
        // Whoever only lacks a letter keeps its place and its need.
        let anew = seat.whole == Whole::Always && seat.carrier == Carrier::None;
        if seat.epoch == 0 || anew {
            return Need::New;
        }
        let told = &seat.told;
        let relieved = self.is_relieved(place);
        let now = self.forest.parent(place).filter(|_| !relieved);
        let now = now.and_then(|parent| self.forest.occupant(parent));
        let direct = told.parent == NOBODY;
        if direct && now.is_some() || !direct && relieved {
            // The uplink that its feed takes is somebody's, or nobody may feed it.
            return Need::Unfed;
        }
        let same = now.unwrap_or(NOBODY) == told.parent && !seat.down.is(told, told.parent);
        // The link that was to mend it cannot have opened yet.
        let early = seat.rush == Rush::Unfed
            && millis(self.now).wrapping_sub(seat.changed) < millis(LINK_RETRY);
        let reached = || !early && self.reached(seat, told.parent).is_some();
        if same || told.parent == NOBODY || reached() {
            Need::Other
        } else {
            self.need_without_parent(seat)
        }
    }

    /// Whether nobody whom the occupant of a place reaches feeds it.
    pub(super) fn is_unfed(&self, place: Place) -> bool {
        self.forest.seat(place).is_some_and(|seat| {
            let parent = seat.told.parent;
            parent != NOBODY
                && self.reached(seat, parent).is_none()
                && self.need_without_parent(seat) == Need::Unfed
        })
    }

    /// How urgent the link between two is: what was told in need comes before the rest, and
    /// above all what brings one that nobody feeds a feeder, not those whom it is to feed.
    pub(super) fn rush(&self, one: Place, other: Place) -> Rush {
        let rush = |place| self.forest.seat(place).map_or(Rush::Idle, |seat| seat.rush);
        let is_below = |lower, upper: Place| {
            let above = self.forest.parent(lower).map(Place::slot);
            lower.slot() == upper.slot() || above == Some(upper.slot())
        };
        let starves = |lower, upper| rush(lower) == Rush::Unfed && is_below(lower, upper);
        if starves(one, other) || starves(other, one) {
            return Rush::Unfed;
        }
        rush(one).min(rush(other)).max(Rush::Orphaned)
    }

    /// What a node needs that has lost its parent: as much as the better of its helpers leaves.
    fn need_without_parent(&self, seat: &Seat) -> Need {
        let partner = self.need_beside(seat, seat.told.partner);
        partner.max(self.need_beside(seat, seat.told.reserve))
    }

    /// A node says that nobody feeds it.
    pub(super) fn starves(&mut self, place: Place) {
        let Some(seat) = self.forest.seat_mut(place) else {
            return;
        };
        seat.down = Down::ALL;
        self.note_again(place);
    }

    /// What is to be told to a place's occupant may have become more urgent.
    pub(super) fn note_again(&mut self, place: Place) {
        if self.forest.seat(place).is_some_and(|seat| seat.noted != 0) {
            self.note_need(place);
        }
    }

    /// A place's occupant is to be told something, as soon as it needs it.
    pub(super) fn note_need(&mut self, place: Place) {
        if let Some(need) = self.forest.seat(place).map(|seat| self.need(place, seat)) {
            self.note(place, need);
        }
    }

    /// Two have no link that is of use.
    pub(super) fn note_down(&mut self, one: NodeId, other: NodeId) {
        for (node, peer) in [(one, other), (other, one)] {
            let Some(place) = self.forest.place(node) else {
                continue;
            };
            if let Some(seat) = self.forest.seat_mut(place) {
                let told = seat.told;
                seat.down.note(&told, peer);
            }
            self.note_again(place);
        }
    }

    /// Another node, if this one reaches it and it has not been told to let go.
    fn reached(&self, seat: &Seat, other: NodeId) -> Option<&Seat> {
        let place = self.forest.place(other)?;
        let theirs = self.forest.seat(place)?;
        let reached = is_there(&self.forest, other)
            && theirs.told.names(seat.node)
            && !seat.down.is(&seat.told, other)
            && !self.forest.failures().has(seat.origin(), theirs.origin());
        reached.then_some(theirs)
    }

    /// What a node that has lost its parent needs if it turns to this one: does that one have
    /// a feeder itself, and copies to spare for all who turn to it at once?
    fn need_beside(&self, seat: &Seat, helper: NodeId) -> Need {
        let helping = self.reached(seat, helper).filter(|theirs| {
            let above = theirs.told.parent;
            theirs.copies > 0 && (above == NOBODY || is_there(&self.forest, above))
        });
        let Some(theirs) = helping else {
            return Need::Unfed;
        };
        let count = |nodes: &[NodeId]| nodes.iter().filter(|node| **node != NOBODY).count();
        let children = count(&theirs.told.children);
        let wards = if helper == seat.told.reserve {
            count(&theirs.told.wards)
        } else {
            1
        };
        // Copies are two thirds of what an uplink carries.
        if usize::from(theirs.copies) * 3 >= 2 * (children + wards) {
            Need::Orphaned
        } else {
            Need::Crowded
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_down_is_forgotten_with_whom_it_was_about() {
        let told = |parent, partner, reserve| Told {
            parent: NodeId(parent),
            partner: NodeId(partner),
            reserve: NodeId(reserve),
            ..Told::default()
        };
        let mut down = Down::default();
        let first = told(1, 2, 3);
        down.note(&first, NodeId(1));
        down.note(&first, NodeId(3));
        assert!(down.is(&first, NodeId(1)) && down.is(&first, NodeId(3)));
        assert!(!down.is(&first, NodeId(2)));
        let then = told(4, 2, 3);
        down.keep(&first, &then);
        assert!(!down.is(&then, NodeId(4)) && down.is(&then, NodeId(3)));
    }
}
