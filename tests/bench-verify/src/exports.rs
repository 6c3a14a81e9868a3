//! The edge to JavaScript: two plain functions, so that nothing has to be generated.

use std::cell::RefCell;

use crate::Arriving;

thread_local! {
    static ARRIVING: RefCell<Option<Arriving>> = const { RefCell::new(None) };
}

/// Makes the fragment that is verified from here on.
#[expect(
    unsafe_code,
    reason = "an export has a fixed name; no other symbol here has it"
)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn prepare(len: u32) {
    ARRIVING.set(Some(Arriving::new(len as usize)));
}

/// Verifies it so many times, and returns how often that succeeded.
#[expect(
    unsafe_code,
    reason = "an export has a fixed name; no other symbol here has it"
)]
#[unsafe(no_mangle)]
pub(crate) extern "C" fn verify(rounds: u32) -> u32 {
    ARRIVING.with_borrow(|arriving| {
        let Some(arriving) = arriving else { return 0 };
        (0..rounds).map(|_| u32::from(arriving.verify())).sum()
    })
}
