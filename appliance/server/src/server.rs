use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use peerstream_budget::Uplink;
use peerstream_fragment::{Signer, StreamId};
use peerstream_media::{MEDIA_EPOCH, SourceEvent, Studio, publisher::PublisherEvent};
use peerstream_overlay::Coordinator;
use peerstream_settings::StreamKey;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::mpsc,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    api::{Api, Health},
    clock::CaptureClock,
    complaints::Complaints,
    door::{self, Crowd, Lobby},
    driver::{Driver, Event, Sources},
    http::House,
    meter::Sent,
    network,
    page::Page,
    rtmp::{self, Slot},
    shutdown::Shutdown,
    tickets::Tickets,
    tls::{Certificate, TlsError},
};

/// What a server is told.
#[derive(Debug)]
pub struct Config {
    /// Pages and viewers. Port 0 means any.
    pub http: SocketAddr,
    /// The same over TLS, if at all.
    pub https: Option<(SocketAddr, Certificate)>,
    /// Publishers.
    pub rtmp: SocketAddr,
    /// What publishers must show.
    pub stream_key: StreamKey,
    /// What viewers see above the picture.
    pub title: String,
    /// The stream's identity.
    pub stream: StreamId,
    /// What viewers' tickets are made with; outlives restarts.
    pub ticket_secret: [u8; 32],
    /// Direct feeds.
    pub feeds: u16,
    /// Direct feeds in an emergency.
    pub feeds_max: u16,
    /// What the uplink carries, in bit/s, if that is known.
    pub uplink: Option<u64>,
    /// The most connections of pages and viewers at a time.
    pub connections: usize,
    /// The most viewers from one address.
    pub viewers_per_address: usize,
    /// The page.
    pub page: Page,
}

