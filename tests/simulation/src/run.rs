//! A scenario, played with every viewer a real node.

use core::time::Duration;
use std::collections::BTreeMap;

use peerstream_overlay::Config;

use crate::{
    conduct::Conduct,
    page::PageId,
    report::{Figures, Hostile, Latency, Lost, NewLinks, Refed, Sample, Startup, shares},
    scenario::{Attack, Scenario, Schedule, What, schedule},
    swarm::Swarm,
    world::World,
};

/// What to play.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Whose audience.
    pub world: World,
    /// What befalls it.
    pub scenario: Scenario,
    /// How large it is.
    pub nodes: u32,
    /// For how long it is watched.
    pub seconds: u32,
    /// How the box is set up.
    pub overlay: Config,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Seconds until the audience is complete (negative), or since.
    pub second: i64,
    /// Viewers who are there.
    pub viewers: usize,
    /// Events so far.
    pub events: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The figures, but for [`Figures::realtime_factor`]: only the caller has a clock.
    pub figures: Figures,
    /// By depth: median and 95th percentile of the latency, in seconds, and how many
    /// samples there were.
    pub latency_by_depth: Vec<(f64, f64, usize)>,
    /// For each second, the share of pictures that moved.
    pub continuity: Vec<f64>,
    /// New links of each departure.
    pub new_links: Vec<f64>,
}

/// Plays a scenario. `progress` is told once a second of virtual time; what it tells of
/// before the audience is complete is no part of the figures.
pub fn play(plan: &Plan, mut progress: impl FnMut(Progress)) -> Outcome {
    let mut run = Run::new(plan);
    run.warm_up(&mut progress);
    run.watch(&mut progress);
    run.outcome()
}

struct Run<'a> {
    plan: &'a Plan,
    swarm: Swarm,
    schedule: Schedule,
    /// By the viewer's number.
    pages: BTreeMap<u32, PageId>,
    began: Duration,
    struck: Option<Duration>,
    joins: u64,
    departures: u64,
    wordless: u64,
    takeovers: u64,
    max_depth: u8,
    viewer_seconds: u64,
    /// When each attacker was last seen to feed somebody honest, and was refused.
    feeding: BTreeMap<u32, Duration>,
    refused: BTreeMap<u32, Duration>,
}

