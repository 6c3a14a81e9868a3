//! What a run is measured by.
//!
//! All figures are of the watched time: from the moment at which the scenario's audience
//! is complete ([`crate::scenario::Schedule`]) to the end. In a hostile run they are of
//! the honest viewers alone. A figure for which nothing was observed is 0.

mod sample;
pub mod table;

use serde::{Deserialize, Serialize};

pub use sample::Sample;

/// The figures of a run; one line of JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// [`crate::Scenario::name`].
    pub scenario: String,
    /// What was simulated: `full` (every viewer a real node), `tide` (the million-node
    /// mode), or the name of another overlay.
    pub mode: String,
    /// Who is placed where: `age` or `nearness` (`PLACEMENT`).
    pub placement: String,
    /// The audience that was asked for.
    pub nodes: u32,
    /// The watched time.
    pub seconds: u32,
    /// Of the world.
    pub seed: u64,
    /// Viewers at the end.
    pub viewers: u32,
    /// Viewers who came during the watched time.
    pub joins: u64,
    /// Viewers who went during it, with and without a word.
    pub departures: u64,
    /// What 99.9% of the viewers reach: the 0.1st percentile of their continuity.
    ///
    /// A viewer's *continuity* is the share of its time that had a picture: of the time
    /// from its first picture (from the beginning of the watched time, if it had one
    /// then) to its departure or the end, 1 - (skipped + stalled) / time. *Skipped* is
    /// media that was given up and never shown. *Stalled* is time for which the picture
    /// stood still, each standstill counted whole if it lasted for more than 250 ms and
    /// not at all otherwise. Viewers with less than [`LEAST_WATCHED`] of it do not count.
    pub continuity_p0_1: f64,
    /// From the capture of a frame to its showing, playout delay included, in seconds.
    /// Sampled of every viewer with a picture once a second, all samples together.
    pub latency_s: Latency,
    /// From the opening of the page to the first picture, in milliseconds, of viewers
    /// who came during the watched time; who waits for a place in a queue is in it. Who
    /// left before the first picture is not.
    pub startup_ms: Startup,
    /// From the loss of a feeder to new media, in seconds. One sample for each survivor
    /// and each loss: the node that fed it (its parent or, at that time, a helper; for
    /// nodes that the box feeds the box) departs, dies, or stops passing on, and the
    /// sample ends when the first part of a fragment arrives that the survivor had not
    /// begun to receive at the loss, from whomever. Who departs itself before that has
    /// no sample; who is still without at the end has one up to the end.
    pub refed_s: Refed,
    /// Links that had to be opened because of a departure, each counted once for its two
    /// ends, for each departure. A link that the departure's transformations assign and
    /// that was not assigned before counts, also when it does not open; the links of
    /// newcomers to their first place do not.
    pub new_links_per_departure: NewLinks,
    /// What the box sends besides direct feeds and besides what joins cost, in bytes on
    /// the wire, for each viewer and minute of its presence.
    ///
    /// On the wire: each message's bytes, [`peerstream_budget::MESSAGE_OVERHEAD`] and
    /// [`peerstream_budget::ACK_OVERHEAD`]. *What
    /// joins cost* is every message to a node in the first [`JOINING`] after its join,
    /// and every message to another node that only tells it of that node (a changed
    /// assignment, a signal), recognised by: it names a node which is in that time.
    pub control_bytes_per_viewer_minute: f64,
    /// How often nodes turned to a partner or reserve because their parent was silent,
    /// withheld or late, for each departure without a word. Turning on a command of the
    /// box or after a good-bye does not count.
    pub takeovers_per_departure: f64,
    /// Media that came to a viewer twice, as a share of all that came to it; of all viewers
    /// together. Only real nodes can tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub double_delivery: Option<f64>,
    /// The most links from the box to a node, at any time.
    pub max_depth: u8,
    /// Watched time in terms of the time that computing it took.
    pub realtime_factor: f64,
    /// What was used of the uplinks of all who forward, for media, as a share; mean.
    pub uplink_used: f64,
    /// Of hostile runs.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub hostile: Option<Hostile>,
    /// A digest of all that happened, in its order, in hexadecimal digits: the same seed
    /// gives the same.
    pub trace: String,
}

/// Seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles")]
pub struct Latency {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles")]
pub struct Startup {
    pub p50: f64,
    pub p95: f64,
}

/// Seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles")]
pub struct Refed {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl Latency {
    pub(crate) fn of(mut quantile: impl FnMut(f64) -> f64) -> Latency {
        Latency {
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
        }
    }
}

impl Startup {
    pub(crate) fn of(mut quantile: impl FnMut(f64) -> f64) -> Startup {
        Startup {
            p50: quantile(0.5),
            p95: quantile(0.95),
        }
    }
}

impl Refed {
    pub(crate) fn of(mut quantile: impl FnMut(f64) -> f64, max: f64) -> Refed {
        Refed {
            p50: quantile(0.5),
            p99: quantile(0.99),
            max,
        }
    }
}

impl NewLinks {
    pub(crate) fn of(counts: &mut Sample) -> NewLinks {
        NewLinks {
            mean: counts.mean(),
            p99: counts.quantile(0.99),
        }
    }
}

/// Of each second, the share of the pictures that should move which did.
pub(crate) fn shares(moving: &[(u32, u32)]) -> Vec<f64> {
    let share = |(all, moving): &(u32, u32)| f64::from(*moving) / f64::from((*all).max(1));
    moving.iter().map(share).collect()
}

/// Links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "mean and percentile")]
pub struct NewLinks {
    pub mean: f64,
    pub p99: f64,
}

/// What an attack achieved, from the strike on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Hostile {
    /// Seconds of picture (skipped and stalled, as in continuity) that a victim lost: an
    /// honest viewer which had an attacker as its parent, helper, partner or reserve.
    pub victim_lost_s: Lost,
    /// From the strike (or its later join) until an attacker fed nobody for good, in
    /// seconds, the median of all attackers; null if more than half still fed somebody
    /// at the end.
    pub isolated_s: Option<f64>,
    /// The same until the box refused it or treated it as gone, null likewise.
    pub refused_s: Option<f64>,
    /// Honest viewers that the box refused, or treated as gone while they were there.
    pub honest_expelled: u64,
}

/// Seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "percentiles")]
pub struct Lost {
    pub p50: f64,
    pub max: f64,
}

/// Viewers who watched for less have no continuity of their own: one lost frame in a
/// second would look like a bad picture.
pub const LEAST_WATCHED: core::time::Duration = core::time::Duration::from_secs(10);
/// A standstill is a stall if it lasts for more than this.
pub const STALL: core::time::Duration = core::time::Duration::from_millis(250);
/// For so long after its join a newcomer counts as joining.
pub const JOINING: core::time::Duration = core::time::Duration::from_secs(10);
