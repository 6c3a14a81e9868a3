//! Who may come in, and when.

use core::time::Duration;

use peerstream_wire::{NodeId, Notice, ToBox};

use super::{Coordinator, cost};
use crate::{Misbehaved, defaults::MOST_COPIES, timer::Timer};

impl Coordinator {
    /// How much of the uplink the feeds leave for everything else, in bit/s. From then on
    /// newcomers are let in no faster than it carries what their joining costs, after all
    /// else that is to be said; those who wait are told how many are before them, and get no
    /// welcome before it is their turn. The caller must poll no faster than the uplink sends,
    /// and tell [`Coordinator::sent`] of it. Never called, the uplink is taken for boundless.
    pub fn set_uplink(&mut self, bits_per_s: u64) {
        self.lobby.set_room(bits_per_s);
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
