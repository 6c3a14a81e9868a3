//! A viewer without a browser: it joins, asks to be fed, and checks everything.

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use peerstream_fragment::{Assembly, Fragment, Installed, Kind, Position, StreamId, Verifier};
use peerstream_server::Certificate;
use peerstream_wire::{
    Assignment, DEFAULT_COPIES, Envelope, Held, LinkMessage, NodeId, Notice, PROTOCOL, Parent,
    Refusal, Ticket, ToBox, ToNode,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream},
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use crate::soon;

/// Any stream that a WebSocket may run over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One viewer.
pub struct Viewer {
    socket: WebSocketStream<Box<dyn Stream>>,
    /// Its name, once it has joined.
    pub node: Option<NodeId>,
    /// The stream, as the box has told it.
    pub stream: Option<StreamId>,
    /// Its place, as last told.
    pub assignment: Option<Assignment>,
    /// Shows that its name is its own.
    pub ticket: Option<Ticket>,
    /// Copies that it offers to pass on.
    pub copies: u8,
    /// What the box has wanted it to know last.
    pub notice: Option<Notice>,
    verifier: Option<Verifier>,
    assemblies: HashMap<Position, Assembly>,
    /// What the box has refused it for.
    refused: Option<Refusal>,
    /// Bytes of all WebSocket frames that carried the feed.
    pub feed_bytes: u64,
    /// Bytes of all signed fragments and certificates in them.
    pub signed_bytes: u64,
    /// Where the newest init data stands.
    pub tracks: Option<Position>,
    /// Serials of the certificates that were news.
    pub serials: Vec<u32>,
}

impl Viewer {
    /// Opens a WebSocket, and says nothing yet.
    ///
    /// # Errors
    /// If the box does not take it.
    pub async fn connect(http: SocketAddr) -> Result<Self> {
        let stream = soon("the connection opens", TcpStream::connect(http)).await??;
        Self::open("ws", http, Box::new(stream)).await
    }

    /// The same, from this address of the machine's own.
    ///
    /// # Errors
    /// If the box does not take it.
    pub async fn connect_from(host: Ipv4Addr, http: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((host, 0).into())?;
        let stream = soon("the connection opens", socket.connect(http)).await??;
        Self::open("ws", http, Box::new(stream)).await
    }

