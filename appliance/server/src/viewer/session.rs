use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use peerstream_fragment::Position;
use peerstream_overlay::Newcomer;
use peerstream_wire::{Envelope, Held, LinkMessage, MAX_TO_BOX, NodeId, PROTOCOL, ToBox, ToNode};
use tokio::{
    io::AsyncReadExt,
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use crate::{
    door::{Pass, Ticket},
    driver::Event,
    http::House,
    meter::Meter,
    network::Origin,
    viewer::{Offence, Outbox, bucket::Bucket},
};

/// What viewers' sockets tell the driver.
#[derive(Debug)]
pub(crate) enum Said {
    /// A viewer has come. The answer is its seat.
    Join {
        newcomer: Newcomer,
        /// What it holds from before, if its ticket is good.
        held: Option<Held>,
        outbox: Outbox,
        events: mpsc::Sender<Event>,
        answer: oneshot::Sender<Seat>,
    },
    /// A viewer has sent something for the coordinator.
    Control { node: NodeId, message: ToBox },
    /// A viewer wants its direct feed, from behind `after` on.
    Subscribe {
        node: NodeId,
        after: Option<Position>,
    },
    /// A viewer wants its direct feed no more.
    Unsubscribe { node: NodeId },
    /// A viewer wants something once more.
    Request {
        node: NodeId,
        at: Position,
        parts: u64,
    },
    /// The viewer in this seat has gone.
    Gone { node: NodeId, seat: u64 },
}

/// What a session works with.
pub(crate) struct Session {
    pub(crate) peer: SocketAddr,
    pub(crate) house: Arc<House>,
    pub(crate) meter: Arc<Meter>,
}

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Reads small messages, writes large ones.
pub(crate) fn websocket_config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(MAX_TO_BOX)
        .write_buffer_size(16 * 1024)
        .max_message_size(Some(MAX_TO_BOX))
        .max_frame_size(Some(MAX_TO_BOX))
}

/// Serves one viewer until it goes or has to go.
pub(crate) async fn run(session: Session, mut socket: Socket, mut ticket: Ticket) {
    let outbox = Outbox::default();
    let origin = Origin::of(session.peer.ip());
    let pass = session.house.viewers.enter(origin);
    let joined = tokio::select! {
        joined = session.join(&mut socket, &outbox, origin, pass.as_ref()) => joined,
        () = ticket.cut() => Err(Ending::Refused(Offence::Late)),
    };
    drop(ticket);
    let ending = match joined {
        Ok(seat) => {
            let (writer, reader) = socket.split();
            let (ending, writer, reader) = seat.stay(&session, writer, reader, &outbox).await;
            // Both halves are of one socket, so this does not fail.
            let Ok(whole) = writer.reunite(reader) else {
                return;
            };
            socket = whole;
            ending
        }
        Err(ending) => ending,
    };
    if let Ending::Refused(offence) = ending {
        if offence != Offence::ShuttingDown {
            session
                .house
                .complaints
                .note(offence.reason(), session.peer, &offence);
        }
        // Whoever does not listen to the reason does without.
        let _ = timeout(GOODBYE, refuse(&mut socket, &offence)).await;
    }
}

/// How a session ends.
#[derive(Debug)]
enum Ending {
    /// By the viewer, or by the network.
    Gone,
    /// By the box.
    Refused(Offence),
}

impl From<Offence> for Ending {
    fn from(offence: Offence) -> Self {
        Ending::Refused(offence)
    }
}

/// A node's place in the audience. The driver makes it; when it is dropped, wherever it is
/// by then, the node has gone.
#[derive(Debug)]
pub(crate) struct Seat {
    node: NodeId,
    /// Tells it from the seat that the same node had before it lost its socket.
    number: u64,
    events: mpsc::Sender<Event>,
}

