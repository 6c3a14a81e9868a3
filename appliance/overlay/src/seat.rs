//! What the coordinator remembers of a node.

use core::time::Duration;

use peerstream_wire::NodeId;

use crate::{
    config::Network,
    coordinator::Down,
    defaults::{ALLOWANCE, ALLOWANCE_PER_S},
    pairs::mix,
    told::{NOBODY, Told},
    urgency::Rush,
};

/// A node, and what the coordinator remembers of it. It moves with the node, so that an
/// event touches the memory around one place and not all over.
#[derive(Debug, Clone)]
pub(crate) struct Seat {
    /// `NodeId(0)`, which is never handed out, where nobody sits.
    pub(crate) node: NodeId,
    pub(crate) network: Network,
    /// Copies that the node offers; how many count is the forest's decision.
    pub(crate) copies: u8,
    /// They are assumed: it has not found out yet what it can do.
    pub(crate) untried: bool,
    /// Complaints upheld of late. Who has any comes last where there is a choice.
    pub(crate) faults: u8,
    /// Of the last assignment sent; 0 before the first.
    pub(crate) epoch: u32,
    /// When its assignment last changed, in ms; see [`millis`].
    pub(crate) changed: u32,
    /// When it was told of its present parent, in ms.
    pub(crate) fed_since: u32,
    /// What it was told last.
    pub(crate) told: Told,
    /// Under which rank, plus one, and for which place it is noted as having something to
    /// be told; 0 if it has nothing.
    pub(crate) noted: u8,
    pub(crate) noted_at: u32,
    /// Who was to bring it the letter with its present place.
    pub(crate) carrier: Carrier,
    /// Letters that it was to bring and that did not arrive.
    pub(crate) lost: u8,
    /// Feeders that it does not reach.
    pub(crate) down: Down,
    /// How urgent it was to tell it of its present place.
    pub(crate) rush: Rush,
    /// The box has been told that this node may have a direct feed.
    pub(crate) fed: bool,
    /// Whether it is told its place whole next time.
    pub(crate) whole: Whole,
    /// A [`crate::timer::Timer::Retry`] is set.
    pub(crate) retrying: bool,
    /// Retries since the assignment last changed for another reason.
    pub(crate) retries: u8,
    /// Whether it may pass anything on, however much it offers.
    pub(crate) standing: Standing,
    /// What it offers, while it may not.
    pub(crate) offered: u8,
    /// How often it has not done its part.
    pub(crate) strikes: u8,
    /// It knows that its connection does not carry the stream.
    pub(crate) notified: bool,
    /// How much it has had the coordinator do of late, and when that was counted, in ms.
    pub(crate) spent: u16,
    pub(crate) spent_at: u32,
}

/// Whether a node is told its place whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Whole {
    /// What has changed is enough.
    #[default]
    No,
    /// If anything has.
    IfDifferent,
    /// In any case.
    Always,
}

/// Who was to bring a letter, in as little memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Carrier {
    /// The box told it.
    #[default]
    None,
    /// The one in this of [`Told::roles`].
    Role(u8),
    /// Somebody who is no neighbour any more.
    Other,
}

/// Whether a node may pass anything on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Standing {
    /// Of course.
    #[default]
    Good,
    /// Not for a while: it has not done its part.
    Underperforming,
    /// Never: it has forged, or has underperformed again and again.
    Barred,
}

impl Default for Seat {
    fn default() -> Seat {
        Seat {
            node: NOBODY,
            network: Network::default(),
            copies: 0,
            untried: false,
            faults: 0,
            epoch: 0,
            changed: 0,
            fed_since: 0,
            told: Told::default(),
            noted: 0,
            noted_at: 0,
            carrier: Carrier::None,
            lost: 0,
            down: Down::default(),
            rush: Rush::Idle,
            fed: false,
            whole: Whole::No,
            retrying: false,
            retries: 0,
            standing: Standing::Good,
            offered: 0,
            strikes: 0,
            notified: false,
            spent: 0,
            spent_at: 0,
        }
    }
}

impl Seat {
    /// Where the node comes from, as far as is known: nodes of one origin have one voice,
    /// and links that one of them cannot open the others cannot either. Nodes of which
    /// nothing is known have each their own.
    pub(crate) fn origin(&self) -> u64 {
        if self.network.address == 0 {
            mix(self.node.0.into()) | 1
        } else {
            self.network.address
        }
    }

    /// What it was told of its place goes by this one's letter.
    pub(crate) fn is_brought_by(&mut self, carrier: NodeId) {
        let role = self.told.roles().position(|peer| peer == carrier);
        let role = role.and_then(|role| u8::try_from(role).ok());
        self.carrier = role.map_or(Carrier::Other, Carrier::Role);
    }

    /// Who was to bring that letter, if there was one and that is still known.
    pub(crate) fn brought_by(&self) -> Option<NodeId> {
        match self.carrier {
            Carrier::Role(role) => self.told.roles().nth(role.into()),
            Carrier::None | Carrier::Other => None,
        }
    }

    /// The letter is lost, and with it perhaps the news of its parent.
    pub(crate) fn lacks_a_letter(&mut self) {
        self.down.note(&self.told, self.told.parent);
    }

    /// Counts what the node has had the coordinator do; false if that is more than any
    /// honest node has.
    pub(crate) fn spend(&mut self, now: Duration, cost: u16) -> bool {
        let now = millis(now);
        let passed = now.wrapping_sub(self.spent_at);
        // Time that steps back counts as none.
        let passed = if passed > u32::MAX / 2 { 0 } else { passed };
        let back = u64::from(passed) * u64::from(ALLOWANCE_PER_S) / 1000;
        let back = u16::try_from(back).unwrap_or(u16::MAX);
        if back > 0 {
            self.spent = self.spent.saturating_sub(back);
            self.spent_at = now;
        }
        let spent = self.spent.saturating_add(cost);
        let may = spent <= ALLOWANCE;
        if may {
            self.spent = spent;
        }
        may
    }
}

/// Time as [`Seat::changed`] keeps it: it wraps after 49 days, which only ever blurs how
/// long ago something was that no longer matters.
pub(crate) fn millis(time: Duration) -> u32 {
    time.as_millis() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_leaves_room_for_the_rest_of_what_a_node_costs() {
        assert!(size_of::<Seat>() <= 112, "{}", size_of::<Seat>());
    }

    #[test]
    fn an_allowance_is_spent_and_comes_back() {
        let mut seat = Seat::default();
        let start = Duration::from_secs(9);
        let at_once = (0..10_000).filter(|_| seat.spend(start, 4)).count();
        assert_eq!(at_once, usize::from(ALLOWANCE / 4));
        let second = Duration::from_secs(1);
        let spent = (0..10_000)
            .filter(|i| seat.spend(start + second * *i / 1000, 1))
            .count();
        let expected = 10 * usize::from(ALLOWANCE_PER_S);
        assert!(
            spent.abs_diff(expected) <= expected / 10,
            "{spent} of {expected}"
        );
    }

    #[test]
    fn nodes_of_one_address_have_one_origin() {
        let of = |node, address| Seat {
            node: NodeId(node),
            network: Network { address, prefix: 0 },
            ..Seat::default()
        };
        assert_eq!(of(1, 5).origin(), of(2, 5).origin());
        assert_ne!(of(1, 0).origin(), of(2, 0).origin());
    }
}
