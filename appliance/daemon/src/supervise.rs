//! Keeps the source running: starts the ingest process, notices when it dies or hangs, and
//! starts it again.
//!
//! The ingest process is this program again, as `peerstreamd ingest …`, with an empty
//! environment and no keys. There is one for the demo source, and one for a publisher while
//! there is one. What they say goes to the studio as [`SourceEvent`]s, from one of them at a
//! time:
//!
//! * the demo runs until a publisher's first key frame is there, and never again after;
//! * a publisher is on from its first key frame until it stops; then, and when its process
//!   dies, the studio is told that the source is lost at once;
//! * a process that dies is started again, at once the first time and less eagerly if it
//!   keeps dying. A publisher does not notice: the new process is told what the old one
//!   knew, and goes on with the next key frame.

mod backlog;
mod child;
mod patience;
mod post;

use std::future::Future;
use std::path::PathBuf;

use peerstream_ingest::Source as Ingest;
use peerstream_ingest::flv;
use peerstream_ingest::pipe::Message;
pub(crate) use peerstream_ingest::source::pattern::Config as DemoConfig;
use peerstream_media::publisher::PublisherEvent;
use peerstream_media::{SourceEvent, TrackKind};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use child::{Child, Report, Said};
use post::{Post, Role};

/// Where the stream comes from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The built-in demo, until a publisher comes.
    Demo(DemoConfig),
    /// A publisher, when there is one.
    Publisher,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Supervisor {
    program: PathBuf,
    demo: Option<Ingest>,
}

impl Supervisor {
    /// A supervisor that has started nothing yet.
    pub(crate) fn new(source: Source) -> Self {
        let demo = match source {
            Source::Demo(config) => Some(Ingest::Pattern(config)),
            Source::Publisher => None,
        };
        // Not the path it was started by: that may hold another version by now.
        Self {
            program: PathBuf::from("/proc/self/exe"),
            demo,
        }
    }

    /// Starts another program, which must have the same `ingest` subcommand.
    #[allow(dead_code, reason = "for tests, which are another program")]
    pub(crate) fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = program.into();
        self
    }

    /// Runs until `shutdown`, or until nobody listens to `events` any more.
    pub(crate) async fn run(
        self,
        mut publisher: mpsc::Receiver<PublisherEvent>,
        events: mpsc::Sender<SourceEvent>,
        shutdown: impl Future<Output = ()>,
    ) {
        let (reports, mut reported) = mpsc::channel(REPORTS);
        let mut desk = Desk {
            program: self.program,
            reports,
            events,
            demo: self.demo.map(|source| Post::new(Role::Demo, source)),
            publisher: None,
            on: None,
            started: 0,
        };
        desk.start_due();
        let mut publishers = true;
        tokio::pin!(shutdown);
        loop {
            let due = desk.due();
            let event = tokio::select! {
                () = &mut shutdown => break,
                event = publisher.recv(), if publishers => match event {
                    Some(event) => Event::Publisher(event),
                    None => {
                        publishers = false;
                        Event::Publisher(PublisherEvent::Stopped)
                    }
                },
                // The desk itself keeps a sender: this never ends.
                Some(report) = reported.recv() => Event::Child(report),
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)),
                    if due.is_some() => Event::Due,
            };
            if desk.handle(event).await.is_err() {
                break;
            }
        }
    }
}

/// All that can happen.
enum Event {
    Publisher(PublisherEvent),
    Child(Report),
    /// A child is to be started.
    Due,
}

/// The studio does not listen any more.
struct Deaf;

struct Desk {
    program: PathBuf,
    reports: mpsc::Sender<Report>,
    events: mpsc::Sender<SourceEvent>,
    demo: Option<Post>,
    publisher: Option<Post>,
    /// Whose units go to the studio.
    on: Option<Role>,
    /// How many children have been started; tells them apart.
    started: u64,
}

