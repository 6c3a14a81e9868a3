//! What the box says about itself.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};
use peerstream_overlay::Measure;
use serde::Serialize;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    complaints::Complaints,
    driver::{Event, Snapshot},
    http::{Answer, brief},
    meter::Sent,
    rtmp::Slot,
};

/// Answers calls of the API.
pub(crate) struct Api {
    pub(crate) sent: Arc<Sent>,
    pub(crate) complaints: Arc<Complaints>,
    /// Whether a publisher is there.
    pub(crate) slot: Arc<Slot>,
    /// The identity key, for people.
    pub(crate) stream: String,
}

/// `GET /api/v1/status`.
#[derive(Debug, Serialize)]
struct Status<'a> {
    viewers: usize,
    nodes: Nodes,
    /// Links from the box to the node farthest away.
    depth: u8,
    /// Direct feeds that flow at the moment.
    feeds: usize,
    source: &'static str,
    bytes_sent: BytesSent,
    /// All signed fragments so far: headers, payloads, certificates.
    fragment_bytes: u64,
    fragments: u64,
    bitrate_kbit_s: f64,
    joins: u64,
    link_failures: u64,
    /// By reason.
    refused: BTreeMap<&'static str, u64>,
    overlay: Overlay,
    stream: &'a str,
}

/// How the audience feeds itself.
#[derive(Debug, Serialize)]
struct Overlay {
    /// Copies that nodes and box can pass on.
    supply: u64,
    /// Copies that are wanted.
    demand: u64,
    /// Nodes that pass nothing on.
    leaves: usize,
    /// Newcomers who wait for room.
    queued: usize,
    /// Direct feeds that there may be at the moment.
    feeds: usize,
    /// What would help most.
    measure: &'static str,
    /// Nodes at the bottom because they did not do their part.
    underperforming: usize,
    /// Pairs of nodes put apart.
    separated: u64,
    /// Nodes turned away by the coordinator.
    refused_nodes: u64,
    /// Commands told.
    commands: u64,
    /// Changes that were told together with another.
    folded: u64,
    /// Nodes asked whether they are there.
    probes: u64,
    /// Changes that went by way of another node.
    letters: u64,
    /// Nodes that came back before they were known to be gone.
    returned: u64,
}

impl Overlay {
    fn new(status: &peerstream_overlay::Status) -> Self {
        Self {
            supply: status.supply,
            demand: status.demand,
            leaves: status.leaves,
            queued: status.queued,
            feeds: status.feeds,
            measure: match status.measure {
                Measure::Enough => "enough",
                Measure::MoreFeeds => "more_feeds",
                Measure::SmallerRendition => "smaller_rendition",
                Measure::Queue => "queue",
            },
            underperforming: status.underperforming,
            separated: status.separated,
            refused_nodes: status.refused,
            commands: status.commands,
            folded: status.folded,
            probes: status.probes,
            letters: status.letters,
            returned: status.returned,
        }
    }
}

/// Nodes in each tree.
#[derive(Debug, Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct Nodes {
    a: usize,
    b: usize,
}

/// Without TLS, with everything else from HTTP upwards.
#[derive(Debug, Serialize)]
struct BytesSent {
    feed: u64,
    signalling: u64,
    pages: u64,
    api: u64,
}

impl Api {
    /// The status, as JSON.
    pub(crate) async fn status(&self, events: &mpsc::Sender<Event>) -> Answer {
        let Some(snapshot) = ask(events).await else {
            return brief(StatusCode::SERVICE_UNAVAILABLE);
        };
        match serde_json::to_vec(&self.describe(&snapshot)) {
            Ok(json) => {
                let mut answer = Response::new(Full::new(Bytes::from(json)));
                let headers = answer.headers_mut();
                let json = HeaderValue::from_static("application/json");
                headers.insert(header::CONTENT_TYPE, json);
                let fresh = HeaderValue::from_static("no-store");
                headers.insert(header::CACHE_CONTROL, fresh);
                answer
            }
            Err(_) => brief(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// Whether the driver is alive.
    pub(crate) async fn health(&self, events: &mpsc::Sender<Event>) -> Answer {
        brief(match ask(events).await {
            Some(_) => StatusCode::OK,
            None => StatusCode::SERVICE_UNAVAILABLE,
        })
    }

    fn describe(&self, snapshot: &Snapshot) -> Status<'_> {
        let [a, b] = snapshot.overlay.nodes;
        Status {
            viewers: snapshot.overlay.viewers,
            nodes: Nodes { a, b },
            depth: snapshot.overlay.depth,
            feeds: snapshot.feeds,
            source: match (snapshot.on_standby, self.slot.is_taken()) {
                (true, _) => "standby",
                (false, true) => "rtmp",
                (false, false) => "demo",
            },
            bytes_sent: BytesSent {
                feed: self.sent.feed.load(Relaxed),
                signalling: self.sent.signalling.load(Relaxed),
                pages: self.sent.pages.load(Relaxed),
                api: self.sent.api.load(Relaxed),
            },
            fragment_bytes: snapshot.stream.bytes,
            fragments: snapshot.stream.fragments,
            bitrate_kbit_s: (snapshot.bit_rate * 10.0).round() / 10.0,
            joins: snapshot.joins,
            link_failures: snapshot.overlay.link_failures,
            refused: self.complaints.totals(),
            overlay: Overlay::new(&snapshot.overlay),
            stream: &self.stream,
        }
    }
}

/// Knows whether the box is well.
#[derive(Debug, Clone)]
pub struct Health(pub(crate) mpsc::Sender<Event>);

impl Health {
    /// Asks the one task that everything depends on.
    pub async fn is_well(&self) -> bool {
        ask(&self.0).await.is_some()
    }
}

/// How things are, if the driver says so in time.
async fn ask(events: &mpsc::Sender<Event>) -> Option<Snapshot> {
    let (answer, snapshot) = oneshot::channel();
    let asked = async {
        events.send(Event::Status(answer)).await.ok()?;
        snapshot.await.ok()
    };
    timeout(ANSWER_WITHIN, asked).await.ok()?
}

/// A driver that takes longer than this is not well.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
