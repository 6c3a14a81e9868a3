mod events;
mod outputs;
mod watch;

use core::time::Duration;

use events::{BOX_HEARTBEAT, Event};
use peerstream_node::{Input, Stats};
use peerstream_overlay::{Config, Misbehaved, Status};
use peerstream_wire::NodeId;

use crate::{
    agenda::Agenda,
    appliance::{Appliance, BoxBytes},
    conduct::Conduct,
    dice::Dice,
    element::Loss,
    link::Links,
    page::{Page, PageId, Playback},
    watch::Watch,
    wire::{LINK_NOTICE, SOCKET_NOTICE},
    world::World,
};

/// A box and its audience.
pub struct Swarm {
    world: World,
    now: Duration,
    agenda: Agenda<Event>,
    dice: Dice,
    pub(crate) appliance: Appliance,
    /// Who is on the other side of each control socket.
    sockets: Vec<Option<PageId>>,
    /// By number; none once it is closed.
    pub(crate) pages: Vec<Option<Box<Page>>>,
    links: Links,
    coordinator_wake: Option<Duration>,
    uplink_wake: Option<Duration>,
    trace: blake3::Hasher,
    pub(crate) watch: Watch,
    /// Takeovers of those who have gone.
    past_takeovers: u64,
    pub(crate) events: u64,
}

impl Swarm {
    /// A box whose stream has just begun, and nobody watching.
    #[must_use]
    pub fn new(world: World) -> Swarm {
        Swarm::with(world, Config::default())
    }

    /// The same with another overlay.
    #[must_use]
    pub fn with(world: World, config: Config) -> Swarm {
        let conditions = world.conditions();
        let mut swarm = Swarm {
            now: Duration::ZERO,
            agenda: Agenda::new(),
            dice: Dice::new(world.seed()),
            appliance: Appliance::new(conditions, config),
            sockets: Vec::new(),
            pages: Vec::new(),
            links: Links::default(),
            coordinator_wake: None,
            uplink_wake: None,
            trace: blake3::Hasher::new(),
            watch: Watch::default(),
            past_takeovers: 0,
            events: 0,
            world,
        };
        let frame = swarm.world.conditions().stream.frame;
        swarm.agenda.note(frame, Event::Capture);
        swarm.agenda.note(BOX_HEARTBEAT, Event::BoxHeartbeat);
        swarm.agenda.note(Duration::ZERO, Event::Sample(0));
        swarm
    }

    /// The next member of the audience opens the page.
    pub fn join(&mut self) -> PageId {
        let number = u32::try_from(self.pages.len()).unwrap_or(u32::MAX);
        self.open(number)
    }

    /// The viewer of this number opens the page.
    pub fn open(&mut self, number: u32) -> PageId {
        let id = PageId(u32::try_from(self.pages.len()).unwrap_or(u32::MAX));
        let viewer = self.world.viewer(number);
        // No two clocks agree: a node must not care.
        let skew = Duration::from_millis(self.dice.number() % 1_000_000);
        let seed = self.dice.number();
        let page = Page::new(number, viewer, seed, self.now, skew);
        self.pages.push(Some(Box::new(page)));
        self.settle(id);
        self.post();
        id
    }

    /// A page dies without a word.
    pub fn kill(&mut self, id: PageId) {
        self.remove(id, SOCKET_NOTICE, |_| LINK_NOTICE);
    }

    /// A page is left for another one.
    pub fn leave(&mut self, id: PageId) {
        let Some(page) = self.page_mut(id) else {
            return;
        };
        let control = page.viewer.control;
        let now = self.now;
        if let Some(page) = self.page_mut(id) {
            page.handle(now, Input::PageHidden);
        }
        self.settle(id);
        self.remove(id, control, |delay| delay);
    }

    /// The box's process ends, and all of its sockets close.
    pub fn stop_box(&mut self) {
        self.appliance.stop(self.now);
        self.watch.box_stops(self.now);
        self.orphan_roots();
        self.post();
    }

    /// The box is back, and has forgotten its audience.
    pub fn start_box(&mut self) {
        self.appliance.start(self.now);
        self.watch.box_starts(self.now);
        self.post();
    }

