//! Real browsers against the real daemon.
//!
//! A [`stage::Stage`] is a network namespace with a box in it and one Chromium, in which
//! each viewer of the [`audience::Audience`] is a browser context, so a process, of its
//! own. Tests and the bench look at nothing but what every embedder can see: the page's
//! `window.peerstream.stats()` ([`stats`]) and the box's `/api/v1/status` ([`status`]).
//!
//! Needs Debian's `chromium`, `ffmpeg` and `iproute2`, and root (or
//! `unshare --user --map-root-user`), for the namespace.

pub mod audience;
pub mod browser;
pub mod cdp;
pub mod churn;
pub mod condition;
pub mod daemon;
pub mod firefox;
pub mod forger;
pub mod namespace;
pub mod page;
pub mod process;
pub mod publisher;
pub mod stage;
pub mod stats;
pub mod status;
