//! libFuzzer around the target that `PEERSTREAM_FUZZ_TARGET` names. libFuzzer brings the
//! entry point and reads the arguments, so the name cannot be one of them.

#![no_main]

use std::sync::LazyLock;

use peerstream_fuzz::{TARGETS, Target, target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("PEERSTREAM_FUZZ_TARGET").unwrap_or_default();
    let known = || {
        TARGETS
            .iter()
            .map(|target| target.name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    target(&name).unwrap_or_else(|| panic!("PEERSTREAM_FUZZ_TARGET is one of: {}", known()))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| (TARGET.run)(input));
