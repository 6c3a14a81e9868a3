//! Links that fail, and what is done so that nobody depends on them.

use core::time::Duration;

use peerstream_wire::NodeId;

use super::{Again, Coordinator};
use crate::{
    defaults::{
        HUB_CHANCE, LINK_OPENS, LINK_RETRY, LINK_RETRY_DOUBLINGS, LINK_RETRY_FED, LINK_RETRY_UNFED,
    },
    heirs,
    place::Place,
    seat::{Seat, millis},
    slots::places,
    succession,
    timer::Timer,
    told::NOBODY,
    urgency::Rush,
};

impl Coordinator {
    /// A node says that its link with another has not opened, or has broken.
    pub(super) fn link_failed(&mut self, from: Place, peer: Place) {
        if self.recovery.is_running() {
            return;
        }
        self.counts.link_failures += 1;
        let (Some(by), Some(about)) = (self.forest.occupant(from), self.forest.occupant(peer))
        else {
            return;
        };
        self.note_down(by, about);
        self.letters_between(by, about);
        let grace = millis(LINK_OPENS);
        let now = millis(self.now);
        let new = |seat: &Seat| seat.noted != 0 || now.wrapping_sub(seat.changed) <= grace;
        let opening = [from, peer]
            .into_iter()
            .filter_map(|place| self.forest.seat(place))
            .any(new);
        let rush = self.rush(from, peer);
        let too_late = self.now < self.behind[rush as usize]
            && !self.answered.had_their_chance(self.now, by, about)
            && !self.could_do_without(from, peer);
        if opening && too_late {
            for place in [from, peer] {
                if self.forest.parent(place) == Some(from)
                    || self.forest.parent(place) == Some(peer)
                {
                    let soon = if self.is_unfed(place) {
                        LINK_RETRY_UNFED
                    } else {
                        LINK_RETRY
                    };
                    self.try_again_later(place, soon);
                }
            }
        } else if opening {
            if let Some(accuser) = self.accuser(by, true) {
                let asked = self.probes.suspect(self.now, about, accuser);
                self.ask(about, asked);
            }
            self.remember(by, about);
            self.part(by, about);
        } else {
            self.is_gone(by, about, true);
        }
    }

    /// Whether what two had to say to one another did not have to wait for the uplink: a hub
    /// passed it on, and both have known of one another for long enough.
    fn could_do_without(&self, one: Place, other: Place) -> bool {
        let (Some(one), Some(other)) = (self.forest.seat(one), self.forest.seat(other)) else {
            return false;
        };
        // The one that came later makes the offer.
        let (begins, answers) = if one.node > other.node {
            (one, other)
        } else {
            (other, one)
        };
        let hub = begins.told.hub;
        let told = |seat: &Seat| millis(self.now).wrapping_sub(seat.changed) >= millis(HUB_CHANCE);
        hub != NOBODY
            && hub != answers.node
            && begins.told.names(answers.node)
            && answers.told.names(begins.node)
            && told(begins)
            && told(answers)
    }

    /// Remembers that the two are to have no link, whoever else is behind their addresses.
    pub(super) fn remember(&mut self, a: NodeId, b: NodeId) {
        let audience = self.forest.len();
        let origins = [a, b].map(|node| self.origin(node));
        if let [Some(a), Some(b)] = origins {
            let now = self.now;
            self.forest.failures_mut().note(now, a, b, audience);
        }
    }

    pub(super) fn origin(&self, node: NodeId) -> Option<u64> {
        let place = self.forest.place(node)?;
        self.forest.seat(place).map(Seat::origin)
    }

    /// Whether the occupants of two places are known not to reach each other.
    pub(super) fn failed(&self, a: Place, b: Place) -> bool {
        match (self.forest.seat(a), self.forest.seat(b)) {
            (Some(a), Some(b)) => self.forest.failures().has(a.origin(), b.origin()),
            _ => false,
        }
    }

    pub(super) fn is_known_failure(&self, a: NodeId, b: NodeId) -> bool {
        match (self.origin(a), self.origin(b)) {
            (Some(a), Some(b)) => self.forest.failures().has(a, b),
            _ => false,
        }
    }

    /// Sees to it that two whose link is of no use do not depend on it. The one below
    /// changes trees with its partner if that makes do with the links that there are;
    /// a leaf moves to another slot, and so does whoever is left with one feeder or none;
    /// the others make do with their reserve.
    pub(super) fn part(&mut self, a: NodeId, b: NodeId) {
        let (Some(a), Some(b)) = (self.forest.place(a), self.forest.place(b)) else {
            return;
        };
        let is_above = |upper: Place, lower: Place| {
            upper.slot() != lower.slot()
                && self
                    .forest
                    .parent(lower)
                    .is_some_and(|parent| parent.slot() == upper.slot())
        };
        if is_above(a, b) {
            self.find_feeder(b);
        } else if is_above(b, a) {
            self.find_feeder(a);
        } else if self.forest.linked(a, b) {
            for place in [a, b] {
                if self.forest.parent(place) == Some(place.partner()) {
                    self.resettle(place);
                }
            }
            // Partners make do with their reserves, if these reach them.
            for place in [a, b] {
                self.find_feeder(place);
            }
        }
    }

