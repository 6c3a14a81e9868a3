//! The service manager: told when the box is ready, and that it is alive.

use std::time::Duration;

use peerstream_server::Health;
use systemd::daemon;

/// Tells the service manager that the box is ready, if there is one.
pub(crate) fn ready() {
    tell(daemon::STATE_READY);
}

/// Tells it that the box is on its way down.
pub(crate) fn stopping() {
    tell(daemon::STATE_STOPPING);
}

/// Tells it again and again that the box is alive, as long as it is. If it asks for that.
pub(crate) async fn feed_watchdog(health: Health) {
    let Ok(within) = daemon::watchdog_enabled() else {
        return;
    };
    if within == 0 {
        return;
    }
    let mut ticks = tokio::time::interval(Duration::from_micros(within) / 2);
    loop {
        ticks.tick().await;
        // Asked of the one task that everything depends on.
        if health.is_well().await {
            tell(daemon::STATE_WATCHDOG);
        }
    }
}

fn tell(state: &str) {
    // Without a service manager, nobody listens; with one that does not, nothing helps.
    if let Err(error) = daemon::notify([(state, "1")].iter()) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