    /// The same, on a machine that takes no more than a few kilobytes at a time.
    ///
    /// # Errors
    /// If the box does not take it.
    pub async fn connect_through_a_straw(http: SocketAddr) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4096)?;
        let stream = soon("the connection opens", socket.connect(http)).await??;
        Self::open("ws", http, Box::new(stream)).await
    }

    /// The same, over TLS, trusting this certificate and no other.
    ///
    /// # Errors
    /// If the box does not take it.
    pub async fn connect_tls(https: SocketAddr, certificate: &Certificate) -> Result<Self> {
        let stream = connect_tls(https, certificate).await?;
        Self::open("wss", https, Box::new(stream)).await
    }

    async fn open(scheme: &str, to: SocketAddr, stream: Box<dyn Stream>) -> Result<Self> {
        let url = format!("{scheme}://{to}/ws");
        let opened = tokio_tungstenite::client_async(url, stream);
        let (socket, _) = soon("the WebSocket opens", opened).await??;
        Ok(Self {
            socket,
            node: None,
            stream: None,
            assignment: None,
            ticket: None,
            copies: DEFAULT_COPIES,
            notice: None,
            verifier: None,
            assemblies: HashMap::new(),
            refused: None,
            feed_bytes: 0,
            signed_bytes: 0,
            tracks: None,
            serials: Vec::new(),
        })
    }

    /// A viewer that has joined and knows its place.
    ///
    /// # Errors
    /// If it is not let in.
    pub async fn join(http: SocketAddr) -> Result<Self> {
        let mut viewer = Self::connect(http).await?;
        viewer.say_join().await?;
        Ok(viewer)
    }

    /// A viewer with a direct feed, which has begun.
    ///
    /// # Errors
    /// If it is not let in, or not given one.
    pub async fn fed(http: SocketAddr) -> Result<Self> {
        let mut viewer = Self::join(http).await?;
        viewer.subscribe(None).await?;
        viewer.fragment().await?;
        Ok(viewer)
    }

    /// Joins, and waits for the place.
    ///
    /// # Errors
    /// If it is not let in.
    pub async fn say_join(&mut self) -> Result<()> {
        self.say_join_with(None).await
    }

    async fn say_join_with(&mut self, held: Option<Held>) -> Result<()> {
        self.control(&ToBox::Join {
            protocol: PROTOCOL,
            copies: self.copies,
            held,
        })
        .await?;
        while self.node.is_none() || self.assignment.is_none() {
            self.told().await?;
        }
        Ok(())
    }

    /// A viewer that comes back with this. Its place is what it was until it is told
    /// another.
    ///
    /// # Errors
    /// If it is not let in.
    pub async fn rejoin(http: SocketAddr, held: Held) -> Result<Self> {
        let mut viewer = Self::connect(http).await?;
        viewer.assignment = Some(held.place.clone());
        viewer.say_join_with(Some(held)).await?;
        Ok(viewer)
    }

    /// What it holds, with a link open to each node of its place.
    ///
    /// # Errors
    /// If it has not joined.
    pub fn held(&self) -> Result<Held> {
        let place = self.assignment.clone().context("a place")?;
        Ok(Held {
            node: self.node.context("a name")?,
            ticket: self.ticket.context("a ticket")?,
            open: place.peers().collect(),
            place,
        })
    }

    /// Takes in what the box says until there has been nothing for `quiet`.
    ///
    /// # Errors
    /// If the box closes.
    pub async fn settle(&mut self, quiet: Duration) -> Result<()> {
        while let Ok(told) = tokio::time::timeout(quiet, self.fragment_or_told()).await {
            drop(told?);
        }
        Ok(())
    }

    /// Asks to be fed.
    ///
    /// # Errors
    /// If it has no direct feed to ask for.
    pub async fn subscribe(&mut self, after: Option<Position>) -> Result<()> {
        let parent = self.assignment.as_ref().map(|place| place.parent);
        ensure!(parent == Some(Parent::Box), "fed by {parent:?}");
        self.link(LinkMessage::Subscribe { after }).await
    }

    /// Sends a control message.
    ///
    /// # Errors
    /// If the socket is closed.
    pub async fn control(&mut self, message: &ToBox) -> Result<()> {
        let envelope = Envelope::Control(message.encode().into());
        self.raw(Message::Binary(envelope.encode())).await
    }

    /// Sends a link message.
    ///
    /// # Errors
    /// If the socket is closed.
    pub async fn link(&mut self, message: LinkMessage) -> Result<()> {
        self.raw(Message::Binary(Envelope::Link(message).encode()))
            .await
    }

    /// Sends anything.
    ///
    /// # Errors
    /// If the socket is closed.
    pub async fn raw(&mut self, message: Message) -> Result<()> {
        Ok(self.socket.send(message).await?)
    }

    /// The next whole fragment of media, every byte of it checked.
    ///
    /// # Errors
    /// If none comes, or one that is not as it should be.
    pub async fn fragment(&mut self) -> Result<Fragment> {
        loop {
            if let Ok(fragment) = self.fragment_or_told().await? {
                return Ok(fragment);
            }
        }
    }

    /// The first fragment to come that is the standby card, or the first that is not.
    ///
    /// # Errors
    /// If none comes.
    pub async fn until_standby(&mut self, standby: bool) -> Result<Fragment> {
        let switched = async {
            loop {
                let fragment = self.fragment().await?;
                if fragment.header.header.meta.flags.standby() == standby {
                    return anyhow::Ok(fragment);
                }
            }
        };
        soon("the source changes", switched).await?
    }

    /// Waits for the standby card, which is to be there as soon as was promised.
    ///
    /// # Errors
    /// If it is not.
    pub async fn until_standby_within_two_seconds(&mut self) -> Result<()> {
        let since = Instant::now();
        self.until_standby(true).await?;
        let waited = since.elapsed();
        ensure!(waited < Duration::from_secs(2), "{waited:?} to the card");
        Ok(())
    }

    /// Waits for other tracks than these.
    ///
    /// # Errors
    /// If none come.
    pub async fn until_tracks_after(&mut self, tracks: Option<Position>) -> Result<()> {
        let changed = async {
            while self.tracks == tracks {
                self.fragment().await?;
            }
            anyhow::Ok(())
        };
        soon("other tracks", changed).await?
    }

    /// The next whole fragment of media, or the next control message.
    ///
    /// # Errors
    /// If none comes.
    pub async fn fragment_or_told(&mut self) -> Result<Result<Fragment, ToNode>> {
        loop {
            match self.hear().await? {
                None => bail!("the box closed: {:?}", self.refused),
                Some(Heard::Control(message)) => return Ok(Err(message)),
                Some(Heard::Link(message)) => {
                    if let Some(fragment) = self.check(message)? {
                        match fragment.header.header.meta.kind {
                            Kind::Media => return Ok(Ok(fragment)),
                            Kind::Init => self.tracks = Some(fragment.at()),
                        }
                    }
                }
            }
        }
    }

    /// The next control message.
    ///
    /// # Errors
    /// If none comes.
    pub async fn told(&mut self) -> Result<ToNode> {
        loop {
            if let Err(message) = self.fragment_or_told().await? {
                return Ok(message);
            }
        }
    }

    /// Why the box ends the connection, which it does.
    ///
    /// # Errors
    /// If it does not.
    pub async fn refusal(mut self) -> Result<Refusal> {
        let closed = async {
            while self.hear().await?.is_some() {}
            anyhow::Ok(())
        };
        soon("the box closes", closed).await??;
        self.refused.context("the box closed and gave no reason")
    }

    /// Takes fragments while something else happens, and a few more afterwards. Each is to
    /// follow the one before, and none may keep the viewer waiting.
    ///
    /// # Errors
    /// If any of that is not so.
    pub async fn keeps_watching<T>(&mut self, meanwhile: impl Future<Output = T>) -> Result<T> {
        let mut watch = Watch {
            last: self.fragment().await?.at(),
            at: Instant::now(),
        };
        let mut meanwhile = std::pin::pin!(meanwhile);
        let happened = loop {
            tokio::select! {
                happened = &mut meanwhile => break happened,
                fragment = self.fragment() => watch.note(&fragment?)?,
            }
        };
        for _ in 0..5 {
            watch.note(&self.fragment().await?)?;
        }
        Ok(happened)
    }

    /// The next message; nothing once the box has closed.
    async fn hear(&mut self) -> Result<Option<Heard>> {
        loop {
            let bytes = match soon("a message comes", self.socket.next()).await? {
                Some(Ok(Message::Binary(bytes))) => bytes,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
                Some(Ok(other)) => bail!("unexpected {other:?}"),
            };
            let frame = bytes.len() + if bytes.len() < 126 { 2 } else { 4 };
            let message = match Envelope::decode(bytes)? {
                Envelope::Link(message) => {
                    self.feed_bytes += frame as u64;
                    return Ok(Some(Heard::Link(message)));
                }
                Envelope::Control(body) => ToNode::decode(&body)?,
            };
            match &message {
                ToNode::Welcome {
                    node,
                    stream,
                    ticket,
                    ..
                } => {
                    self.node = Some(*node);
                    self.ticket = Some(*ticket);
                    self.stream = Some(StreamId(*stream));
                    self.verifier = Some(Verifier::new(StreamId(*stream)));
                }
                ToNode::Assign(assignment) => self.assignment = Some(assignment.clone()),
                ToNode::Refused(refusal) => self.refused = Some(*refusal),
                ToNode::Change {
                    epoch, commands, ..
                } => {
                    let place = self.assignment.as_mut().context("a change of no place")?;
                    place.epoch = *epoch;
                    for command in commands {
                        place.carry_out(&command.act);
                    }
                }
                ToNode::Probe => self.control(&ToBox::Alive).await?,
                ToNode::Notice(notice) => self.notice = Some(*notice),
                ToNode::Signal { .. } | ToNode::Clock { .. } => {}
            }
            return Ok(Some(Heard::Control(message)));
        }
    }

    fn check(&mut self, message: LinkMessage) -> Result<Option<Fragment>> {
        let verifier = self.verifier.as_mut().context("media before the welcome")?;
        match message {
            LinkMessage::Certificate(bytes) => {
                let length = bytes.len() as u64;
                if verifier.certificate(&bytes, None)? == Installed::New {
                    self.signed_bytes += length;
                    self.serials.extend(verifier.serial());
                }
                Ok(None)
            }
            LinkMessage::Header(bytes) => {
                let header = verifier.header(bytes)?;
                let at = header.at();
                self.signed_bytes +=
                    header.bytes.len() as u64 + u64::from(header.header.payload_len);
                let assembly = Assembly::new(header);
                let fragment = assembly.fragment();
                if fragment.is_none() {
                    self.assemblies.insert(at, assembly);
                }
                Ok(fragment)
            }
            LinkMessage::Part { at, part, bytes } => {
                let assembly = self.assemblies.get_mut(&at).context("a part came first")?;
                assembly.part(part, bytes)?;
                let fragment = assembly.fragment();
                if fragment.is_some() {
                    self.assemblies.remove(&at);
                }
                Ok(fragment)
            }
            _ => Ok(None),
        }
    }
}

