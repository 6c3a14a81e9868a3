//! The Chrome DevTools Protocol over a pair of pipes.
//!
//! Pipes, not a port: nothing outside can reach the browser, a namespace is no obstacle,
//! and the browser ends by itself when this process does. Flat sessions only.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long a browser on a busy machine may take to answer one command.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Events kept for whoever asks later; more than a page that logs every second fills
/// within a test.
const EVENTS_KEPT: usize = 2_000;

/// One browser's command channel. Clones share it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// A command that was sent and whose answer may not have come yet.
pub struct Pending {
    method: String,
    answer: Receiver<Result<Value, String>>,
}

/// Something that the browser said unasked.
#[derive(Debug, Clone, Deserialize)]
pub struct Event {
    /// Its name, such as `Target.targetCrashed`.
    pub method: String,
    /// Its contents.
    #[serde(default)]
    pub params: Value,
    /// The page that it is about; none for the browser itself.
    #[serde(default, rename = "sessionId")]
    pub session: Option<String>,
}

struct Shared {
    commands: Mutex<File>,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Sender<Result<Value, String>>>>,
    events: Mutex<Vec<Event>>,
}

impl Client {
    /// Speaks through `commands`, listens on `answers` until the browser closes it.
    #[must_use]
    pub fn new(commands: File, answers: File) -> Self {
        let shared = Arc::new(Shared {
            commands: Mutex::new(commands),
            next: AtomicU64::new(1),
            open: Mutex::default(),
            events: Mutex::default(),
        });
        let listener = Arc::clone(&shared);
        std::thread::spawn(move || listener.listen(answers));
        Client { shared }
    }

    /// Sends a command and waits for its answer.
    ///
    /// # Errors
    /// What the browser refuses, and a browser that is gone or silent for too long.
    pub fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        self.begin(session, method, params)?.wait()
    }

    /// Sends a command without waiting, so that many pages answer at the same moment.
    ///
    /// # Errors
    /// A browser that is gone.
    pub fn begin(&self, session: Option<&str>, method: &str, params: Value) -> Result<Pending> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let (sender, answer) = channel();
        lock(&self.shared.open).insert(id, sender);
        lock(&self.shared.commands)
            .write_all(&bytes)
            .with_context(|| format!("{method}: the browser is gone"))?;
        Ok(Pending {
            method: method.to_owned(),
            answer,
        })
    }

    /// The events so far that `wanted` picks, oldest first.
    pub fn events(&self, wanted: impl Fn(&Event) -> bool) -> Vec<Event> {
        lock(&self.shared.events)
            .iter()
            .filter(|event| wanted(event))
            .cloned()
            .collect()
    }
}

impl Pending {
    /// Waits for the answer.
    ///
    /// # Errors
    /// What the browser refuses, and a browser that is gone or silent for too long.
    pub fn wait(self) -> Result<Value> {
        match self.answer.recv_timeout(ANSWER_WITHIN) {
            Ok(answer) => answer.map_err(|why| anyhow!("{}: {why}", self.method)),
            Err(RecvTimeoutError::Timeout) => {
                bail!("{}: no answer within {ANSWER_WITHIN:?}", self.method)
            }
            Err(RecvTimeoutError::Disconnected) => bail!("{}: the browser is gone", self.method),
        }
    }
}

impl Shared {
    fn listen(&self, answers: File) {
        let mut answers = BufReader::new(answers);
        let mut bytes = Vec::new();
        // A read error means the same as the end: there is no browser any more.
        while answers
            .read_until(0, &mut bytes)
            .is_ok_and(|length| length > 0)
        {
            if bytes.pop() == Some(0)
                && let Ok(message) = serde_json::from_slice::<Value>(&bytes)
            {
                self.dispatch(message);
            }
            bytes.clear();
        }
        lock(&self.open).clear();
    }

    fn dispatch(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            let answer = match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or("refused").to_owned()),
                None => Ok(message["result"].take()),
            };
            if let Some(caller) = lock(&self.open).remove(&id) {
                // Whoever asked may have given up waiting.
                let _ = caller.send(answer);
            }
        } else if let Ok(event) = serde_json::from_value(message) {
            let mut events = lock(&self.events);
            if events.len() == EVENTS_KEPT {
                events.remove(0);
            }
            events.push(event);
        }
    }
}

/// What is guarded here stays whole even if a holder panicked.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
