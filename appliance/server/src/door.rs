//! Takes connections in, for pages and viewers.

mod crowd;
mod lobby;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

pub(crate) use crowd::{Crowd, Pass};
pub(crate) use lobby::{Lobby, Ticket};

use crate::{
    http::{self, House},
    meter::{Meter, Metered},
    network::Origin,
    shutdown::Shutdown,
};

/// Accepts until it is told to stop. Nothing that a peer does, and no shortage, ends it.
pub(crate) async fn keep(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    house: Arc<House>,
    mut shutdown: Shutdown,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.requested() => return,
        };
        match accepted {
            Ok((stream, peer)) => admit(stream, peer, tls.clone(), &house, &shutdown),
            Err(error) => {
                // Most of all: no file descriptor is left. Those who have said nothing yet
                // make room.
                house.lobby.thin_out();
                tracing::warn!(%error, "cannot take a connection");
                sleep(BREATH).await;
            }
        }
    }
}

fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    house: &Arc<House>,
    shutdown: &Shutdown,
) {
    let Ok(room) = house.room.clone().try_acquire_owned() else {
        house.lobby.thin_out();
        house.complaints.note("full", peer, "no room is left");
        return;
    };
    let Some(pass) = house.visitors.enter(Origin::of(peer.ip())) else {
        return house
            .complaints
            .note("crowded", peer, "too many connections from this address");
    };
    let house = house.clone();
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        let _inside = (room, pass);
        greet(stream, peer, tls, house, shutdown).await;
    });
}

async fn greet(
    stream: TcpStream,
    peer: SocketAddr,
    tls: Option<TlsAcceptor>,
    house: Arc<House>,
    shutdown: Shutdown,
) {
    // Fragments are small and wait for nothing.
    let patience = SockRef::from(&stream).set_tcp_user_timeout(Some(UNHEARD));
    if stream.set_nodelay(true).and(patience).is_err() {
        return;
    }
    let mut ticket = house.lobby.enter();
    let Some(tls) = tls else {
        return serve(stream, peer, house, ticket, shutdown).await;
    };
    let encrypted = tokio::select! {
        encrypted = timeout(GREET_WITHIN, tls.accept(stream)) => encrypted,
        () = ticket.cut() => return half_open(&house, peer),
    };
    match encrypted {
        Ok(Ok(encrypted)) => serve(encrypted, peer, house, ticket, shutdown).await,
        Ok(Err(error)) => house.complaints.note("tls", peer, error.kind()),
        Err(_) => half_open(&house, peer),
    }
}

async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    house: Arc<House>,
    ticket: Ticket,
    shutdown: Shutdown,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let meter = Meter::new(house.sent.clone());
    let stream = Metered::new(stream, meter.clone());
    http::serve(stream, peer, house, meter, ticket, shutdown).await;
}

/// A connection has been cut that had not said what it wants.
pub(crate) fn half_open(house: &House, peer: SocketAddr) {
    house
        .complaints
        .note("half_open", peer, "said nothing for too long");
}

/// Room for connections, so that memory and file descriptors last.
pub(crate) fn room(connections: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)))
}

/// How long a peer may take to say what it wants, TLS and HTTP each.
pub(crate) const GREET_WITHIN: Duration = Duration::from_secs(5);
/// A peer that acknowledges nothing for so long is gone. The system's own answer is a
/// quarter of an hour, and what is sent meanwhile is sent again and again.
const UNHEARD: Duration = Duration::from_secs(30);
/// How long to wait for a shortage to pass.
const BREATH: Duration = Duration::from_millis(50);
