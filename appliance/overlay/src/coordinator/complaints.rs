//! What nodes say of each other and of themselves, and what follows.

use peerstream_wire::{Complaint, NodeId, Notice, Refusal};

use super::Coordinator;
use crate::{
    config::Measure,
    defaults::{COMPLAINT_GRACE, FAR_BEHIND_MS, LEAVES_SHARE, PARDON, PARDONS, TOO_FEW_TO_TELL},
    judgement::{Verdict, Word},
    place::Place,
    seat::{Seat, Standing, millis},
    slots::places,
    succession,
    timer::Timer,
    urgency::{Need, rank},
};

impl Coordinator {
    /// A node complains of a neighbour.
    pub(super) fn complained(
        &mut self,
        from: Place,
        peer: Place,
        complaint: Complaint,
        behind_ms: u16,
    ) {
        if self.recovery.is_running() {
            return;
        }
        let (Some(by), Some(about)) = (self.forest.occupant(from), self.forest.occupant(peer))
        else {
            return;
        };
        let feeds = peer == from.partner()
            || self
                .forest
                .parent(from)
                .is_some_and(|parent| parent.slot() == peer.slot());
        match complaint {
            Complaint::Silent if feeds || self.was_told_of(from, about) => {
                self.is_gone(by, about, false);
            }
            Complaint::Withholding | Complaint::Late if feeds => {
                self.judge(from, peer, complaint, behind_ms);
            }
            Complaint::Forged | Complaint::Flooding => {
                self.judge(from, peer, complaint, behind_ms);
            }
            // The roles have changed while it was on its way.
            Complaint::Silent | Complaint::Withholding | Complaint::Late => {}
        }
    }

    /// A node lives of which another hears nothing: their link has broken, which parts them,
    /// or it is open, which is a complaint like others.
    pub(super) fn unheard(&mut self, by: NodeId, about: NodeId, broken: bool) {
        let linked = |this: &Coordinator| {
            let (from, peer) = (this.forest.place(by)?, this.forest.place(about)?);
            this.forest.linked(from, peer).then_some((from, peer))
        };
        let Some((from, peer)) = linked(self) else {
            return;
        };
        if !broken {
            self.judge(from, peer, Complaint::Silent, 0);
        } else if self.is_known_failure(by, about) {
            self.part(by, about);
        } else {
            self.separate(by, about);
        }
    }

    fn judge(&mut self, from: Place, peer: Place, complaint: Complaint, behind_ms: u16) {
        let (Some(complainer), Some(accused)) = (self.forest.seat(from), self.forest.seat(peer))
        else {
            return;
        };
        let fed_for = millis(self.now).wrapping_sub(complainer.fed_since);
        let slow = matches!(
            complaint,
            Complaint::Late | Complaint::Withholding | Complaint::Silent
        );
        if fed_for < millis(COMPLAINT_GRACE) && complaint != Complaint::Forged {
            return;
        }
        if slow && self.is_disturbed(peer) {
            let by = complainer.node;
            if behind_ms >= FAR_BEHIND_MS {
                self.judgement.lags(self.now, by);
                self.tell_if_hopeless(by);
            }
            return;
        }
        let word = Word {
            by: complainer.node,
            origin: complainer.origin(),
            about: accused.node,
            partner: self.forest.occupant(peer.partner()),
            complaint,
            behind_ms,
        };
        let verdict = self.judgement.hear(self.now, word, self.forest.len());
        if behind_ms >= FAR_BEHIND_MS {
            self.tell_if_hopeless(word.by);
        }
        // A root that answers the box and gives its children no sign of life keeps the picture
        // from everybody, and if both do no child has anybody to turn to.
        let hushes = self.forest.is_root(peer)
            && complaint == Complaint::Silent
            && self.judgement.is_silent(self.now, word.about);
        match verdict {
            _ if hushes => self.demote(word.about, Standing::Underperforming),
            Verdict::Noted => {}
            Verdict::Separate => self.separate(word.by, word.about),
            // What one root lacks the other may well lack, too: it is the box then.
            Verdict::Demote { .. } if self.forest.is_root(peer) && !self.may_depose(peer) => {}
            Verdict::Demote { .. } if !self.can_spare_forwarders() => {
                self.separate(word.by, word.about);
            }
            Verdict::Discredit if !self.can_spare_forwarders() => {}
            Verdict::Demote { .. } if !self.judgement.may_demote(self.now, self.forest.len()) => {
                self.separate(word.by, word.about);
            }
            Verdict::Demote { both } => {
                self.demote(word.about, Standing::Underperforming);
                if let Some(partner) = word.partner.filter(|_| both) {
                    self.demote(partner, Standing::Underperforming);
                }
            }
            Verdict::LeafForGood => {
                self.remember(word.by, word.about);
                self.demote(word.about, Standing::Barred);
            }
            Verdict::Refuse => {
                self.depart(word.about);
                self.counts.refused += 1;
                self.refuse(word.about, Refusal::Forging);
            }
            Verdict::Discredit => self.demote(word.by, Standing::Underperforming),
        }
    }

