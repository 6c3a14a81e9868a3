//! What the box says of itself: `GET /api/v1/status`.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

/// How long the box may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The box's figures at one moment.
#[derive(Debug, Clone, Deserialize)]
pub struct Status {
    /// Viewers joined.
    pub viewers: u32,
    /// Nodes by tree.
    pub nodes: BTreeMap<String, u32>,
    /// Depth of the deeper tree.
    pub depth: u32,
    /// "demo", "rtmp" or "standby".
    pub source: String,
    /// What was sent, by kind, as wire bytes.
    pub bytes_sent: BytesSent,
    /// Bytes of all signed fragments so far.
    pub fragment_bytes: u64,
    /// Signed fragments so far.
    pub fragments: u64,
    /// Bitrate of the stream at present.
    pub bitrate_kbit_s: f64,
    /// Joins so far.
    pub joins: u64,
    /// How the audience feeds itself.
    pub overlay: Overlay,
    /// The stream's identity key, as hexadecimal digits.
    pub stream: String,
}

/// How the audience feeds itself, and what is done where it cannot.
#[derive(Debug, Clone, Deserialize)]
pub struct Overlay {
    /// Copies that nodes and box can pass on.
    pub supply: u64,
    /// Copies that are wanted.
    pub demand: u64,
    /// Nodes that pass nothing on.
    pub leaves: usize,
    /// Those who wait for room.
    pub queued: usize,
    /// Direct feeds that there may be at the moment.
    pub feeds: usize,
    /// "enough", or what would help most.
    pub measure: String,
}

/// What the box has sent, by kind.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct BytesSent {
    /// Direct feeds.
    pub feed: u64,
    /// Everything else on WebSockets.
    pub signalling: u64,
    /// The page.
    pub pages: u64,
}

/// Fetches `path` over plain http and returns the body.
///
/// # Errors
/// A server that is not there, does not answer, or answers with anything but 200.
pub fn get(server: SocketAddr, path: &str) -> Result<String> {
    let mut connection = TcpStream::connect_timeout(&server, ANSWER_WITHIN)?;
    connection.set_read_timeout(Some(ANSWER_WITHIN))?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        bail!("GET {path}: {}", head.lines().next().unwrap_or_default());
    }
    Ok(body.to_owned())
}

/// Asks the box at `server`.
///
/// # Errors
/// As [`get`], and figures that are not as documented.
pub fn status(server: SocketAddr) -> Result<Status> {
    let body = get(server, "/api/v1/status")?;
    serde_json::from_str(&body).with_context(|| format!("unexpected status: {body}"))
}