impl Session {
    /// Waits for the first message, which is to be a [`ToBox::Join`], and then for the
    /// turn of whoever comes from this address.
    async fn join(
        &self,
        socket: &mut Socket,
        outbox: &Outbox,
        origin: Origin,
        pass: Option<&Pass>,
    ) -> Result<Seat, Ending> {
        let first = timeout(JOIN_WITHIN, next(socket))
            .await
            .map_err(|_| Offence::Late)??;
        let Envelope::Control(body) = Envelope::decode(first).map_err(Offence::from)? else {
            return Err(Offence::BeforeJoin.into());
        };
        let (copies, held) = match ToBox::decode(&body).map_err(Offence::from)? {
            ToBox::Join {
                protocol: PROTOCOL,
                copies,
                held,
            } => (copies, held),
            ToBox::Join { protocol, .. } => {
                return Err(Offence::Protocol { theirs: protocol }.into());
            }
            _ => return Err(Offence::BeforeJoin.into()),
        };
        let pass = pass.ok_or(Offence::Crowded)?;
        // Whoever comes with what is no ticket comes as a newcomer. A box may have lost its
        // key, and a name that it has not given must not push out anybody.
        let held = held.filter(|held| self.house.tickets.check(held.node, &held.ticket));
        if held.is_none() {
            sleep(pass.turn(Instant::now())).await;
        }
        let (answer, seat) = oneshot::channel();
        self.tell(Said::Join {
            newcomer: Newcomer {
                network: self.house.map.network(origin),
                copies,
            },
            held,
            outbox: outbox.clone(),
            events: self.house.events.clone(),
            answer,
        })
        .await?;
        seat.await.map_err(|_| Offence::ShuttingDown.into())
    }

    async fn tell(&self, said: Said) -> Result<(), Ending> {
        // Without a driver there is no box.
        self.house
            .events
            .send(Event::Viewer(said))
            .await
            .map_err(|_| Offence::ShuttingDown.into())
    }
}

impl Seat {
    pub(crate) fn new(node: NodeId, number: u64, events: mpsc::Sender<Event>) -> Self {
        Self {
            node,
            number,
            events,
        }
    }

    /// Both ways at once, until one of them ends.
    async fn stay(
        &self,
        session: &Session,
        mut writer: SplitSink<Socket, Message>,
        mut reader: SplitStream<Socket>,
        outbox: &Outbox,
    ) -> (Ending, SplitSink<Socket, Message>, SplitStream<Socket>) {
        let ending = tokio::select! {
            ending = self.listen(session, &mut reader, outbox) => ending,
            ending = speak(session, &mut writer, outbox) => ending,
            offence = outbox.closed() => Ending::Refused(offence),
        };
        (ending, writer, reader)
    }

    /// Reads until there is nothing more to read, or what is read is an offence.
    async fn listen(
        &self,
        session: &Session,
        reader: &mut SplitStream<Socket>,
        outbox: &Outbox,
    ) -> Ending {
        let now = Instant::now();
        let mut messages = Bucket::new(MESSAGES_PER_SECOND, MESSAGES_AT_ONCE, now);
        let mut bytes = Bucket::new(BYTES_PER_SECOND, BYTES_AT_ONCE, now);
        loop {
            let message = match timeout(SILENCE, reader.next()).await {
                Ok(Some(message)) => message,
                Ok(None) => return Ending::Gone,
                Err(_) => return Offence::Silent.into(),
            };
            let length = message.as_ref().map_or(0, Message::len);
            let length = u32::try_from(length).unwrap_or(u32::MAX);
            let now = Instant::now();
            if !messages.take(now, 1) || !bytes.take(now, length) {
                return Offence::TooMany.into();
            }
            let heard = match binary(message) {
                Ok(Some(message)) => self.hear(session, message, outbox).await,
                Ok(None) => Ok(()),
                Err(ending) => Err(ending),
            };
            if let Err(ending) = heard {
                return ending;
            }
        }
    }

