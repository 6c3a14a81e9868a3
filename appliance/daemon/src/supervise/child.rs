use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use peerstream_ingest::Source;
use peerstream_ingest::pipe::{Decoder, Message};
use peerstream_media::TrackKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::backlog::Fed;

/// A running ingest process. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Child {
    number: u64,
    pid: u32,
    input: mpsc::Sender<Bytes>,
    /// Bytes on their way into the process.
    queued: Arc<AtomicUsize>,
    kill: Option<oneshot::Sender<String>>,
    started: Instant,
    /// When it last delivered a frame.
    delivered: Option<Instant>,
    /// Since when it has had a picture to deliver.
    fed: Option<Instant>,
}

/// What is heard of a child.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) child: u64,
    pub(crate) said: Said,
}

#[derive(Debug)]
pub(crate) enum Said {
    Message(Message),
    /// It is gone, and how.
    Gone(String),
}

impl Child {
    pub(crate) fn start(
        program: &Path,
        source: &Source,
        number: u64,
        reports: mpsc::Sender<Report>,
    ) -> io::Result<Self> {
        let mut process = Command::new(program)
            .arg("ingest")
            .args(source.args())
            .env_clear()
            .envs(std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_kept)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            // Not in the terminal's foreground: ^C is for the daemon, which then ends it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = process.id().unwrap_or_default();
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(io::Error::other("no pipes"));
        };
        let (input, pieces) = mpsc::channel(QUEUE);
        let queued = Arc::new(AtomicUsize::new(0));
        tokio::spawn(write(stdin, pieces, Arc::clone(&queued)));
        let (kill, killed) = oneshot::channel();
        tokio::spawn(async move {
            let end = tokio::select! {
                end = read(stdout, number, &reports) => end,
                // Dropped without a word, it is nobody's any more.
                why = killed => End::Killed(why.unwrap_or_default()),
            };
            if matches!(end, End::Killed(_)) {
                let _ = process.start_kill();
            }
            // It has closed its output: it goes by itself, or it has to.
            let status = match timeout(LAST_WORDS, process.wait()).await {
                Ok(status) => status,
                Err(_) => {
                    let _ = process.start_kill();
                    process.wait().await
                }
            };
            let said = Said::Gone(describe(pid, &end, status));
            let _ = reports
                .send(Report {
                    child: number,
                    said,
                })
                .await;
        });
        Ok(Self {
            number,
            pid,
            input,
            queued,
            kill: Some(kill),
            started: Instant::now(),
            delivered: None,
            fed: None,
        })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Queues input. If not all of it can be taken, the process is not reading, and what is
    /// left is dropped: the daemon waits for no child.
    pub(crate) fn feed(&mut self, fed: Fed) -> bool {
        for piece in fed.bytes {
            let length = piece.len();
            if self.queued.load(Ordering::Relaxed) + length > MAX_QUEUED {
                return false;
            }
            self.queued.fetch_add(length, Ordering::Relaxed);
            if self.input.try_send(piece).is_err() {
                self.queued.fetch_sub(length, Ordering::Relaxed);
                return false;
            }
        }
        if fed.picture {
            self.fed.get_or_insert_with(Instant::now);
        }
        true
    }

    /// It has delivered a frame.
    pub(crate) fn delivered(&mut self, kind: TrackKind) {
        self.delivered = Some(Instant::now());
        if kind == TrackKind::Video {
            self.fed = None;
        }
    }

    /// Kills it if it is alive and does nothing. A `constant` source always has something
    /// to deliver, another one only what it has been fed.
    pub(crate) fn kill_if_stuck(&mut self, constant: bool) {
        let stuck = match (constant, self.delivered, self.fed) {
            (true, Some(delivered), _) => delivered.elapsed() > CONSTANT_STUCK,
            (true, None, _) => self.started.elapsed() > STARTING,
            (false, _, fed) => fed.is_some_and(|fed| fed.elapsed() > FED_STUCK),
        };
        if stuck && let Some(kill) = self.kill.take() {
            let _ = kill.send("it delivers no frames".to_owned());
        }
    }
}

/// How it came to its end.
enum End {
    /// It said why, or nothing.
    Closed(Option<String>),
    /// It must go, and why.
    Killed(String),
}

/// Reads messages until there are no more, or should be.
async fn read(mut stdout: ChildStdout, child: u64, reports: &mpsc::Sender<Report>) -> End {
    let mut decoder = Decoder::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut messages = 0_u64;
    let mut last_words = None;
    loop {
        // The first message only says that the process runs: GStreamer may then look
        // through all of its plugins.
        let patience = if messages > 1 { SILENCE } else { STARTING };
        let length = match timeout(patience, stdout.read(&mut buffer)).await {
            Ok(Ok(0)) => return End::Closed(last_words),
            Ok(Ok(length)) => length,
            Ok(Err(error)) => return End::Killed(error.to_string()),
            Err(_) => return End::Killed(format!("silent for {patience:?}")),
        };
        decoder.push(&buffer[..length]);
        loop {
            let message = match decoder.message() {
                Ok(Some(message)) => message,
                Ok(None) => break,
                Err(error) => return End::Killed(error.to_string()),
            };
            messages += 1;
            if let Message::Error(text) = message {
                last_words = Some(text);
                continue;
            }
            let report = Report {
                child,
                said: Said::Message(message),
            };
            if reports.send(report).await.is_err() {
                return End::Killed(String::new());
            }
        }
    }
}

/// Writes what is queued, until the process stops reading for good.
async fn write(mut stdin: ChildStdin, mut pieces: mpsc::Receiver<Bytes>, queued: Arc<AtomicUsize>) {
    while let Some(piece) = pieces.recv().await {
        let written = stdin.write_all(&piece).await;
        queued.fetch_sub(piece.len(), Ordering::Relaxed);
        if written.is_err() {
            return;
        }
    }
}

fn describe(pid: u32, end: &End, status: io::Result<ExitStatus>) -> String {
    let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
    match end {
        End::Closed(Some(text)) => format!("pid {pid}: {text}"),
        End::Closed(None) => format!("pid {pid}: {status}"),
        End::Killed(why) => format!("pid {pid}: {why}; killed"),
    }
}

/// What of the daemon's environment an ingest process may see: where programs, fonts,
/// plugins and their registry are, how people write, and GStreamer's own settings.
fn is_kept(name: &str) -> bool {
    matches!(
        name,
        "PATH" | "HOME" | "LANG" | "TZ" | "TMPDIR" | "XDG_CACHE_HOME"
    ) || name.starts_with("LC_")
        || name.starts_with("GST_")
}

/// How many pieces of input may wait, and how many bytes of them: a few seconds' worth.
const QUEUE: usize = 512;
const MAX_QUEUED: usize = 8 * 1024 * 1024;
/// A process says that it is alive four times a second; one that does not is frozen.
const SILENCE: Duration = Duration::from_secs(1);
/// How long it may take to start, the first time on a slow card.
const STARTING: Duration = Duration::from_secs(20);
/// How long it may take to end once it has closed its output.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// How long a source that always has frames may have none.
const CONSTANT_STUCK: Duration = Duration::from_secs(3);
/// How long a key frame may take through the process.
const FED_STUCK: Duration = Duration::from_secs(5);
