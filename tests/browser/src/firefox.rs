//! One viewer in Firefox, by its own protocol for remote control (Marionette): a length, a
//! colon and JSON, over TCP.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::condition;
use crate::stats::Stats;

/// How long a browser may take to start on a busy machine.
const START_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take to answer one command.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Where it listens. The namespace has nobody else in it.
const PORT: u16 = 2828;
/// The longest answer that is taken in, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// A running Firefox with an empty profile and one page. Ends when dropped.
pub struct Firefox {
    process: Child,
    profile: TempDir,
    socket: TcpStream,
    commands: u32,
}

impl Firefox {
    /// Starts `$FIREFOX`, or Debian's firefox-esr.
    ///
    /// # Errors
    /// No browser, or one that does not start.
    pub fn launch() -> Result<Self> {
        let binary = std::env::var_os("FIREFOX").unwrap_or_else(|| "/usr/bin/firefox-esr".into());
        let profile = TempDir::new().context("no temporary directory for the profile")?;
        std::fs::write(profile.path().join("user.js"), PREFERENCES)?;
        let log = File::create(profile.path().join(LOG))?;
        let mut process = Command::new(&binary)
            .args(["--headless", "--marionette", "--no-remote", "--profile"])
            .arg(profile.path())
            // Neither this machine's other profiles nor its display.
            .env("HOME", profile.path())
            .env_remove("DISPLAY")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let socket = condition::until("Firefox listens", START_WITHIN, || {
            if let Some(status) = process.try_wait()? {
                bail!("it ended: {status}");
            }
            Ok(TcpStream::connect(at)?)
        })?;
        socket.set_read_timeout(Some(ANSWER_WITHIN))?;
        let mut firefox = Firefox {
            process,
            profile,
            socket,
            commands: 0,
        };
        let greeting = firefox.read()?;
        ensure!(greeting["marionetteProtocol"] == 3, "it says {greeting}");
        firefox.call("WebDriver:NewSession", json!({}))?;
        Ok(firefox)
    }

    /// Opens `url` in its page.
    ///
    /// # Errors
    /// An address that does not open.
    pub fn visit(&mut self, url: &str) -> Result<()> {
        self.call("WebDriver:Navigate", json!({ "url": url }))
            .map(drop)
    }

    /// The value of a JavaScript expression.
    ///
    /// # Errors
    /// What it throws.
    pub fn evaluate(&mut self, expression: &str) -> Result<Value> {
        let script = format!("return JSON.stringify({expression}) ?? null");
        let answer = self.call("WebDriver:ExecuteScript", json!({ "script": script }))?;
        match answer["value"].as_str() {
            Some(text) => Ok(serde_json::from_str(text)?),
            None => Ok(Value::Null),
        }
    }

    /// The page's figures.
    ///
    /// # Errors
    /// A page that has none yet.
    pub fn stats(&mut self) -> Result<Stats> {
        let value = self.evaluate("window.peerstream.stats()")?;
        serde_json::from_value(value.clone()).with_context(|| format!("unexpected figures {value}"))
    }

    /// What the browser itself has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.profile.path().join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn call(&mut self, name: &str, parameters: Value) -> Result<Value> {
        self.commands += 1;
        let command = json!([0, self.commands, name, parameters]).to_string();
        let command = format!("{}:{command}", command.len());
        self.socket.write_all(command.as_bytes())?;
        let mut answer = self.read().with_context(|| name.to_owned())?;
        let ours = answer[0] == 1 && answer[1] == self.commands;
        ensure!(ours, "{name}: it answers {answer}");
        ensure!(answer[2].is_null(), "{name}: {}", answer[2]);
        Ok(answer[3].take())
    }

    fn read(&mut self) -> Result<Value> {
        let mut length = 0;
        loop {
            let mut digit = [0];
            self.socket.read_exact(&mut digit)?;
            match digit[0] {
                b':' => break,
                digit @ b'0'..=b'9' => length = length * 10 + usize::from(digit - b'0'),
                other => bail!("it says {other} in a length"),
            }
            ensure!(length <= MAX_ANSWER, "it wants to say {length} bytes");
        }
        let mut bytes = vec![0; length];
        self.socket.read_exact(&mut bytes)?;
        Ok(serde_json::from_slice(&bytes)?)
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        // With its processes for content, which end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The browser's standard error, in its profile directory.
const LOG: &str = "browser.log";

/// Why each: autoplay without sound as visitors have it; addresses told as they are, because
/// no multicast goes from one browser to another in the namespace; nothing of the browser's
/// own that would talk to anybody but the box.
const PREFERENCES: &str = r#"
user_pref("media.peerconnection.ice.obfuscate_host_addresses", false);
user_pref("app.update.enabled", false);
user_pref("app.normandy.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("extensions.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
user_pref("toolkit.telemetry.enabled", false);
"#;
