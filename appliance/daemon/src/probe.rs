//! The ingest process from its own side, and a try whether it can run at all.

use std::{
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Result, bail};
use peerstream_ingest::{Source, child};
use tokio::{process::Command, time::timeout};

/// What `peerstreamd ingest …` does.
pub(crate) fn ingest(source: &[String]) -> ExitCode {
    match Source::parse(source) {
        Ok(source) => child::main(&source),
        Err(error) => {
            eprintln!("{PREFIX}{error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the source once with nothing to read, so that what is missing on this machine is
/// said at the start, and not by a process that is started again and again.
///
/// # Errors
/// What the process says, in one line.
pub(crate) async fn check(source: &Source) -> Result<()> {
    let mut command = Command::new("/proc/self/exe");
    command
        .arg("ingest")
        .args(source.args())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true);
    // A process that takes longer is the supervisor's business.
    let Ok(Ok(output)) = timeout(CHECK_WITHIN, command.output()).await else {
        return Ok(());
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let reason = said.lines().find_map(|line| line.strip_prefix(PREFIX));
    match reason {
        Some(reason) if !output.status.success() && says_how_to_mend(reason) => bail!("{reason}"),
        _ => Ok(()),
    }
}

/// An empty source ends badly in many ways. What matters here are those that stay.
fn says_how_to_mend(reason: &str) -> bool {
    reason.contains("apt install") || reason.starts_with("GStreamer does not start")
}

/// What every line of the ingest process about its own end starts with.
const PREFIX: &str = "peerstreamd ingest: ";
/// The first start on a machine makes GStreamer look at all of its plugins.
const CHECK_WITHIN: Duration = Duration::from_secs(20);
