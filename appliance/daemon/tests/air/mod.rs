//! A studio that runs by the real clock.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

use std::time::Duration;

use peerstream_fragment::{IdentityKey, Signer, SigningKey, Validity};
use peerstream_media::{SourceEvent, Studio, studio};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::LONG;

/// See the module.
pub(crate) struct Air {
    studio: Studio,
    start: Instant,
}

const EPOCH: Duration = Duration::from_secs(1_800_000_000);

impl Air {
    pub(crate) fn new() -> Self {
        let key = SigningKey::from_seed([2; 32]);
        let identity = IdentityKey::from_seed([1; 32]);
        let validity = Validity {
            not_before: 0,
            not_after: u64::MAX,
        };
        let certificate = identity.certify(1, validity, key.public());
        let signer = Signer::new(identity.stream(), certificate, key).unwrap();
        let studio = Studio::new(signer, studio::Config::default(), 1_800_000_000, EPOCH);
        Self {
            studio,
            start: Instant::now(),
        }
    }

    /// Lets the studio run until `wanted`; says how long that took.
    pub(crate) async fn watch(
        &mut self,
        events: &mut mpsc::Receiver<SourceEvent>,
        wanted: impl Fn(&Studio) -> bool,
    ) -> Duration {
        let from = Instant::now();
        while !wanted(&self.studio) {
            assert!(from.elapsed() < LONG);
            let deadline = self.studio.deadline().map(|at| self.start + (at - EPOCH));
            tokio::select! {
                event = events.recv() => {
                    self.studio.source(EPOCH + self.start.elapsed(), event.unwrap());
                }
                () = tokio::time::sleep_until(deadline.unwrap_or(from + LONG)) => {
                    self.studio.advance(EPOCH + self.start.elapsed());
                }
            }
            while self.studio.poll().is_some() {}
        }
        from.elapsed()
    }
}
