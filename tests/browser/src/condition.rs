//! Waiting for what must become true, never for time to pass.

use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

/// Between two looks: short against everything that is waited for, long enough that
/// looking does not disturb the pages looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Looks until `probe` finds what it wants and returns it.
///
/// # Errors
/// When it is still not so after `within`; says what was waited for and what `probe` last
/// found instead.
pub fn until<T>(what: &str, within: Duration, mut probe: impl FnMut() -> Result<T>) -> Result<T> {
    let begin = Instant::now();
    loop {
        let error = match probe() {
            Ok(found) => return Ok(found),
            Err(error) => error,
        };
        if begin.elapsed() >= within {
            return Err(anyhow!(
                "not within {within:?}: {what}; last seen: {error:#}"
            ));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Looks every `every` for as long as `span`, the length of a measurement. Ends at once
/// when `look` fails.
///
/// # Errors
/// The first error of `look`.
pub fn throughout(
    span: Duration,
    every: Duration,
    mut look: impl FnMut(Duration) -> Result<()>,
) -> Result<()> {
    let begin = Instant::now();
    let mut next = Duration::ZERO;
    while next <= span {
        std::thread::sleep(next.saturating_sub(begin.elapsed()));
        look(begin.elapsed())?;
        next += every;
    }
    Ok(())
}
