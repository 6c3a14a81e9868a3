//! Where log lines go: to the journal under systemd, to standard error otherwise.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging. `RUST_LOG` says how much; without it, what someone who runs the box
/// wants to know.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // The journal keeps the fields apart, and adds time and unit by itself.
    match in_journal().then(tracing_journald::layer) {
        Some(Ok(journal)) => registry.with(journal).init(),
        _ => {
            let lines = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_target(false)
                .with_ansi(std::io::stderr().is_terminal())
                .compact();
            registry.with(lines).init();
        }
    }
}

/// Whether standard error goes to the journal.
pub(crate) fn in_journal() -> bool {
    std::env::var_os("JOURNAL_STREAM").is_some()
}
