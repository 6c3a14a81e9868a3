//! What comes over a link, what is passed on, and what the player gets.

use core::time::Duration;

use bytes::Bytes;
use peerstream_fragment::{Fragment, Kind, Position};
use peerstream_wire::{LinkMessage, NodeId, Parent};

use super::Node;
use crate::{
    config::REORDERING,
    event::{Lane, Output, Phase},
    intake::News,
    playout::Play,
    serving::Serving,
    store::Entry,
    timer::Timer,
    upstream,
};

impl Node {
    pub(super) fn link_bytes(&mut self, now: Duration, peer: NodeId, bytes: Bytes) {
        let origin = Parent::Node(peer);
        let length = bytes.len() as u64;
        match LinkMessage::decode(bytes) {
            Ok(message) => self.link_message(now, origin, message, length),
            Err(_) => self.offence(now, origin),
        }
    }

    pub(super) fn link_message(
        &mut self,
        now: Duration,
        from: Parent,
        message: LinkMessage,
        length: u64,
    ) {
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        if link.distrusted {
            return;
        }
        link.heard = now;
        match message {
            LinkMessage::Certificate(bytes) => {
                *Node::meter(&mut self.bytes_in, self.assignment.as_ref(), from) += length;
                if let Some(intake) = &mut self.intake {
                    let news = intake.certificate(&mut self.store, from, bytes);
                    self.news(now, from, news);
                }
            }
            LinkMessage::Header(bytes) => {
                *Node::meter(&mut self.bytes_in, self.assignment.as_ref(), from) += length;
                if let Some(intake) = &mut self.intake {
                    let news = intake.header(&mut self.store, from, bytes);
                    self.news(now, from, news);
                }
            }
            LinkMessage::Part { at, part, bytes } => {
                *Node::meter(&mut self.bytes_in, self.assignment.as_ref(), from) += length;
                if let Some(fed) = &mut link.fed {
                    fed.delivered_at = Some(now);
                    fed.delivered = fed.delivered.max(Some(at));
                }
                if let Some(intake) = &mut self.intake {
                    let news = intake.part(&mut self.store, from, at, part, bytes);
                    self.news(now, from, news);
                }
                // Also for what a quicker helper had brought already: it completes nothing.
                self.let_helpers_go(now);
            }
            command => {
                if link.commands.admit(now) {
                    self.command(now, from, command);
                }
            }
        }
    }

    fn command(&mut self, now: Duration, from: Parent, command: LinkMessage) {
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        match command {
            LinkMessage::Subscribe { after } => {
                let certificate = self.intake.as_ref().and_then(|i| i.current_certificate());
                link.serving = Some(Serving::begin(&self.store, certificate, after));
                self.pump(now, from);
            }
            LinkMessage::Unsubscribe => link.serving = None,
            LinkMessage::Heartbeat { newest } => {
                link.claim = newest;
                self.timers.by(Timer::Upstream, now + self.latency());
            }
            LinkMessage::Request { at, parts } => {
                if let Some(entry) = self.store.get(at) {
                    // One that is not subscribed gets what it asked for, and no more.
                    let mut once = Serving::default();
                    link.serving
                        .as_mut()
                        .unwrap_or(&mut once)
                        .again(at, entry, parts);
                    self.drain(now, from, &mut once);
                    self.pump(now, from);
                }
            }
            LinkMessage::Ping(token) => self.send(now, from, LinkMessage::Pong(token)),
            LinkMessage::Pong(token) => {
                if let Some((sent, at)) = link.ping.take()
                    && sent == token
                {
                    link.round_trip = Some(now.saturating_sub(at));
                }
            }
            LinkMessage::Certificate(_) | LinkMessage::Header(_) | LinkMessage::Part { .. } => {}
        }
    }

    /// Passes on at once what is new and verified, to the children in turn, and gives the
    /// player what has become whole.
    fn news(&mut self, now: Duration, from: Parent, news: Vec<News>) {
        for item in news {
            match item {
                News::Certificate(bytes) => {
                    let origin = Position {
                        segment: 0,
                        index: 0,
                    };
                    self.forward(now, from, origin, LinkMessage::Certificate(bytes));
                }
                News::Header(header) => {
                    let at = header.header.meta.at;
                    self.forward(now, from, at, LinkMessage::Header(header.bytes.clone()));
                }
                News::Part(at, part, bytes) => {
                    self.forward(now, from, at, LinkMessage::Part { at, part, bytes });
                }
                News::Whole(fragment) => self.whole(now, &fragment),
                News::Offence(culprit) => self.offence(now, culprit),
            }
        }
    }

