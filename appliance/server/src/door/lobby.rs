use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

/// Those who have connected and not yet said what they want.
///
/// A peer that opens sockets and says nothing costs a descriptor and a few kilobytes for
/// each, until its time is over. This bounds how many there are at once: the oldest is cut
/// for the newest. An honest peer is out again within a round trip or two.
#[derive(Debug)]
pub(crate) struct Lobby {
    capacity: usize,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    /// By age.
    tickets: BTreeMap<u64, oneshot::Sender<()>>,
}

/// A place in the lobby, until it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    lobby: Arc<Lobby>,
    cut: oneshot::Receiver<()>,
}

impl Lobby {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            capacity,
            waiting: Mutex::default(),
        })
    }

    /// Someone has come. If that is one too many, the oldest is cut.
    pub(crate) fn enter(self: &Arc<Self>) -> Ticket {
        let mut waiting = self.waiting();
        if waiting.tickets.len() >= self.capacity {
            waiting.cut_oldest();
        }
        let number = waiting.next;
        waiting.next += 1;
        let (keep, cut) = oneshot::channel();
        waiting.tickets.insert(number, keep);
        drop(waiting);
        Ticket {
            number,
            lobby: self.clone(),
            cut,
        }
    }

    /// There is a shortage: cuts the older ones, one in eight.
    pub(crate) fn thin_out(&self) {
        let mut waiting = self.waiting();
        for _ in 0..waiting.tickets.len().div_ceil(8) {
            waiting.cut_oldest();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn cut_oldest(&mut self) {
        if let Some((_, oldest)) = self.tickets.pop_first() {
            // It may be leaving just now.
            let _ = oldest.send(());
        }
    }
}

impl Ticket {
    /// Waits until this one is cut.
    pub(crate) async fn cut(&mut self) {
        if (&mut self.cut).await.is_err() {
            // Only a ticket that is cut, or gone, leaves the lobby.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lobby.waiting().tickets.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_oldest_makes_room_for_the_newest() {
        let lobby = Lobby::new(2);
        let mut first = lobby.enter();
        let second = lobby.enter();
        let mut third = lobby.enter();
        first.cut().await;
        drop(second);
        let _fourth = lobby.enter();
        // The second had made room by itself, so the third stays.
        assert!(third.cut.try_recv().is_err());
        assert_eq!(lobby.waiting().tickets.len(), 2);
    }

    #[tokio::test]
    async fn who_has_left_is_not_in_the_lobby() {
        let lobby = Lobby::new(2);
        drop((lobby.enter(), lobby.enter()));
        assert!(lobby.waiting().tickets.is_empty());
        lobby.thin_out();
    }

    #[tokio::test]
    async fn a_shortage_is_met_by_the_older_ones() {
        let lobby = Lobby::new(100);
        let mut tickets: Vec<_> = (0..16).map(|_| lobby.enter()).collect();
        lobby.thin_out();
        tickets[0].cut().await;
        tickets[1].cut().await;
        assert_eq!(lobby.waiting().tickets.len(), 14);
    }
}
