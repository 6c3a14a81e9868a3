use wasm_bindgen::JsValue;

/// Says on the console what a web API refused.
pub(crate) fn warn(what: &str, why: &JsValue) {
    web_sys::console::warn_2(&JsValue::from_str(what), why);
}
