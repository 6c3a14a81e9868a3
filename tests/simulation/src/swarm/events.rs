//! What can happen, and what follows from it.

use core::time::Duration;

use bytes::Bytes;
use peerstream_node::{Input, Lane};
use peerstream_wire::{Envelope, NodeId, ToNode};

use super::Swarm;
use crate::{
    conduct::Mischief,
    link::{LinkId, Side},
    page::PageId,
    wire::LOW,
};

pub(super) enum Event {
    Capture,
    BoxHeartbeat,
    BoxTimeout,
    /// The box's uplink is free again.
    BoxUplink,
    /// At the box, of a page.
    SocketAsked(PageId, u32),
    /// At the page: whether there is a box.
    SocketOpened(PageId, u32, bool),
    /// At the page.
    SocketMessage(u32, Bytes),
    /// At the page.
    SocketClosed(u32),
    /// At the box.
    BoxMessage(u32, Bytes),
    /// At the box.
    SocketLost(u32),
    Wake(PageId),
    Input(PageId, Box<Input>),
    LinkOpened(LinkId),
    /// At this end.
    LinkClosed(LinkId, Side),
    /// At this end.
    LinkMessage(LinkId, Side, Bytes),
    /// A message that a hostile page has held back.
    Held(PageId, NodeId, Lane, Bytes),
    /// The media channel's buffer of this end is low.
    LinkDrained(LinkId, Side),
    /// The players of a twentieth of all pages are looked after.
    Sample(u32),
}

impl Swarm {
    pub(super) fn happen(&mut self, event: Event) {
        self.events += 1;
        let (kind, whose, length) = event.gist();
        let mut gist = [0; 24];
        let time = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        gist[..8].copy_from_slice(&time.to_be_bytes());
        gist[8..16].copy_from_slice(&(kind << 32 | whose).to_be_bytes());
        gist[16..].copy_from_slice(&length.to_be_bytes());
        self.trace.update(&gist);
        match event {
            Event::Capture => {
                self.appliance.capture(self.now);
                let frame = self.world.conditions().stream.frame;
                self.agenda.note(self.now + frame, Event::Capture);
            }
            Event::BoxHeartbeat => {
                self.appliance.heartbeat(self.now);
                self.agenda
                    .note(self.now + BOX_HEARTBEAT, Event::BoxHeartbeat);
            }
            Event::BoxTimeout => {
                self.coordinator_wake = None;
                self.appliance.timeout(self.now);
            }
            Event::BoxUplink => self.uplink_wake = None,
            Event::SocketAsked(id, socket) => self.socket_asked(id, socket),
            Event::SocketOpened(id, socket, there) => {
                if !there {
                    self.socket_closed(socket);
                } else if self.socket(socket) == Some(id) {
                    self.give(id, Input::ControlOpened);
                }
            }
            Event::SocketMessage(socket, bytes) => self.hear_box(socket, bytes),
            Event::SocketClosed(socket) => self.socket_closed(socket),
            Event::BoxMessage(socket, bytes) => self.appliance.received(self.now, socket, bytes),
            Event::SocketLost(socket) => self.appliance.lost(self.now, socket),
            Event::Wake(id) => self.wake(id),
            Event::Input(id, input) => self.give(id, *input),
            Event::LinkOpened(link) => {
                for (page, peer) in self.links.open(link).into_iter().flatten() {
                    self.note_victims(page);
                    let strand = self.links.strand(link);
                    self.give(page, Input::LinkOpened { peer, strand });
                }
            }
            Event::LinkClosed(link, side) => {
                if let Some((page, peer)) = self.links.end(link, side) {
                    let strand = self.links.strand(link);
                    if strand == 0 {
                        self.links.close(page, peer);
                    } else {
                        self.links.close_one(page, peer, link);
                    }
                    self.give(page, Input::LinkClosed { peer, strand });
                }
            }
            Event::LinkMessage(link, side, bytes) => {
                if let Some((page, peer)) = self.links.end(link, side) {
                    let by = self.links.route(page, peer);
                    self.note_media(page, by, &bytes);
                    self.give(page, Input::LinkMessage { peer, bytes });
                }
                // Nothing that only pages hear can make the box speak at this moment.
                return;
            }
            Event::Held(id, peer, lane, bytes) => {
                self.transmit(id, peer, lane, bytes);
                self.settle(id);
            }
            Event::LinkDrained(link, side) => {
                let now = self.now;
                let Some((page, peer)) = self.links.end(link, side) else {
                    return;
                };
                if let Some(end) = self.links.get_mut(link) {
                    end.channels[usize::from(side)].watched = false;
                }
                // More may have come behind what was to go until now.
                self.watch_buffer(link, side);
                let bytes = self.links.buffered(now, page, peer);
                self.give(page, Input::LinkBuffered { peer, bytes });
                return;
            }
            Event::Sample(turn) => self.sample(turn),
        }
        self.post();
    }

    fn socket_asked(&mut self, id: PageId, socket: u32) {
        let Some(viewer) = self.get(id).map(|page| page.viewer) else {
            return;
        };
        let there = self.appliance.opened(socket, viewer.network);
        self.agenda.note(
            self.now + viewer.control,
            Event::SocketOpened(id, socket, there),
        );
    }

