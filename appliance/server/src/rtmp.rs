//! The publisher's way in: `rtmp://box:1935/live/<stream key>`.
//!
//! One publisher at a time. A second one with the right key is refused while the first
//! sends; once that has been silent for two seconds (its network has gone, and it is about
//! to come back by another), the second takes its place.

mod chunks;
mod session;
mod slot;
mod voice;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use peerstream_media::publisher::PublisherEvent;
use peerstream_settings::StreamKey;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    complaints::Complaints,
    door::{Lobby, Ticket},
    rtmp::session::{Output, Session, SessionError},
    rtmp::slot::Taken,
    shutdown::Shutdown,
};

pub(crate) use slot::Slot;

/// What all publishers' connections share.
pub(crate) struct Booth {
    pub(crate) key: StreamKey,
    pub(crate) slot: Arc<Slot>,
    pub(crate) complaints: Arc<Complaints>,
    pub(crate) publisher: mpsc::Sender<PublisherEvent>,
    pub(crate) lobby: Arc<Lobby>,
}

/// Accepts until it is told to stop.
pub(crate) async fn keep(listener: TcpListener, booth: Arc<Booth>, mut shutdown: Shutdown) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.requested() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                let (booth, mut shutdown) = (booth.clone(), shutdown.clone());
                tokio::spawn(async move {
                    let stopped = async { shutdown.requested().await };
                    tokio::select! {
                        () = booth.receive(stream, peer) => {}
                        () = stopped => {}
                    }
                });
            }
            Err(error) => {
                booth.lobby.thin_out();
                tracing::warn!(%error, "cannot take a publisher's connection");
                sleep(BREATH).await;
            }
        }
    }
}

/// How a publisher's connection ends, if not by its own goodbye.
#[derive(Debug, thiserror::Error)]
enum Ending {
    #[error("{0}")]
    Misbehaved(#[from] SessionError),
    #[error("wrong stream key")]
    WrongKey,
    #[error("another publisher is there")]
    Occupied,
    #[error("did not show a stream key in time")]
    Late,
    #[error("sent nothing whole for {} s", STALL.as_secs())]
    Stalled,
    #[error("has been silent, and another one has come")]
    Replaced,
    #[error("the connection broke")]
    Broke(#[from] std::io::Error),
    /// The one who takes what publishers send has gone, and so has the box.
    #[error("the box is shutting down")]
    ShuttingDown,
}

impl Ending {
    /// Its name in the status; nothing if it is nobody's fault.
    fn reason(&self) -> Option<&'static str> {
        match self {
            Ending::Misbehaved(_) => Some("publisher_malformed"),
            Ending::WrongKey => Some("publisher_key"),
            Ending::Occupied => Some("publisher_occupied"),
            Ending::Late => Some("publisher_late"),
            Ending::Stalled | Ending::Replaced => Some("publisher_stalled"),
            Ending::Broke(_) | Ending::ShuttingDown => None,
        }
    }
}

impl Booth {
    async fn receive(&self, stream: TcpStream, peer: SocketAddr) {
        let ticket = self.lobby.enter();
        match self.converse(stream, peer, ticket).await {
            Ok(()) => {}
            Err(ending) => match ending.reason() {
                Some(reason) => self.complaints.note(reason, peer, &ending),
                None => tracing::debug!(%peer, "publisher: {ending}"),
            },
        }
    }

    async fn converse(
        &self,
        mut stream: TcpStream,
        peer: SocketAddr,
        mut ticket: Ticket,
    ) -> Result<(), Ending> {
        let mut session = Session::new();
        let greeted = tokio::select! {
            greeted = timeout(SHOW_KEY_WITHIN, self.greet(&mut stream, &mut session)) => greeted,
            () = ticket.cut() => return Err(Ending::Late),
        };
        let place = greeted.map_err(|_| Ending::Late)??;
        drop(ticket);
        let Some(place) = place else { return Ok(()) };
        tracing::info!(%peer, "a publisher has begun");
        self.pass_on(PublisherEvent::Started).await?;
        let ended = tokio::select! {
            ended = self.publish(&mut stream, &mut session, &place) => ended,
            () = place.given_up() => Err(Ending::Replaced),
        };
        self.pass_on(PublisherEvent::Stopped).await?;
        tracing::info!(%peer, "the publisher has gone");
        ended
    }