    /// Whether a root may be replaced because of what is said of it: not while others whom the
    /// box feeds are late as well, nor soon after another was.
    fn may_depose(&self, root: Place) -> bool {
        let roots = self.forest.roots().iter().flat_map(|root| places(*root));
        let mut others = roots
            .filter(|other| *other != root)
            .filter_map(|other| self.forest.occupant(other));
        self.forest.may_raise() && !others.any(|other| self.judgement.is_accused(self.now, other))
    }

    /// Whether somebody on the way from the box to a node has lost its parent of late, or is
    /// about to hear of another: what is late below it is nobody's fault.
    fn is_disturbed(&self, place: Place) -> bool {
        let now = millis(self.now);
        let mut at = Some(place);
        // No way is as long.
        for _ in 0..u8::MAX {
            let Some(seat) = at.and_then(|at| self.forest.seat(at)) else {
                return false;
            };
            let lately = now.wrapping_sub(seat.fed_since) < millis(COMPLAINT_GRACE);
            let orphaned = (1..=rank(Need::New, 0)).contains(&seat.noted);
            if lately || orphaned || self.probes.is_doubted(seat.node) {
                return true;
            }
            at = at.and_then(|at| self.forest.parent(at));
        }
        true
    }

    fn separate(&mut self, by: NodeId, about: NodeId) {
        let accused = self.forest.place(about);
        if let Some(accused) = accused.and_then(|place| self.forest.seat_mut(place)) {
            accused.faults = accused.faults.saturating_add(1);
        }
        self.counts.separated += 1;
        self.remember(by, about);
        self.part(by, about);
    }

    /// Whether an underperformer is better made a leaf. Where supply is short it is not,
    /// and where many underperform it is not they.
    fn can_spare_forwarders(&self) -> bool {
        let leaves = self.counts.underperforming + 1;
        self.forest.measure() == Measure::Enough && leaves <= 1 + self.forest.len() / LEAVES_SHARE
    }

    /// To the bottom, as a leaf, for a while or for good.
    fn demote(&mut self, node: NodeId, standing: Standing) {
        let Some(place) = self.forest.place(node) else {
            return;
        };
        let Some(seat) = self.forest.seat_mut(place) else {
            return;
        };
        let before = seat.standing;
        if before == standing || before == Standing::Barred {
            // It is at the bottom. As a leaf it can still annoy its partner.
            return;
        }
        if before == Standing::Good {
            seat.offered = seat.copies;
            self.counts.underperforming += 1;
        }
        seat.strikes = seat.strikes.saturating_add(1);
        seat.standing = if seat.strikes >= PARDONS {
            Standing::Barred
        } else {
            standing
        };
        seat.faults = seat.faults.saturating_add(1);
        if seat.standing == Standing::Underperforming {
            self.timers.set(self.now + PARDON, Timer::Pardon(node));
        }
        succession::demote(&mut self.forest, place);
        self.avoid_known_failures(node);
        self.tell_if_hopeless(node);
    }

    /// A leaf that did not do its part may try again.
    pub(super) fn pardon(&mut self, node: NodeId) {
        let Some(place) = self.forest.place(node) else {
            return;
        };
        let Some(seat) = self.forest.seat_mut(place) else {
            return;
        };
        if seat.standing != Standing::Underperforming {
            return;
        }
        seat.standing = Standing::Good;
        seat.faults = 0;
        let copies = seat.offered;
        self.counts.underperforming = self.counts.underperforming.saturating_sub(1);
        self.judgement.forget(node);
        succession::set_copies(&mut self.forest, place, copies);
    }

    /// A node has learned, or been told by its owner, how much it can pass on.
    pub(super) fn learned(&mut self, place: Place, copies: u8) {
        let recovering = self.recovery.is_running();
        let Some(seat) = self.forest.seat_mut(place) else {
            return;
        };
        if seat.standing != Standing::Good {
            seat.offered = copies;
            return;
        }
        let untried = core::mem::take(&mut seat.untried);
        if seat.copies == copies && !untried {
            return;
        }
        if recovering {
            seat.copies = copies;
            self.forest.count(place, copies);
            return;
        }
        succession::set_copies(&mut self.forest, place, copies);
    }

    /// Where most of an audience lags, it is the stream that asks too much, and whoever
    /// lags most is told; there is no smaller rendition to move it to.
    fn tell_if_hopeless(&mut self, node: NodeId) {
        let audience = self.forest.len();
        let lag = self.judgement.far_behind().max(self.counts.underperforming);
        if audience < TOO_FEW_TO_TELL || 2 * lag <= audience {
            return;
        }
        let leaf = |place: Place| self.forest.slot(place.slot()).below().is_empty();
        let untold = |seat: &Seat| !seat.notified;
        let Some(place) = self.forest.place(node).filter(|place| leaf(*place)) else {
            return;
        };
        if !self.forest.seat(place).is_some_and(untold) {
            return;
        }
        if let Some(seat) = self.forest.seat_mut(place) {
            seat.notified = true;
        }
        self.notify(node, Notice::TooSlow);
    }
}
