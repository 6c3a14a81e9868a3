use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::HtmlVideoElement;

use crate::{
    bindings::{FrameMetadata, FrameSource},
    clock,
    event::{Event, Mailbox},
};

/// Has every presented frame told, as long as the page lives. False if the browser cannot.
pub(crate) fn listen(video: &HtmlVideoElement, mailbox: &Mailbox) -> bool {
    let source: FrameSource = video.clone().unchecked_into();
    let mailbox = mailbox.clone();
    // A callback counts once and has to ask for the next itself, so it needs its own name.
    let own_name = js_sys::Object::new();
    let own = JsValue::from(own_name.clone());
    let callback =
        Closure::<dyn FnMut(f64, FrameMetadata)>::new(move |_: f64, metadata: FrameMetadata| {
            if let Ok(callback) = js_sys::Reflect::get(&own, &"callback".into()) {
                let _ = source.request_frame(callback.unchecked_ref());
            }
            mailbox.post(Event::Frame {
                media_time: metadata.media_time(),
                shown: clock::since_origin(metadata.expected_display_time()),
            });
        })
        .into_js_value();
    let named = js_sys::Reflect::set(&own_name, &"callback".into(), &callback);
    named.is_ok()
        && video
            .unchecked_ref::<FrameSource>()
            .request_frame(callback.unchecked_ref())
            .is_ok()
}
