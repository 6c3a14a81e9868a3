//! Web APIs that web-sys does not have, or has only behind an unstable flag.

use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// An `HTMLVideoElement` with `requestVideoFrameCallback`.
    pub(crate) type FrameSource;

    #[wasm_bindgen(method, catch, js_name = requestVideoFrameCallback)]
    pub(crate) fn request_frame(
        this: &FrameSource,
        callback: &js_sys::Function,
    ) -> Result<u32, JsValue>;

    #[wasm_bindgen(method, setter, js_name = disableRemotePlayback)]
    pub(crate) fn set_disable_remote_playback(this: &FrameSource, value: bool);

    /// `VideoFrameCallbackMetadata`.
    pub(crate) type FrameMetadata;

    #[wasm_bindgen(method, getter, js_name = mediaTime)]
    pub(crate) fn media_time(this: &FrameMetadata) -> f64;

    #[wasm_bindgen(method, getter, js_name = expectedDisplayTime)]
    pub(crate) fn expected_display_time(this: &FrameMetadata) -> f64;

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
