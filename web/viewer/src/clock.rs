use core::time::Duration;

use crate::bindings;

/// Time since the navigation began (`performance.timeOrigin`), on a clock that never steps.
pub(crate) fn now() -> Duration {
    since_origin(bindings::performance_now())
}

/// A `DOMHighResTimeStamp` on the same clock.
pub(crate) fn since_origin(milliseconds: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a time before the origin is none"
    )]
    Duration::from_micros((milliseconds * 1000.0) as u64)
}
