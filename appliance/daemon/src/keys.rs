//! `peerstreamd key` and `peerstreamd rotate-signing-key`, and the keys at work.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use peerstream_fragment::{IdentityKey, Signer, SigningKey, Validity};
use peerstream_settings::{SigningRecord, State};

use crate::{
    announce,
    cli::{KeyOptions, StateOptions},
};

/// Shows what a publisher needs.
pub(crate) fn show(options: &KeyOptions) -> Result<()> {
    let config = options.config.load()?;
    let key = options.state.open()?.stream_key()?;
    let key = key.reveal();
    let addresses = announce::reachable(config.listen.rtmp);
    println!("For ffmpeg and others, the whole address:");
    for address in &addresses {
        let url = announce::url("rtmp", *address, "/live/");
        println!("  {url}{key}");
    }
    println!("\nFor OBS, in Settings > Stream with the service \"Custom...\":");
    if let Some(address) = addresses.first() {
        println!("  Server      {}", announce::url("rtmp", *address, "/live"));
    }
    println!("  Stream Key  {key}");
    println!("\nWhoever has the key can publish. Keep it to yourself.");
    Ok(())
}

/// Makes a new signing key, and tells the daemon.
pub(crate) fn rotate(options: &StateOptions) -> Result<()> {
    let state = options.open()?;
    // The identity is older than any signing key.
    state.identity()?;
    let record = state.rotate_signing(unix_now())?;
    match state.daemon()? {
        Some(pid) => {
            let pid = Pid::from_raw(i32::try_from(pid).context("no process id")?);
            kill(pid, Signal::SIGHUP).with_context(|| {
                format!(
                    "signing key {} is made, but the daemon cannot be told: run `kill -HUP {pid}`",
                    record.serial
                )
            })?;
            println!(
                "Signing key {} is made; the daemon signs with it from the next key frame on.",
                record.serial
            );
        }
        None => println!(
            "Signing key {} is made; the daemon signs with it when it starts.",
            record.serial
        ),
    }
    Ok(())
}

/// A signer with the key in use.
pub(crate) fn signer(identity: &IdentityKey, record: &SigningRecord) -> Result<Signer> {
    let key = SigningKey::from_seed(record.seed.bytes());
    let validity = Validity {
        not_before: record.not_before,
        not_after: record.not_after,
    };
    let certificate = identity.certify(record.serial, validity, key.public());
    Ok(Signer::new(identity.stream(), certificate, key)?)
}

/// The identity key.
pub(crate) fn identity(state: &State) -> Result<IdentityKey> {
    Ok(IdentityKey::from_seed(state.identity()?.bytes()))
}

/// The system's clock.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}
