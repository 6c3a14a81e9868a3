//! What pages and the box want done.

use core::time::Duration;

use bytes::Bytes;
use peerstream_node::{Input, Lane, Output};
use peerstream_wire::NodeId;

use super::{Swarm, events::Event};
use crate::{
    appliance::ToPage,
    channel::Line,
    conduct::Treated,
    link::{LinkId, Side},
    page::{Page, PageId},
    wire::{
        BUSY, DISPATCH, GATHERING, HANDSHAKE, HANDSHAKE_ROUND_TRIPS, SEGMENT, SOCKET_ROUND_TRIPS,
        TCP_RTO, TIMER_GRAIN,
    },
};

impl Swarm {
    /// Does what a node wants done, and sees to it that it is woken in time.
    pub(super) fn settle(&mut self, id: PageId) {
        let mut written = Vec::new();
        loop {
            while let Some(output) = self.page_mut(id).and_then(Page::poll) {
                self.carry_out(id, output, &mut written);
            }
            // What the browser has queued decides whether the node may send more.
            let Some(peer) = written.pop() else {
                break;
            };
            self.tell_buffered(id, peer);
        }
        let now = self.now;
        let Some(page) = self.page_mut(id) else {
            return;
        };
        if let Some(deadline) = page.deadline() {
            let at = deadline.max(now + TIMER_GRAIN);
            if page.wake.is_none_or(|wake| at < wake) {
                page.wake = Some(at);
                self.agenda.note(at, Event::Wake(id));
            }
        }
    }

    fn carry_out(&mut self, id: PageId, output: Output, written: &mut Vec<NodeId>) {
        let now = self.now;
        let Some(page) = self
            .pages
            .get_mut(id.0 as usize)
            .and_then(Option::as_deref_mut)
        else {
            return;
        };
        match output {
            Output::OpenControl => {
                let socket = u32::try_from(self.sockets.len()).unwrap_or(u32::MAX);
                let before = page.socket.replace(socket);
                let at = now + (2 * SOCKET_ROUND_TRIPS - 1) * page.viewer.control;
                self.sockets.push(Some(id));
                if let Some(before) = before {
                    self.sockets[before as usize] = None;
                }
                self.agenda.note(at, Event::SocketAsked(id, socket));
            }
            Output::Control(bytes) => self.tell_box(id, bytes),
            Output::CreateOffer { peer, strand } => {
                let description = self.links.offer(id, peer, strand);
                let offer = Input::LocalOffer {
                    peer,
                    strand,
                    description,
                };
                self.gather(id, offer);
            }
            Output::CreateAnswer {
                peer,
                strand,
                offer,
            } => {
                if let Some(description) = self.links.answer(id, peer, &offer) {
                    let answer = Input::LocalAnswer {
                        peer,
                        strand,
                        description,
                    };
                    self.gather(id, answer);
                }
            }
            Output::SetAnswer { peer, answer, .. } => {
                let Some((link, ends)) = self.links.complete(id, peer, &answer) else {
                    return;
                };
                let [Some(one), Some(other)] = ends.map(|end| self.get(end)) else {
                    return;
                };
                let path = self.world.path(one.number, other.number);
                let loss = one.viewer.loss.max(other.viewer.loss);
                if let Some(state) = self.links.get_mut(link) {
                    state.delay = path.delay;
                    state.loss = loss;
                }
                if path.connects {
                    let at = now
                        + 2 * HANDSHAKE_ROUND_TRIPS * path.delay
                        + self.dice.duration(&HANDSHAKE);
                    self.agenda.note(at, Event::LinkOpened(link));
                }
            }
            Output::AddCandidates { .. } | Output::Tracks(_) => {}
            Output::CloseLink { peer } => {
                for (link, side, delay) in self.links.close(id, peer) {
                    self.agenda.note(now + delay, Event::LinkClosed(link, side));
                }
            }
            Output::Send { peer, lane, bytes } => {
                if self.send(id, peer, lane, bytes) && !written.contains(&peer) {
                    written.push(peer);
                }
            }
            Output::Chunk(fragment) => page.show(now, &fragment, &self.appliance.source),
            Output::Skipped(media) => {
                page.playback.skipped += media;
                page.element.skipped(media);
            }
            Output::Phase(phase) => page.playback.phase = Some(phase),
        }
    }

    /// A description is told once there are candidates in it.
    fn gather(&mut self, id: PageId, described: Input) {
        let at = self.now + self.dice.duration(&GATHERING);
        self.agenda.note(at, Event::Input(id, described.into()));
    }

    /// A page's message for the box: over TCP, so in order and whole.
    pub(super) fn tell_box(&mut self, id: PageId, bytes: Bytes) {
        let Some((socket, viewer)) = self
            .get(id)
            .and_then(|page| Some((page.socket?, page.viewer)))
        else {
            return;
        };
        let late = self.tcp_late(viewer.loss, viewer.control, bytes.len());
        let arrives = self.now + viewer.control + late;
        let Some(page) = self.page_mut(id) else {
            return;
        };
        let arrives = arrives.max(page.to_box);
        page.to_box = arrives;
        self.agenda.note(arrives, Event::BoxMessage(socket, bytes));
    }

