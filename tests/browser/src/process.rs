//! Child processes that end with the test, whatever ends the test.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::condition;

/// A child process whose output goes to a file. Killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Runs `program` with `arguments`; what it prints goes to `log`.
    ///
    /// # Errors
    /// A program that cannot be run.
    pub fn start<I>(program: &str, arguments: I, log: PathBuf) -> Result<Self>
    where
        I: IntoIterator,
        I::Item: AsRef<std::ffi::OsStr>,
    {
        let output = File::options().create(true).append(true).open(&log)?;
        // Dropping is not enough: a test that is itself killed drops nothing.
        let child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", program])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot run setpriv (Debian package util-linux)")?;
        Ok(Process {
            name: program.to_owned(),
            child,
            log,
        })
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Fails if the process has ended.
    ///
    /// # Errors
    /// An ended process, with the last lines that it printed.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => {
                let log = self.log();
                let lines: Vec<&str> = log.lines().collect();
                let last = lines[lines.len().saturating_sub(10)..].join("\n");
                bail!("{} ended, {status}; its last lines:\n{last}", self.name)
            }
        }
    }

    /// Kills the process, if it runs, and waits until it has ended.
    ///
    /// # Errors
    /// A process that cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks the process to end, and waits until it has.
    ///
    /// # Errors
    /// A process that goes on.
    pub fn stop(mut self) -> Result<ExitStatus> {
        signal(self.id(), Signal::SIGTERM)?;
        let what = format!("{} has ended", self.name);
        condition::until(&what, Duration::from_secs(10), || {
            self.child.try_wait()?.context("it runs")
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process that this test, or a child of it, started.
///
/// # Errors
/// No such process.
pub fn signal(id: u32, signal: Signal) -> Result<()> {
    let id = i32::try_from(id)?;
    kill(Pid::from_raw(id), signal).with_context(|| format!("{signal} to {id}"))
}

/// The direct children of a process.
///
/// # Errors
/// No such process.
pub fn children(id: u32) -> Result<Vec<u32>> {
    let mut children = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{id}/task"))? {
        let list = std::fs::read_to_string(task?.path().join("children"))?;
        children.extend(
            list.split_whitespace()
                .filter_map(|id| id.parse::<u32>().ok()),
        );
    }
    Ok(children)
}