impl Run<'_> {
    fn new(plan: &Plan) -> Run<'_> {
        let schedule = schedule(&plan.world, plan.scenario, plan.nodes, plan.seconds);
        Run {
            plan,
            swarm: Swarm::with(plan.world.clone(), plan.overlay.clone()),
            schedule,
            pages: BTreeMap::new(),
            began: Duration::ZERO,
            struck: None,
            joins: 0,
            departures: 0,
            wordless: 0,
            takeovers: 0,
            max_depth: 0,
            viewer_seconds: 0,
            feeding: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// Brings the audience in, as fast as the box's uplink carries it, and lets it settle.
    fn warm_up(&mut self, progress: &mut impl FnMut(Progress)) {
        let audience = self.schedule.audience.clone();
        let count = u32::try_from(audience.len()).unwrap_or(u32::MAX);
        let rate = (count / COMING_TAKES).clamp(1, JOINS_A_SECOND);
        let whole = count.div_ceil(rate) + SETTLING;
        let mut second = -i64::from(whole);
        for crowd in audience.chunks(rate as usize) {
            let share = Duration::from_secs(1) / rate;
            for &number in crowd {
                self.open(number);
                self.swarm.run(share);
            }
            second += 1;
            progress(self.progress(second));
        }
        for _ in 0..SETTLING {
            self.swarm.run(Duration::from_secs(1));
            second += 1;
            progress(self.progress(second));
        }
        self.joins = 0;
    }

    fn watch(&mut self, progress: &mut impl FnMut(Progress)) {
        self.began = self.swarm.now();
        let takeovers = self.swarm.takeovers();
        self.swarm.observe();
        let happenings = core::mem::take(&mut self.schedule.happenings);
        let mut happenings = happenings.into_iter().peekable();
        for second in 1..=self.plan.seconds {
            let end = Duration::from_secs(second.into());
            while let Some(happening) = happenings.next_if(|happening| happening.at <= end) {
                self.run_to(happening.at);
                self.happen(happening.what);
            }
            self.run_to(end);
            self.look();
            progress(self.progress(second.into()));
        }
        self.takeovers = self.swarm.takeovers() - takeovers;
        self.swarm.settle_figures();
    }

    fn run_to(&mut self, at: Duration) {
        let time = (self.began + at).saturating_sub(self.swarm.now());
        self.swarm.run(time);
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Open(number) => self.open(number),
            What::Leave(number) => {
                if let Some(page) = self.pages.remove(&number) {
                    self.departures += 1;
                    self.swarm.leave(page);
                }
            }
            What::Kill(number) => {
                if let Some(page) = self.pages.remove(&number) {
                    self.departures += 1;
                    self.wordless += 1;
                    self.swarm.kill(page);
                }
            }
            What::KillRoot => {
                if let Some(page) = self.swarm.root() {
                    self.pages.retain(|_, id| *id != page);
                    self.departures += 1;
                    self.wordless += 1;
                    self.swarm.kill(page);
                }
            }
            What::BoxStops => self.swarm.stop_box(),
            What::BoxStarts => self.swarm.start_box(),
            What::Strike => self.strike(),
        }
    }

    fn open(&mut self, number: u32) {
        let page = self.swarm.open(number);
        self.joins += 1;
        self.pages.insert(number, page);
        if let Scenario::Hostile(attack) = self.plan.scenario
            && self.struck.is_some()
            && number >= World::ATTACKERS
        {
            self.swarm.conduct(page, Conduct::hostile(attack));
        }
    }

    fn strike(&mut self) {
        let Scenario::Hostile(attack) = self.plan.scenario else {
            return;
        };
        self.struck = Some(self.swarm.now());
        if attack == Attack::Withholding {
            self.win_partners();
        }
        for number in &self.schedule.attackers {
            if let Some(&page) = self.pages.get(number) {
                self.swarm.conduct(page, Conduct::hostile(attack));
                if attack.passes_on_nothing() {
                    self.swarm.orphan_children(page);
                }
            }
        }
    }

    /// Whoever withholds has its partner do so, too, and say that there is nothing newer.
    fn win_partners(&mut self) {
        let partner_of = |number: &u32| {
            let stats = self.swarm.stats(*self.pages.get(number)?)?;
            self.swarm.page(stats.partner?.peer)
        };
        let attackers = self.schedule.attackers.iter();
        let partners: Vec<PageId> = attackers.filter_map(partner_of).collect();
        for (number, page) in &self.pages {
            if partners.contains(page) && !self.schedule.attackers.contains(number) {
                self.schedule.attackers.push(*number);
            }
        }
    }

    /// Once a second.
    fn look(&mut self) {
        let now = self.swarm.now();
        self.max_depth = self.max_depth.max(self.swarm.status().depth);
        self.viewer_seconds += self.pages.len() as u64;
        if self.struck.is_none() {
            return;
        }
        for number in &self.schedule.attackers {
            let Some(&page) = self.pages.get(number) else {
                continue;
            };
            if self.swarm.feeds_anybody(page) {
                self.feeding.insert(*number, now);
            }
            if self.swarm.is_refused(page) {
                self.refused.entry(*number).or_insert(now);
            }
        }
    }

    fn progress(&self, second: i64) -> Progress {
        Progress {
            second,
            viewers: self.pages.len(),
            events: self.swarm.events,
        }
    }

    fn outcome(mut self) -> Outcome {
        let hostile = matches!(self.plan.scenario, Scenario::Hostile(_)).then(|| self.hostile());
        let links: Vec<f64> = self.swarm.appliance.ledger.new_links().collect();
        let mut new_links = Sample::new();
        for count in &links {
            new_links.add(*count);
        }
        let minutes = self.viewer_seconds as f64 / 60.0;
        let control = self.swarm.appliance.ledger.control as f64;
        let trace = self.swarm.trace();
        let watch = &mut self.swarm.watch;
        let figures = Figures {
            scenario: self.plan.scenario.name().into(),
            mode: "full".into(),
            placement: self.plan.overlay.placement.name().into(),
            nodes: self.plan.nodes,
            seconds: self.plan.seconds,
            seed: self.plan.world.seed(),
            viewers: u32::try_from(self.pages.len()).unwrap_or(u32::MAX),
            joins: self.joins,
            departures: self.departures,
            continuity_p0_1: watch.continuity.quantile(0.001),
            latency_s: Latency::of(|q| watch.latency.quantile(q)),
            startup_ms: Startup::of(|q| watch.startup.quantile(q)),
            refed_s: {
                let max = watch.refed.max();
                Refed::of(|q| watch.refed.quantile(q), max)
            },
            new_links_per_departure: NewLinks::of(&mut new_links),
            control_bytes_per_viewer_minute: control / minutes.max(1e-9),
            takeovers_per_departure: self.takeovers as f64 / self.wordless.max(1) as f64,
            double_delivery: Some(watch.media.double_delivery()),
            max_depth: self.max_depth,
            realtime_factor: 0.0,
            uplink_used: watch.uplink.mean(),
            hostile,
            trace: trace.iter().map(|byte| format!("{byte:02x}")).collect(),
        };
        let by_depth = watch.by_depth.iter_mut();
        let by_depth = by_depth.map(|s| (s.quantile(0.5), s.quantile(0.95), s.len()));
        Outcome {
            figures,
            latency_by_depth: by_depth.collect(),
            continuity: shares(&watch.moving),
            new_links: links,
        }
    }

    fn hostile(&mut self) -> Hostile {
        let struck = self.struck.unwrap_or_default();
        let end = self.swarm.now();
        let after = |at: Option<Duration>| at.map(|at| at.saturating_sub(struck).as_secs_f64());
        let attackers = self.schedule.attackers.iter();
        let isolated = attackers
            .clone()
            .map(|number| match self.feeding.get(number) {
                // Seen to feed at the last look.
                Some(at) if *at >= end => None,
                last => Some(after(last.copied()).unwrap_or(0.0)),
            });
        let refused = attackers.map(|number| after(self.refused.get(number).copied()));
        let (isolated_s, refused_s) = (median(isolated.collect()), median(refused.collect()));
        let watch = &mut self.swarm.watch;
        Hostile {
            victim_lost_s: Lost {
                p50: watch.victims.quantile(0.5),
                max: watch.victims.max(),
            },
            isolated_s,
            refused_s,
            honest_expelled: watch.honest_expelled,
        }
    }
}

/// None counts as more than any number.
fn median(mut values: Vec<Option<f64>>) -> Option<f64> {
    let key = |value: &Option<f64>| value.unwrap_or(f64::INFINITY);
    values.sort_by(|a, b| key(a).total_cmp(&key(b)));
    values.get(values.len().saturating_sub(1) / 2).copied()?
}

/// Seconds that a small audience takes to come.
const COMING_TAKES: u32 = 10;
/// What 5 Mbit/s beside two feeds carry, at 2 KB each, with room.
const JOINS_A_SECOND: u32 = 150;
/// Seconds from the last of them to the beginning of the watched time.
const SETTLING: u32 = 30;