enum Heard {
    Control(ToNode),
    Link(LinkMessage),
}

struct Watch {
    last: Position,
    at: Instant,
}

impl Watch {
    fn note(&mut self, fragment: &Fragment) -> Result<()> {
        let (last, next) = (self.last, fragment.at());
        let follows = next.segment == last.segment && next.index == last.index + 1
            // Index 0 may be the init data, which is no media.
            || next.segment == last.segment + 1 && next.index <= 1;
        ensure!(follows, "{next:?} after {last:?}");
        let waited = self.at.elapsed();
        ensure!(waited < PATIENCE, "{waited:?} without a fragment");
        (self.last, self.at) = (next, Instant::now());
        Ok(())
    }
}

/// A connection over TLS that trusts this certificate and no other.
///
/// # Errors
/// If the box shows another one, or does not take it.
pub async fn connect_tls(
    https: SocketAddr,
    certificate: &Certificate,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let mut trusted = RootCertStore::empty();
    trusted.add(CertificateDer::from_pem_slice(
        certificate.chain.as_bytes(),
    )?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted)
        .with_no_client_auth();
    let stream = TcpStream::connect(https).await?;
    let name = ServerName::IpAddress(https.ip().into());
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream);
    Ok(soon("the TLS handshake", connected).await??)
}

/// A message as bytes, for making bad ones of it.
#[must_use]
pub fn control_bytes(message: &ToBox) -> Bytes {
    Envelope::Control(message.encode().into()).encode()
}

/// The longest that a viewer may wait for a fragment of a stream that has ten a second, on
/// a machine that is busy with whatever else the test does.
const PATIENCE: Duration = Duration::from_millis(1500);
