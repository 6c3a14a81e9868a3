//! Every decoder, fed with anything.
//!
//! A target is a function that takes bytes and panics if something is wrong with how they
//! were read. [`TARGETS`] lists them. `run.sh SECONDS` lets libFuzzer look for such bytes;
//! `cargo test` feeds each target its `corpus/` and variations of it.
//!
//! To add one: write the function in a module here, add its line to [`TARGETS`], and put a
//! few small inputs that it accepts into `corpus/NAME/`.

mod fragment;
mod wire;

/// A decoder and what holds it to its promises.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What `run.sh` and the corpus call it.
    pub name: &'static str,
    /// Panics if the bytes are read wrongly.
    pub run: fn(&[u8]),
    /// The golden vectors that its corpus begins with.
    pub vectors: &'static [&'static str],
}

/// All of them.
pub const TARGETS: &[Target] = &[
    fragment::HEADER,
    fragment::CERTIFICATE,
    fragment::INIT,
    fragment::ASSEMBLY,
    wire::ENVELOPE,
];

/// The target called `name`.
#[must_use]
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
