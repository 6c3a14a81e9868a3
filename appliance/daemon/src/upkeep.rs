//! What has to be seen to now and then: that the signing key stays young, and that the clock
//! is remembered.

use std::time::Duration;

use anyhow::{Context as _, Result};
use peerstream_fragment::{IdentityKey, Signer};
use peerstream_server::CaptureClock;
use peerstream_settings::State;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::interval,
};

use crate::keys;

/// See the [module](self).
pub(crate) struct Upkeep {
    pub(crate) state: State,
    pub(crate) identity: IdentityKey,
    /// The signing key in use.
    pub(crate) serial: u32,
    pub(crate) signers: mpsc::Sender<Signer>,
    pub(crate) clock: CaptureClock,
    /// SIGHUP: somebody has made a new signing key.
    pub(crate) hangups: Signal,
}

impl Upkeep {
    /// Goes on until nobody wants signers any more.
    pub(crate) async fn run(mut self) {
        let mut now_and_then = interval(LOOK_EVERY);
        loop {
            tokio::select! {
                _ = self.hangups.recv() => {}
                _ = now_and_then.tick() => {}
                () = self.signers.closed() => return,
            }
            // Neither is a reason to stop the stream: the key in use is in memory, and a
            // clock that is not remembered is missed only if it steps back later.
            if let Err(error) = self.look_at_the_key().await {
                tracing::error!("the signing key stays as it is: {error:#}");
            }
            if let Err(error) = self.state.keep_clock(self.clock.now() + AHEAD) {
                tracing::error!("the clock is not remembered: {error:#}");
            }
        }
    }

    async fn look_at_the_key(&mut self) -> Result<()> {
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

/// Listens for SIGHUP from now on.
pub(crate) fn hangups() -> Result<Signal> {
    signal(SignalKind::hangup()).context("cannot wait for SIGHUP")
}

/// The clock of this run: the system's, unless that is behind the run before. A box without
/// a clock of its own starts in the past after a power cut, and pages that are open take what
/// is older than what they hold for old.
pub(crate) fn start_clock(state: &State) -> Result<CaptureClock> {
    Ok(CaptureClock::start(state.clock()?))
}

/// Remembers the clock at the end of a run.
pub(crate) fn keep_clock(state: &State, clock: CaptureClock) {
    if let Err(error) = state.keep_clock(clock.now() + AT_THE_END) {
        tracing::error!("the clock is not remembered: {error:#}");
    }
}

/// Not more often, for the sake of SD cards. A signing key is followed by the next after
/// 200 days, so for that once a day would do.
const LOOK_EVERY: Duration = Duration::from_secs(10 * 60);
/// How far ahead of itself the clock is remembered, so that the next run is ahead of this one
/// however this one ends.
const AHEAD: Duration = Duration::from_secs(11 * 60);
/// A run that is known to be over is passed by a segment or two.
const AT_THE_END: Duration = Duration::from_secs(1);