    /// Goes on until the publisher has shown its key. `None` if it leaves before.
    async fn greet(
        &self,
        stream: &mut TcpStream,
        session: &mut Session,
    ) -> Result<Option<Taken>, Ending> {
        loop {
            let received = receive(stream, session).await?;
            let mut shown = None;
            while let Some(output) = session.poll() {
                match output {
                    Output::Send(bytes) => stream.write_all(&bytes).await?,
                    Output::Publish { key } => shown = Some(key),
                    // Neither comes before it has been let in.
                    Output::Tag { .. } | Output::Finished => {}
                }
            }
            match received {
                Received::Nothing => return Ok(None),
                Received::Wrong(wrong) => {
                    farewell(stream).await;
                    return Err(wrong.into());
                }
                Received::Something => {}
            }
            let Some(shown) = shown else { continue };
            let refusal = if !self.key.matches(&shown) {
                Ending::WrongKey
            } else if let Some(place) = self.slot.take().await {
                session.accept()?;
                return Ok(Some(place));
            } else {
                Ending::Occupied
            };
            session.refuse("NetStream.Publish.BadName", &refusal.to_string())?;
            while let Some(Output::Send(bytes)) = session.poll() {
                stream.write_all(&bytes).await?;
            }
            farewell(stream).await;
            return Err(refusal);
        }
    }

    /// Goes on until the publisher leaves, or falls silent.
    async fn publish(
        &self,
        stream: &mut TcpStream,
        session: &mut Session,
        place: &Taken,
    ) -> Result<(), Ending> {
        loop {
            // What counts is what is whole: a byte now and then is not a stream.
            let whole = timeout(STALL, self.publish_some(stream, session)).await;
            match whole.map_err(|_| Ending::Stalled)?? {
                Progress::Sent => place.heard(),
                Progress::Gone => return Ok(()),
            }
        }
    }

    /// Goes on until the publisher has sent something whole.
    async fn publish_some(
        &self,
        stream: &mut TcpStream,
        session: &mut Session,
    ) -> Result<Progress, Ending> {
        loop {
            let mut progress = None;
            while let Some(output) = session.poll() {
                match output {
                    Output::Send(bytes) => stream.write_all(&bytes).await?,
                    Output::Tag {
                        kind,
                        timestamp_ms,
                        body,
                    } => {
                        self.pass_on(PublisherEvent::Tag {
                            kind,
                            timestamp_ms,
                            body,
                        })
                        .await?;
                        progress = Some(Progress::Sent);
                    }
                    Output::Finished => return Ok(Progress::Gone),
                    // It has been let in already.
                    Output::Publish { .. } => {}
                }
            }
            if let Some(progress) = progress {
                return Ok(progress);
            }
            match receive(stream, session).await? {
                Received::Something => {}
                Received::Nothing => return Ok(Progress::Gone),
                Received::Wrong(wrong) => return Err(wrong.into()),
            }
        }
    }

    async fn pass_on(&self, event: PublisherEvent) -> Result<(), Ending> {
        self.publisher
            .send(event)
            .await
            .map_err(|_| Ending::ShuttingDown)
    }
}

enum Received {
    Something,
    /// The other end has closed.
    Nothing,
    Wrong(SessionError),
}

enum Progress {
    Sent,
    Gone,
}

async fn receive(stream: &mut TcpStream, session: &mut Session) -> Result<Received, Ending> {
    let mut buffer = [0; 16 * 1024];
    let length = stream.read(&mut buffer).await?;
    Ok(match session.receive(&buffer[..length]) {
        _ if length == 0 => Received::Nothing,
        Ok(()) => Received::Something,
        Err(wrong) => Received::Wrong(wrong),
    })
}

/// Closes so that what was said last arrives: the other end reads it before it is told that
/// nobody listens any more.
async fn farewell(stream: &mut TcpStream) {
    let listen = async {
        let mut rest = [0; 4096];
        stream.shutdown().await?;
        while stream.read(&mut rest).await? > 0 {}
        std::io::Result::Ok(())
    };
    let _ = timeout(FAREWELL, listen).await;
}

/// Connections that have not shown a key yet.
pub(crate) const LOBBY: usize = 64;
/// From the first byte to the key.
const SHOW_KEY_WITHIN: Duration = Duration::from_secs(10);
/// A publisher that sends nothing whole for this long has gone, whatever TCP believes.
const STALL: Duration = Duration::from_secs(10);
const FAREWELL: Duration = Duration::from_secs(1);
const BREATH: Duration = Duration::from_millis(50);
