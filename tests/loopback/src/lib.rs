//! The whole server on free ports, and what connects to it: viewers, publishers, and those
//! who are neither.
//!
//! What belongs here: what several tests need. The claims are in `tests/`, one subject to a
//! file.

pub mod daemon;
pub mod http;
pub mod publisher;
pub mod stage;
pub mod viewer;

use std::time::Duration;

/// How long anything may take that is to happen at once, on a machine that is busy with
/// other things.
pub const SOON: Duration = Duration::from_secs(20);

/// Waits for something that is to happen.
///
/// # Errors
/// If it does not, within [`SOON`].
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> anyhow::Result<T> {
    tokio::time::timeout(SOON, future)
        .await
        .map_err(|_| anyhow::anyhow!("not within {} s: {what}", SOON.as_secs()))
}
