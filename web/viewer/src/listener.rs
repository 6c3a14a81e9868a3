use wasm_bindgen::{JsCast, prelude::*};
use web_sys::EventTarget;

use crate::console::warn;

/// An event listener that goes away with its owner.
pub(crate) struct Listener {
    target: EventTarget,
    name: &'static str,
    closure: Closure<dyn FnMut(JsValue)>,
}

impl Listener {
    pub(crate) fn new(
        target: &EventTarget,
        name: &'static str,
        listen: impl FnMut(JsValue) + 'static,
    ) -> Self {
        let closure = Closure::<dyn FnMut(JsValue)>::new(listen);
        let function = closure.as_ref().unchecked_ref();
        if let Err(error) = target.add_event_listener_with_callback(name, function) {
            warn(name, &error);
        }
        Listener {
            target: target.clone(),
            name,
            closure,
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let function = self.closure.as_ref().unchecked_ref();
        // There is nothing to do about a listener that does not want to go.
        let _ = self
            .target
            .remove_event_listener_with_callback(self.name, function);
    }
}