    async fn hear(&self, session: &Session, message: Bytes, outbox: &Outbox) -> Result<(), Ending> {
        let node = self.node;
        match Envelope::decode(message).map_err(Offence::from)? {
            Envelope::Control(body) => match ToBox::decode(&body).map_err(Offence::from)? {
                ToBox::Join { .. } => Err(Offence::JoinedTwice.into()),
                ToBox::Clock { sent } => {
                    let box_time = session.house.clock.micros();
                    outbox
                        .control(&ToNode::Clock { sent, box_time })
                        .map(drop)
                        .map_err(|_| Offence::TooSlow.into())
                }
                ToBox::Leave => Err(Ending::Gone),
                message => session.tell(Said::Control { node, message }).await,
            },
            Envelope::Link(message) => match message {
                LinkMessage::Subscribe { after } => {
                    session.tell(Said::Subscribe { node, after }).await
                }
                LinkMessage::Unsubscribe => session.tell(Said::Unsubscribe { node }).await,
                LinkMessage::Request { at, parts } => {
                    session.tell(Said::Request { node, at, parts }).await
                }
                // The box holds everything, so what a child holds is of no use to it.
                LinkMessage::Heartbeat { .. } => Ok(()),
                // TCP has one window for whatever goes over it.
                LinkMessage::Share(_) => Ok(()),
                LinkMessage::Ping(token) => outbox
                    .link(LinkMessage::Pong { token, at: 0 })
                    .map_err(|_| Offence::TooSlow.into()),
                LinkMessage::Decline
                | LinkMessage::Certificate(_)
                | LinkMessage::Header(_)
                | LinkMessage::Part { .. }
                | LinkMessage::Pong { .. }
                | LinkMessage::Padding(_)
                | LinkMessage::Relay { .. }
                | LinkMessage::Relayed { .. }
                | LinkMessage::Strand { .. }
                | LinkMessage::Letter(_) => Err(Offence::NotAParent.into()),
                LinkMessage::Goodbye => Err(Ending::Gone),
            },
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let gone = Event::Viewer(Said::Gone {
            node: self.node,
            seat: self.number,
        });
        if let Err(mpsc::error::TrySendError::Full(gone)) = self.events.try_send(gone) {
            let events = self.events.clone();
            tokio::spawn(async move { events.send(gone).await });
        }
    }
}

/// Writes what the outbox has, and nothing else: each ping would cost the uplink more than
/// all else that most viewers are told in a minute.
async fn speak(
    session: &Session,
    writer: &mut SplitSink<Socket, Message>,
    outbox: &Outbox,
) -> Ending {
    loop {
        for message in outbox.take().await {
            if message.feed {
                session.meter.feed(message.bytes.len());
            }
            if writer.feed(Message::Binary(message.bytes)).await.is_err() {
                return Ending::Gone;
            }
        }
        if writer.flush().await.is_err() {
            return Ending::Gone;
        }
    }
}

/// The next message before the viewer has joined.
async fn next(socket: &mut Socket) -> Result<Bytes, Ending> {
    loop {
        let message = socket.next().await.ok_or(Ending::Gone)?;
        if let Some(message) = binary(message)? {
            return Ok(message);
        }
    }
}

/// What a message holds; nothing if it is one of the WebSocket's own.
fn binary(message: Result<Message, Error>) -> Result<Option<Bytes>, Ending> {
    match message {
        Ok(Message::Binary(bytes)) => Ok(Some(bytes)),
        Ok(Message::Ping(_) | Message::Pong(_)) => Ok(None),
        Ok(Message::Close(_)) => Err(Ending::Gone),
        Ok(Message::Text(_) | Message::Frame(_)) => Err(Offence::NotBinary.into()),
        Err(Error::Capacity(_)) => Err(Offence::Oversized.into()),
        // Half of the browsers go without the closing handshake.
        Err(Error::Protocol(
            tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        )) => Err(Ending::Gone),
        Err(Error::Protocol(_) | Error::Utf8(_)) => Err(Offence::BadFrame.into()),
        Err(_) => Err(Ending::Gone),
    }
}

/// Says why, and closes.
async fn refuse(socket: &mut Socket, offence: &Offence) {
    let reason = ToNode::Refused(offence.refusal()).encode();
    let reason = Envelope::Control(reason.into()).encode();
    let code = match offence {
        Offence::ShuttingDown => CloseCode::Away,
        _ => CloseCode::Policy,
    };
    let close = CloseFrame {
        code,
        reason: offence.reason().into(),
    };
    let sent = socket.send(Message::Binary(reason)).await;
    if sent.is_err() || socket.close(Some(close)).await.is_err() {
        return;
    }
    // Closing a TCP connection that has unread bytes resets it, and the reset may overtake
    // the reason. So what comes is read, for a moment, and thrown away.
    let mut rest = [0; 4096];
    while matches!(socket.get_mut().read(&mut rest).await, Ok(n) if n > 0) {}
}

/// How long a viewer may take to say [`ToBox::Join`]. The page opens its socket before the
/// rest of it has arrived, which is 100 KB on what may be a slow line.
const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// A node asks for the clock every 8 minutes. Whoever is gone before that is missed by its
/// neighbours, and probed.
const SILENCE: Duration = Duration::from_secs(20 * 60);
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// A node with a direct feed sends a heartbeat for every fragment, 10 to 30 a second, and
/// now and then some signalling.
const MESSAGES_PER_SECOND: u32 = 100;
/// A newcomer's signalling, five links with a dozen messages each, several times over.
const MESSAGES_AT_ONCE: u32 = 300;
const BYTES_PER_SECOND: u32 = 32 * 1024;
/// Five descriptions with all their candidates, several times over.
const BYTES_AT_ONCE: u32 = 256 * 1024;
