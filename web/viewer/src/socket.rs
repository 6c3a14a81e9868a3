use bytes::Bytes;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, WebSocket};

use crate::{
    bindings,
    console::warn,
    event::{Event, Mailbox},
    listener::Listener,
};

/// The control socket. Dropping it closes it silently.
pub(crate) struct Socket {
    socket: WebSocket,
    _listeners: [Listener; 3],
}

impl Socket {
    /// Opens one to the page's own origin.
    pub(crate) fn open(mailbox: &Mailbox) -> Result<Self, JsValue> {
        Ok(Self::adopt(bindings::open_socket()?, mailbox))
    }

    /// Takes over one that is there already, in whatever state.
    pub(crate) fn adopt(socket: WebSocket, mailbox: &Mailbox) -> Self {
        match socket.ready_state() {
            WebSocket::CONNECTING => {}
            WebSocket::OPEN => mailbox.post(Event::SocketOpened),
            _ => mailbox.post(Event::SocketClosed),
        }
        let to = mailbox.clone();
        let opened = Listener::new(&socket, "open", move |_| to.post(Event::SocketOpened));
        let to = mailbox.clone();
        // An error is always followed by a close.
        let closed = Listener::new(&socket, "close", move |_| to.post(Event::SocketClosed));
        let to = mailbox.clone();
        let message = Listener::new(&socket, "message", move |event| {
            if let Some(bytes) = message_bytes(&event) {
                to.post(Event::SocketMessage(bytes));
            }
        });
        Socket {
            socket,
            _listeners: [opened, closed, message],
        }
    }

    pub(crate) fn send(&self, bytes: &[u8]) {
        if let Err(error) = self.socket.send_with_u8_array(bytes) {
            warn("the box cannot be written to", &error);
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Only an invalid code is refused, and there is none.
        let _ = self.socket.close();
    }
}

/// What a binary message carries; anything else is none of ours.
pub(crate) fn message_bytes(event: &JsValue) -> Option<Bytes> {
    let data = event.unchecked_ref::<MessageEvent>().data();
    let buffer = data.dyn_ref::<js_sys::ArrayBuffer>()?;
    Some(Bytes::from(js_sys::Uint8Array::new(buffer).to_vec()))
}