    fn whole(&mut self, now: Duration, fragment: &Fragment) {
        let meta = &fragment.header.header.meta;
        if meta.kind == Kind::Media {
            if self.store.newest() == Some(meta.at) {
                self.progress = now;
            }
            if meta.init == meta.at.segment && meta.flags.key() {
                self.lateness.forget();
            }
            self.lateness.arrival(now, meta.media_time, meta.duration);
        }
        self.asked.remove(&meta.at);
        self.play(now);
        self.let_helpers_go(now);
    }

    /// Hands the player everything that it may have by now.
    pub(super) fn play(&mut self, now: Duration) {
        let patience = self.patience();
        while let Some(play) = self.playout.next(now, &self.store, patience) {
            self.outputs.push_back(match play {
                Play::Tracks(init) => Output::Tracks(init),
                Play::Skipped(gap) => Output::Skipped(gap),
                Play::Chunk(fragment) => {
                    let over = fragment.header.header.meta.flags.end();
                    self.outputs.push_back(Output::Chunk(fragment));
                    self.phase(if over { Phase::Over } else { Phase::Playing });
                    continue;
                }
            });
        }
        if let Some(since) = self.playout.gap_since() {
            if now >= since + REORDERING {
                self.ask_again(now);
            } else {
                self.timers.by(Timer::Gap, since + REORDERING);
            }
            if let Some(at) = self.playout.deadline(patience) {
                self.timers.by(Timer::Gap, at.max(now + REORDERING));
            }
        }
    }

    fn forward(&mut self, now: Duration, from: Parent, at: Position, message: LinkMessage) {
        // Without the certificate and the init data nothing that follows is of any use, so
        // these go where nothing is lost.
        let init = |entry: &Entry| entry.header().header.meta.kind == Kind::Init;
        let vital =
            matches!(message, LinkMessage::Certificate(_)) || self.store.get(at).is_some_and(init);
        let lane = if vital { Lane::Command } else { Lane::Media };
        let encoded = message.encode();
        let targets: Vec<Parent> = self
            .links
            .iter_mut()
            .filter(|(origin, link)| **origin != from && link.serving.is_some())
            .map(|(origin, link)| {
                if let Some(serving) = &mut link.serving {
                    serving.push_encoded(at, lane, encoded.clone());
                }
                *origin
            })
            .collect();
        for target in targets {
            self.pump(now, target);
        }
    }

    /// Moves what a subscriber is waiting for into the browser's queue, as far as it may.
    pub(super) fn pump(&mut self, now: Duration, to: Parent) {
        let Some(link) = self.links.get_mut(&to) else {
            return;
        };
        let Some(mut serving) = link.serving.take() else {
            return;
        };
        self.drain(now, to, &mut serving);
        if let Some(link) = self.links.get_mut(&to) {
            link.serving = Some(serving);
        }
    }

    fn drain(&mut self, now: Duration, to: Parent, serving: &mut Serving) {
        let Parent::Node(peer) = to else { return };
        let Some(link) = self.links.get_mut(&to).filter(|link| link.is_open()) else {
            return;
        };
        let meter = Node::meter(&mut self.bytes_out, self.assignment.as_ref(), to);
        while let Some((lane, bytes)) = serving.next(link.buffered) {
            link.buffered += bytes.len();
            link.sent = now;
            *meter += bytes.len() as u64;
            self.outputs.push_back(Output::Send { peer, lane, bytes });
        }
    }

    /// Somebody sent what no honest node sends. Nothing more is taken from it; who feeds
    /// this node instead is [`Node::steer`]'s affair.
    fn offence(&mut self, now: Duration, culprit: Parent) {
        if let Some(link) = self.links.get_mut(&culprit) {
            link.distrusted = true;
            link.fed = None;
        }
        self.helped = None;
        self.send(now, culprit, LinkMessage::Unsubscribe);
        self.steer(now);
    }

    /// Whether the parent feeds as it should; if so, nobody else need.
    pub(super) fn let_helpers_go(&mut self, now: Duration) {
        let Some(parent) = self.assignment.as_ref().map(|a| a.parent) else {
            return;
        };
        let fed = self.links.get(&parent).and_then(|link| link.fed);
        let fine = fed
            .is_some_and(|fed| upstream::delivers(now, self.latency(), self.store.newest(), &fed));
        if !fine {
            return;
        }
        let others: Vec<Parent> = self
            .links
            .iter()
            .filter(|(origin, link)| **origin != parent && link.fed.is_some())
            .map(|(origin, _)| *origin)
            .collect();
        for other in others {
            if let Some(link) = self.links.get_mut(&other) {
                link.fed = None;
            }
            self.send(now, other, LinkMessage::Unsubscribe);
        }
    }
}
