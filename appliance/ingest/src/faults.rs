//! What the process does about memory faults: it dies of them.

use nix::sys::signal::{Signal, raise};

/// Lets the process die of SIGSEGV and SIGBUS, whoever sends them.
///
/// Rust's runtime handles both, to tell a stack overflow from other faults. Of any other it
/// thinks that it comes again as soon as its handler returns, and that default handling,
/// which it puts back first, then ends the process. A signal that somebody *sends* does not
/// come again: the process lives on, and with it whatever made a watchdog send it. So the
/// runtime's handler is used up here.
pub(crate) fn are_fatal() {
    for signal in [Signal::SIGSEGV, Signal::SIGBUS] {
        if is_caught(signal) {
            let _ = raise(signal);
        }
    }
}

/// Whether the process has a handler for `signal`.
fn is_caught(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal as i32 - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_handles_faults_afterwards() {
        // In this process too, from here on: a test that overflows its stack says less.
        are_fatal();
        assert!(!is_caught(Signal::SIGSEGV) && !is_caught(Signal::SIGBUS));
    }
}
