use wasm_bindgen::prelude::Closure;
use web_sys::HtmlVideoElement;

use crate::{
    bindings, clock,
    event::{Event, Mailbox},
};

/// Has every presented frame told, as long as the page lives. False if the browser cannot.
pub(crate) fn listen(video: &HtmlVideoElement, mailbox: &Mailbox) -> bool {
    let mailbox = mailbox.clone();
    let told = Closure::<dyn FnMut(f64, f64)>::new(move |media_time, shown| {
        let shown = clock::since_origin(shown);
        mailbox.post(Event::Frame { media_time, shown });
    });
    bindings::each_frame(video, &told.into_js_value())
}