    /// How a page behaves from now on.
    pub fn conduct(&mut self, id: PageId, conduct: Conduct) {
        if let Some(page) = self.page_mut(id) {
            page.conduct = conduct;
        }
        self.note_victims(id);
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
        let now = self.now;
        for page in self.pages.iter_mut().flatten() {
            page.playback.mark();
            page.element.mark(now);
        }
    }

    /// Since the beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Every page that is open.
    pub fn pages(&self) -> impl Iterator<Item = PageId> + '_ {
        let pages = self.pages.iter().zip(0..);
        pages.filter_map(|(page, id)| page.is_some().then_some(PageId(id)))
    }

    /// What a page's node has handed to its player since the last mark.
    #[must_use]
    pub fn playback(&self, id: PageId) -> Option<&Playback> {
        self.get(id).map(|page| &page.playback)
    }

    /// Skipped and stalled picture of a page since the last mark.
    pub fn lost(&mut self, id: PageId) -> Option<Duration> {
        let now = self.now;
        let loss = |page: &mut Page| page.element.loss(now);
        self.page_mut(id).map(loss).map(|loss: Loss| loss.total())
    }

    /// How far behind its capture the picture of a page is.
    #[must_use]
    pub fn behind(&self, id: PageId) -> Option<Duration> {
        self.get(id)?.element.behind(self.now)
    }

    /// The figures of a page's node.
    #[must_use]
    pub fn stats(&self, id: PageId) -> Option<Stats> {
        self.get(id).map(|page| page.node.stats())
    }

    /// The page that the box calls by this name.
    #[must_use]
    pub fn page(&self, node: NodeId) -> Option<PageId> {
        let named = |id: &PageId| self.get(*id).is_some_and(|page| page.name == Some(node));
        self.pages().find(named)
    }

    /// The page of the viewer of this number.
    #[must_use]
    pub fn page_of(&self, number: u32) -> Option<PageId> {
        let theirs = |id: &PageId| self.get(*id).is_some_and(|page| page.number == number);
        self.pages().find(theirs)
    }

    /// One of the open pages, by chance.
    pub fn any_page(&mut self) -> Option<PageId> {
        let open: Vec<PageId> = self.pages().collect();
        let rank = self.dice.below(open.len());
        open.get(rank).copied()
    }

    /// The page that the box feeds, and has fed for the longest time.
    #[must_use]
    pub fn root(&self) -> Option<PageId> {
        let page = |socket: &u32| self.sockets.get(*socket as usize).copied().flatten();
        self.appliance.feeding().iter().find_map(page)
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

    /// How often any node has turned to its partner or reserve so far.
    #[must_use]
    pub fn takeovers(&self) -> u64 {
        let here = self.pages.iter().flatten();
        let here: u64 = here.map(|page| page.node.stats().takeovers).sum();
        self.past_takeovers + here
    }

    /// A digest of everything that has happened, in its order.
    #[must_use]
    pub fn trace(&self) -> [u8; 32] {
        *self.trace.finalize().as_bytes()
    }

    pub(crate) fn get(&self, id: PageId) -> Option<&Page> {
        self.pages.get(id.0 as usize)?.as_deref()
    }

    pub(crate) fn page_mut(&mut self, id: PageId) -> Option<&mut Page> {
        self.pages.get_mut(id.0 as usize)?.as_deref_mut()
    }

    /// A page is gone. `notice` says when the other end of a link finds out, given the
    /// link's delay.
    fn remove(&mut self, id: PageId, socket: Duration, notice: impl Fn(Duration) -> Duration) {
        self.orphan_children(id);
        let Some(mut page) = self.pages.get_mut(id.0 as usize).and_then(Option::take) else {
            return;
        };
        self.past_takeovers += page.node.stats().takeovers;
        self.watch.gone(self.now, &mut page);
        if let Some(id) = page.socket {
            self.sockets[id as usize] = None;
            self.agenda.note(self.now + socket, Event::SocketLost(id));
        }
        for (link, side, delay) in self.links.close_all(id) {
            self.agenda
                .note(self.now + notice(delay), Event::LinkClosed(link, side));
        }
    }
}