    /// A place's occupant cannot reach its parent or its reserve.
    fn find_feeder(&mut self, place: Place) {
        let Some(parent) = self.forest.parent(place) else {
            return;
        };
        let reserve = parent.partner();
        let no_parent = self.failed(place, parent);
        let no_reserve = self.forest.occupant(reserve).is_none() || self.failed(place, reserve);
        let partner = place.partner();
        // Who has no partner gets one soon.
        let no_partner = self.failed(place, partner);
        let leaf = self.forest.slot(place.slot()).below().is_empty();
        match (no_parent, no_reserve) {
            (false, false) => {}
            (false, true) => {
                if no_partner && leaf {
                    self.relocate(place);
                }
            }
            (true, false) => {
                if self.can_change_sides(place) {
                    self.forest.swap_sides(place.slot());
                } else if !(leaf && self.relocate(place) || self.trade(place)) {
                    self.try_again_later(place, LINK_RETRY_FED);
                }
            }
            (true, true) if leaf => {
                if !self.relocate(place) && !self.trade(place) {
                    self.try_again_later(place, LINK_RETRY);
                }
            }
            (true, true) => self.resettle(place),
        }
    }

    /// Whether everyone in the slot and below it reaches who feeds it after partners have
    /// changed trees.
    fn can_change_sides(&self, place: Place) -> bool {
        let partner = place.partner();
        let Some(parent) = self.forest.parent(place) else {
            return false;
        };
        let below = self.forest.slot(place.slot()).below();
        let fine = |lower: Place, upper: Place| {
            self.forest.occupant(lower).is_none() || !self.failed(lower, upper)
        };
        // Whoever is alone only changes who feeds it and who is to if need be.
        fine(partner, parent)
            && below.iter().flat_map(|slot| places(*slot)).all(|lower| {
                // Whoever is in this tree is fed by who is the partner now.
                let upper = if lower.tree() == place.tree() {
                    partner
                } else {
                    place
                };
                fine(lower, upper)
            })
    }

    /// Moves a leaf to where it is not known to reach nobody; false if there is no such
    /// place.
    fn relocate(&mut self, place: Place) -> bool {
        succession::relocate_leaf(&mut self.forest, place)
    }

    /// Has a node that would have to be fed by its reserve for good, or by nobody, change
    /// places with one whom those feeders reach; false if nothing comes of it.
    fn trade(&mut self, place: Place) -> bool {
        let fits = |node: Place, at: Place| {
            let parent = self.forest.parent(at);
            let feeders = [parent, parent.map(Place::partner)];
            let mut feeders = feeders.into_iter().flatten();
            !feeders.any(|feeder| feeder != node && self.failed(node, feeder))
        };
        let heir = heirs::heir(&self.forest, place);
        let Some(heir) = heir.filter(|heir| fits(*heir, place) && fits(place, *heir)) else {
            return false;
        };
        self.forest.exchange(place, heir);
        true
    }

    /// Takes a node out of its place, for an heir, and gives it another.
    fn resettle(&mut self, place: Place) {
        if let Some(seat) = succession::depart(&mut self.forest, place) {
            self.admit(seat);
        }
    }

    /// A node that has just been placed, and is known not to reach its parent, moves on
    /// before anybody is told.
    pub(super) fn avoid_known_failures(&mut self, node: NodeId) {
        let Some(place) = self.forest.place(node) else {
            return;
        };
        let parent = self.forest.parent(place);
        if parent.is_some_and(|parent| self.failed(place, parent)) {
            self.relocate(place);
        }
    }

    /// The shape keeps the parent that a node does not reach: it is fed by others, and
    /// tries again, ever more rarely.
    fn try_again_later(&mut self, place: Place, first: Duration) {
        let Some(parent) = self.forest.parent(place) else {
            return;
        };
        let (Some(child), Some(parent)) =
            (self.forest.occupant(place), self.forest.occupant(parent))
        else {
            return;
        };
        let now = self.now;
        let idle = !self.is_unfed(place);
        let rush = if idle { Rush::Idle } else { Rush::Unfed };
        let Some(seat) = self.forest.seat_mut(place).filter(|seat| !seat.retrying) else {
            return;
        };
        seat.retrying = true;
        if seat.retries == 0 && now >= self.behind[rush as usize] {
            // Not to wait for it in vain, with the old parent feeding it for ever.
            let to = child;
            self.again[usize::from(idle)].push_back(Again { to, child, parent });
        }
        let wait = first * (1 << seat.retries.min(LINK_RETRY_DOUBLINGS));
        self.timers.set(now + wait, Timer::Retry { child, parent });
    }

    /// Has both ends of a node's parent link try once more, the one that makes the offer
    /// and the one that waits for it. Another parent than the one it was set for has had no
    /// chance yet.
    pub(super) fn retry(&mut self, child: NodeId, missed: NodeId) {
        let Some(place) = self.forest.place(child) else {
            return;
        };
        let now = millis(self.now);
        let Some(seat) = self.forest.seat_mut(place) else {
            return;
        };
        seat.retrying = false;
        seat.retries = seat.retries.saturating_add(1);
        seat.changed = now;
        let Some(above) = self.forest.parent(place) else {
            return;
        };
        let Some(parent) = self.forest.occupant(above) else {
            return;
        };
        let failed = self.failed(place, above);
        if (failed && self.trade(place)) || !(failed || parent == missed) {
            return;
        }
        let idle = !self.is_unfed(place);
        for to in [child, parent] {
            self.again[usize::from(idle)].push_back(Again { to, child, parent });
        }
    }
}
