//! What the loader (`web/page/boot.js`) does for the module, and web APIs that web-sys does
//! not have, or has only behind an unstable flag.
//!
//! The loader does what is not there in every browser, or is put together from small things
//! of the browser's: that takes a tenth of the code in JavaScript.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What speaks against passing the stream on, as in [`crate::sharing`].
    pub(crate) fn against() -> u8;

    /// Whether a connection goes by a relay.
    pub(crate) fn relayed(connection: &web_sys::RtcPeerConnection) -> bool;

    /// Tells how a promise turned out: what came of it, and whether that is an error.
    pub(crate) fn when(promise: &js_sys::Promise, told: &JsValue);

    /// A new way to the box.
    #[wasm_bindgen(catch, js_name = openSocket)]
    pub(crate) fn open_socket() -> Result<web_sys::WebSocket, JsValue>;

    /// A `MediaSource`, or a `ManagedMediaSource` where that is what there is.
    #[wasm_bindgen(catch, js_name = mediaSource)]
    pub(crate) fn media_source(
        video: &web_sys::HtmlVideoElement,
    ) -> Result<web_sys::MediaSource, JsValue>;

    /// Tells of every frame that is presented: its place on the element's timeline, in
    /// seconds, and when it is to be seen, in milliseconds. False if the browser does not.
    #[wasm_bindgen(js_name = eachFrame)]
    pub(crate) fn each_frame(video: &web_sys::HtmlVideoElement, told: &JsValue) -> bool;

    /// Fills the screen with the picture, or gives it back.
    #[wasm_bindgen(js_name = toggleFullscreen)]
    pub(crate) fn toggle_fullscreen(video: &web_sys::HtmlVideoElement);

    /// What the owner said on an earlier visit: 1 yes, 0 no, -1 nothing.
    pub(crate) fn recall() -> i8;

    /// A browser that keeps nothing asks again.
    pub(crate) fn remember(choice: bool);

    /// Loads the page anew, the first time that it is called.
    #[wasm_bindgen(js_name = reloadOnce)]
    pub(crate) fn reload_once();

    /// Offers the figures to whoever looks for them: `window.peerstream.stats()`.
    #[wasm_bindgen(js_name = offerStats)]
    pub(crate) fn offer_stats(stats: &JsValue);

    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(run: &JsValue, milliseconds: f64);

    #[wasm_bindgen(js_name = setInterval)]
    pub(crate) fn set_interval(run: &JsValue, milliseconds: f64);

    /// In milliseconds since the navigation began.
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    pub(crate) fn performance_now() -> f64;

    /// A `MediaSource` or `ManagedMediaSource`.
    pub(crate) type AnyMediaSource;

    /// Only a `ManagedMediaSource` knows whether it wants data now.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn streaming(this: &AnyMediaSource) -> Option<bool>;

    /// A `SourceBuffer`, which copies what it is given.
    pub(crate) type Sink;

    #[wasm_bindgen(method, catch, js_name = appendBuffer)]
    pub(crate) fn append(this: &Sink, data: &[u8]) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch, js_name = timestampOffset, setter)]
    pub(crate) fn set_timestamp_offset(this: &Sink, value: f64) -> Result<(), JsValue>;

    /// An `RTCPeerConnection`, whose `setLocalDescription` makes what is due by itself.
    pub(crate) type Negotiator;

    #[wasm_bindgen(method, js_name = setLocalDescription)]
    pub(crate) fn describe(this: &Negotiator) -> js_sys::Promise;
}
