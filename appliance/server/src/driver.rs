//! The one task that owns both cores.

mod audience;

use std::{pin::pin, sync::Arc, time::Duration};

use peerstream_budget::{ACK_OVERHEAD, MESSAGE_OVERHEAD, Uplink};
use peerstream_fragment::{Signer, StreamId};
use peerstream_media::{SourceEvent, Studio, studio};
use peerstream_overlay::{Coordinator, Output};
use peerstream_wire::{NodeId, ToNode};
use tokio::sync::{mpsc, oneshot};

use crate::{
    clock::CaptureClock,
    driver::audience::Audience,
    hub::{Hub, Totals},
    shutdown::Shutdown,
    tickets::Tickets,
    viewer::{Offence, Said, Seat},
};

/// Everything that can wake the driver.
#[derive(Debug)]
pub(crate) enum Event {
    /// A viewer's socket.
    Viewer(Said),
    /// The source.
    Source(SourceEvent),
    /// Someone else signs from here on.
    Signer(Box<Signer>),
    /// Someone wants to know how things are.
    Status(oneshot::Sender<Snapshot>),
    /// A deadline of one of the cores, or of a feed.
    Deadline,
    /// The end.
    Shutdown,
}

/// How things are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Snapshot {
    pub(crate) overlay: peerstream_overlay::Status,
    pub(crate) feeds: usize,
    pub(crate) joins: u64,
    pub(crate) on_standby: bool,
    pub(crate) stream: Totals,
    pub(crate) bit_rate: f64,
}

/// What the driver is made of.
pub(crate) struct Driver {
    pub(crate) clock: CaptureClock,
    pub(crate) coordinator: Coordinator,
    pub(crate) studio: Studio,
    pub(crate) stream: StreamId,
    pub(crate) title: String,
    pub(crate) tickets: Arc<Tickets>,
    /// None if nothing is known of it.
    pub(crate) uplink: Option<Uplink>,
}

/// Where events come from.
pub(crate) struct Sources {
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) source: mpsc::Receiver<SourceEvent>,
    pub(crate) signers: mpsc::Receiver<Signer>,
    pub(crate) shutdown: Shutdown,
}

impl Driver {
    /// Runs until it is told to stop.
    pub(crate) async fn run(self, mut sources: Sources) {
        let mut state = State {
            driver: self,
            audience: Audience::default(),
            hub: Hub::default(),
            joins: 0,
            spoke: Duration::ZERO,
            resume: None,
        };
        state.drain(state.driver.clock.now());
        loop {
            let event = sources.next(state.deadline()).await;
            let now = state.driver.clock.now();
            let go_on = state.handle(now, event);
            state.drain(now);
            if !go_on {
                return;
            }
        }
    }
}

impl Sources {
    async fn next(&mut self, deadline: tokio::time::Instant) -> Event {
        let requested = pin!(self.shutdown.requested());
        tokio::select! {
            () = requested => Event::Shutdown,
            Some(signer) = self.signers.recv() => Event::Signer(Box::new(signer)),
            Some(event) = self.source.recv() => Event::Source(event),
            Some(event) = self.events.recv() => event,
            () = tokio::time::sleep_until(deadline) => Event::Deadline,
        }
    }
}

struct State {
    driver: Driver,
    audience: Audience,
    hub: Hub,
    joins: u64,
    /// When those who are fed last heard from the box.
    spoke: Duration,
    /// When the uplink has room for control again.
    resume: Option<Duration>,
}

impl State {
    /// Says whether to go on.
    fn handle(&mut self, now: Duration, event: Event) -> bool {
        match event {
            Event::Viewer(said) => self.hear(now, said),
            Event::Source(event) => self.driver.studio.source(now, event),
            Event::Signer(signer) => self.driver.studio.rotate(*signer),
            Event::Status(answer) => {
                // Whoever asked may have gone.
                let _ = answer.send(self.snapshot(now));
            }
            Event::Deadline => {
                self.driver.studio.advance(now);
                self.driver.coordinator.timeout(now);
                self.audience.timeout(now);
                if now >= self.spoke + HEARTBEAT {
                    self.spoke = now;
                    self.audience.heartbeat(self.hub.newest());
                }
            }
            Event::Shutdown => {
                self.audience.shut_down();
                return false;
            }
        }
        true
    }

