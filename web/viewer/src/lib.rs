//! The page's edge: what a browser offers, put into [`peerstream_node`]'s terms.
//!
//! What belongs here: WebSocket, WebRTC, MediaSource, timers and DOM, each a thin shell.
//! What does not: any decision that the node, the playhead or the stall counter can take;
//! they run natively and are tested there.
//!
//! Everything that can wake the page is one `event::Event`; a `event::Mailbox` hands
//! them to `page::Page` one after the other, so that nothing is ever entered twice.
//!
//! The page works where the context is not secure (plain http on a LAN address): nothing
//! here needs `crypto.subtle`, service workers, or anything else that is missing there. No
//! failing web API stops the page: it is said on the console, and to the viewer if it
//! matters.
//!
//! # Hidden pages
//! Browsers run timers of hidden pages once a second; once a minute after five minutes,
//! unless a data channel is open, which is the rule here. Messages are not held up, and
//! every message looks whether a deadline has passed, so a hidden page goes on forwarding.
//! What it does late is judge its own parent (a takeover takes up to a second more) and
//! answer a quiet link. The picture does not move while hidden and cannot stall; coming
//! back, the playhead is more than a second behind at worst and jumps to the live edge.

#[cfg(target_family = "wasm")]
mod allocator;
mod bindings;
mod clock;
mod console;
mod event;
mod frames;
mod link;
mod listener;
mod page;
mod pin;
mod player;
mod report;
mod screen;
mod sharing;
mod socket;
mod source;
mod timer;
mod track;

use wasm_bindgen::prelude::*;

/// Starts the page.
///
/// `early` is the WebSocket that the loader opened while this module was still on its way.
#[wasm_bindgen]
pub fn start(early: Option<web_sys::WebSocket>) {
    page::start(early);
}