    /// How much later a message is because of what TCP has to send again.
    fn tcp_late(&mut self, loss: f64, delay: Duration, length: usize) -> Duration {
        let mut late = Duration::ZERO;
        for _ in 0..length.div_ceil(SEGMENT) {
            if self.dice.chance(loss) {
                late = late.max(if length > SEGMENT {
                    2 * delay
                } else {
                    TCP_RTO.max(2 * delay)
                });
            }
        }
        late
    }

    /// As the page's conduct has it. Whether anything was handed to the media channel.
    fn send(&mut self, id: PageId, peer: NodeId, lane: Lane, bytes: Bytes) -> bool {
        let Some(page) = self.page_mut(id) else {
            return false;
        };
        match page.conduct.treat(bytes) {
            Treated::Send(bytes) => self.transmit(id, peer, lane, bytes),
            Treated::Hold(bytes, time) => {
                let at = self.now + time;
                self.agenda.note(at, Event::Held(id, peer, lane, bytes));
            }
            Treated::Drop => {}
        }
        lane == Lane::Media
    }

    pub(super) fn transmit(&mut self, id: PageId, peer: NodeId, lane: Lane, bytes: Bytes) {
        let now = self.now;
        match bytes.first() {
            Some(&SUBSCRIBE) => self.links.subscribe(id, peer, true),
            Some(&UNSUBSCRIBE) => self.links.subscribe(id, peer, false),
            _ => {}
        }
        let link = match lane {
            Lane::Command => self.links.route(id, peer),
            Lane::Media => self.links.least_queued(now, id, peer),
        };
        let Some((link_id, side)) = link else {
            return;
        };
        let Some(page) = self
            .pages
            .get_mut(id.0 as usize)
            .and_then(Option::as_deref_mut)
        else {
            return;
        };
        let Some(link) = self.links.get_mut(link_id) else {
            return;
        };
        let line = Line {
            delay: link.delay,
            loss: link.loss,
            uplink: page.viewer.uplink,
        };
        let channel = &mut link.channels[usize::from(side)];
        page.sent += bytes.len() as u64;
        let arrives = channel.send(
            self.now,
            lane,
            bytes.len(),
            &line,
            &mut page.uplink_free,
            &mut self.dice,
        );
        if let Some(arrives) = arrives {
            let at = arrives + DISPATCH + self.dice.wait(BUSY);
            let at = if lane == Lane::Command {
                channel.in_order(at)
            } else {
                at
            };
            let bytes = self.appliance.source.intern(bytes);
            self.agenda
                .note(at, Event::LinkMessage(link_id, 1 - side, bytes));
        }
    }

    fn tell_buffered(&mut self, id: PageId, peer: NodeId) {
        let now = self.now;
        let bytes = self.links.buffered(now, id, peer);
        let strands: Vec<(LinkId, Side)> = self.links.strands(id, peer).collect();
        for (link, side) in strands {
            self.watch_buffer(link, side);
        }
        if let Some(page) = self.page_mut(id) {
            page.handle(now, Input::LinkBuffered { peer, bytes });
        }
    }

    /// Delivers what the box has to say, and sees to it that the coordinator is woken.
    pub(super) fn post(&mut self) {
        let now = self.now;
        if let Some(at) = self.appliance.carry_out(now)
            && self.uplink_wake.is_none_or(|wake| at < wake)
        {
            self.uplink_wake = Some(at);
            self.agenda.note(at, Event::BoxUplink);
        }
        for (socket, left, what) in core::mem::take(&mut self.appliance.outbox) {
            let Some(id) = self.socket(socket) else {
                continue;
            };
            let Some(viewer) = self.get(id).map(|page| page.viewer) else {
                continue;
            };
            let length = match &what {
                ToPage::Message(bytes) => bytes.len(),
                ToPage::Closed => 0,
            };
            let late = self.tcp_late(viewer.loss, viewer.control, length);
            let Some(page) = self.pages[id.0 as usize].as_deref_mut() else {
                continue;
            };
            let arrives = (left + viewer.control + late).max(page.from_box);
            page.from_box = arrives;
            if matches!(what, ToPage::Closed) && !self.appliance.away {
                self.watch.expels(page);
            }
            match what {
                ToPage::Message(bytes) => self
                    .agenda
                    .note(arrives, Event::SocketMessage(socket, bytes)),
                ToPage::Closed => self.agenda.note(arrives, Event::SocketClosed(socket)),
            }
        }
        if !self.appliance.away
            && let Some(at) = self.appliance.coordinator.poll_timeout()
            && self.coordinator_wake.is_none_or(|wake| at < wake)
        {
            self.coordinator_wake = Some(at);
            self.agenda.note(at.max(now), Event::BoxTimeout);
        }
    }
}

/// [`peerstream_wire::LinkMessage`] has the table.
const SUBSCRIBE: u8 = 0x10;
const UNSUBSCRIBE: u8 = 0x11;
