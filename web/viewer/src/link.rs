use core::time::Duration;

use bytes::Bytes;
use peerstream_node::{Input, Lane, sdp};
use peerstream_wire::{Candidate, Description, NodeId};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    RtcDataChannel, RtcDataChannelInit, RtcDataChannelType, RtcIceCandidateInit, RtcPeerConnection,
    RtcPeerConnectionIceEvent, RtcPeerConnectionState, RtcSdpType, RtcSessionDescriptionInit,
};

use crate::{
    bindings::{self, Negotiator},
    console::warn,
    event::{Event, LinkEvent, Mailbox},
    listener::Listener,
    socket::message_bytes,
    timer,
};

/// A connection to another node, with its two channels: a link, or one more strand of it.
/// Dropping it closes it silently.
pub(crate) struct Link {
    peer: NodeId,
    /// 0 is the link itself.
    strand: u8,
    number: u32,
    mailbox: Mailbox,
    connection: RtcPeerConnection,
    command: RtcDataChannel,
    media: RtcDataChannel,
    _listeners: Vec<Listener>,
    opened: u8,
    closed: bool,
    role: Role,
    /// Whether this end's description is made.
    made: bool,
    /// Whether the other end has been told this end's description, and the candidates in it.
    described: bool,
    /// This end's candidates that the other end has not been told yet.
    found: Vec<Candidate>,
    /// Whether they, or the description, are about to go.
    collecting: bool,
    /// Whether the other end's description is set; candidates before it are refused.
    accepted: bool,
    /// The other end's candidates that came before its description was set.
    early: Vec<Candidate>,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Offering,
    Answering,
}

/// The media channel says when less than this is queued: each of four strands has to come
/// below it from its part of what may be queued at all, 64 KiB, or nothing would be said.
const LOW: u32 = 12 * 1024;
/// How long media may be tried to be delivered, in milliseconds.
const LIFETIME: u16 = 1000;
/// How long candidates are collected, for the description and later: those of one interface come
/// together, and each message to the box costs a packet.
const COLLECT: Duration = Duration::from_millis(10);

impl Link {
    /// Begins one, or takes up what the other end offers.
    pub(crate) fn new(
        (peer, strand): (NodeId, u8),
        offer: Option<&Description>,
        number: u32,
        mailbox: &Mailbox,
    ) -> Result<Self, JsValue> {
        let connection = RtcPeerConnection::new()?;
        let command = channel(&connection, "command", 0, false);
        let media = channel(&connection, "media", 1, true);
        media.set_buffered_amount_low_threshold(LOW);

        let mut listeners = Vec::with_capacity(9);
        for channel in [&command, &media] {
            for (name, what) in [
                ("open", (|_: &JsValue| Some(LinkEvent::Opened)) as Read),
                ("message", |event| {
                    message_bytes(event).map(LinkEvent::Message)
                }),
                ("close", |_| Some(LinkEvent::Closed)),
            ] {
                listeners.push(listen(channel, name, number, mailbox, what));
            }
        }
        listeners.push(listen(&media, "bufferedamountlow", number, mailbox, |_| {
            Some(LinkEvent::Drained)
        }));
        listeners.push(listen(
            &connection,
            "icecandidate",
            number,
            mailbox,
            |event| {
                let candidate = event
                    .unchecked_ref::<RtcPeerConnectionIceEvent>()
                    .candidate()?;
                Some(LinkEvent::Candidate(candidate.candidate()))
            },
        ));
        listeners.push(listen(
            &connection,
            "connectionstatechange",
            number,
            mailbox,
            |event| {
                let connection: RtcPeerConnection = target(event)?.unchecked_into();
                let state = connection.connection_state();
                // Disconnected may pass; whether it does in time the node sees by itself.
                let over = matches!(
                    state,
                    RtcPeerConnectionState::Failed | RtcPeerConnectionState::Closed
                );
                over.then_some(LinkEvent::Closed)
            },
        ));
        let link = Link {
            peer,
            strand,
            number,
            mailbox: mailbox.clone(),
            connection,
            command,
            media,
            _listeners: listeners,
            opened: 0,
            closed: false,
            role: match offer {
                Some(_) => Role::Answering,
                None => Role::Offering,
            },
            made: false,
            described: false,
            found: Vec::new(),
            collecting: false,
            accepted: false,
            early: Vec::new(),
        };
        match offer {
            Some(offer) => link.set(RtcSdpType::Offer, &sdp::offer_sdp(offer)),
            None => link.describe(),
        }
        Ok(link)
    }

    pub(crate) fn is(&self, peer: NodeId, strand: u8) -> bool {
        self.peer == peer && self.strand == strand
    }

    /// Whether it goes there, and is open.
    pub(crate) fn leads_to(&self, peer: NodeId) -> bool {
        self.peer == peer && self.opened == 2
    }

    pub(crate) fn strand(&self) -> u8 {
        self.strand
    }

    pub(crate) fn peer(&self) -> NodeId {
        self.peer
    }

