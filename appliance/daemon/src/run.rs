//! `peerstreamd run`.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use peerstream_ingest::Source;
use peerstream_media::{MEDIA_EPOCH, Studio, studio};
use peerstream_server::{Feeds, Page, Server, Sharing, Stopper};
use peerstream_settings::{Config, State, config::Demo};
use tokio::{
    runtime::Runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::JoinHandle,
    time::timeout,
};

use crate::{
    announce, certificates,
    cli::RunOptions,
    keys, logging, probe, service,
    supervise::{self, DemoConfig, Supervisor},
    upkeep::{self, Upkeep},
};

/// Loads, builds, and runs until a signal.
pub(crate) fn run(options: &RunOptions) -> Result<()> {
    let config = options.load()?;
    logging::start();
    let connections = make_room(config.limits.connections);
    let state = options.state.open()?;
    let _lock = state.lock()?;
    let sharing = match config.viewers.ask_before_sharing {
        true => Sharing::Asked,
        false => Sharing::Said,
    };
    let page = Page::load(&page_dir(options.page.as_deref()), sharing)?;
    Runtime::new()
        .context("cannot start the runtime")?
        .block_on(serve(config, connections, state, page))
}

async fn serve(config: Config, connections: usize, state: State, page: Page) -> Result<()> {
    let identity = keys::identity(&state)?;
    let record = state.signing(keys::unix_now())?;
    let signer = keys::signer(&identity, &record)?;
    let https = match config.listen.https {
        None => None,
        Some(address) => Some((address, certificates::certificate(&config.tls, &state)?)),
    };
    let server = Server::bind(peerstream_server::Config {
        http: config.listen.http,
        https,
        rtmp: config.listen.rtmp,
        stream_key: state.stream_key()?,
        title: config.title,
        stream: identity.stream(),
        ticket_secret: state.tickets()?.bytes(),
        feeds: config.overlay.feeds,
        feeds_max: config.overlay.feeds_max,
        uplink: config.limits.uplink.map(|kbit| u64::from(kbit) * 1_000),
        connections,
        viewers_per_address: config.limits.viewers_per_address,
        page,
    })?;
    let source = source(&config.demo);
    check(&source).await?;

    // From here on, a signal does not end the daemon by itself.
    let ends = Ends::new()?;
    let hangups = upkeep::hangups()?;
    let clock = upkeep::start_clock(&state)?;
    let first = first_segment(clock.now());
    let studio = Studio::new(signer, studio::Config::default(), first, clock.now());
    let (events, source_events) = mpsc::channel(SOURCE_EVENTS);
    let (signers, rotations) = mpsc::channel(1);
    let (publisher, published) = mpsc::channel(PUBLISHER_EVENTS);
    let (mut stopper, shutdown) = Stopper::new();
    let addresses = server.addresses();
    let health = server.health();

    let mut stop = shutdown.clone();
    tokio::spawn(async move {
        let stopped = async { stop.requested().await };
        Supervisor::new(source)
            .run(published, events, stopped)
            .await;
    });
    let upkeep = Upkeep {
        state: state.clone(),
        identity,
        serial: record.serial,
        signers,
        clock,
        hangups,
    };
    tokio::spawn(upkeep.run());
    let feeds = Feeds {
        source: source_events,
        signers: rotations,
        publisher,
    };
    let served = tokio::spawn(server.run(clock, studio, feeds, shutdown));
    print!("{}", announce::text(&addresses, !logging::in_journal()));
    tokio::spawn(service::feed_watchdog(health));
    service::ready();

    let signal = ends.wait(served).await?;
    tracing::info!(signal, "shutting down");
    service::stopping();
    stopper.stop();
    // Whoever does not read its goodbye does without.
    let _ = timeout(GOODBYES, stopper.finished()).await;
    upkeep::keep_clock(&state, clock);
    Ok(())
}

/// The number of the first segment. It comes from the clock, so that numbers rise across
/// restarts: a page takes what stands before what it holds for old. A studio begins at most
/// one segment a second, and one or two more; the clock counts four, so that a daemon that
/// is started again at once is ahead of the one before. Enough until 2060.
fn first_segment(now: Duration) -> u32 {
    let quarters = now.saturating_sub(MEDIA_EPOCH).as_millis() / 250;
    u32::try_from(quarters).unwrap_or(u32::MAX)
}

/// The signals that end the daemon.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    /// Listens for them from now on.
    fn new() -> Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?,
            interrupt: signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?,
        })
    }

    /// Waits for one, and says which. A server that ends by itself is an error.
    async fn wait(mut self, served: JoinHandle<()>) -> Result<&'static str> {
        tokio::select! {
            _ = self.terminate.recv() => Ok("SIGTERM"),
            _ = self.interrupt.recv() => Ok("SIGINT"),
            ended = served => match ended {
                Ok(()) => bail!("the server has ended by itself"),
                Err(error) => Err(error).context("the server has failed"),
            },
        }
    }
}

/// Where the page is: where it was said to be, or else where `make build` and the package
/// put it.
fn page_dir(given: Option<&Path>) -> PathBuf {
    if let Some(given) = given {
        return given.to_owned();
    }
    let program = env::current_exe().unwrap_or_default();
    let beside = program.parent().unwrap_or(Path::new("."));
    let candidates = [
        beside.join("page"),
        beside.join("../page"),
        PathBuf::from("/usr/share/peerstream/page"),
    ];
    let built = |dir: &&PathBuf| dir.join("index.html").is_file();
    let [first, ..] = &candidates;
    candidates.iter().find(built).unwrap_or(first).clone()
}

fn source(demo: &Demo) -> supervise::Source {
    if !demo.enabled {
        return supervise::Source::Publisher;
    }
    supervise::Source::Demo(DemoConfig {
        width: demo.width,
        height: demo.height,
        fps: demo.frame_rate.into(),
        kbit: demo.bit_rate,
    })
}

/// Whether everything is there that the sources need.
async fn check(source: &supervise::Source) -> Result<()> {
    let demo = match source {
        supervise::Source::Demo(demo) => Some(probe::check(&Source::Pattern(demo.clone())).await),
        supervise::Source::Publisher => None,
    };
    probe::check(&Source::Flv).await?;
    demo.unwrap_or(Ok(()))
}

/// Asks the system for as many file descriptors as that takes, and says how many
/// connections there can be.
fn make_room(connections: usize) -> usize {
    let wanted = (connections as u64).saturating_add(RESERVE);
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return connections;
    };
    let granted = wanted.clamp(soft.min(hard), hard);
    let granted = match setrlimit(Resource::RLIMIT_NOFILE, granted, hard) {
        Ok(()) => granted,
        Err(_) => soft,
    };
    let room = usize::try_from(granted.saturating_sub(RESERVE)).unwrap_or(connections);
    if room < connections {
        tracing::warn!(
            "room for {room} connections, not {connections}: the limit on open files \
             (ulimit -n, LimitNOFILE=) is {granted}"
        );
    }
    room.clamp(16, connections)
}

/// File descriptors for everything but pages and viewers.
const RESERVE: u64 = 256;
/// A second or two of pictures and sound.
const SOURCE_EVENTS: usize = 256;
const PUBLISHER_EVENTS: usize = 256;
/// How long goodbyes may take.
const GOODBYES: Duration = Duration::from_secs(3);
