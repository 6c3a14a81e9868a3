//! A box, a browser, an audience, and what is kept when something goes wrong with them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use peerstream_netlab::{Access, Lab};
use tempfile::TempDir;

use crate::audience::{Audience, Viewer};
use crate::browser::{Addresses, Browser, Certificates};
use crate::daemon::{self, Daemon, Source};
use crate::{namespace, page};

/// From opening the page to the first frame, at the very most, on a busy machine. What is
/// aimed at is far less, and is the bench's business.
pub const PLAYS_WITHIN: Duration = Duration::from_secs(15);

/// Everything that one test needs. Taken down when dropped, the viewers first.
pub struct Stage {
    /// The viewers.
    pub audience: Audience,
    /// Where they are.
    pub browser: Browser,
    /// The other places where they are, in a laboratory: a browser in each further host.
    pub others: Vec<Browser>,
    /// What they watch.
    pub daemon: Daemon,
    /// Room for whatever the test needs; goes with it.
    pub directory: TempDir,
    /// The network between them, if it is more than one machine: the box is in the first host,
    /// and so is the calling thread; then come those of the browsers, in their order.
    pub lab: Option<Lab>,
    name: String,
}

/// How a stage is set.
#[derive(Debug, Clone)]
pub struct Setting {
    /// What the box sends.
    pub source: Source,
    /// Whether the browser checks certificates.
    pub certificates: Certificates,
    /// Whether the box and the viewers are on machines of their own.
    pub laboratory: Option<Laboratory>,
}

/// A box in a host of its own, and viewers in others.
#[derive(Debug, Clone, Copy)]
pub struct Laboratory {
    /// How many hosts, with one browser each, the viewers are in.
    pub hosts: usize,
    /// How the box is joined.
    pub origin: Access,
    /// How each host of viewers is joined; those within one reach one another without it.
    pub viewers: Access,
    /// Draws losses and delays.
    pub seed: u64,
}

impl Default for Setting {
    fn default() -> Self {
        Setting {
            source: Source::Demo(daemon::Demo::default()),
            certificates: Certificates::Checked,
            laboratory: None,
        }
    }
}

/// One stage at a time: two browsers' worth of viewers would measure the machine.
static STAGE: Mutex<()> = Mutex::new(());

/// Sets a stage in a network namespace of its own and plays `body` on it.
///
/// # Panics
/// When the stage cannot be set or `body` fails. What explains it is then in
/// `browser-artifacts` in cargo's target directory.
#[track_caller]
pub fn play(name: &str, setting: &Setting, body: impl FnOnce(&mut Stage) -> Result<()>) {
    let _turn = STAGE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut stage = match Stage::set(name, setting) {
        Ok(stage) => stage,
        Err(error) => panic!("cannot set the stage: {error:#}"),
    };
    if let Err(error) = body(&mut stage) {
        // Unwinding drops the stage, which keeps the artifacts.
        panic!("{error:?}");
    }
}

impl Stage {
    /// Starts the box and the browsers.
    ///
    /// # Errors
    /// Whatever is missing on this machine.
    pub fn set(name: &str, setting: &Setting) -> Result<Self> {
        match setting.laboratory {
            None => Self::set_on_one_machine(name, setting),
            Some(laboratory) => Self::set_in(laboratory, name, setting),
        }
    }

    fn set_on_one_machine(name: &str, setting: &Setting) -> Result<Self> {
        namespace::enter()?;
        let directory = TempDir::new().context("no temporary directory")?;
        let daemon = Daemon::start(directory.path(), &setting.source)?;
        let browser = Browser::launch(setting.certificates)?;
        let audience = Audience::default();
        Ok(Stage {
            audience,
            browser,
            others: Vec::new(),
            daemon,
            directory,
            lab: None,
            name: name.to_owned(),
        })
    }

