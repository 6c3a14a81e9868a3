//! What is written down about a run, the same for every overlay.

use core::time::Duration;

use super::{
    screen::Screen,
    wire::{Peer, Wire},
};
use crate::{
    report::{Figures, LEAST_WATCHED, Latency, NewLinks, Refed, Sample, Startup},
    world::Stream,
};

pub(super) struct Ledger {
    frame: Duration,
    /// When the watched time began.
    begun: Option<Duration>,
    latency: Sample,
    refed: Sample,
    startup: Sample,
    continuity: Sample,
    links: Sample,
    /// Bytes of the box besides feeds and joins.
    control: u64,
    viewer_seconds: u64,
    joins: u64,
    departures: u64,
    pub(super) deepest: u8,
    /// Bits sent before, by peer.
    sent: Vec<u64>,
}

impl Ledger {
    pub(super) fn new(stream: &Stream) -> Ledger {
        Ledger {
            frame: stream.frame,
            begun: None,
            latency: Sample::new(),
            refed: Sample::new(),
            startup: Sample::new(),
            continuity: Sample::new(),
            links: Sample::new(),
            control: 0,
            viewer_seconds: 0,
            joins: 0,
            departures: 0,
            deepest: 0,
            sent: Vec::new(),
        }
    }

    /// The watched time begins.
    pub(super) fn begin(&mut self, now: Duration, wire: &Wire<'_>) {
        self.begun = Some(now);
        self.control = 0;
        self.sent = (0..wire.peers()).map(|peer| wire.sent(peer)).collect();
    }

    pub(super) fn joined(&mut self) {
        self.joins += u64::from(self.begun.is_some());
    }

    /// Somebody went, and so many links have to be made because of it.
    pub(super) fn departed(&mut self, links: usize) {
        if self.begun.is_some() {
            self.departures += 1;
            self.links.add(links as f64);
        }
    }

    /// The box sent this.
    pub(super) fn control(&mut self, bytes: u64) {
        self.control += bytes;
    }

    pub(super) fn refed(&mut self, after: Duration) {
        if self.begun.is_some() {
            self.refed.add(after.as_secs_f64());
        }
    }

    /// A second of a viewer's time has passed.
    pub(super) fn second(&mut self, screen: &Screen) {
        if self.begun.is_some() {
            self.viewer_seconds += 1;
            if let Some(delay) = screen.delay {
                self.latency.add(delay.as_secs_f64());
            }
        }
    }

    /// A viewer's time is over, or the run's.
    pub(super) fn account(&mut self, now: Duration, opened: Duration, screen: &mut Screen) {
        screen.judge(now);
        let Some(begun) = self.begun else {
            return;
        };
        if let Some(startup) = screen.startup.filter(|_| opened >= begun) {
            self.startup.add(startup.as_secs_f64() * 1e3);
        }
        let all = screen.shown + screen.missed;
        if all as f64 * self.frame.as_secs_f64() >= LEAST_WATCHED.as_secs_f64() {
            self.continuity.add(screen.shown as f64 / all as f64);
        }
    }

    /// All together; `forwards` are those whose uplinks count.
    pub(super) fn figures(
        mut self,
        length: Duration,
        viewers: usize,
        wire: &Wire<'_>,
        forwards: impl Iterator<Item = Peer>,
    ) -> Figures {
        let (mut used, mut carried) = (0.0, 0.0);
        for peer in forwards {
            let before = self.sent.get(peer).copied().unwrap_or(0);
            used += (wire.sent(peer) - before) as f64;
            carried += wire.uplink(peer) as f64 * length.as_secs_f64();
        }
        let minutes = (self.viewer_seconds as f64 / 60.0).max(1.0);
        Figures {
            viewers: u32::try_from(viewers).unwrap_or(u32::MAX),
            joins: self.joins,
            departures: self.departures,
            continuity_p0_1: self.continuity.quantile(0.001),
            latency_s: Latency::of(|q| self.latency.quantile(q)),
            startup_ms: Startup::of(|q| self.startup.quantile(q)),
            refed_s: {
                let max = self.refed.max();
                Refed::of(|q| self.refed.quantile(q), max)
            },
            new_links_per_departure: NewLinks::of(&mut self.links),
            control_bytes_per_viewer_minute: self.control as f64 / minutes,
            max_depth: self.deepest,
            uplink_used: used / f64::max(carried, 1.0),
            ..Figures::default()
        }
    }
}
