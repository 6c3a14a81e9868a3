//! HTTP/1.1: routes, and the way to a WebSocket.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{self, HeaderMap, HeaderValue},
    server::conn::http1,
    service::service_fn,
    upgrade::OnUpgrade,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{Notify, Semaphore, mpsc},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};

use crate::{
    api::Api,
    clock::CaptureClock,
    complaints::Complaints,
    door::{self, Crowd, GREET_WITHIN, Lobby, Ticket},
    driver::Event,
    meter::{Meter, Metered, Purpose, Sent},
    network,
    page::Page,
    shutdown::Shutdown,
    tickets::Tickets,
    viewer::{self, Session},
};

/// What all connections share.
pub(crate) struct House {
    pub(crate) page: Page,
    pub(crate) api: Api,
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) clock: CaptureClock,
    pub(crate) complaints: Arc<Complaints>,
    pub(crate) sent: Arc<Sent>,
    pub(crate) lobby: Arc<Lobby>,
    pub(crate) room: Arc<Semaphore>,
    /// All connections, by address.
    pub(crate) visitors: Arc<Crowd>,
    /// Those that are viewers' sockets.
    pub(crate) viewers: Arc<Crowd>,
    pub(crate) map: network::Map,
    pub(crate) tickets: Arc<Tickets>,
}

/// What is answered: every body is in memory.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Serves one connection until it ends, as HTTP and then perhaps as a viewer's WebSocket.
pub(crate) async fn serve<S>(
    stream: Metered<S>,
    peer: SocketAddr,
    house: Arc<House>,
    meter: Arc<Meter>,
    ticket: Ticket,
    shutdown: Shutdown,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let visit = Arc::new(Visit {
        house: house.clone(),
        meter: meter.clone(),
        greeted: Notify::new(),
        upgrade: Mutex::new(None),
    });
    // Held until the last word is said, so that nobody switches off the light before.
    let _running = shutdown.clone();
    visit.clone().converse(stream, peer, ticket, shutdown).await;
    let upgrade = visit
        .upgrade
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(upgrade) = upgrade else { return };
    let ticket = house.lobby.enter();
    if let Ok(Ok(upgraded)) = timeout(GREET_WITHIN, upgrade).await {
        let socket = WebSocketStream::from_raw_socket(
            TokioIo::new(upgraded),
            Role::Server,
            Some(viewer::websocket_config()),
        )
        .await;
        let session = Session { peer, house, meter };
        viewer::run(session, socket, ticket).await;
    }
}

/// One connection's requests.
struct Visit {
    house: Arc<House>,
    meter: Arc<Meter>,
    /// The first request is there.
    greeted: Notify,
    /// What becomes a WebSocket, once the answer is sent.
    upgrade: Mutex<Option<OnUpgrade>>,
}

impl Visit {
    /// Answers requests until there are no more.
    async fn converse<S>(
        self: Arc<Self>,
        stream: Metered<S>,
        peer: SocketAddr,
        mut ticket: Ticket,
        mut shutdown: Shutdown,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let visit = self.clone();
        let service = service_fn(move |request| {
            let visit = visit.clone();
            async move { Ok::<_, Infallible>(visit.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(GREET_WITHIN)
            .max_headers(MAX_HEADERS)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let served = tokio::select! {
            served = connection.as_mut() => served,
            () = self.greeted.notified() => {
                drop(ticket);
                tokio::select! {
                    served = connection.as_mut() => served,
                    () = tokio::time::sleep(MAX_VISIT) => return,
                    () = shutdown.requested() => {
                        connection.as_mut().graceful_shutdown();
                        // What is being answered may be finished.
                        let _ = timeout(LAST_ANSWER, connection).await;
                        return;
                    }
                }
            }
            () = ticket.cut() => return door::half_open(&self.house, peer),
            () = shutdown.requested() => return,
        };
        match served {
            Err(error) if error.is_parse() => {
                self.house.complaints.note("http", peer, "sent no HTTP");
            }
            Err(error) if error.is_timeout() => door::half_open(&self.house, peer),
            _ => {}
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        self.greeted.notify_one();
        self.meter.set(Purpose::Pages);
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = brief(StatusCode::METHOD_NOT_ALLOWED);
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, allowed);
            return answer;
        }
        match request.uri().path() {
            "/ws" => self.open_socket(request),
            "/api/v1/status" => {
                self.meter.set(Purpose::Api);
                self.house.api.status(&self.house.events).await
            }
            "/healthz" => {
                self.meter.set(Purpose::Api);
                self.house.api.health(&self.house.events).await
            }
            path => self
                .house
                .page
                .answer(path, request.headers())
                .unwrap_or_else(|| brief(StatusCode::NOT_FOUND)),
        }
    }

    /// RFC 6455, section 4.2. The origin is not looked at: there are no cookies and no
    /// sessions, so another site's page can do no more here than any program can.
    fn open_socket(&self, mut request: Request<Incoming>) -> Answer {
        let headers = request.headers();
        let asked = names(headers, header::UPGRADE, "websocket")
            && names(headers, header::CONNECTION, "upgrade")
            && *request.method() == Method::GET;
        if !asked {
            return brief(StatusCode::UPGRADE_REQUIRED);
        }
        let key = headers
            .get(header::SEC_WEBSOCKET_KEY)
            // 16 bytes in base64.
            .filter(|key| key.len() == 24)
            .filter(|_| names(headers, header::SEC_WEBSOCKET_VERSION, "13"));
        let accept = key.map(|key| derive_accept_key(key.as_bytes()));
        let Some(accept) = accept.and_then(|accept| HeaderValue::from_str(&accept).ok()) else {
            return brief(StatusCode::BAD_REQUEST);
        };
        *self.upgrade.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(hyper::upgrade::on(&mut request));
        self.meter.set(Purpose::Signalling);
        let mut answer = Answer::default();
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = answer.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        answer
    }
}

/// An answer that says no more than its status.
pub(crate) fn brief(status: StatusCode) -> Answer {
    let reason = status.canonical_reason().unwrap_or_default();
    let mut answer = Response::new(Full::new(Bytes::from_static(reason.as_bytes())));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, plain);
    answer
}

/// Whether a header that holds a list names `token`, in any case.
fn names(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(token))
}

/// The longest head of a request, in bytes. Browsers need less than one.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;
/// How long a connection may be used for pages. The page is 100 KB: this is less than
/// 10 kbit/s.
const MAX_VISIT: Duration = Duration::from_secs(120);
/// What an answer may take that is on its way at the end.
const LAST_ANSWER: Duration = Duration::from_secs(1);
