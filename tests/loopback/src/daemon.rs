//! The daemon itself, as a process.

use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, Command},
    task::JoinHandle,
};

use crate::soon;

/// What the daemon keeps, and what it serves.
pub struct Home {
    dir: tempfile::TempDir,
}

/// A daemon at work. Killed when dropped.
pub struct Daemon {
    child: Child,
    log: JoinHandle<std::io::Result<String>>,
    /// Where pages and viewers are served.
    pub http: SocketAddr,
    /// The same over https, if at all.
    pub https: Option<SocketAddr>,
    /// Where publishers are listened for.
    pub rtmp: SocketAddr,
}

impl Home {
    /// One that has never been used.
    ///
    /// # Errors
    /// If there is no room for it.
    pub fn new() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir_all(dir.path().join("page/assets"))?;
        for name in ["index.html", "ask.html"] {
            let page = format!("<!doctype html><title>{name}</title>");
            std::fs::write(dir.path().join("page").join(name), page)?;
        }
        Ok(Self { dir })
    }

    /// The state directory.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Room for whatever else a test needs.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The page.
    #[must_use]
    pub fn page(&self) -> PathBuf {
        self.dir.path().join("page")
    }

    /// Starts the daemon on free ports (of http, on the one that the options name), and waits
    /// until it serves.
    ///
    /// # Errors
    /// If it does not.
    pub async fn start(&self, options: &[&str]) -> Result<Daemon> {
        self.start_in(options, &[]).await
    }

    /// The same, with more in its environment.
    ///
    /// # Errors
    /// If it does not.
    pub async fn start_in(
        &self,
        options: &[&str],
        environment: &[(&str, &OsStr)],
    ) -> Result<Daemon> {
        let mut command = command("run")?;
        if !options.iter().any(|option| option.starts_with("--http=")) {
            command.arg("--http=127.0.0.1:0");
        }
        command
            .envs(environment.iter().copied())
            .args(["--rtmp=127.0.0.1:0", "--state-dir"])
            .arg(self.state())
            .arg("--page")
            .arg(self.page())
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let log = tokio::spawn(read(child.stderr.take().context("a pipe")?));
        let stdout = child.stdout.take().context("a pipe")?;
        let (mut http, mut https, mut rtmp) = (None, None, None);
        let announced = async {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await? {
                let word = line.split_whitespace().last().unwrap_or_default();
                http = http.or_else(|| address(word, "http://"));
                https = https.or_else(|| address(word, "https://"));
                rtmp = address(word, "rtmp://");
                if rtmp.is_some() {
                    break;
                }
            }
            // Kept open: the daemon has more to print.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            std::io::Result::Ok(())
        };
        soon("the daemon serves", announced).await??;
        let (Some(http), Some(rtmp)) = (http, rtmp) else {
            bail!("the daemon did not start: {}", log.await??);
        };
        Ok(Daemon {
            child,
            log,
            http,
            https,
            rtmp,
        })
    }

    /// Runs another of the daemon's commands, which is to end by itself.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn command(&self, name: &str, options: &[&OsStr]) -> Result<Output> {
        let mut command = command(name)?;
        command.arg("--state-dir").arg(self.state()).args(options);
        soon("the command ends", command.output())
            .await?
            .context(name.to_owned())
    }

    /// Where a publisher sends its stream to this daemon.
    ///
    /// # Errors
    /// If the daemon does not say.
    pub async fn publish_url(&self, daemon: &Daemon) -> Result<String> {
        let rtmp = daemon.rtmp.to_string();
        let output = self
            .command("key", &["--rtmp".as_ref(), rtmp.as_ref()])
            .await?;
        let text = String::from_utf8(output.stdout)?;
        let url = text
            .split_whitespace()
            .find(|word| word.starts_with("rtmp://"));
        Ok(url.context("an address")?.to_owned())
    }
}

impl Daemon {
    /// The ingest processes that run for it.
    ///
    /// # Errors
    /// If that cannot be found out.
    pub fn ingest(&self) -> Result<Vec<u32>> {
        let pid = self.child.id().context("it runs")?;
        let mut found = Vec::new();
        for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            let children = std::fs::read_to_string(task?.path().join("children"))?;
            for child in children.split_whitespace() {
                let line = std::fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
                if line.split(|byte| *byte == 0).nth(1) == Some(b"ingest") {
                    found.push(child.parse()?);
                }
            }
        }
        Ok(found)
    }

    /// Waits for an ingest process that is not among these.
    ///
    /// # Errors
    /// If none comes.
    pub async fn next_ingest(&self, known: &[u32]) -> Result<u32> {
        let next = async {
            loop {
                if let Some(new) = self.ingest()?.into_iter().find(|pid| !known.contains(pid)) {
                    return anyhow::Ok(new);
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        soon("an ingest process starts", next).await?
    }

    /// Sends a signal to the daemon.
    ///
    /// # Errors
    /// If it does not run.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        send(self.child.id().context("it runs")?, signal)
    }

    /// Kills it.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits for it to end, and says how, and what it logged.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn ended(mut self) -> Result<(ExitStatus, String)> {
        let status = soon("the daemon ends", self.child.wait()).await??;
        Ok((status, self.log.await??))
    }

    /// Stops it, and says what it logged.
    ///
    /// # Errors
    /// If it does not end, or ends badly.
    pub async fn stop(self) -> Result<String> {
        self.signal(Signal::SIGTERM)?;
        let (status, log) = self.ended().await?;
        anyhow::ensure!(status.success(), "{status}: {log}");
        Ok(log)
    }
}

/// Sends a signal to a process that a test has started.
///
/// # Errors
/// If it is not there.
pub fn send(pid: u32, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
}

async fn read(mut stderr: ChildStderr) -> std::io::Result<String> {
    let mut text = String::new();
    stderr.read_to_string(&mut text).await?;
    Ok(text)
}

fn address(word: &str, scheme: &str) -> Option<SocketAddr> {
    let rest = word.strip_prefix(scheme)?;
    let host = rest.split('/').next()?.replace("localhost", "127.0.0.1");
    host.parse().ok()
}

fn command(name: &str) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.arg(name).stdin(Stdio::null()).kill_on_drop(true);
    Ok(command)
}

/// `$PEERSTREAMD`, or the one that was built beside the running test.
fn binary() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("PEERSTREAMD") {
        return Ok(given.into());
    }
    let own = std::env::current_exe()?;
    let profile = own.ancestors().nth(2).unwrap_or(Path::new("."));
    let binary = profile.join("peerstreamd");
    if !binary.is_file() {
        bail!(
            "no {}: build it (`cargo build -p peerstreamd`) or name it in PEERSTREAMD",
            binary.display()
        );
    }
    Ok(binary)
}
