//! One viewer's WebSocket, from the upgrade to the goodbye.

mod bucket;
mod offence;
mod outbox;
mod session;

pub(crate) use offence::Offence;
#[cfg(test)]
pub(crate) use outbox::Outgoing;
pub(crate) use outbox::{Full, Outbox};
pub(crate) use session::{Said, Seat, Session, run, websocket_config};
