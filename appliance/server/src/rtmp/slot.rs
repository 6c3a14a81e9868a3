use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use std::sync::Arc;

/// The one place for a publisher.
#[derive(Debug)]
pub(crate) struct Slot {
    place: Arc<Semaphore>,
    /// When the publisher that is there was last heard.
    heard: Mutex<Option<Instant>>,
    make_room: Notify,
}

/// Held by the publisher that is there.
#[derive(Debug)]
pub(crate) struct Taken {
    slot: Arc<Slot>,
    _place: OwnedSemaphorePermit,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            place: Arc::new(Semaphore::new(1)),
            heard: Mutex::new(None),
            make_room: Notify::new(),
        }
    }
}

impl Slot {
    /// Whether a publisher is there.
    pub(crate) fn is_taken(&self) -> bool {
        self.heard().is_some()
    }

    /// Takes the place. One that is taken is given up by a publisher that has fallen
    /// silent: its connection is most likely dead, and whoever has the key and comes now is
    /// the same one again. `None` if the publisher that is there is well.
    pub(crate) async fn take(self: &Arc<Self>) -> Option<Taken> {
        let silent = self
            .heard()
            .is_some_and(|heard| heard.elapsed() >= SILENT_AFTER);
        let place = self.place.clone();
        let place = if silent {
            self.make_room.notify_one();
            tokio::time::timeout(LEAVE_WITHIN, place.acquire_owned())
                .await
                .ok()?
                .ok()?
        } else {
            place.try_acquire_owned().ok()?
        };
        *self.heard() = Some(Instant::now());
        Some(Taken {
            slot: self.clone(),
            _place: place,
        })
    }

    fn heard(&self) -> MutexGuard<'_, Option<Instant>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// The publisher has said something.
    pub(crate) fn heard(&self) {
        *self.slot.heard() = Some(Instant::now());
    }

    /// Waits until another publisher needs the place.
    pub(crate) async fn given_up(&self) {
        self.slot.make_room.notified().await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.slot.heard() = None;
    }
}

/// A publisher that sends nothing for this long is on the standby card already.
const SILENT_AFTER: Duration = Duration::from_secs(2);
/// A session ends at once when it is told to.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_publisher_that_is_well_keeps_its_place() {
        let slot = Arc::new(Slot::default());
        let first = slot.take().await.unwrap();
        assert!(slot.is_taken());
        assert!(slot.take().await.is_none());
        drop(first);
        assert!(!slot.is_taken());
        assert!(slot.take().await.is_some());
    }

    #[tokio::test]
    async fn a_publisher_that_has_fallen_silent_makes_room() {
        let slot = Arc::new(Slot::default());
        let first = slot.take().await.unwrap();
        *slot.heard() = Instant::now().checked_sub(SILENT_AFTER);
        let leaves = async {
            first.given_up().await;
            drop(first);
        };
        let (second, ()) = tokio::join!(slot.take(), leaves);
        assert!(second.is_some());
        assert!(slot.is_taken());
    }
}
