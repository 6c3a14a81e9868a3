//! From access units to signed fragments, and the card that stands in for the source.
//!
//! ```text
//! SourceEvent ──> Studio ──> run::Run ──────────────> seal::Sealer ──> Output
//!                   │          timeline: where a frame stands              (Certificate,
//!                   │          pace: how long a fragment is                 Fragment)
//!                 card::Card   boxes: moof, mdat, ftyp, moov
//! ```
//!
//! [`Studio`] owns the decision of what is on air: the live source, or the standby card
//! while there is none. Whatever is on air is a *run*: one set of tracks, put onto the one
//! media timeline behind the run before it. A run cuts its samples into fragments, and the
//! sealer numbers and signs them.
//!
//! What belongs here: times, boxes, the order of things. What does not: any socket, any
//! process, any clock ([`Studio`] is told the time), any codec (samples are passed on as
//! they come).
//!
//! # The media timeline
//! It starts at the capture clock and never runs back, nor has it a hole where one run ends
//! and the next begins: what is lost while nothing is on air is time, not media, and a page
//! has nothing to jump. So it falls a little behind the clock at each stall of the source;
//! the standby card runs a little faster until that is made up.
//!
//! To keep times small enough for players that count in floating point, the timeline counts
//! from [`MEDIA_EPOCH`], not from 1970.

mod aac;
mod avc;
mod boxes;
mod card;
mod lead;
mod pace;
pub mod publisher;
mod run;
mod seal;
pub mod studio;
mod tally;
mod timeline;
mod tracks;
mod unit;

pub use peerstream_fragment::TrackKind;
pub use studio::{Output, Studio};
pub use tally::{Reason, Tally};
pub use tracks::{AudioTrack, BadTrack, VideoTrack};
pub use unit::{AccessUnit, MAX_UNIT, SourceEvent};

/// Where the media timeline has its zero, on the capture clock (2026-01-01T00:00:00Z).
pub const MEDIA_EPOCH: core::time::Duration = core::time::Duration::from_secs(1_767_225_600);
