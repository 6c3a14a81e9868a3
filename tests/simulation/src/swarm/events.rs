//! What can happen, and what follows from it.

use core::time::Duration;

use bytes::Bytes;
use peerstream_node::Input;
use peerstream_wire::{Envelope, ToNode};

use super::Swarm;
use crate::{
    link::{LinkId, Side},
    page::PageId,
};

pub(super) enum Event {
    Capture,
    BoxHeartbeat,
    BoxTimeout,
    /// At the page.
    SocketOpened(PageId, u32),
    /// At the page.
    SocketMessage(PageId, u32, Bytes),
    /// At the box.
    BoxMessage(u32, Bytes),
    /// At the box.
    SocketLost(u32),
    Wake(PageId),
    Input(PageId, Input),
    LinkOpened(LinkId),
    LinkClosed(LinkId, Side),
    LinkMessage(LinkId, Side, Bytes),
    /// So many bytes have left this end.
    LinkDrained(LinkId, Side, usize),
}

impl Swarm {
    pub(super) fn happen(&mut self, event: Event) {
        let (kind, whose, length) = event.gist();
        let time = u64::try_from(self.now.as_nanos()).unwrap_or(u64::MAX);
        for word in [time, kind, whose, length] {
            self.trace.update(&word.to_be_bytes());
        }
        match event {
            Event::Capture => {
                self.appliance.capture(self.now);
                self.agenda
                    .note(self.now + self.profile.fragment, Event::Capture);
            }
            Event::BoxHeartbeat => {
                self.appliance.heartbeat();
                self.agenda
                    .note(self.now + BOX_HEARTBEAT, Event::BoxHeartbeat);
            }
            Event::BoxTimeout => {
                self.coordinator_wake = None;
                self.appliance.timeout(self.now);
            }
            Event::SocketOpened(id, socket) => {
                if self.sockets.contains_key(&socket) {
                    self.appliance.opened(socket);
                    self.give(id, Input::ControlOpened);
                }
            }
            Event::SocketMessage(id, socket, bytes) => self.hear_box(id, socket, bytes),
            Event::BoxMessage(socket, bytes) => self.appliance.received(self.now, socket, bytes),
            Event::SocketLost(socket) => self.appliance.lost(self.now, socket),
            Event::Wake(id) => self.wake(id),
            Event::Input(id, input) => self.give(id, input),
            Event::LinkOpened(link) => {
                for (page, peer) in self.links.open(link).into_iter().flatten() {
                    self.give(page, Input::LinkOpened { peer });
                }
            }
            Event::LinkClosed(link, side) => {
                if let Some((page, peer)) = self.links.end(link, side) {
                    self.links.close(page, peer);
                    self.give(page, Input::LinkClosed { peer });
                }
            }
            Event::LinkMessage(link, side, bytes) => {
                if let Some((page, peer)) = self.links.end(link, side) {
                    self.give(page, Input::LinkMessage { peer, bytes });
                }
            }
            Event::LinkDrained(link, side, bytes) => {
                let bytes = self.links.buffer(link, side, 0, bytes);
                if let Some((page, peer)) = self.links.end(link, side) {
                    self.give(page, Input::LinkBuffered { peer, bytes });
                }
            }
        }
        self.post();
    }

    fn hear_box(&mut self, id: PageId, socket: u32, bytes: Bytes) {
        let Some(page) = self
            .pages
            .get_mut(&id)
            .filter(|page| page.socket == Some(socket))
        else {
            return;
        };
        if let Ok(Envelope::Control(body)) = Envelope::decode(bytes.clone())
            && let Ok(ToNode::Welcome { node, .. }) = ToNode::decode(&body)
        {
            page.name = Some(node);
        }
        self.give(id, Input::Control(bytes));
    }

    fn wake(&mut self, id: PageId) {
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        page.wake = None;
        if page.deadline().is_some_and(|deadline| deadline <= self.now) {
            page.handle(self.now, Input::Tick);
        }
        self.settle(id);
    }

    fn give(&mut self, id: PageId, input: Input) {
        if let Some(page) = self.pages.get_mut(&id) {
            page.handle(self.now, input);
            self.settle(id);
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
            Event::SocketOpened(page, _) => (3, page.0.into(), 0),
            Event::SocketMessage(page, _, bytes) => (4, page.0.into(), length(bytes)),
            Event::BoxMessage(socket, bytes) => (5, (*socket).into(), length(bytes)),
            Event::SocketLost(socket) => (6, (*socket).into(), 0),
            Event::Wake(page) => (7, page.0.into(), 0),
            Event::Input(page, _) => (8, page.0.into(), 0),
            Event::LinkOpened(_) => (9, 0, 0),
            Event::LinkClosed(_, side) => (10, *side as u64, 0),
            Event::LinkMessage(_, side, bytes) => (11, *side as u64, length(bytes)),
            Event::LinkDrained(_, side, bytes) => (12, *side as u64, *bytes as u64),
        }
    }
}

/// How often the box gives a sign of life on every feed.
pub(super) const BOX_HEARTBEAT: Duration = Duration::from_millis(100);
