//! What is observed of an audience, and the figures that come of it.
//! [`crate::report::Figures`] defines them.

use core::time::Duration;

use crate::{
    page::Page,
    report::{LEAST_WATCHED, Sample},
};

/// Observations since [`Watch::begin`]; none before.
#[derive(Default)]
pub(crate) struct Watch {
    since: Option<Duration>,
    pub(crate) continuity: Sample,
    pub(crate) latency: Sample,
    pub(crate) startup: Sample,
    pub(crate) refed: Sample,
    pub(crate) victims: Sample,
    /// Used share of the uplink, of each who forwards.
    pub(crate) uplink: Sample,
    /// Latency by the depth of the node.
    pub(crate) by_depth: Vec<Sample>,
    /// Of each second: pictures that should move, and those that did.
    pub(crate) moving: Vec<(u32, u32)>,
    pub(crate) media: Media,
    /// When the box was not there.
    away: Option<(Duration, Option<Duration>)>,
    pub(crate) honest_expelled: u64,
    pub(crate) gone: u64,
}

/// What has come to viewers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Media {
    bytes: u64,
    again: u64,
}

impl Media {
    /// All that has come to a page.
    fn of(page: &Page) -> Media {
        let stats = page.node.stats();
        Media {
            bytes: stats.bytes_in.total(),
            again: stats.bytes_again,
        }
    }

    pub(crate) fn double_delivery(&self) -> f64 {
        self.again as f64 / self.bytes.max(1) as f64
    }
}

impl Watch {
    /// Counts from here on.
    pub(crate) fn begin<'a>(&mut self, now: Duration, pages: impl Iterator<Item = &'a mut Page>) {
        *self = Watch {
            since: Some(now),
            ..Watch::default()
        };
        for page in pages {
            page.element.mark(now);
            page.watched = page.element.began().map(|_| now);
            page.sent_before = page.sent;
            page.media_before = Media::of(page);
            page.orphaned = None;
        }
    }

    /// A page has its first picture.
    pub(crate) fn begins(&mut self, now: Duration, page: &Page) {
        let observed = self.since.is_some_and(|since| page.opened >= since);
        if observed && !page.conduct.is_hostile() {
            let startup = now.saturating_sub(page.opened);
            self.startup.add(startup.as_secs_f64() * 1e3);
        }
    }

    /// A page's player has been looked after, as it is twenty times a second.
    pub(crate) fn sample(&mut self, now: Duration, page: &mut Page) {
        page.samples += 1;
        let Some(since) = self.since else {
            return;
        };
        if !page.samples.is_multiple_of(20) || page.conduct.is_hostile() {
            return;
        }
        let Some(behind) = page.element.behind(now) else {
            return;
        };
        let second = now.saturating_sub(since).as_secs() as usize;
        if self.moving.len() <= second {
            self.moving.resize(second + 1, (0, 0));
        }
        self.moving[second].0 += 1;
        if page.element.stands(now) {
            return;
        }
        self.moving[second].1 += 1;
        self.latency.add(behind.as_secs_f64());
        let depth = usize::from(page.node.stats().depth);
        if self.by_depth.len() <= depth {
            self.by_depth.resize_with(depth + 1, Sample::new);
        }
        self.by_depth[depth].add(behind.as_secs_f64());
    }

    /// Somebody who had lost a feeder is fed again.
    pub(crate) fn refed(&mut self, after: Duration, hostile: bool) {
        if self.since.is_some() && !hostile {
            self.refed.add(after.as_secs_f64());
        }
    }

    pub(crate) fn box_stops(&mut self, now: Duration) {
        self.away = Some((now, None));
    }

    pub(crate) fn box_starts(&mut self, now: Duration) {
        if let Some((_, end)) = &mut self.away {
            *end = Some(now);
        }
    }

    /// The box turns an honest page away that does not go by itself.
    pub(crate) fn expels(&mut self, page: &Page) {
        if self.since.is_some() && !page.conduct.is_hostile() {
            self.honest_expelled += 1;
        }
    }

    /// A page goes.
    pub(crate) fn gone(&mut self, now: Duration, page: &mut Page) {
        self.gone += 1;
        self.settle(now, page);
    }

    /// The end of what is observed of a page.
    pub(crate) fn settle(&mut self, now: Duration, page: &mut Page) {
        let Some(since) = self.since else {
            return;
        };
        if page.conduct.is_hostile() {
            return;
        }
        let media = Media::of(page);
        self.media.bytes += media.bytes.saturating_sub(page.media_before.bytes);
        self.media.again += media.again.saturating_sub(page.media_before.again);
        let lost = page.element.loss(now).total();
        if page.victim {
            self.victims.add(lost.as_secs_f64());
        }
        let from = page.opened.max(since);
        let observed = now.saturating_sub(from).as_secs_f64();
        if !page.viewer.leaf_only && observed >= 1.0 {
            let sent = page.sent.saturating_sub(page.sent_before) as f64 * 8.0;
            self.uplink.add(sent / observed / page.viewer.uplink as f64);
        }
        let Some(watched) = page.watched else {
            return;
        };
        let time = now.saturating_sub(watched);
        if time < LEAST_WATCHED {
            return;
        }
        let lost = lost.saturating_sub(self.nothing_captured(watched, now));
        self.continuity
            .add(1.0 - (lost.as_secs_f64() / time.as_secs_f64()).min(1.0));
    }

    /// For how long between two moments there was no box, and so nothing to see.
    fn nothing_captured(&self, from: Duration, until: Duration) -> Duration {
        let Some((began, ended)) = self.away else {
            return Duration::ZERO;
        };
        let ended = ended.unwrap_or(until).min(until);
        ended.saturating_sub(began.max(from))
    }
}
