use core::time::Duration;

use peerstream_node::{
    Config, Input, Lane, LinkState, Neighbour, Node, Output, Phase, Stats, playhead::SAMPLE,
};
use peerstream_wire::{Description, MAX_CHILDREN, NodeId, Notice, Refusal};
use wasm_bindgen::{JsValue, prelude::Closure};
use web_sys::{Document, WebSocket, Window};

use crate::{
    bindings, clock,
    console::warn,
    event::{Button, Event, LinkEvent, Mailbox},
    link::Link,
    listener::Listener,
    pin,
    player::Player,
    report::report,
    screen::{Screen, Status},
    sharing::{LOOK, RELAYED, Rate, Sharing, Word},
    socket::Socket,
    timer,
};

/// The page: the node, and the shells that do what it says.
pub(crate) struct Page {
    mailbox: Mailbox,
    node: Node,
    phase: Phase,
    /// Opened by the loader, until it is taken over.
    early: Option<WebSocket>,
    socket: Option<Socket>,
    links: Vec<Link>,
    next_link: u32,
    /// Links whose queue changed, and is to be told of.
    written: Vec<NodeId>,
    /// When the next timer runs.
    timer: Option<Duration>,
    player: Player,
    screen: Screen,
    /// What the owner has said about passing the stream on.
    word: Word,
    sharing: Sharing,
    /// When that was looked at last.
    looked: Duration,
    rate: Rate,
    _visits: [Listener; 2],
}

/// Puts everything together, and lets it run.
pub(crate) fn start(early: Option<WebSocket>) {
    let Some(window) = web_sys::window() else {
        return;
    };
    let Some(document) = window.document() else {
        return;
    };
    let mailbox = Mailbox::default();
    let mut screen = Screen::new(document.clone(), &mailbox);
    let Some(video) = screen.video() else { return };
    let Ok(pinned) = pin::pinned(&window.location().hash().unwrap_or_default()) else {
        screen.show(Status::Misspelt, None);
        return;
    };
    let node = Node::new(
        Config {
            pinned,
            seed: seed(),
        },
        clock::now(),
    );
    let player = Player::new(document.clone(), video, &mailbox);
    let word = Word {
        asks: screen.asks(),
        choice: remembered(),
        insists: false,
    };
    let visits = visits(&window, &document, &mailbox);
    let mut page = Page {
        mailbox: mailbox.clone(),
        node,
        phase: Phase::Connecting,
        early,
        socket: None,
        links: Vec::new(),
        next_link: 0,
        written: Vec::new(),
        timer: None,
        player,
        screen,
        word,
        sharing: Sharing::On,
        looked: Duration::ZERO,
        rate: Rate::default(),
        _visits: visits,
    };
    // Before the box is spoken to.
    page.look(clock::now());
    mailbox.open(page);
    offer_stats(&mailbox);
    mailbox.post(Event::Timer);
    timer::every(SAMPLE, Box::new(move || mailbox.post(Event::Sample)));
}

impl Page {
    /// Takes one event, and does all that follows from it.
    pub(crate) fn handle(&mut self, event: Event) {
        let now = clock::now();
        if let Some(input) = self.take(now, event) {
            self.node.handle(now, input);
        }
        // Timers of hidden pages are late; anything that happens may stand in for one.
        if self.node.deadline().is_some_and(|deadline| deadline <= now) {
            self.node.handle(now, Input::Tick);
        }
        self.carry_out(now);
        self.set_timer(now);
        self.screen.show(self.status(), self.node.notice());
        self.screen.title(self.node.title());
    }

    /// What is going on.
    pub(crate) fn status(&self) -> Status {
        let player = &self.player;
        match self.phase {
            Phase::Over => Status::Over,
            Phase::Refused(_) => Status::Refused,
            Phase::OtherStream => Status::OtherStream,
            _ if player.unsupported => Status::Unsupported,
            _ if player.refused || player.stopped() => Status::Paused,
            Phase::Playing if player.standby => Status::Standby,
            Phase::Playing if player.startup.is_some() => Status::Playing,
            Phase::Playing | Phase::Waiting => Status::Waiting,
            Phase::Connecting if player.startup.is_some() => Status::Reconnecting,
            Phase::Connecting => Status::Connecting,
        }
    }

    pub(crate) fn player(&self) -> &Player {
        &self.player
    }

    pub(crate) fn node_stats(&self) -> Stats {
        self.node.stats()
    }

    pub(crate) fn sharing(&self) -> Sharing {
        self.sharing
    }

    pub(crate) fn notice(&self) -> Option<Notice> {
        self.node.notice()
    }

