//! Who may come in, and when.

use core::time::Duration;

use peerstream_wire::{NodeId, Notice, ToBox};

use super::{Coordinator, cost};
use crate::{
    Misbehaved,
    defaults::{FEEDS_YIELD_TO, MOST_COPIES},
    timer::Timer,
    upkeep,
};

impl Coordinator {
    /// What the direct feeds have taken of the uplink of late, and how much they leave for
    /// everything else, in bit/s. From then on newcomers are let in no faster than it carries
    /// what their joining costs, after all else that is to be said; those who wait are told how
    /// many are before them, and get no welcome before it is their turn. And while that is not
    /// enough, all feeds but one end. The caller must poll no faster than the uplink sends, and
    /// tell [`Coordinator::sent`] of it. Never called, the uplink is taken for boundless.
    pub fn set_uplink(&mut self, feeds: u64, left: u64) {
        self.lobby.set_room(left);
        let feed = feeds / self.forest.feeds().max(1) as u64;
        let sent = self.lobby.sent_of_late();
        let concerned = self.forest.len() >= FEEDS_YIELD_TO || self.thrift.is_single();
        if concerned && self.thrift.changes(self.now, left, feed, sent) {
            self.limit_feeds();
        }
    }

    /// The uplink carries so many direct feeds from now on: as a rule, and at most; see
    /// [`crate::Config::feeds`]. Those that are too many end as soon as there is room below
    /// for who has them.
    pub fn set_feeds(&mut self, now: Duration, feeds: u16, feeds_max: u16) {
        self.is_now(now);
        (self.feeds, self.feeds_max) = (feeds, feeds_max);
        self.limit_feeds();
    }

    fn limit_feeds(&mut self) {
        let most = if self.thrift.is_single() { 1 } else { u16::MAX };
        self.forest
            .set_feeds(self.feeds.min(most), self.feeds_max.min(most));
        if !self.recovery.is_running() {
            upkeep::settle(&mut self.forest);
            self.note_changes();
        }
    }

    /// So many bytes have been sent to a node, or to the network for its sake, on the wire
    /// and with all heads; what a direct feed takes is not told.
    pub fn sent(&mut self, now: Duration, node: NodeId, bytes: u64) {
        self.lobby.sent(now, node, bytes);
    }

    /// Nothing else waits for the uplink: lets the next one in, if there is room for it.
    pub(super) fn open_lobby(&mut self) -> bool {
        if self.lobby.len() == 0 || self.recovery.is_running() {
            return false;
        }
        if let Some(seat) = self.lobby.next(self.now) {
            self.welcome(seat.node);
            self.admit(seat);
            for (node, ahead) in self.lobby.news() {
                self.notify(node, Notice::Queued { ahead });
            }
            self.note_changes();
            return true;
        }
        if let Some(at) = self.lobby.opens().filter(|_| !self.lobby_timer) {
            self.lobby_timer = true;
            self.timers.set(at, Timer::Lobby);
        }
        false
    }

    /// Who has no place yet has nothing to say but that it leaves.
    pub(super) fn heard_in_lobby(
        &mut self,
        node: NodeId,
        message: &ToBox,
    ) -> Result<(), Misbehaved> {
        let Some(seat) = self.lobby.seat_mut(node) else {
            return Err(Misbehaved::NotJoined(node));
        };
        if !seat.spend(self.now, cost(message)) {
            return Err(Misbehaved::Flooding(node));
        }
        match message {
            ToBox::Join { .. } | ToBox::Clock { .. } => Err(Misbehaved::OutOfOrder),
            ToBox::Leave => {
                self.lobby.remove(node);
                Ok(())
            }
            ToBox::Capacity { copies } => {
                seat.copies = (*copies).min(MOST_COPIES);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
