use core::time::Duration;

use wasm_bindgen::{JsValue, prelude::*};

use crate::bindings;

/// Runs something once, later. Boxed, or the machinery would be there once for each caller.
pub(crate) fn after(pause: Duration, run: Box<dyn FnOnce()>) {
    // Frees itself once it ran, which it always does.
    bindings::set_timeout(&Closure::once_into_js(run), milliseconds(pause));
}

/// Runs something again and again, as long as the page lives.
pub(crate) fn every(interval: Duration, run: Box<dyn FnMut()>) {
    let run = Closure::wrap(run).into_js_value();
    bindings::set_interval(&run, milliseconds(interval));
}

/// Takes what comes of a promise.
pub(crate) fn when(promise: &js_sys::Promise, then: Box<dyn FnOnce(Result<JsValue, JsValue>)>) {
    let told = move |value: JsValue, failed: bool| {
        then(if failed { Err(value) } else { Ok(value) });
    };
    bindings::when(promise, &Closure::once_into_js(told));
}

/// Rounded up: a timer that runs too early would have to run again.
fn milliseconds(duration: Duration) -> f64 {
    f64::from(u32::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(u32::MAX))
}
