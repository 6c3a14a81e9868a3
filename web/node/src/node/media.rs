//! What comes over a link, what is passed on, and what the player gets.

use core::time::Duration;

use bytes::Bytes;
use peerstream_fragment::{Fragment, Kind};
use peerstream_wire::{Complaint, LinkMessage, NodeId, Parent};

use super::{Node, forwarding::CERTIFICATE};
use crate::{
    config::{DEAF, REORDERING},
    event::{Output, Phase},
    intake::News,
    playout::Play,
    serving::HEADER,
    timer::Timer,
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
        if link.distrusted || now < link.deaf {
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
            LinkMessage::Padding(_) => {
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                if !link.padding.take(now, length) {
                    self.report(now, from, Complaint::Flooding);
                }
            }
            LinkMessage::Request { at, parts } => {
                if link.requests.admit(now) {
                    self.again(now, from, at, parts);
                }
            }
            command => {
                if link.commands.admit(now) {
                    self.command(now, from, command);
                } else {
                    self.report(now, from, Complaint::Flooding);
                }
            }
        }
    }

    fn command(&mut self, now: Duration, from: Parent, command: LinkMessage) {
        let Some(link) = self.links.get_mut(&from) else {
            return;
        };
        match command {
            LinkMessage::Subscribe { after } => self.subscribed(now, from, after),
            LinkMessage::Unsubscribe => {
                link.serving = None;
                // What was kept for this alone may end now.
                self.timers.by(Timer::Links, now);
            }
            LinkMessage::Decline => self.declined(now, from),
            LinkMessage::Heartbeat {
                patience_ms,
                newest,
            } => self.lives(now, from, patience_ms, newest),
            LinkMessage::Ping(token) => {
                let at = u32::try_from(now.as_micros() & 0xffff_ffff).unwrap_or(0);
                self.send(now, from, LinkMessage::Pong { token, at });
            }
            LinkMessage::Pong { token, at } => self.answered(now, from, token, at),
            LinkMessage::Letter(sealed) => self.letter(now, &sealed),
            LinkMessage::Relay { to, signal } => self.pass_on(now, from, to, *signal),
            LinkMessage::Relayed { from: peer, signal } => self.relayed(now, from, peer, *signal),
            LinkMessage::Goodbye => self.farewell(now, from),
            LinkMessage::Strand { strand, signal } => self.strand_signalled(from, strand, *signal),
            LinkMessage::Share(share) => {
                if let Some(serving) = &mut link.serving {
                    serving.share(share);
                }
            }
            LinkMessage::Certificate(_)
            | LinkMessage::Header(_)
            | LinkMessage::Part { .. }
            | LinkMessage::Padding(_)
            | LinkMessage::Request { .. } => {}
        }
    }

    /// Passes on at once what is new and verified, to the children in turn, and gives the
    /// player what has become whole.
    fn news(&mut self, now: Duration, from: Parent, news: Vec<News>) {
        for item in news {
            match item {
                News::Certificate(bytes) => {
                    let message = LinkMessage::Certificate(bytes);
                    self.forward(now, from, CERTIFICATE, &message);
                }
                News::Header(header) => {
                    let message = LinkMessage::Header(header.bytes.clone());
                    self.forward(now, from, (header.at(), HEADER), &message);
                }
                News::Part(at, part, bytes) => {
                    let piece = (at, HEADER + 1 + u16::from(part));
                    self.forward(now, from, piece, &LinkMessage::Part { at, part, bytes });
                }
                News::Vain(culprit, bytes) => self.vain(now, culprit, bytes),
                News::Whole(fragment) => self.whole(now, &fragment),
                News::Offence(culprit) => self.offence(now, culprit),
            }
        }
        self.ask_again(now);
    }

    /// Something came that is of no use. A little of that happens to everybody, and more to
    /// one that has asked two at once; but who was not asked for anything is not listened to.
    fn vain(&mut self, now: Duration, culprit: Parent, bytes: u32) {
        self.bytes_again += u64::from(bytes);
        if let Some(link) = self.links.get_mut(&culprit)
            && !link.vain.take(now, bytes)
            && link.fed.is_none()
        {
            link.deaf = now + DEAF;
            self.report(now, culprit, Complaint::Flooding);
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
            if meta.flags.key() {
                self.rate = self.store.rate().unwrap_or(self.rate);
                self.judge_uplink(now);
            }
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
        if let Some(at) = self.playout.deadline(patience) {
            self.timers.by(Timer::Gap, at.max(now + REORDERING));
        }
    }
}
