//! What pages and the box want done.

use core::time::Duration;

use bytes::Bytes;
use peerstream_node::{Input, Lane, Output};
use peerstream_wire::NodeId;

use super::{Swarm, events::Event};
use crate::page::{Page, PageId};

impl Swarm {
    /// Does what a node wants done, and sees to it that it is woken in time.
    pub(super) fn settle(&mut self, id: PageId) {
        while let Some(output) = self.pages.get_mut(&id).and_then(Page::poll) {
            self.carry_out(id, output);
        }
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        if let Some(deadline) = page.deadline() {
            let at = deadline.max(self.now + TIMER_GRAIN);
            if page.wake.is_none_or(|wake| at < wake) {
                page.wake = Some(at);
                self.agenda.note(at, Event::Wake(id));
            }
        }
    }

    fn carry_out(&mut self, id: PageId, output: Output) {
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        let link = &self.profile.link;
        match output {
            Output::OpenControl => {
                let socket = self.next_socket;
                self.next_socket += 1;
                page.socket = Some(socket);
                self.sockets.insert(socket, id);
                // TCP and HTTP: two round trips.
                let at = self.now + 4 * page.control;
                self.agenda.note(at, Event::SocketOpened(id, socket));
            }
            Output::Control(bytes) => {
                if let Some(socket) = page.socket {
                    let at = self.now + page.control;
                    self.agenda.note(at, Event::BoxMessage(socket, bytes));
                }
            }
            Output::CreateOffer { peer } => {
                let description = self.links.offer(id, peer, link, &mut self.dice);
                let at = self.now + self.dice.duration(&link.gathering);
                self.agenda.note(
                    at,
                    Event::Input(id, Input::LocalOffer { peer, description }),
                );
            }
            Output::CreateAnswer { peer, offer } => {
                if let Some(description) = self.links.answer(id, peer, &offer) {
                    let at = self.now + self.dice.duration(&link.gathering);
                    let input = Input::LocalAnswer { peer, description };
                    self.agenda.note(at, Event::Input(id, input));
                }
            }
            Output::SetAnswer { peer, answer } => {
                if let Some(opening) = self.links.complete(id, peer, &answer) {
                    let at = self.now + self.dice.duration(&link.handshake);
                    self.agenda.note(at, Event::LinkOpened(opening));
                }
            }
            Output::AddCandidates { .. } => {}
            Output::CloseLink { peer } => {
                if let Some((link, side, delay)) = self.links.close(id, peer) {
                    self.agenda
                        .note(self.now + delay, Event::LinkClosed(link, side));
                }
            }
            Output::Send { peer, lane, bytes } => self.send(id, peer, lane, bytes),
            Output::Tracks(_) => {}
            Output::Chunk(fragment) => {
                page.playback
                    .show(self.now, &fragment, &self.appliance.source);
            }
            Output::Skipped(media) => page.playback.skipped += media,
            Output::Phase(phase) => page.playback.phase = Some(phase),
        }
    }

    fn send(&mut self, id: PageId, peer: NodeId, lane: Lane, bytes: Bytes) {
        let profile = &self.profile.link;
        let Some(page) = self.pages.get_mut(&id) else {
            return;
        };
        let Some((link, side, delay)) = self.links.route(id, peer) else {
            return;
        };
        let bytes = page.tamper(bytes);
        let bits = (bytes.len() + OVERHEAD) as u64 * 8;
        let on_wire = Duration::from_nanos(bits * 1_000_000_000 / profile.uplink.max(1));
        let left = page.uplink_free.max(self.now) + on_wire;
        page.uplink_free = left;
        let mut arrives = left + delay;
        if lane == Lane::Media {
            let length = bytes.len();
            let buffered = self.links.buffer(link, side, length, 0);
            page.handle(
                self.now,
                Input::LinkBuffered {
                    peer,
                    bytes: buffered,
                },
            );
            self.agenda
                .note(left, Event::LinkDrained(link, side, length));
            arrives += self.dice.duration(&profile.jitter);
            if self.dice.chance(profile.loss) {
                return;
            }
        }
        self.agenda
            .note(arrives, Event::LinkMessage(link, 1 - side, bytes));
    }

    /// Delivers what the box has to say, and sees to it that the coordinator is woken.
    pub(super) fn post(&mut self) {
        for (socket, bytes) in std::mem::take(&mut self.appliance.outbox) {
            let Some(&id) = self.sockets.get(&socket) else {
                continue;
            };
            let Some(page) = self.pages.get(&id) else {
                continue;
            };
            self.agenda.note(
                self.now + page.control,
                Event::SocketMessage(id, socket, bytes),
            );
        }
        if let Some(at) = self.appliance.coordinator.poll_timeout()
            && self.coordinator_wake.is_none_or(|wake| at < wake)
        {
            self.coordinator_wake = Some(at);
            self.agenda.note(at.max(self.now), Event::BoxTimeout);
        }
    }
}

/// Browsers' timers have a grain of a millisecond.
const TIMER_GRAIN: Duration = Duration::from_millis(1);
/// IP, UDP, DTLS and SCTP around a message.
const OVERHEAD: usize = 80;
