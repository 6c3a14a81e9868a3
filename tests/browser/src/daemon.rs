//! The box under test.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::Process;
use crate::status::{self, Status};
use crate::{condition, namespace};

/// Ports in the namespace, which has nobody else in it.
const HTTP: u16 = 8080;
const HTTPS: u16 = 8443;
const RTMP: u16 = 1935;
/// How long the daemon may take until it serves its page.
const START_WITHIN: Duration = Duration::from_secs(20);

/// A running `peerstreamd` with a state directory of its own. Killed when dropped.
pub struct Daemon {
    process: Process,
    binary: PathBuf,
    state: PathBuf,
    address: Ipv4Addr,
    /// Where its log is.
    directory: PathBuf,
    arguments: Vec<String>,
}

/// What the box sends.
#[derive(Debug, Clone, Default)]
pub enum Source {
    /// The standby card, until somebody publishes.
    #[default]
    Publisher,
    /// The built-in demo source.
    Demo(Demo),
}

/// How the demo source encodes.
#[derive(Debug, Clone, Copy)]
pub struct Demo {
    /// Width of the picture.
    pub width: u32,
    /// Height of the picture.
    pub height: u32,
    /// Bitrate of the picture.
    pub rate_kbit_s: u32,
    /// Pictures a second.
    pub fps: u32,
}

impl Default for Demo {
    /// What eight viewers on two cores decode with ease.
    fn default() -> Self {
        Demo {
            width: 320,
            height: 180,
            rate_kbit_s: 300,
            fps: 25,
        }
    }
}

impl Daemon {
    /// Starts the daemon and waits until it serves.
    ///
    /// # Errors
    /// No binary, or one that does not come up; its last lines say why.
    pub fn start(directory: &Path, source: &Source) -> Result<Self> {
        Self::start_at(namespace::ADDRESS, directory, source)
    }

    /// The same at another address, in whose host the calling thread is.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub fn start_at(address: Ipv4Addr, directory: &Path, source: &Source) -> Result<Self> {
        let binary = binary()?;
        let state = directory.join("state");
        let mut arguments = vec!["run".to_owned()];
        let mut option = |name: &str, value: String| {
            arguments.extend([name.to_owned(), value]);
        };
        option("--state-dir", state.display().to_string());
        option("--http", SocketAddr::from((address, HTTP)).to_string());
        option("--https", SocketAddr::from((address, HTTPS)).to_string());
        option("--rtmp", SocketAddr::from((address, RTMP)).to_string());
        if let Source::Demo(demo) = source {
            option("--demo-size", format!("{}x{}", demo.width, demo.height));
            option("--demo-rate", demo.rate_kbit_s.to_string());
            option("--demo-fps", demo.fps.to_string());
            arguments.push("--demo".to_owned());
        }
        let process = launch(&binary, &arguments, directory)?;
        let mut daemon = Daemon {
            process,
            binary,
            state,
            address,
            directory: directory.to_owned(),
            arguments,
        };
        daemon.await_service()?;
        Ok(daemon)
    }

    /// Kills the daemon as a power cut does. Its state stays.
    ///
    /// # Errors
    /// A daemon that cannot be killed.
    pub fn cut(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// Starts it again where it was, with these arguments besides those that it had.
    ///
    /// # Errors
    /// As [`Daemon::start`].
    pub fn start_again(&mut self, more: &[&str]) -> Result<()> {
        self.process.kill()?;
        self.arguments
            .extend(more.iter().map(|&more| more.to_owned()));
        self.process = launch(&self.binary, &self.arguments, &self.directory)?;
        self.await_service()
    }

    fn await_service(&mut self) -> Result<()> {
        let http = self.socket(HTTP);
        condition::until("the daemon serves", START_WITHIN, || {
            self.process.check()?;
            status::get(http, "/healthz").map(drop)
        })
        .with_context(|| self.process.log())
    }

    /// Where viewers find the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/", self.socket(HTTP))
    }

    /// The same over TLS.
    #[must_use]
    pub fn secure_url(&self) -> String {
        format!("https://{}/", self.socket(HTTPS))
    }

    /// The box's figures.
    ///
    /// # Errors
    /// A box that does not answer.
    pub fn status(&self) -> Result<Status> {
        status::status(self.socket(HTTP))
    }

    /// Everything that the daemon has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The daemon's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where the daemon keeps its keys.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state
    }

    /// Runs another command of `peerstreamd` on the same state and returns what it prints.
    ///
    /// # Errors
    /// A command that fails, with what it says.
    pub fn command(&self, arguments: &[&str]) -> Result<String> {
        let output = Command::new(&self.binary)
            .args(arguments)
            .arg("--state-dir")
            .arg(&self.state)
            .output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "peerstreamd {}: {error}",
            arguments.join(" ")
        );
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Makes the box sign with a new key.
    ///
    /// # Errors
    /// A box that does not.
    pub fn rotate_signing_key(&self) -> Result<()> {
        self.command(&["rotate-signing-key"]).map(drop)
    }

    /// Where a publisher sends to, stream key included.
    ///
    /// # Errors
    /// A box that does not tell.
    pub fn publish_url(&self) -> Result<String> {
        let rtmp = self.socket(RTMP).to_string();
        let text = self.command(&["key", "--rtmp", &rtmp])?;
        let url = text
            .split_whitespace()
            .find(|word| word.starts_with("rtmp://"));
        Ok(url
            .with_context(|| format!("no address in {text}"))?
            .to_owned())
    }

    fn socket(&self, port: u16) -> SocketAddr {
        (self.address, port).into()
    }
}

fn launch(binary: &Path, arguments: &[String], directory: &Path) -> Result<Process> {
    let log = directory.join("daemon.log");
    Process::start(&binary.display().to_string(), arguments, log)
}

/// `$PEERSTREAMD`, or the one that was built beside the running test.
fn binary() -> Result<PathBuf> {
    let binary = match std::env::var_os("PEERSTREAMD") {
        Some(path) => PathBuf::from(path),
        None => profile_directory()?.join("peerstreamd"),
    };
    if !binary.is_file() {
        bail!(
            "no {}: build it (`cargo build -p peerstreamd`) or name it in PEERSTREAMD",
            binary.display()
        );
    }
    Ok(binary)
}

/// Where cargo puts binaries of the profile that this program was built with: the test
/// itself is in its `deps`.
pub(crate) fn profile_directory() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own
        .ancestors()
        .nth(2)
        .context("no target directory")?
        .to_owned())
}