    /// What the node has to know of an event.
    fn take(&mut self, now: Duration, event: Event) -> Option<Input> {
        match event {
            Event::Node(input) => return Some(input),
            Event::SocketOpened => return Some(Input::ControlOpened),
            Event::SocketClosed => {
                self.socket = None;
                return Some(Input::ControlClosed);
            }
            Event::SocketMessage(bytes) => return Some(Input::Control(bytes)),
            Event::Link(number, event) => return self.link_event(number, event),
            Event::Timer => self.timer = None,
            Event::Sample => {
                self.player.sample(now, self.node.playout_delay());
                self.screen.offer(
                    self.player.silenced(),
                    self.player.refused || self.player.stopped(),
                );
                if now >= self.looked + LOOK {
                    self.look(now);
                }
            }
            Event::Frame { media_time, shown } => {
                let box_time = self.node.box_time(shown);
                self.player.frame(now, media_time, shown, box_time);
            }
            Event::SourceOpened => self.player.opened(now),
            Event::SourceReady => self.player.ready(now),
            Event::SourceBroken(why) => self.player.broken(now, &why),
            Event::Seen(seen) => {
                // Browsers stop the picture of a page that nobody sees, and let it stand.
                if seen && self.player.stopped() {
                    self.player.resume();
                }
                self.look(now);
            }
            Event::PlayRefused => self.player.play_refused(),
            Event::Pressed(Button::Unmute) => self.player.unmute(),
            Event::Pressed(Button::Play) => self.player.resume(),
            Event::Pressed(Button::Fullscreen) => bindings::toggle_fullscreen(self.player.video()),
            Event::Pressed(Button::Share) => {
                self.word.press(self.sharing);
                self.said(now);
            }
            Event::Pressed(button) => {
                self.word.choice = Some(matches!(button, Button::Agree));
                self.said(now);
            }
        }
        None
    }

    /// Looks whether the stream may be passed on, and how much of it is.
    fn look(&mut self, now: Duration) {
        self.looked = now;
        let relayed = self.links.iter().any(Link::relayed);
        let against = bindings::against() | if relayed { RELAYED } else { 0 };
        let sharing = self.word.sharing(against);
        if sharing != self.sharing {
            self.sharing = sharing;
            let on = sharing == Sharing::On;
            let copies_max = if on { MAX_CHILDREN as u8 } else { 0 };
            self.node.handle(now, Input::Sharing { copies_max });
        }
        let stats = self.node.stats();
        self.rate.note(now, stats.bytes_out.total());
        let feeding = |child: &&Neighbour| child.state == LinkState::Feeding;
        let others = stats.children.iter().filter(feeding).count();
        self.screen.sharing(sharing, others, self.rate.bits);
    }

    /// The owner has said something about it.
    fn said(&mut self, now: Duration) {
        if let Some(choice) = self.word.choice {
            bindings::remember(choice);
        }
        self.look(now);
    }

    fn link_event(&mut self, number: u32, event: LinkEvent) -> Option<Input> {
        // A link that is gone already may still have had something to say.
        let link = self.links.iter_mut().find(|link| link.number() == number)?;
        let peer = link.peer();
        let drained = matches!(event, LinkEvent::Drained);
        let input = link.handle(event);
        if drained {
            self.wrote(peer);
        }
        if let Some(Input::LinkClosed { peer, strand }) = &input {
            self.drop_link(*peer, *strand);
        }
        input
    }

    fn carry_out(&mut self, now: Duration) {
        loop {
            while let Some(output) = self.node.poll() {
                self.act(now, output);
            }
            // What the browser has queued decides whether the node may send more.
            let Some(peer) = self.written.pop() else {
                return;
            };
            let strands = self.links.iter().filter(|link| link.leads_to(peer));
            let bytes = strands.map(Link::buffered).sum();
            self.node.handle(now, Input::LinkBuffered { peer, bytes });
        }
    }