impl Desk {
    async fn handle(&mut self, event: Event) -> Result<(), Deaf> {
        match event {
            Event::Due => {
                self.start_due();
                Ok(())
            }
            Event::Child(report) => self.report(report).await,
            Event::Publisher(PublisherEvent::Started) => {
                info!("publisher has begun");
                self.publisher_gone().await?;
                self.publisher = Some(Post::new(Role::Publisher, Ingest::Flv));
                self.start_due();
                Ok(())
            }
            Event::Publisher(PublisherEvent::Tag {
                kind,
                timestamp_ms,
                body,
            }) => {
                if let Some(post) = &mut self.publisher {
                    if let Some(what) = flv::foreign(kind, &body) {
                        post.leave_out(what);
                        return Ok(());
                    }
                    let tags = post.backlog.tag(kind, timestamp_ms, &body);
                    if let Some(child) = &mut post.child
                        && !child.feed(tags)
                    {
                        post.backlog.interrupt();
                    }
                }
                Ok(())
            }
            Event::Publisher(PublisherEvent::Stopped) => {
                if self.publisher.is_some() {
                    info!("publisher has stopped");
                }
                self.publisher_gone().await
            }
        }
    }

    async fn report(&mut self, Report { child, said }: Report) -> Result<(), Deaf> {
        // A child that has been replaced has nothing to say any more.
        let posts = [self.demo.as_mut(), self.publisher.as_mut()];
        let Some(post) = posts
            .into_iter()
            .flatten()
            .find(|post| post.is_held_by(child))
        else {
            return Ok(());
        };
        let role = post.role;
        match said {
            Said::Message(Message::Tracks { video, audio }) => {
                post.tracks = Some(SourceEvent::Tracks { video, audio });
                if self.on == Some(role) {
                    self.announce(role).await?;
                }
            }
            Said::Message(Message::Unit(unit)) => {
                if let Some(child) = &mut post.child {
                    child.delivered(unit.kind);
                }
                if self.on != Some(role) {
                    let begins = unit.key && unit.kind == TrackKind::Video || post.is_sound_only();
                    if !begins {
                        return Ok(());
                    }
                    self.put_on(role).await?;
                }
                self.send(SourceEvent::Unit(unit)).await?;
            }
            Said::Message(Message::Alive) => {
                if let Some(child) = &mut post.child {
                    child.kill_if_stuck(role == Role::Demo);
                }
            }
            // What a process says last is part of how it ended.
            Said::Message(Message::Error(_)) => {}
            Said::Gone(how) => {
                let wait = post.lost();
                warn!(
                    source = role.name(),
                    "ingest process gone: {how}; next in {wait:?}"
                );
                if self.on == Some(role) {
                    self.on = None;
                    self.send(SourceEvent::Lost).await?;
                }
            }
        }
        Ok(())
    }

    /// Lets the studio listen to this source.
    async fn put_on(&mut self, role: Role) -> Result<(), Deaf> {
        self.on = Some(role);
        if role == Role::Publisher && self.demo.take().is_some() {
            info!("publisher takes over from the demo");
        }
        self.announce(role).await
    }

    async fn announce(&mut self, role: Role) -> Result<(), Deaf> {
        let post = match role {
            Role::Demo => self.demo.as_mut(),
            Role::Publisher => self.publisher.as_mut(),
        };
        match post.and_then(|post| post.tracks.clone()) {
            Some(tracks) => self.send(tracks).await,
            None => Ok(()),
        }
    }

    async fn publisher_gone(&mut self) -> Result<(), Deaf> {
        // Its child is killed by being dropped.
        self.publisher = None;
        if self.on == Some(Role::Publisher) {
            self.on = None;
            self.send(SourceEvent::Lost).await?;
        }
        Ok(())
    }

    async fn send(&self, event: SourceEvent) -> Result<(), Deaf> {
        self.events.send(event).await.map_err(|_| Deaf)
    }

    /// When the next child is to be started.
    fn due(&self) -> Option<Instant> {
        let posts = [&self.demo, &self.publisher];
        posts
            .into_iter()
            .flatten()
            .filter_map(|post| post.due)
            .min()
    }

    /// Starts every child that is due.
    fn start_due(&mut self) {
        let now = Instant::now();
        for post in [&mut self.demo, &mut self.publisher].into_iter().flatten() {
            if post.due.is_none_or(|due| due > now) {
                continue;
            }
            self.started += 1;
            match Child::start(
                &self.program,
                &post.source,
                self.started,
                self.reports.clone(),
            ) {
                Ok(child) => post.takes(child, now),
                Err(error) => {
                    let wait = post.lost();
                    let program = self.program.display();
                    warn!("{program} does not start: {error}; again in {wait:?}");
                }
            }
        }
    }
}

/// How many messages may wait here; a frame each, about a second's worth.
const REPORTS: usize = 64;
