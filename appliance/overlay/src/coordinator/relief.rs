//! With one direct feed everything depends on one node, the root of tree A. While it is not
//! known whether that is there, the box feeds its partner as well, at once: in the second until
//! it is known every picture would stand.

use peerstream_wire::NodeId;

use super::Coordinator;
use crate::place::Place;

impl Coordinator {
    /// Whether a place is to have a direct feed.
    pub(super) fn is_direct(&self, place: Place) -> bool {
        self.forest.is_root(place) || self.is_relieved(place)
    }

    /// Whether the box feeds a place for the time being in its partner's stead.
    pub(super) fn is_relieved(&self, place: Place) -> bool {
        let partner = || self.forest.occupant(place.partner());
        self.forest.is_fed_by_partner(place)
            && partner().is_some_and(|root| self.probes.is_doubted(root))
    }

    /// It has become doubtful whether a node is there, or is not doubtful any more.
    pub(super) fn doubt_changes(&mut self, node: NodeId) {
        let place = self.forest.place(node).map(Place::partner);
        if let Some(beside) = place.filter(|beside| self.forest.is_fed_by_partner(*beside)) {
            self.note_need(beside);
        }
    }
}
