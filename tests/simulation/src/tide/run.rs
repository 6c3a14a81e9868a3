//! A scenario, played in the mode that carries a million.

use std::collections::VecDeque;

use peerstream_wire::{DEFAULT_COPIES, NodeId, ToBox, ToNode};

use super::{
    exchange::micros,
    node::{BOX, LONGEST, Link, NOBODY, Name, State},
    rules,
    state::{Event, Tide, Time},
    survey::Survey,
    words::newcomer,
};
use crate::{
    report::{Figures, Latency, NewLinks, Refed, Sample, Startup, shares},
    run::{Outcome, Plan, Progress},
    scenario::{What, schedule},
    world::Viewer,
};

/// The audience is complete then; what its members were told before is no news.
const START: Time = 300_000_000;
/// Its members have come one after the other until then.
const COMING: Time = 280_000_000;
/// Among so many who stay somebody comes who does not, and is gone when so many more of them
/// have come.
const PASSING: usize = 4;
/// Their numbers begin here.
const PASSERS: u32 = 1 << 30;

/// Plays a scenario that no hostile viewer is in. `progress` is told once a second of
/// virtual time.
pub fn play(plan: &Plan, mut progress: impl FnMut(Progress)) -> Outcome {
    let mut tide = Tide::new(&plan.world, plan.overlay.clone());
    let schedule = schedule(&plan.world, plan.scenario, plan.nodes, plan.seconds);
    tide.populate(&schedule.audience);
    progress(Progress {
        second: 0,
        viewers: tide.present,
        events: 0,
    });
    let mut count = Count::default();
    let mut happenings = schedule.happenings.into_iter().peekable();
    for second in 1..=plan.seconds {
        let end = START + u64::from(second) * 1_000_000;
        while let Some(happening) = happenings.next_if(|next| START + micros(next.at) <= end) {
            tide.run(START + micros(happening.at));
            tide.befall(happening.what, &mut count);
        }
        tide.run(end);
        tide.look();
        count.viewer_seconds += tide.present as u64;
        let depth = tide.coordinator.status().depth;
        count.depth = count.depth.max(depth);
        progress(Progress {
            second: second.into(),
            viewers: tide.present,
            events: tide.events,
        });
    }
    for name in 1..tide.nodes.len() as Name {
        if tide.nodes[name as usize].alive {
            tide.settle_figures(name);
            tide.account_for(name);
        }
    }
    tide.outcome(plan, &count)
}

#[derive(Default)]
struct Count {
    joins: u64,
    departures: u64,
    wordless: u64,
    viewer_seconds: u64,
    depth: u8,
}