    fn socket_closed(&mut self, socket: u32) {
        let Some(id) = self.socket(socket) else {
            return;
        };
        self.sockets[socket as usize] = None;
        if let Some(page) = self.page_mut(id) {
            page.socket = None;
        }
        self.give(id, Input::ControlClosed);
    }

    pub(super) fn socket(&self, socket: u32) -> Option<PageId> {
        self.sockets.get(socket as usize).copied().flatten()
    }

    fn hear_box(&mut self, socket: u32, bytes: Bytes) {
        let Some(id) = self.socket(socket) else {
            return;
        };
        if bytes.first() == Some(&LINK_ENVELOPE) {
            self.note_media(id, None, &bytes[1..]);
        } else if let Ok(Envelope::Control(body)) = Envelope::decode(bytes.clone())
            && let Ok(ToNode::Welcome { node, .. }) = ToNode::decode(&body)
            && let Some(page) = self.page_mut(id)
        {
            page.name = Some(node);
        }
        self.give(id, Input::Control(bytes));
    }

    fn wake(&mut self, id: PageId) {
        let now = self.now;
        let Some(page) = self.page_mut(id) else {
            return;
        };
        // An earlier one has been noted since, and has come.
        if page.wake != Some(now) {
            return;
        }
        page.wake = None;
        if page.deadline().is_some_and(|deadline| deadline <= now) {
            page.handle(now, Input::Tick);
        }
        self.settle(id);
    }

    fn give(&mut self, id: PageId, input: Input) {
        let now = self.now;
        if let Some(page) = self.page_mut(id) {
            page.handle(now, input);
            self.settle(id);
        }
    }

    /// Looks after the players whose turn it is; hostile pages do their mischief then.
    fn sample(&mut self, turn: u32) {
        let mut mischief = Vec::new();
        let mine = (turn as usize..self.pages.len()).step_by(TURNS as usize);
        for rank in mine {
            let Some(page) = self.pages[rank].as_deref_mut() else {
                continue;
            };
            if page.sample(self.now) {
                self.watch.begins(self.now, page);
            }
            self.watch.sample(self.now, page);
            if page.conduct.is_hostile() {
                let id = PageId(u32::try_from(rank).unwrap_or(u32::MAX));
                let node = &page.node;
                mischief.push((id, page.conduct.mischief(|| node.stats())));
            }
        }
        for (id, deeds) in mischief {
            for deed in deeds {
                match deed {
                    Mischief::Link(peer, lane, bytes) => self.transmit(id, peer, lane, bytes),
                    Mischief::Box(message) => {
                        let body = message.encode().into();
                        self.tell_box(id, Envelope::Control(body).encode());
                    }
                }
            }
        }
        let next = (turn + 1) % TURNS;
        self.agenda.note(self.now + TURN, Event::Sample(next));
    }

    /// When the buffer of an end will be low, if it is not.
    pub(super) fn watch_buffer(&mut self, id: LinkId, side: Side) {
        let Some(link) = self.links.get_mut(id) else {
            return;
        };
        let channel = &mut link.channels[usize::from(side)];
        if !channel.watched
            && channel.buffered(self.now) > LOW
            && let Some(at) = channel.low(LOW)
        {
            channel.watched = true;
            self.agenda.note(at, Event::LinkDrained(id, side));
        }
    }
}

impl Event {
    /// For the trace: its kind, whom it concerns, how much it carries.
    fn gist(&self) -> (u64, u64, u64) {
        let length = |bytes: &Bytes| bytes.len() as u64;
        match self {
            Event::Capture => (0, 0, 0),
            Event::BoxHeartbeat => (1, 0, 0),
            Event::BoxTimeout => (2, 0, 0),
            Event::BoxUplink => (3, 0, 0),
            Event::SocketAsked(page, _) => (4, page.0.into(), 0),
            Event::SocketOpened(page, _, there) => (5, page.0.into(), u64::from(*there)),
            Event::SocketMessage(socket, bytes) => (6, (*socket).into(), length(bytes)),
            Event::SocketClosed(socket) => (7, (*socket).into(), 0),
            Event::BoxMessage(socket, bytes) => (8, (*socket).into(), length(bytes)),
            Event::SocketLost(socket) => (9, (*socket).into(), 0),
            Event::Wake(page) => (10, page.0.into(), 0),
            Event::Input(page, _) => (11, page.0.into(), 0),
            Event::LinkOpened(link) => (12, link.number(), 0),
            Event::LinkClosed(link, side) => (13, link.number(), (*side).into()),
            Event::LinkMessage(link, _, bytes) => (14, link.number(), length(bytes)),
            Event::Held(page, _, _, bytes) => (15, page.0.into(), length(bytes)),
            Event::LinkDrained(link, side) => (16, link.number(), (*side).into()),
            Event::Sample(turn) => (17, (*turn).into(), 0),
        }
    }
}

/// How often the box gives a sign of life on every feed.
pub(super) const BOX_HEARTBEAT: Duration = Duration::from_millis(100);
/// Players are looked after every 50 ms, a tenth of them every 5 ms.
const TURNS: u32 = 10;
const TURN: Duration = Duration::from_millis(5);
/// The first byte of an envelope with a message of the feed.
const LINK_ENVELOPE: u8 = 1;
