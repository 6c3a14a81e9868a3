use std::{io, path::PathBuf};

/// Why a configuration is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there, or may not be read.
    #[error("cannot read the configuration {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not TOML, or has a key or a value that it may not have.
    #[error("line {line}: {reason}")]
    Parse {
        /// Where.
        line: usize,
        /// What.
        reason: String,
    },
    /// A value is outside its bounds.
    #[error("`{key}` {reason}")]
    Value {
        /// The key, with its table.
        key: &'static str,
        /// What it has to be.
        reason: &'static str,
    },
}

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// No directory was given, and the environment has none either.
    #[error("no place for the state directory: give one with --state-dir, or set HOME")]
    Nowhere,
    /// Another daemon works with it.
    #[error("{path} is in use by another peerstreamd; stop that one or give another --state-dir")]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The system refused something.
    #[error("cannot {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not what was once written to it. Never mended by itself: overwriting a
    /// key could end the stream's name.
    #[error("{path} is damaged ({reason}); restore it from a backup, or remove it to start anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The system has no randomness to give.
    #[error("the system gives no randomness: {0}")]
    Random(#[from] getrandom::Error),
}
