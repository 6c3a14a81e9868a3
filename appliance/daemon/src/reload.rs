//! Keeps the signing key young, and takes over one that someone else has made.

use std::time::Duration;

use anyhow::{Context as _, Result};
use peerstream_fragment::{IdentityKey, Signer};
use peerstream_settings::State;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::interval,
};

use crate::keys;

/// Watches over the signing key.
pub(crate) struct Reload {
    pub(crate) state: State,
    pub(crate) identity: IdentityKey,
    /// What is in use.
    pub(crate) serial: u32,
    pub(crate) signers: mpsc::Sender<Signer>,
}

impl Reload {
    /// Looks after the key at every SIGHUP and now and then; until nobody wants signers.
    pub(crate) async fn run(mut self) -> Result<()> {
        let mut hangups = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
        let mut now_and_then = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = hangups.recv() => {}
                _ = now_and_then.tick() => {}
                () = self.signers.closed() => return Ok(()),
            }
            // A key that cannot be read is no reason to stop the stream: the one in use is
            // in memory.
            if let Err(error) = self.look().await {
                tracing::error!("the signing key stays as it is: {error:#}");
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        let record = self.state.signing(keys::unix_now())?;
        if record.serial == self.serial {
            return Ok(());
        }
        let signer = keys::signer(&self.identity, &record)?;
        self.serial = record.serial;
        tracing::info!(serial = record.serial, "signing with a new key");
        self.signers
            .send(signer)
            .await
            .context("nobody signs any more")
    }
}

/// A key is good for 400 days, and followed by the next after half of them.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
