use core::time::Duration;

/// Time since the navigation began (`performance.timeOrigin`), on a clock that never steps.
pub(crate) fn now() -> Duration {
    since_origin(performance().map_or(0.0, |performance| performance.now()))
}

/// A `DOMHighResTimeStamp` on the same clock.
pub(crate) fn since_origin(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default()
}

fn performance() -> Option<web_sys::Performance> {
    web_sys::window()?.performance()
}
