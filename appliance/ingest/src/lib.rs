//! Where picture and sound come from: GStreamer, in a process of its own.
//!
//! Demuxers and drivers are written in C, and take bytes from strangers. So they run in a
//! child process that has no keys and can crash or hang as it likes: the daemon starts its
//! own program again as `peerstreamd ingest …`, which does nothing but [`child::main`].
//!
//! ```text
//!            stdin                                   stdout
//! daemon ──────────> source ─> appsink ─> outlet ─────────────> daemon
//!        FLV, or                                   pipe::Message
//!        nothing                                   Tracks, Unit, Alive, Error
//! ```
//!
//! The child ends with its standard input, so it never outlives the daemon. Logs go to
//! standard error.
//!
//! What belongs here: pipelines, and the messages that come out of them ([`pipe`]). What
//! does not: keys, fragments, sockets, and the decision what is on air. Nothing else in the
//! project names GStreamer.

pub mod child;
mod elements;
mod error;
mod faults;
pub mod flv;
mod outlet;
pub mod pipe;
pub mod source;

pub use error::Error;
pub use source::Source;
