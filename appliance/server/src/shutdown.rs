use tokio::sync::{mpsc, watch};

/// Tells everything that runs to stop, and knows when it has.
#[derive(Debug)]
pub struct Stopper {
    stop: watch::Sender<bool>,
    finished: mpsc::Receiver<()>,
}

/// What everything that runs holds. As long as one of these is held, the [`Stopper`] waits.
#[derive(Debug, Clone)]
pub struct Shutdown {
    stop: watch::Receiver<bool>,
    /// Never sent on; that the last clone is gone closes the channel.
    _running: mpsc::Sender<()>,
}

impl Stopper {
    /// Both ends.
    #[must_use]
    pub fn new() -> (Self, Shutdown) {
        let (stop, stopped) = watch::channel(false);
        let (running, finished) = mpsc::channel(1);
        let shutdown = Shutdown {
            stop: stopped,
            _running: running,
        };
        (Self { stop, finished }, shutdown)
    }

    /// Tells everyone to stop.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until everyone has.
    pub async fn finished(&mut self) {
        while self.finished.recv().await.is_some() {}
    }
}

impl Shutdown {
    /// Waits for the word to stop. A [`Stopper`] that has been dropped means the same.
    pub async fn requested(&mut self) {
        // The error is that of the dropped stopper.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    /// Whether the word has been given.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }
}
