//! The repository's own rules.
//!
//! [ARCHITECTURE.md] says which crate may know what; this crate reads the manifests, the sources,
//! the Makefile and the units, and holds the repository to it. Each rule is a function from what
//! was read to the list of its offences, so that a test can also hand it an offence and see it
//! found. `tests/` applies every rule to the repository itself.
//!
//! [ARCHITECTURE.md]: https://github.com/peerstream/peerstream/blob/main/ARCHITECTURE.md

pub mod arrows;
pub mod documents;
pub mod files;
pub mod makefile;
pub mod manifests;
pub mod mentions;
pub mod repository;
pub mod source;
pub mod units;
