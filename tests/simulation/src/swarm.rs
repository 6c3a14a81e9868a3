mod events;
mod outputs;

use core::time::Duration;
use std::collections::BTreeMap;

use events::{BOX_HEARTBEAT, Event};
use peerstream_node::{Input, Stats};
use peerstream_overlay::{Misbehaved, Status};
use peerstream_wire::NodeId;

use crate::{
    agenda::Agenda,
    appliance::{Appliance, BoxBytes},
    dice::Dice,
    link::Links,
    page::{Conduct, Page, PageId, Playback},
    profile::Profile,
};

/// A box and its audience.
pub struct Swarm {
    profile: Profile,
    now: Duration,
    agenda: Agenda<Event>,
    dice: Dice,
    appliance: Appliance,
    /// Who is on the other side of each control socket.
    sockets: BTreeMap<u32, PageId>,
    next_socket: u32,
    pages: BTreeMap<PageId, Page>,
    next_page: u32,
    links: Links,
    coordinator_wake: Option<Duration>,
    trace: blake3::Hasher,
}

impl Swarm {
    /// A box whose stream has just begun, and nobody watching.
    #[must_use]
    pub fn new(profile: Profile) -> Swarm {
        let mut swarm = Swarm {
            now: Duration::ZERO,
            agenda: Agenda::new(),
            dice: Dice::new(profile.seed),
            appliance: Appliance::new(&profile),
            sockets: BTreeMap::new(),
            next_socket: 0,
            pages: BTreeMap::new(),
            next_page: 0,
            links: Links::new(),
            coordinator_wake: None,
            trace: blake3::Hasher::new(),
            profile,
        };
        swarm.agenda.note(swarm.profile.fragment, Event::Capture);
        swarm.agenda.note(BOX_HEARTBEAT, Event::BoxHeartbeat);
        swarm
    }

    /// Somebody opens the page.
    pub fn join(&mut self) -> PageId {
        let id = PageId(self.next_page);
        self.next_page += 1;
        let control = self.dice.duration(&self.profile.control);
        // No two clocks agree: a node must not care.
        let skew = Duration::from_millis(self.dice.number() % 1_000_000);
        self.pages
            .insert(id, Page::new(self.dice.number(), self.now, control, skew));
        self.settle(id);
        id
    }

    /// A page dies without a word.
    pub fn kill(&mut self, id: PageId) {
        let link_notice = self.profile.link_notice;
        self.remove(id, self.profile.socket_notice, |_| link_notice);
    }

    /// A page is left for another one.
    pub fn leave(&mut self, id: PageId) {
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        let control = page.control;
        page.handle(self.now, Input::PageHidden);
        self.settle(id);
        self.remove(id, control, |delay| delay);
    }

    /// How a page behaves from now on.
    pub fn conduct(&mut self, id: PageId, conduct: Conduct) {
        if let Some(page) = self.pages.get_mut(&id) {
            page.conduct = conduct;
        }
    }

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some((at, event)) = self.agenda.next(until) {
            self.now = at;
            self.happen(event);
        }
        self.now = until;
    }

    /// Begins new [`Playback`]s.
    pub fn mark(&mut self) {
        for page in self.pages.values_mut() {
            page.playback.mark();
        }
    }

    /// Every page that is open.
    pub fn pages(&self) -> impl Iterator<Item = PageId> + '_ {
        self.pages.keys().copied()
    }

    /// What a page has shown since the last mark.
    #[must_use]
    pub fn playback(&self, id: PageId) -> Option<&Playback> {
        self.pages.get(&id).map(|page| &page.playback)
    }

    /// The figures of a page's node.
    #[must_use]
    pub fn stats(&self, id: PageId) -> Option<Stats> {
        self.pages.get(&id).map(|page| page.node.stats())
    }

    /// The page that the box calls by this name.
    #[must_use]
    pub fn page(&self, node: NodeId) -> Option<PageId> {
        self.pages
            .iter()
            .find(|(_, page)| page.name == Some(node))
            .map(|(id, _)| *id)
    }

    /// One of the open pages, by chance.
    pub fn any_page(&mut self) -> Option<PageId> {
        let rank = self.dice.below(self.pages.len());
        self.pages.keys().nth(rank).copied()
    }

    /// The overlay in figures.
    #[must_use]
    pub fn status(&self) -> Status {
        self.appliance.coordinator.status()
    }

    /// What the coordinator was told that no honest node says.
    #[must_use]
    pub fn offences(&self) -> &[Misbehaved] {
        &self.appliance.offences
    }

    /// What the box has sealed and sent so far.
    #[must_use]
    pub fn box_bytes(&self) -> BoxBytes {
        self.appliance.bytes()
    }

    /// How often any node that is here has turned to its partner or reserve.
    #[must_use]
    pub fn takeovers(&self) -> u64 {
        self.pages
            .values()
            .map(|page| page.node.stats().takeovers)
            .sum()
    }

    /// A digest of everything that has happened, in its order.
    #[must_use]
    pub fn trace(&self) -> [u8; 32] {
        *self.trace.finalize().as_bytes()
    }

    /// A page is gone. `notice` says when the other end of a link finds out, given the
    /// link's delay.
    fn remove(&mut self, id: PageId, socket: Duration, notice: impl Fn(Duration) -> Duration) {
        let Some(page) = self.pages.remove(&id) else {
            return;
        };
        if let Some(id) = page.socket {
            self.sockets.remove(&id);
            self.agenda.note(self.now + socket, Event::SocketLost(id));
        }
        for (link, side, delay) in self.links.close_all(id) {
            self.agenda
                .note(self.now + notice(delay), Event::LinkClosed(link, side));
        }
    }
}
