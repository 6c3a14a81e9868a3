//! What the box is told, and what it must not forget.
//!
//! * [`Config`]: the typed configuration. `peerstream.toml` beside this crate has every key
//!   with its default and its reason; a key that is not in it is refused.
//! * [`State`]: the state directory, with the keys that the box makes at its first start.
//!   Files are written whole or not at all, and are nobody else's to read.
//!
//! What belongs here: values, their bounds, files. What does not: what the values are used
//! for, sockets, signatures (keys are seeds here, and nothing more).

pub mod config;
mod error;
mod file;
mod keys;
mod state;

pub use config::Config;
pub use error::{ConfigError, StateError};
pub use keys::{Seed, SigningRecord, StreamKey};
pub use state::{Lock, Opened, State};