    fn act(&mut self, now: Duration, output: Output) {
        match output {
            Output::OpenControl => self.open_control(),
            Output::Control(bytes) => {
                if let Some(socket) = &self.socket {
                    socket.send(&bytes);
                }
            }
            Output::CreateOffer { peer, strand } => self.connect(peer, strand, None),
            Output::CreateAnswer {
                peer,
                strand,
                offer,
            } => self.connect(peer, strand, Some(&offer)),
            Output::SetAnswer {
                peer,
                strand,
                answer,
            } => {
                if let Some(link) = self.link(peer, strand) {
                    link.accept(&answer);
                }
            }
            Output::AddCandidates {
                peer,
                strand,
                candidates,
            } => {
                if let Some(link) = self.link(peer, strand) {
                    link.add(candidates);
                }
            }
            Output::CloseLink { peer } => self.drop_link(peer, 0),
            Output::Send { peer, lane, bytes } => {
                let link = match lane {
                    Lane::Command => self.link(peer, 0),
                    Lane::Media => self.widest(peer),
                };
                if let Some(link) = link {
                    link.send(lane, &bytes);
                    self.wrote(peer);
                }
            }
            Output::Tracks(init) => self.player.tracks(now, init),
            Output::Chunk(fragment) => {
                let box_time = self.node.box_time(now);
                self.player.chunk(now, fragment, box_time);
            }
            Output::Skipped(gap) => self.player.skipped(gap),
            Output::Phase(phase) => self.enter(phase),
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.player.over = phase == Phase::Over;
        if phase == Phase::Refused(Refusal::Protocol) {
            bindings::reload_once();
        }
    }

    fn open_control(&mut self) {
        // The one before is closed first: its late events must not be taken for the new
        // one's.
        self.socket = None;
        let socket = match self.early.take() {
            Some(early) => Ok(Socket::adopt(early, &self.mailbox)),
            None => Socket::open(&self.mailbox),
        };
        match socket {
            Ok(socket) => self.socket = Some(socket),
            Err(error) => {
                warn("no way to the box", &error);
                self.mailbox.post(Event::SocketClosed);
            }
        }
    }

    fn connect(&mut self, peer: NodeId, strand: u8, offer: Option<&Description>) {
        self.drop_link(peer, strand);
        self.next_link = self.next_link.wrapping_add(1);
        let link = Link::new((peer, strand), offer, self.next_link, &self.mailbox);
        match link {
            Ok(link) => self.links.push(link),
            Err(error) => {
                warn("no connection can be made", &error);
                let closed = Input::LinkClosed { peer, strand };
                self.mailbox.post(Event::Node(closed));
            }
        }
    }

    fn link(&mut self, peer: NodeId, strand: u8) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.is(peer, strand))
    }

    /// The strand of a link that lets through more soonest.
    fn widest(&mut self, peer: NodeId) -> Option<&mut Link> {
        let strands = self.links.iter_mut().filter(|link| link.leads_to(peer));
        strands.min_by_key(|link| (link.buffered(), link.strand()))
    }

    /// How many strands a link has.
    pub(crate) fn strands(&self, peer: NodeId) -> u32 {
        self.links.iter().filter(|link| link.leads_to(peer)).count() as u32
    }

    fn wrote(&mut self, peer: NodeId) {
        if !self.written.contains(&peer) {
            self.written.push(peer);
        }
    }

    /// A strand goes alone, a link with all of its strands.
    fn drop_link(&mut self, peer: NodeId, strand: u8) {
        self.links
            .retain(|link| link.peer() != peer || (strand > 0 && !link.is(peer, strand)));
    }

    fn set_timer(&mut self, now: Duration) {
        let Some(deadline) = self.node.deadline() else {
            return;
        };
        if self.timer.is_some_and(|timer| timer <= deadline) {
            return;
        }
        self.timer = Some(deadline);
        let mailbox = self.mailbox.clone();
        let due = move || mailbox.post(Event::Timer);
        timer::after(deadline.saturating_sub(now), Box::new(due));
    }
}

/// The page says goodbye when it goes, and knows when it is seen again.
fn visits(window: &Window, document: &Document, mailbox: &Mailbox) -> [Listener; 2] {
    let to = mailbox.clone();
    let hidden = Listener::new(window, "pagehide", move |_| {
        to.post(Event::Node(Input::PageHidden))
    });
    let to = mailbox.clone();
    let page = document.clone();
    let seen = Listener::new(document, "visibilitychange", move |_| {
        to.post(Event::Seen(!page.hidden()));
    });
    [hidden, seen]
}

/// What the owner said on an earlier visit.
fn remembered() -> Option<bool> {
    let said = bindings::recall();
    (said >= 0).then_some(said > 0)
}

fn offer_stats(mailbox: &Mailbox) {
    let mailbox = mailbox.clone();
    let stats = Closure::<dyn Fn() -> JsValue>::new(move || {
        mailbox
            .look(|page| report(page, clock::now()))
            .unwrap_or(JsValue::NULL)
    });
    bindings::offer_stats(&stats.into_js_value());
}

/// It only spreads reconnects.
fn seed() -> u64 {
    js_sys::Math::random().to_bits()
}
