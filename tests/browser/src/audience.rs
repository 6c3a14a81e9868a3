//! The viewers.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::browser::Browser;
use crate::condition;
use crate::page::{self, Answer, Page};
use crate::stats::Stats;

const STATS: &str = "peerstream.stats()";

/// The viewers that are there now, oldest first.
#[derive(Default)]
pub struct Audience {
    viewers: Vec<Viewer>,
    joined: usize,
}

/// One viewer.
pub struct Viewer {
    /// How it is called in messages and artifacts.
    pub name: String,
    /// Its page.
    pub page: Page,
    /// The process id of the browser that the page is in.
    pub browser: u32,
}

impl Audience {
    /// Lets one more viewer open `url`, and waits for nothing.
    ///
    /// # Errors
    /// A browser that is gone, and an address that does not open.
    pub fn join(
        &mut self,
        browser: &Browser,
        url: &str,
        options: &page::Options,
    ) -> Result<&Viewer> {
        let page = browser.visit(url, options)?;
        self.joined += 1;
        self.viewers.push(Viewer {
            name: format!("viewer {}", self.joined),
            page,
            browser: browser.id(),
        });
        self.viewers.last().context("just joined")
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.viewers.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.viewers.is_empty()
    }

    /// All viewers.
    pub fn iter(&self) -> impl Iterator<Item = &Viewer> {
        self.viewers.iter()
    }

    /// The viewer at a place in the order of [`Audience::stats`].
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Viewer> {
        self.viewers.get(index)
    }

    /// Takes a viewer out of the audience, to crash or close its page.
    ///
    /// # Errors
    /// No such viewer.
    pub fn remove(&mut self, index: usize) -> Result<Viewer> {
        ensure!(index < self.viewers.len(), "no viewer {index}");
        Ok(self.viewers.remove(index))
    }

    /// Everyone's figures, asked for at the same moment.
    ///
    /// # Errors
    /// A page that is gone or has no figures yet.
    pub fn stats(&self) -> Result<Vec<Stats>> {
        self.latest().into_iter().collect()
    }

    /// The figures of everyone who has any, and what is wrong with the others.
    #[must_use]
    pub fn latest(&self) -> Vec<Result<Stats>> {
        let asked: Vec<_> = self
            .viewers
            .iter()
            .map(|viewer| viewer.page.ask(STATS))
            .collect();
        let read = |(viewer, answer): (&Viewer, Result<Answer>)| {
            let value = answer
                .and_then(Answer::wait)
                .with_context(|| viewer.name.clone())?;
            serde_json::from_value(value.clone())
                .with_context(|| format!("{}: unexpected figures {value}", viewer.name))
        };
        self.viewers.iter().zip(asked).map(read).collect()
    }

    /// Waits until everyone's figures satisfy `wanted`, and returns them.
    ///
    /// # Errors
    /// When they still do not after `within`; shows those that do not.
    pub fn until(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Stats) -> bool,
    ) -> Result<Vec<Stats>> {
        condition::until(what, within, || {
            let all = self.stats()?;
            let others: Vec<String> = (self.viewers.iter().zip(&all))
                .filter(|(_, stats)| !wanted(stats))
                .map(|(viewer, stats)| format!("\n{}: {stats}", viewer.name))
                .collect();
            if others.is_empty() {
                Ok(all)
            } else {
                bail!("{}", others.concat())
            }
        })
    }

    /// Waits until everyone plays.
    ///
    /// # Errors
    /// When somebody still does not after `within`.
    pub fn until_playing(&self, within: Duration) -> Result<Vec<Stats>> {
        self.until("everyone plays", within, |stats| stats.playing)
    }
}

/// The stall counters of an audience at one moment.
pub struct Calm(BTreeMap<String, u64>);

impl Calm {
    /// Remembers how often each viewer has stalled so far.
    ///
    /// # Errors
    /// As [`Audience::stats`].
    pub fn now(audience: &Audience) -> Result<Self> {
        let stats = audience.stats()?;
        let counters = |(viewer, stats): (&Viewer, Stats)| (viewer.name.clone(), stats.stalls);
        Ok(Calm(audience.iter().zip(stats).map(counters).collect()))
    }

    /// Remembers those who have begun to play since.
    pub fn add(&mut self, audience: &Audience) {
        for (viewer, stats) in audience.iter().zip(audience.latest()) {
            if let Ok(stats) = stats
                && stats.startup_ms.is_some()
            {
                self.0.entry(viewer.name.clone()).or_insert(stats.stalls);
            }
        }
    }

    /// Fails if a viewer that was there then and still is has stalled since.
    ///
    /// # Errors
    /// The viewer and its figures.
    pub fn check(&self, audience: &Audience) -> Result<()> {
        for (viewer, stats) in audience.iter().zip(audience.latest()) {
            let Some(stalls) = self.0.get(&viewer.name) else {
                continue;
            };
            let stats = stats?;
            ensure!(stats.stalls == *stalls, "{} stalled: {stats}", viewer.name);
        }
        Ok(())
    }
}
