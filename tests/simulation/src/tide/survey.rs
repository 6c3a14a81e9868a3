//! What is measured; [`crate::report::Figures`] says how each figure is meant.

use super::{
    histogram::Histogram,
    node::{LONGEST, NOBODY, Name},
    state::Tide,
};
use crate::report::{LEAST_WATCHED, STALL};

pub(super) struct Survey {
    /// Since when; nothing counts before.
    pub(super) since: Option<u64>,
    /// 1 - continuity.
    pub(super) lost: Histogram,
    pub(super) latency: Histogram,
    pub(super) startup: Histogram,
    pub(super) refed: Histogram,
    pub(super) uplink: Histogram,
    pub(super) by_depth: Vec<Histogram>,
    /// Pictures that should move and those that do, each second.
    pub(super) moving: Vec<(u32, u32)>,
    pub(super) takeovers: u64,
    pub(super) declined: u64,
    pub(super) links: u64,
    pub(super) relayed: u64,
    pub(super) link_failures: u64,
    pub(super) offences: u64,
    pub(super) expelled: u64,
    pub(super) renamed: u64,
}

impl Survey {
    pub(super) fn new() -> Survey {
        Survey {
            since: None,
            lost: Histogram::new(1e-5, 100_001),
            latency: Histogram::new(1e-3, 20_000),
            startup: Histogram::new(1.0, 120_000),
            refed: Histogram::new(1e-3, 60_000),
            uplink: Histogram::new(1e-3, 2_000),
            by_depth: Vec::new(),
            moving: Vec::new(),
            takeovers: 0,
            declined: 0,
            links: 0,
            relayed: 0,
            link_failures: 0,
            offences: 0,
            expelled: 0,
            renamed: 0,
        }
    }

    pub(super) fn begin(&mut self, now: u64) {
        *self = Survey {
            since: Some(now),
            ..Survey::new()
        };
    }

    pub(super) fn refed(&mut self, seconds: f64) {
        if self.since.is_some() {
            self.refed.add(seconds);
        }
    }

    pub(super) fn startup(&mut self, millis: f64) {
        if self.since.is_some() {
            self.startup.add(millis);
        }
    }

    fn sample(&mut self, depth: u8, behind: f64) {
        self.latency.add(behind);
        let rank = usize::from(depth);
        while self.by_depth.len() <= rank {
            self.by_depth.push(Histogram::new(1e-2, 1_000));
        }
        self.by_depth[rank].add(behind);
    }
}

impl Tide<'_> {
    /// Once a second: works the flow out for everybody, and looks at every picture.
    pub(super) fn look(&mut self) {
        self.pass += 1;
        let (pass, now, frame) = (self.pass, self.now, self.media.frame);
        let (mut all, mut moving) = (0, 0);
        for name in 1..self.nodes.len() as Name {
            if !self.nodes[name as usize].alive {
                continue;
            }
            self.flow_to(name, pass);
            let node = &mut self.nodes[name as usize];
            let (flow, picture) = (node.flow, &mut node.picture);
            if picture.began == 0 {
                continue;
            }
            all += 1;
            if flow.frozen {
                let level = picture.behind - flow.arrival;
                let still = now.saturating_sub(node.cut.max(1)) as f32 / 1e6 - level;
                moving += u32::from(node.cut != 0 && still < STALL.as_secs_f32());
                continue;
            }
            picture.pass(now, &flow, frame);
            moving += 1;
            self.survey.sample(flow.depth, picture.behind.into());
        }
        self.survey.moving.push((all, moving));
    }

    /// The end of what is observed of a node.
    pub(super) fn settle_figures(&mut self, name: Name) {
        let Some(since) = self.survey.since else {
            return;
        };
        let node = &self.nodes[name as usize];
        let (now, mut picture) = (self.now, node.picture);
        let observed = now.saturating_sub(picture.opened.max(since));
        if !node.leaf_only && observed >= 1_000_000 {
            let used = f32::from(node.served) * self.media.rate / node.uplink;
            self.survey.uplink.add(used.into());
        }
        if picture.began == 0 {
            return;
        }
        let watched = now.saturating_sub(picture.began.max(since)) as f64 / 1e6;
        if watched < LEAST_WATCHED.as_secs_f64() {
            return;
        }
        let cut = self.cut_since(name);
        if cut != 0 && now > cut {
            let length = (now - cut) as f32 / 1e6;
            picture.gap(now, length, &node.flow, self.media.frame);
        }
        let lost = (f64::from(picture.lost) / watched).min(1.0);
        self.survey.lost.add(lost);
    }

    /// Since when nothing comes to a node; 0 if something does.
    pub(super) fn cut_since(&self, name: Name) -> u64 {
        let mut at = name;
        for _ in 0..LONGEST {
            let Some(node) = self.nodes.get(at as usize) else {
                return 0;
            };
            if node.cut != 0 || node.feeder == NOBODY {
                return node.cut;
            }
            at = node.feeder;
        }
        0
    }
}
