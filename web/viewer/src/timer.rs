use core::time::Duration;

use wasm_bindgen::{JsCast, prelude::*};

use crate::console::warn;

/// Runs something once, later.
pub(crate) fn after(pause: Duration, run: impl FnOnce() + 'static) {
    // Frees itself once it ran, which it always does.
    let function = Closure::once_into_js(run);
    let set = web_sys::window().ok_or(JsValue::NULL).and_then(|window| {
        window.set_timeout_with_callback_and_timeout_and_arguments_0(
            function.unchecked_ref(),
            milliseconds(pause),
        )
    });
    if let Err(error) = set {
        warn("no timers", &error);
    }
}

/// Runs something again and again, as long as the page lives.
pub(crate) fn every(interval: Duration, run: impl FnMut() + 'static) {
    let function = Closure::<dyn FnMut()>::new(run).into_js_value();
    let set = web_sys::window().ok_or(JsValue::NULL).and_then(|window| {
        window.set_interval_with_callback_and_timeout_and_arguments_0(
            function.unchecked_ref(),
            milliseconds(interval),
        )
    });
    if let Err(error) = set {
        warn("no timers", &error);
    }
}

/// Rounded up: a timer that runs too early would have to run again.
fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(i32::MAX)
}