impl Tide<'_> {
    /// Seats an audience that has been there for long: others have come and gone before,
    /// capacities are learned, links open, everybody is fed by its parent. Pairs that could not
    /// connect are linked as well.
    fn populate(&mut self, audience: &[u32]) {
        let mut passing = VecDeque::new();
        for (rank, &number) in audience.iter().enumerate() {
            self.now = COMING / audience.len() as Time * rank as Time;
            let viewer = self.world.viewer(number);
            let name = self.seat(number, &viewer, self.able(&viewer));
            let node = &mut self.nodes[name as usize];
            (node.welcome, node.tried) = (true, true);
            self.has_tried(name);
            if rank % PASSING == 0 {
                let viewer = self.world.viewer(PASSERS + number);
                let newcomer = newcomer(&viewer, self.able(&viewer));
                let NodeId(name) = self.coordinator.join(self.time(), newcomer);
                self.has_tried(name);
                passing.push_back(NodeId(name));
            }
            if passing.len() > PASSING {
                self.pass(passing.pop_front());
            }
        }
        for node in passing {
            self.pass(Some(node));
        }
        self.now = START;
        while self
            .coordinator
            .poll_timeout()
            .is_some_and(|at| micros(at) <= START)
        {
            self.coordinator.timeout(self.time());
            self.drain();
        }
        let time = self.time();
        for name in 1..self.nodes.len() as Name {
            let Some(place) = self.coordinator.assignment(NodeId(name)) else {
                continue;
            };
            self.ledger
                .sent(time, Some(NodeId(name)), &ToNode::Assign(place.clone()), 0);
            self.nodes[name as usize].place = place;
            self.link_up(name);
        }
        for name in 1..self.nodes.len() as Name {
            self.feed_from_parent(name);
        }
        self.ledger.mark();
        self.survey = Survey::new();
        self.survey.begin(self.now);
        self.pass += 1;
        for name in 1..self.nodes.len() as Name {
            self.flow_to(name, self.pass);
            let (now, frame) = (self.now, self.media.frame);
            let node = &mut self.nodes[name as usize];
            if node.feeder != NOBODY {
                let flow = node.flow;
                node.picture.begin(now, &flow, frame);
                let number = node.number;
                let clock = now + self.clock_phase(number);
                self.note(clock, Event::Clock(name, u32::MAX / 2));
            }
        }
        self.free = self.now;
        self.carry_out();
    }

    fn able(&self, viewer: &Viewer) -> u8 {
        if viewer.leaf_only {
            0
        } else {
            rules::copies(viewer.uplink as f64, self.media.bitrate)
        }
    }

    /// What somebody offers is no assumption.
    fn has_tried(&mut self, name: Name) {
        let copies = self.nodes.get(name as usize).map_or(0, |node| node.copies);
        if copies == DEFAULT_COPIES {
            let said = ToBox::Capacity { copies };
            // It is there, and has said nothing yet that could be too much.
            let _ = self.coordinator.message(self.time(), NodeId(name), said);
        }
        self.drain();
    }

    /// Somebody who was there before leaves.
    fn pass(&mut self, node: Option<NodeId>) {
        if let Some(node) = node {
            self.coordinator.leave(self.time(), node);
            self.drain();
            self.allow(node.0, false);
        }
    }

    /// What the coordinator says to an audience that knows it already.
    fn drain(&mut self) {
        while let Some(output) = self.coordinator.poll_output() {
            if let peerstream_overlay::Output::Feed { node, allowed } = output {
                self.allow(node.0, allowed);
            }
        }
    }

    fn link_up(&mut self, name: Name) {
        let node = &self.nodes[name as usize];
        let number = node.number;
        let links: Vec<Link> = node
            .place
            .peers()
            .filter_map(|NodeId(peer)| {
                let other = self.nodes.get(peer as usize)?;
                let path = self.world.path(number, other.number);
                Some(Link {
                    peer,
                    state: State::Open,
                    serving: false,
                    promised: false,
                    invited: false,
                    attempt: 0,
                    begun: 0,
                    met: 0,
                    retired: 0,
                    delay: u32::try_from(path.delay.as_micros()).unwrap_or(u32::MAX),
                })
            })
            .collect();
        self.nodes[name as usize].links = links;
    }

    fn feed_from_parent(&mut self, name: Name) {
        let parent = self.nodes[name as usize].parent();
        if parent == NOBODY {
            return;
        }
        self.nodes[name as usize].feeder = parent;
        if parent == BOX {
            return;
        }
        if let Some(link) = self.nodes[parent as usize].link_mut(name) {
            link.serving = true;
            self.nodes[parent as usize].served += 1;
        }
    }

    fn befall(&mut self, what: What, count: &mut Count) {
        match what {
            What::Open(number) => {
                count.joins += 1;
                self.open(number);
            }
            What::Leave(number) => {
                let name = self.name_of(number);
                if self.present(name).is_some() {
                    count.departures += 1;
                    self.depart(name, true, true);
                }
            }
            What::Kill(number) => {
                let name = self.name_of(number);
                self.kill(name, count);
            }
            What::KillRoot => {
                let name = self.root();
                self.kill(name, count);
            }
            What::BoxStops => self.stop_box(),
            What::BoxStarts => self.start_box(),
            What::Strike => {}
        }
    }

    fn kill(&mut self, name: Name, count: &mut Count) {
        if self.present(name).is_some() {
            count.departures += 1;
            count.wordless += 1;
            self.depart(name, false, true);
        }
    }

    /// Whom the box feeds and below whom most others are.
    fn root(&self) -> Name {
        let mut below = vec![0u32; self.nodes.len()];
        for (name, node) in self.nodes.iter().enumerate() {
            let mut at = name;
            for _ in 0..LONGEST {
                let feeder = self.nodes[at].feeder;
                if !node.alive || feeder == NOBODY || feeder == BOX {
                    break;
                }
                at = feeder as usize;
            }
            if node.alive && self.nodes[at].feeder == BOX {
                below[at] += 1;
            }
        }
        let most = (1..below.len()).max_by_key(|name| (below[*name], usize::MAX - name));
        most.map_or(NOBODY, |name| name as Name)
    }

    /// Who is still without a feed at the end counts up to there.
    fn account_for(&mut self, name: Name) {
        let node = &self.nodes[name as usize];
        if node.cut != 0 && node.orphan && self.now > node.cut {
            let length = (self.now - node.cut) as f64 / 1e6;
            self.survey.refed(length);
        }
    }

    fn outcome(self, plan: &Plan, count: &Count) -> Outcome {
        let survey = &self.survey;
        let links: Vec<f64> = self.ledger.new_links().collect();
        let mut new_links = Sample::new();
        for link in &links {
            new_links.add(*link);
        }
        let minutes = count.viewer_seconds as f64 / 60.0;
        let figures = Figures {
            scenario: plan.scenario.name().into(),
            mode: "tide".into(),
            placement: plan.overlay.placement.name().into(),
            nodes: plan.nodes,
            seconds: plan.seconds,
            seed: plan.world.seed(),
            viewers: u32::try_from(self.present).unwrap_or(u32::MAX),
            joins: count.joins,
            departures: count.departures,
            continuity_p0_1: 1.0 - survey.lost.quantile(0.999),
            latency_s: Latency::of(|q| survey.latency.quantile(q)),
            startup_ms: Startup::of(|q| survey.startup.quantile(q)),
            refed_s: {
                let max = survey.refed.max();
                Refed::of(|q| survey.refed.quantile(q), max)
            },
            new_links_per_departure: NewLinks::of(&mut new_links),
            control_bytes_per_viewer_minute: self.ledger.control as f64 / minutes.max(1e-9),
            takeovers_per_departure: survey.takeovers as f64 / count.wordless.max(1) as f64,
            double_delivery: None,
            max_depth: count.depth,
            realtime_factor: 0.0,
            uplink_used: survey.uplink.mean(),
            hostile: None,
            trace: self.trace.finalize().to_hex().to_string(),
        };
        let by_depth = survey.by_depth.iter();
        let by_depth = by_depth.map(|at| (at.quantile(0.5), at.quantile(0.95), at.len() as usize));
        Outcome {
            figures,
            latency_by_depth: by_depth.collect(),
            continuity: shares(&survey.moving),
            new_links: links,
        }
    }
}
