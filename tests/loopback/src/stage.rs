//! A server with the standby card on air.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result};
use peerstream_fragment::{IdentityKey, Signer, SigningKey, StreamId, Validity};
use peerstream_media::{Studio, publisher::PublisherEvent, studio};
use peerstream_server::{
    Addresses, CaptureClock, Certificate, Config, Feeds, Page, Server, Sharing, Shutdown, Stopper,
};
use peerstream_settings::StreamKey;
use tokio::sync::mpsc;

/// What a publisher must show.
pub const STREAM_KEY: &str = "a-key-for-these-tests";

/// A server at work.
pub struct Stage {
    /// Where it listens.
    pub addresses: Addresses,
    /// What publishers send it.
    pub published: mpsc::Receiver<PublisherEvent>,
    /// What it shows over https.
    pub certificate: Option<Certificate>,
    identity: IdentityKey,
    signers: mpsc::Sender<Signer>,
    stopper: Stopper,
    // Kept open: a source that says nothing is no source that has gone.
    _source: mpsc::Sender<peerstream_media::SourceEvent>,
    _page: tempfile::TempDir,
}

impl Stage {
    /// A server over http.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn open() -> Result<Self> {
        Self::start(None, None).await
    }

    /// A server that is told what its uplink carries, in bit/s.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn open_on(uplink: u64) -> Result<Self> {
        Self::start(None, Some(uplink)).await
    }

    /// A server over http and https.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn open_with_https() -> Result<Self> {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        Self::start(Some(Certificate::own(names)?), None).await
    }

    async fn start(certificate: Option<Certificate>, uplink: Option<u64>) -> Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let identity = IdentityKey::from_seed([7; 32]);
        let page = tempfile::tempdir()?;
        write_page(page.path())?;
        let server = Server::bind(Config {
            http: any,
            https: certificate.clone().map(|certificate| (any, certificate)),
            rtmp: any,
            stream_key: StreamKey::new(STREAM_KEY).context("a stream key")?,
            title: "loopback".to_owned(),
            stream: identity.stream(),
            ticket_secret: [7; 32],
            feeds: 2,
            feeds_max: 2,
            uplink,
            connections: 4000,
            viewers_per_address: VIEWERS_PER_ADDRESS,
            page: Page::load(page.path(), Sharing::Said)?,
        })?;
        let addresses = server.addresses();
        let clock = CaptureClock::start(Duration::ZERO);
        let studio = Studio::new(
            signer(&identity, 1)?,
            studio::Config::default(),
            1,
            clock.now(),
        );
        let (source, sources) = mpsc::channel(1);
        let (signers, rotations) = mpsc::channel(1);
        let (publisher, published) = mpsc::channel(1024);
        let (stopper, shutdown) = Stopper::new();
        let feeds = Feeds {
            source: sources,
            signers: rotations,
            publisher,
        };
        tokio::spawn(run(server, clock, studio, feeds, shutdown));
        Ok(Self {
            addresses,
            published,
            certificate,
            identity,
            signers,
            stopper,
            _source: source,
            _page: page,
        })
    }

    /// The stream's identity.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.identity.stream()
    }

    /// Has another key sign from here on.
    ///
    /// # Errors
    /// If the server has gone.
    pub async fn rotate(&self, serial: u32) -> Result<()> {
        let signer = signer(&self.identity, serial)?;
        self.signers.send(signer).await.context("the server runs")
    }

    /// Stops the server, and waits until it has.
    pub async fn close(mut self) {
        self.stopper.stop();
        self.stopper.finished().await;
    }
}

async fn run(
    server: Server,
    clock: CaptureClock,
    studio: Studio,
    feeds: Feeds,
    shutdown: Shutdown,
) {
    server.run(clock, studio, feeds, shutdown).await;
}

fn signer(identity: &IdentityKey, serial: u32) -> Result<Signer> {
    let key = SigningKey::from_seed([u8::try_from(serial)?; 32]);
    let always = Validity {
        not_before: 0,
        not_after: u64::MAX,
    };
    let certificate = identity.certify(serial, always, key.public());
    Ok(Signer::new(identity.stream(), certificate, key)?)
}

/// Viewers that the server lets in from one address.
pub const VIEWERS_PER_ADDRESS: usize = 256;

/// Something to be served as the page.
fn write_page(dir: &Path) -> Result<()> {
    std::fs::create_dir(dir.join("assets"))?;
    std::fs::write(dir.join("index.html"), "<!doctype html><title>page</title>")?;
    std::fs::write(dir.join("assets/page-1234abcd.js"), "'use strict';")?;
    Ok(())
}