/// What a server is fed with, and what it passes on.
#[derive(Debug)]
pub struct Feeds {
    /// What the source says.
    pub source: mpsc::Receiver<SourceEvent>,
    /// Signers that take over from the one before.
    pub signers: mpsc::Receiver<Signer>,
    /// What the publisher sends.
    pub publisher: mpsc::Sender<PublisherEvent>,
}

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// Pages and viewers.
    pub http: SocketAddr,
    /// The same over TLS.
    pub https: Option<SocketAddr>,
    /// Publishers.
    pub rtmp: SocketAddr,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Someone else has the port.
    #[error(
        "{what} port {port} is in use: stop what uses it, or give another with {option} ADDR:PORT"
    )]
    InUse {
        /// `http`, `https` or `rtmp`.
        what: &'static str,
        /// The port.
        port: u16,
        /// The command line's word for it.
        option: &'static str,
    },
    /// The system refused something else.
    #[error("cannot listen on {address} for {what}: {source}")]
    Listen {
        /// `http`, `https` or `rtmp`.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A server that listens already, and answers once it runs.
pub struct Server {
    http: TcpListener,
    https: Option<(TcpListener, TlsAcceptor)>,
    rtmp: TcpListener,
    addresses: Addresses,
    config: Config,
    events: mpsc::Sender<Event>,
    heard: mpsc::Receiver<Event>,
}

impl Server {
    /// Binds all sockets.
    ///
    /// # Errors
    /// If one of them cannot be had, or the certificate cannot be used.
    pub fn bind(config: Config) -> Result<Self, BindError> {
        let (http, http_at) = listen("http", "--http", config.http)?;
        let https = match &config.https {
            None => None,
            Some((address, certificate)) => {
                let tls = certificate.acceptor()?;
                let (listener, at) = listen("https", "--https", *address)?;
                Some((listener, tls, at))
            }
        };
        let (rtmp, rtmp_at) = listen("rtmp", "--rtmp", config.rtmp)?;
        let addresses = Addresses {
            http: http_at,
            https: https.as_ref().map(|(_, _, at)| *at),
            rtmp: rtmp_at,
        };
        let (events, heard) = mpsc::channel(EVENTS);
        Ok(Self {
            events,
            heard,
            http,
            https: https.map(|(listener, tls, _)| (listener, tls)),
            rtmp,
            addresses,
            config,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Knows, once it runs, whether it is well.
    #[must_use]
    pub fn health(&self) -> Health {
        Health(self.events.clone())
    }

    /// Runs until it is told to stop: everything that it has started holds a clone of
    /// `shutdown` until it is over.
    pub async fn run(self, clock: CaptureClock, studio: Studio, feeds: Feeds, shutdown: Shutdown) {
        let config = self.config;
        let sent = Arc::new(Sent::default());
        let complaints = Arc::new(Complaints::default());
        let slot = Arc::new(Slot::default());
        let tickets = Arc::new(Tickets::new(&config.ticket_secret));
        let house = Arc::new(House {
            page: config.page,
            api: Api {
                sent: sent.clone(),
                complaints: complaints.clone(),
                slot: slot.clone(),
                stream: config.stream.to_string(),
            },
            events: self.events,
            clock,
            complaints: complaints.clone(),
            sent,
            lobby: Lobby::new(LOBBY.min(config.connections / 2)),
            room: door::room(config.connections),
            visitors: Crowd::new(config.connections.div_ceil(VISITORS_SHARE)),
            viewers: Crowd::new(config.viewers_per_address),
            map: network::Map::default(),
            tickets: tickets.clone(),
        });
        tokio::spawn(door::keep(self.http, None, house.clone(), shutdown.clone()));
        if let Some((listener, tls)) = self.https {
            tokio::spawn(door::keep(listener, Some(tls), house, shutdown.clone()));
        }
        let booth = rtmp::Booth {
            key: config.stream_key,
            slot,
            complaints,
            publisher: feeds.publisher,
            lobby: Lobby::new(rtmp::LOBBY),
        };
        tokio::spawn(rtmp::keep(self.rtmp, Arc::new(booth), shutdown.clone()));
        let driver = Driver {
            clock,
            coordinator: Coordinator::new(peerstream_overlay::Config {
                feeds: config.feeds,
                feeds_max: config.feeds_max,
                first: first_node(clock.now()),
                ..peerstream_overlay::Config::default()
            }),
            studio,
            stream: config.stream,
            title: config.title,
            tickets,
            uplink: config.uplink.map(Uplink::new),
        };
        driver
            .run(Sources {
                events: self.heard,
                source: feeds.source,
                signers: feeds.signers,
                shutdown,
            })
            .await;
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server").field(&self.addresses).finish()
    }
}

fn listen(
    what: &'static str,
    option: &'static str,
    address: SocketAddr,
) -> Result<(TcpListener, SocketAddr), BindError> {
    let listener = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // After a restart, connections of the one before linger.
        socket.set_reuseaddr(true)?;
        // Accepted sockets inherit it. What the kernel holds is out of sight of the outbox,
        // which is to notice a viewer that does not read.
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    listener().map_err(|source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => BindError::InUse {
            what,
            port: address.port(),
            option,
        },
        _ => BindError::Listen {
            what,
            address,
            source,
        },
    })
}

/// What nodes are counted from: 64 for each second since the media's epoch. So a box that
/// starts again gives names that nobody has, unless the one before let in more than 64 a
/// second for as long as it ran; those who come back keep their names either way. Enough for
/// two years, after which names begin anew.
fn first_node(now: Duration) -> u32 {
    let seconds = now.saturating_sub(MEDIA_EPOCH).as_secs() % (1 << 26);
    u32::try_from(seconds << 6).unwrap_or(0)
}

/// Of all connections, one address may have this share (one in so many): each of its
/// viewers needs half a dozen for the moment of loading the page.
const VISITORS_SHARE: usize = 4;
/// Events that wait for the driver; beyond that, those who have more wait themselves.
const EVENTS: usize = 1024;
/// Connections that have not said yet what they want.
const LOBBY: usize = 1024;
/// Connections that nobody has accepted yet: a hall full of phones, at one moment.
const BACKLOG: u32 = 4096;
/// The kernel doubles it. 10 Mbit/s over a round trip of 400 ms.
const SEND_BUFFER: u32 = 256 * 1024;