    fn set_in(laboratory: Laboratory, name: &str, setting: &Setting) -> Result<Self> {
        ensure!(laboratory.hosts > 0, "viewers need a host");
        let mut accesses = vec![laboratory.viewers; laboratory.hosts + 1];
        accesses[0] = laboratory.origin;
        let lab = Lab::new(&accesses, laboratory.seed)?;
        let (origin, hosts) = lab.hosts().split_first().context("no hosts")?;
        // The box is asked for its figures from where it is, so that asking uses no line.
        origin.enter()?;
        let directory = TempDir::new().context("no temporary directory")?;
        let daemon = Daemon::start_at(origin.address(), directory.path(), &setting.source)?;
        let launch = || Browser::launch_with(setting.certificates, Addresses::Told);
        let browsers: Result<Vec<Browser>> = hosts.iter().map(|host| host.within(launch)).collect();
        let mut browsers = browsers?;
        let browser = browsers.remove(0);
        Ok(Stage {
            audience: Audience::default(),
            browser,
            others: browsers,
            daemon,
            directory,
            lab: Some(lab),
            name: name.to_owned(),
        })
    }

    /// All browsers. In a laboratory, the first is in the host after the box's, and so on.
    pub fn browsers(&self) -> impl Iterator<Item = &Browser> {
        std::iter::once(&self.browser).chain(&self.others)
    }

    /// Lets one more viewer join where the fewest are, and waits for nothing.
    ///
    /// # Errors
    /// As [`Audience::join`].
    pub fn join(&mut self, options: &page::Options) -> Result<()> {
        let url = self.daemon.url();
        let viewers = |browser: &&Browser| {
            let there = |viewer: &&Viewer| viewer.browser == browser.id();
            self.audience.iter().filter(there).count()
        };
        let browsers = std::iter::once(&self.browser).chain(&self.others);
        let browser = browsers.min_by_key(viewers).context("no browser")?;
        self.audience.join(browser, &url, options).map(drop)
    }

    /// Lets viewers join one after another, each as soon as the one before plays, until
    /// there are `count`.
    ///
    /// # Errors
    /// A viewer that does not play in time.
    pub fn admit(&mut self, count: usize, options: &page::Options) -> Result<()> {
        while self.audience.len() < count {
            self.join(options)?;
            self.audience.until_playing(PLAYS_WITHIN)?;
        }
        Ok(())
    }

    /// Writes down everything that may explain a failure.
    fn keep(&self) -> Result<PathBuf> {
        let directory = artifacts()?.join(&self.name);
        if directory.exists() {
            std::fs::remove_dir_all(&directory)?;
        }
        std::fs::create_dir_all(&directory)?;
        write(&directory, "daemon.log", self.daemon.log());
        for (number, browser) in self.browsers().enumerate() {
            write(&directory, &format!("browser-{number}.log"), browser.log());
        }
        match self.daemon.status() {
            Ok(status) => write(&directory, "status.txt", format!("{status:#?}\n")),
            Err(error) => write(&directory, "status.txt", format!("{error:#}\n")),
        }
        for viewer in self.audience.iter() {
            let file = |kind: &str| format!("{}.{kind}", viewer.name.replace(' ', "-"));
            let stats = match viewer.page.evaluate("peerstream.stats()") {
                Ok(stats) => format!("{stats:#}\n"),
                Err(error) => format!("{error:#}\n"),
            };
            write(&directory, &file("json"), stats);
            write(
                &directory,
                &file("console.txt"),
                viewer.page.console().join("\n"),
            );
            if let Ok(picture) = viewer.page.screenshot() {
                write(&directory, &file("png"), picture);
            }
        }
        Ok(directory)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            match self.keep() {
                Ok(directory) => eprintln!("artifacts: {}", directory.display()),
                Err(error) => eprintln!("no artifacts: {error:#}"),
            }
        }
    }
}

/// One file less explains less, but must not hide the failure itself.
fn write(directory: &Path, name: &str, contents: impl AsRef<[u8]>) {
    if let Err(error) = std::fs::write(directory.join(name), contents) {
        eprintln!("artifact {name}: {error}");
    }
}

fn artifacts() -> Result<PathBuf> {
    let profile = daemon::profile_directory()?;
    Ok(profile
        .parent()
        .context("no target directory")?
        .join("browser-artifacts"))
}