    /// Whether it goes by a relay; false before it is open.
    pub(crate) fn relayed(&self) -> bool {
        self.opened == 2 && bindings::relayed(&self.connection)
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Bytes that the media channel has queued.
    pub(crate) fn buffered(&self) -> usize {
        self.media.buffered_amount() as usize
    }

    /// The other end took up the link.
    pub(crate) fn accept(&self, answer: &Description) {
        self.set(RtcSdpType::Answer, &sdp::answer_sdp(answer));
    }

    /// The other end may be reached there.
    pub(crate) fn add(&mut self, mut candidates: Vec<Candidate>) {
        if !self.accepted {
            self.early.append(&mut candidates);
        }
        for candidate in candidates {
            let init = RtcIceCandidateInit::new(&sdp::candidate_line(&candidate));
            init.set_sdp_mid(Some("0"));
            let connection = &self.connection;
            let added = connection.add_ice_candidate_with_opt_rtc_ice_candidate_init(Some(&init));
            let tell = |outcome: Result<JsValue, JsValue>| {
                if let Err(error) = outcome {
                    warn("a candidate is of no use", &error);
                }
            };
            timer::when(&added, Box::new(tell));
        }
    }

    pub(crate) fn send(&self, lane: Lane, bytes: &Bytes) {
        let channel = match lane {
            Lane::Command => &self.command,
            Lane::Media => &self.media,
        };
        if let Err(error) = channel.send_with_u8_array(bytes) {
            // Closing; its event says so in a moment.
            warn("a link cannot be written to", &error);
        }
    }

    /// Takes what happened, and says what the node must know.
    pub(crate) fn handle(&mut self, event: LinkEvent) -> Option<Input> {
        let (peer, strand) = (self.peer, self.strand);
        match event {
            LinkEvent::Described => {
                self.made = true;
                self.collect();
                None
            }
            LinkEvent::Accepted => {
                self.accepted = true;
                if self.role == Role::Answering {
                    self.describe();
                }
                let early = core::mem::take(&mut self.early);
                self.add(early);
                None
            }
            LinkEvent::Candidate(line) => {
                self.found.extend(sdp::candidate(&line));
                self.collect();
                None
            }
            LinkEvent::Collected => {
                self.collecting = false;
                let candidates = core::mem::take(&mut self.found);
                if !core::mem::replace(&mut self.described, true) {
                    // They are in it.
                    return self.description();
                }
                Some(Input::LocalCandidates {
                    peer,
                    strand,
                    candidates,
                })
            }
            LinkEvent::Opened => {
                self.opened += 1;
                (self.opened == 2).then_some(Input::LinkOpened { peer, strand })
            }
            LinkEvent::Message(bytes) => Some(Input::LinkMessage { peer, bytes }),
            // What all strands have queued counts, and is told by who knows them.
            LinkEvent::Drained => None,
            LinkEvent::Closed => self.close(),
        }
    }

    fn close(&mut self) -> Option<Input> {
        // Two channels and a connection close one after the other; once is enough.
        let first = !core::mem::replace(&mut self.closed, true);
        first.then_some(Input::LinkClosed {
            peer: self.peer,
            strand: self.strand,
        })
    }

    /// Takes the other end's description.
    fn set(&self, kind: RtcSdpType, sdp: &str) {
        let init = RtcSessionDescriptionInit::new(kind);
        init.set_sdp(sdp);
        let set = self.connection.set_remote_description(&init);
        self.report(&set, LinkEvent::Accepted);
    }

    /// Makes this end's description.
    fn describe(&self) {
        let described = self.connection.unchecked_ref::<Negotiator>().describe();
        self.report(&described, LinkEvent::Described);
    }

    /// This end's description, with the candidates that have been found by now.
    fn description(&mut self) -> Option<Input> {
        let (peer, strand) = (self.peer, self.strand);
        let text = self.connection.local_description()?.sdp();
        match sdp::describe(&text) {
            Ok(description) => Some(match self.role {
                Role::Offering => Input::LocalOffer {
                    peer,
                    strand,
                    description,
                },
                Role::Answering => Input::LocalAnswer {
                    peer,
                    strand,
                    description,
                },
            }),
            Err(error) => {
                let which = JsValue::from(error as u8);
                warn("this browser's description is of no use", &which);
                self.close()
            }
        }
    }

    /// Tells what comes of a promise.
    fn report(&self, promise: &js_sys::Promise, kept: LinkEvent) {
        let (mailbox, number) = (self.mailbox.clone(), self.number);
        let tell = move |outcome: Result<JsValue, JsValue>| {
            let event = match outcome {
                Ok(_) => kept,
                Err(error) => {
                    warn("a link cannot be opened", &error);
                    LinkEvent::Closed
                }
            };
            mailbox.post(Event::Link(number, event));
        };
        timer::when(promise, Box::new(tell));
    }

    /// Tells the other end in a moment what there is; there is nothing that it could use before
    /// there are a description and a candidate.
    fn collect(&mut self) {
        if !self.made || self.found.is_empty() || core::mem::replace(&mut self.collecting, true) {
            return;
        }
        let (mailbox, number) = (self.mailbox.clone(), self.number);
        let due = move || mailbox.post(Event::Link(number, LinkEvent::Collected));
        timer::after(COLLECT, Box::new(due));
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.connection.close();
    }
}

type Read = fn(&JsValue) -> Option<LinkEvent>;

fn listen(
    target: &web_sys::EventTarget,
    name: &'static str,
    number: u32,
    mailbox: &Mailbox,
    read: Read,
) -> Listener {
    let mailbox = mailbox.clone();
    Listener::new(target, name, move |event| {
        if let Some(event) = read(&event) {
            mailbox.post(Event::Link(number, event));
        }
    })
}

fn target(event: &JsValue) -> Option<web_sys::EventTarget> {
    event.unchecked_ref::<web_sys::Event>().target()
}

fn channel(connection: &RtcPeerConnection, label: &str, id: u16, losing: bool) -> RtcDataChannel {
    let init = RtcDataChannelInit::new();
    init.set_negotiated(true);
    init.set_id(id);
    if losing {
        init.set_ordered(false);
        init.set_max_packet_life_time(LIFETIME);
    }
    let channel = connection.create_data_channel_with_data_channel_dict(label, &init);
    channel.set_binary_type(RtcDataChannelType::Arraybuffer);
    channel
}
