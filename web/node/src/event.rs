use bytes::Bytes;
use core::time::Duration;
use peerstream_fragment::{Fragment, Init};
use peerstream_wire::{Candidate, Description, NodeId, Refusal};

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// The WebSocket to the box is open.
    ControlOpened,
    /// The WebSocket to the box is closed, or could not be opened.
    ControlClosed,
    /// A whole binary message came from the box.
    Control(Bytes),
    /// The offer that [`Output::CreateOffer`] asked for.
    LocalOffer {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
        /// This end.
        description: Description,
    },
    /// The answer that [`Output::CreateAnswer`] asked for.
    LocalAnswer {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
        /// This end.
        description: Description,
    },
    /// Candidates of this end, found after its description.
    LocalCandidates {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
        /// What was found.
        candidates: Vec<Candidate>,
    },
    /// Both channels of a link, or of a strand, are open.
    LinkOpened {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
    },
    /// A link broke, was closed by the other end, or cannot be opened. A strand goes alone;
    /// with the link itself go all of its strands.
    LinkClosed {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
    },
    /// A message came over a link, on either channel.
    LinkMessage {
        /// The other end.
        peer: NodeId,
        /// The message.
        bytes: Bytes,
    },
    /// How much the media channels of a link have queued (`bufferedAmount`), all strands
    /// together, to be said after sending on it and when one of them has drained.
    LinkBuffered {
        /// The other end.
        peer: NodeId,
        /// Bytes queued.
        bytes: usize,
    },
    /// The page is going away.
    PageHidden,
    /// How many copies this node may pass on at most, by its owner's word and by what the
    /// device and its connection are: 0 makes it a leaf. Without this it is
    /// [`peerstream_wire::MAX_CHILDREN`].
    Sharing {
        /// The bound.
        copies_max: u8,
    },
    /// The time of [`crate::Node::deadline`] has come.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub enum Output {
    /// Open the WebSocket to the box.
    OpenControl,
    /// Send this binary message to the box.
    Control(Bytes),
    /// Begin a link, or one more strand of a link that is open: make a connection with two
    /// negotiated channels and tell its offer.
    CreateOffer {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
    },
    /// Take up a link, or a strand, that the other end began.
    CreateAnswer {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
        /// What it offers.
        offer: Description,
    },
    /// The other end took up the link.
    SetAnswer {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
        /// What it answers.
        answer: Description,
    },
    /// Candidates of the other end.
    AddCandidates {
        /// The other end.
        peer: NodeId,
        /// Which connection of the link: 0 is the link itself, others are its strands.
        strand: u8,
        /// Where it may be reached.
        candidates: Vec<Candidate>,
    },
    /// End a link, with all of its strands.
    CloseLink {
        /// The other end.
        peer: NodeId,
    },
    /// Send a message over a link: a command by the link itself, media by the open strand that
    /// has the least queued.
    Send {
        /// The other end.
        peer: NodeId,
        /// The channel.
        lane: Lane,
        /// The message.
        bytes: Bytes,
    },
    /// What follows is encoded like this.
    Tracks(Init),
    /// The next piece of picture and sound, verified and in order.
    Chunk(Fragment),
    /// Media that could not be had in time; the next chunk begins this much later.
    Skipped(Duration),
    /// What to tell the viewer.
    Phase(Phase),
}

/// The two channels of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Reliable and ordered: commands, certificates, init data.
    Command,
    /// Unordered, with a limited lifetime: headers and parts.
    Media,
}

/// What is going on, as a viewer would put it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// No word from the box yet, or none any more and nothing to play.
    Connecting,
    /// In the audience; nothing to play yet.
    Waiting,
    /// The stream plays.
    Playing,
    /// The stream is over.
    Over,
    /// The box turned this page away.
    Refused(Refusal),
    /// The box speaks for another stream than the one that is pinned.
    OtherStream,
}