    fn hear(&mut self, now: Duration, said: Said) {
        match said {
            Said::Join {
                newcomer,
                held,
                outbox,
                events,
                answer,
            } => {
                let coordinator = &mut self.driver.coordinator;
                let node = match held {
                    None => coordinator.join(now, newcomer),
                    Some(held) => coordinator.rejoin(now, newcomer, held),
                };
                self.joins += 1;
                self.audience.add(node, self.joins, outbox);
                // A seat that nobody takes says itself that the node has gone.
                drop(answer.send(Seat::new(node, self.joins, events)));
            }
            Said::Control { node, message } => {
                self.driver.coordinator.sent(now, node, ACK_OVERHEAD);
                if let Err(misbehaved) = self.driver.coordinator.message(now, node, message) {
                    self.audience.refuse(node, Offence::from(misbehaved));
                }
            }
            Said::Subscribe { node, after } => self.audience.subscribe(node, after, &self.hub),
            Said::Unsubscribe { node } => self.audience.unsubscribe(node),
            Said::Request { node, at, parts } => self.audience.again(node, at, parts, &self.hub),
            Said::Gone { node, seat } => {
                // It may have come back before it was missed.
                if self.audience.remove(node, seat) {
                    self.driver.coordinator.leave(now, node);
                }
            }
        }
    }

    /// Does what both cores want done.
    fn drain(&mut self, now: Duration) {
        if let Some(uplink) = &mut self.driver.uplink {
            let (feeds, left) = (uplink.feeds(now), uplink.left(now));
            self.driver.coordinator.set_uplink(feeds, left);
        }
        loop {
            // What waits does so where it can still be put in order.
            let uplink = self.driver.uplink.as_ref();
            self.resume = uplink.and_then(|uplink| uplink.busy(now));
            if self.resume.is_some() {
                break;
            }
            let Some(output) = self.driver.coordinator.poll_output() else {
                break;
            };
            match output {
                Output::Welcome { node } => {
                    let welcome = ToNode::Welcome {
                        node,
                        stream: self.driver.stream.0,
                        title: self.driver.title.clone(),
                        ticket: self.driver.tickets.issue(node),
                    };
                    self.tell(now, node, &welcome);
                }
                Output::Send { to, mut message } => {
                    message.seal(|node| self.driver.tickets.issue(node));
                    self.tell(now, to, &message);
                }
                Output::Feed { node, allowed } => self.audience.allow(now, node, allowed),
                Output::Refuse { node, reason } => {
                    self.audience.refuse(node, Offence::TurnedAway(reason));
                }
            }
        }
        while let Some(output) = self.driver.studio.poll() {
            let messages = match output {
                studio::Output::Certificate(certificate) => vec![self.hub.certificate(certificate)],
                studio::Output::Fragment(fragment) => self.hub.fragment(now, &fragment),
            };
            self.audience.feed(&messages);
            self.spoke = now;
            if let Some(uplink) = &mut self.driver.uplink {
                let copies = self.audience.fed() as u64;
                for message in &messages {
                    uplink.feed(now, message.len() as u64 * copies);
                }
            }
        }
    }

    fn tell(&mut self, now: Duration, node: NodeId, message: &ToNode) {
        let length = self.audience.send(node, message);
        if let Some(uplink) = &mut self.driver.uplink {
            uplink.control(now, length);
        }
        let on_wire = length + MESSAGE_OVERHEAD;
        self.driver.coordinator.sent(now, node, on_wire);
    }

    fn deadline(&self) -> tokio::time::Instant {
        let heartbeat = (self.audience.fed() > 0).then(|| self.spoke + HEARTBEAT);
        let deadline = [
            self.driver.studio.deadline(),
            self.driver.coordinator.poll_timeout(),
            self.resume,
            self.audience.deadline(),
            heartbeat,
        ]
        .into_iter()
        .flatten()
        .min();
        match deadline {
            Some(deadline) => self.driver.clock.instant(deadline),
            None => tokio::time::Instant::now() + IDLE,
        }
    }

    fn snapshot(&self, now: Duration) -> Snapshot {
        Snapshot {
            overlay: self.driver.coordinator.status(),
            feeds: self.audience.fed(),
            joins: self.joins,
            on_standby: self.driver.studio.on_standby(),
            stream: self.hub.totals(),
            bit_rate: self.hub.bit_rate(now),
        }
    }
}

/// Those who are fed hear from the box at least this often: about a fragment's time.
const HEARTBEAT: Duration = Duration::from_millis(100);
/// Without any deadline there is nothing to wake up for; any time will do.
const IDLE: Duration = Duration::from_secs(60);
