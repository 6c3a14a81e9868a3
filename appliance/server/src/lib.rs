//! The shell around the cores: sockets, timers and bytes, and no decision of its own.
//!
//! ```text
//!  page, viewers ──> door ──> http ──> viewer ──┐                ┌── Coordinator (overlay)
//!                     │        └──> page, api   ├──> driver <────┤
//!  publisher ─────> rtmp ──> PublisherEvent     │      │         └── Studio (media)
//!                              (to the daemon)  │     hub: the newest of the stream
//!  source events (from the daemon) ─────────────┘
//! ```
//!
//! * [`Server`] binds everything and runs until it is told to stop.
//! * `door` takes connections in and keeps those that say nothing from crowding out the
//!   others; `http` routes; `page` holds the page's files; `api` renders the status.
//! * `viewer` is one viewer's WebSocket: what it says is measured, read and handed to the
//!   driver; what the driver has for it waits in an outbox of bounded size.
//! * `driver` owns both cores and waits on one list of causes.
//! * `rtmp` lets one publisher in.
//!
//! Whatever a peer does wrong ends that peer's connection with a reason, in one line of the
//! log (`complaints`), and nothing else.
//!
//! What does not belong here: who feeds whom (`overlay`), what is on air (`media`), files
//! and processes (`daemon`).

mod api;
mod clock;
mod complaints;
mod door;
mod driver;
mod http;
mod hub;
mod meter;
mod network;
mod page;
mod rtmp;
mod server;
mod shutdown;
mod tickets;
mod tls;
mod viewer;

pub use api::Health;
pub use clock::CaptureClock;
pub use page::{Page, PageError, Sharing};
pub use server::{Addresses, BindError, Config, Feeds, Server};
pub use shutdown::{Shutdown, Stopper};
pub use tls::{Certificate, TlsError};
