//! One Chromium, many viewers.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::stat::Mode;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cdp::Client;
use crate::page::{self, Page};

/// How long a browser may take to start on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A running browser with an empty profile. Ends, with all its pages, when dropped.
pub struct Browser {
    client: Client,
    process: Child,
    profile: TempDir,
}

/// Whether a failed TLS certificate check ends a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Certificates {
    /// As for every visitor.
    Checked,
    /// For a box whose certificate is self-made.
    Ignored,
}

/// Whether pages tell one another this machine's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Behind names of mDNS, as for every visitor; found out by multicast only.
    Hidden,
    /// As they are, for pages on machines that multicast does not join.
    Told,
}

impl Browser {
    /// Starts `$CHROMIUM`, or Debian's chromium.
    ///
    /// # Errors
    /// No browser, or one that does not start.
    pub fn launch(certificates: Certificates) -> Result<Self> {
        Self::launch_with(certificates, Addresses::Hidden)
    }

    /// The same, where hidden addresses are of no use.
    ///
    /// # Errors
    /// No browser, or one that does not start.
    pub fn launch_with(certificates: Certificates, addresses: Addresses) -> Result<Self> {
        let binary = std::env::var_os("CHROMIUM").unwrap_or_else(|| "/usr/bin/chromium".into());
        let profile = TempDir::new().context("no temporary directory for the profile")?;
        let commands = pipe(profile.path(), "commands")?;
        let answers = pipe(profile.path(), "answers")?;
        let log = File::create(profile.path().join(LOG))?;
        let mut command = Command::new("sh");
        // The browser expects its command pipe as descriptor 3 and its answers as 4.
        command
            .args([
                "-c",
                r#"in=$1; out=$2; shift 2; exec "$@" 3<"$in" 4>"$out""#,
                "sh",
            ])
            .args([&commands, &answers])
            .arg(&binary)
            .args(FLAGS)
            .arg(format!("--disable-features={}", features(addresses)))
            .arg(format!(
                "--user-data-dir={}",
                profile.path().join("profile").display()
            ));
        if certificates == Certificates::Ignored {
            command.arg("--ignore-certificate-errors");
        }
        let mut process = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot run sh")?;
        let commands = open(&commands, OpenOptions::new().write(true), &mut process)?;
        let answers = open(&answers, OpenOptions::new().read(true), &mut process)?;
        let browser = Browser {
            client: Client::new(commands, answers),
            process,
            profile,
        };
        let version = browser
            .client
            .call(None, "Browser.getVersion", json!({}))
            .with_context(|| format!("{} did not start", binary.display()))?;
        ensure!(version["product"].is_string(), "no version: {version}");
        browser.client.call(
            None,
            "Target.setDiscoverTargets",
            json!({ "discover": true }),
        )?;
        Ok(browser)
    }

    /// Opens `url` as a visitor who was never here: own context, so own cache, own storage
    /// and own renderer process.
    ///
    /// # Errors
    /// A browser that is gone.
    pub fn visit(&self, url: &str, options: &page::Options) -> Result<Page> {
        let call = |method, params| self.client.call(None, method, params);
        let context = call("Target.createBrowserContext", json!({}))?;
        let context = text(&context, "browserContextId")?;
        let target = call(
            "Target.createTarget",
            json!({
                "url": "about:blank", "browserContextId": context,
                "width": page::WIDTH, "height": page::HEIGHT,
            }),
        )?;
        let target = text(&target, "targetId")?;
        let session = call(
            "Target.attachToTarget",
            json!({ "targetId": target, "flatten": true }),
        )?;
        let session = text(&session, "sessionId")?;
        Page::open(self.client.clone(), context, target, session, url, options)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What the browser process itself has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.profile.path().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.client.begin(None, "Browser.close", json!({}));
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_secs(5) {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The browser process's standard error, in its profile directory.
const LOG: &str = "browser.log";

/// Why each: headless and without a GPU or sandbox because test machines have no screen
/// and run as root; without QUIC, background networking, updates or sync because nothing
/// but the box may be talked to; without throttling because every page has to count as
/// the one that somebody watches; without a first window and without the address bar's
/// own pages because each costs a renderer process that nobody looks at; a small window
/// because its pixels are drawn by the processor that everyone shares. Autoplay is left as
/// visitors have it.
const FLAGS: [&str; 18] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--mute-audio",
    "--no-startup-window",
    "--window-size=480,360",
];

/// What is switched off. One list, for the last such argument alone counts.
fn features(addresses: Addresses) -> &'static str {
    match addresses {
        Addresses::Hidden => "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup",
        Addresses::Told => {
            "WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,\
             WebRtcHideLocalIpsWithMdns"
        }
    }
}

fn pipe(directory: &Path, name: &str) -> Result<PathBuf> {
    let path = directory.join(name);
    nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).context("cannot make a pipe")?;
    Ok(path)
}

/// Opens our end of a named pipe once the other end is there. Both ends block until then,
/// so a child that never gets that far must be noticed.
fn open(path: &Path, options: &OpenOptions, child: &mut Child) -> Result<File> {
    let (sender, opened) = std::sync::mpsc::channel();
    let (path, options) = (path.to_owned(), options.clone());
    std::thread::spawn(move || sender.send(options.open(path)));
    let begin = Instant::now();
    while begin.elapsed() < START_WITHIN {
        match opened.recv_timeout(Duration::from_millis(50)) {
            Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
            Ok(file) => return file.context("cannot open a pipe to the browser"),
            Err(_) => {
                if let Some(status) = child.try_wait()? {
                    bail!("the browser ended before it began: {status}");
                }
            }
        }
    }
    bail!("the browser did not start within {START_WITHIN:?}")
}

fn text(answer: &Value, field: &str) -> Result<String> {
    Ok(answer[field]
        .as_str()
        .with_context(|| format!("no {field} in {answer}"))?
        .to_owned())
}
