use std::collections::VecDeque;

use bytes::Bytes;
use peerstream_fragment::{InitTrack, TrackKind};
use peerstream_node::playhead::Span;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DomException, MediaSource, SourceBuffer};

use crate::{
    bindings::Sink,
    event::{Event, Mailbox},
    listener::Listener,
};

/// One of the player's buffers, and what is still to be put into it: it takes one thing at
/// a time.
pub(crate) struct Track {
    pub(crate) kind: TrackKind,
    buffer: SourceBuffer,
    steps: VecDeque<Step>,
    mime: String,
    placed: bool,
    _ready: [Listener; 2],
}

enum Step {
    /// What follows is encoded like this.
    Init { mime: String, segment: Bytes },
    /// The stream's times and the element's differ by this.
    Offset(f64),
    /// Picture or sound.
    Media(Bytes),
    /// What was played may go.
    Remove(f64),
}

/// What stopped a track.
pub(crate) enum Trouble {
    /// The browser's memory for it is full.
    Full,
    /// It will not work again.
    Broken(JsValue),
}

/// Pieces are put together up to this size: during a join many wait, and each append costs
/// a turn of the event loop.
const APPEND: usize = 512 * 1024;

impl Track {
    pub(crate) fn new(
        source: &MediaSource,
        init: &InitTrack,
        mailbox: &Mailbox,
    ) -> Result<Self, JsValue> {
        let mime = mime(init);
        let buffer = source.add_source_buffer(&mime)?;
        let to = mailbox.clone();
        let ready = Listener::new(&buffer, "updateend", move |_| to.post(Event::SourceReady));
        let to = mailbox.clone();
        let broken = Listener::new(&buffer, "error", move |_| {
            to.post(Event::SourceBroken(JsValue::from_str(
                "a media buffer failed",
            )));
        });
        let mut track = Track {
            kind: init.kind,
            buffer,
            steps: VecDeque::new(),
            mime,
            placed: false,
            _ready: [ready, broken],
        };
        track.init(init);
        Ok(track)
    }

    /// What follows is encoded like this.
    pub(crate) fn init(&mut self, init: &InitTrack) {
        self.steps.push_back(Step::Init {
            mime: mime(init),
            segment: init.segment.clone(),
        });
    }

    /// The next piece; `offset` maps its times to the element's.
    pub(crate) fn media(&mut self, offset: f64, chunk: Bytes) {
        if !core::mem::replace(&mut self.placed, true) {
            self.steps.push_back(Step::Offset(offset));
        }
        self.steps.push_back(Step::Media(chunk));
    }

    /// Everything before a time may go, and before anything else.
    pub(crate) fn remove(&mut self, before: f64) {
        self.steps.push_front(Step::Remove(before));
    }

    /// Gives up the oldest piece that waits.
    pub(crate) fn give_up(&mut self) {
        if let Some(Step::Media(_)) = self.steps.front() {
            self.steps.pop_front();
        }
    }

    /// What it holds.
    pub(crate) fn buffered(&self) -> Vec<Span> {
        let Ok(ranges) = self.buffer.buffered() else {
            return Vec::new();
        };
        (0..ranges.length())
            .filter_map(|n| {
                Some(Span {
                    start: ranges.start(n).ok()?,
                    end: ranges.end(n).ok()?,
                })
            })
            .collect()
    }

    /// Puts in as much as it takes now.
    pub(crate) fn pump(&mut self) -> Result<(), Trouble> {
        while !self.buffer.updating()
            && let Some(step) = self.steps.pop_front()
        {
            self.take(step)?;
        }
        Ok(())
    }

    fn take(&mut self, step: Step) -> Result<(), Trouble> {
        let sink = self.buffer.unchecked_ref::<Sink>();
        match step {
            Step::Init { mime, segment } => {
                if mime != self.mime {
                    self.buffer.change_type(&mime).map_err(Trouble::Broken)?;
                    self.mime = mime;
                }
                sink.append(&segment).map_err(Trouble::Broken)
            }
            Step::Offset(offset) => sink.set_timestamp_offset(offset).map_err(Trouble::Broken),
            Step::Remove(before) => self.buffer.remove(0.0, before).map_err(Trouble::Broken),
            Step::Media(chunk) => {
                let chunk = self.with_those_behind(chunk);
                let sink = self.buffer.unchecked_ref::<Sink>();
                sink.append(&chunk).map_err(|error| {
                    if !is_named(&error, "QuotaExceededError") {
                        return Trouble::Broken(error);
                    }
                    self.steps.push_front(Step::Media(chunk));
                    Trouble::Full
                })
            }
        }
    }

    fn with_those_behind(&mut self, chunk: Bytes) -> Bytes {
        let Some(Step::Media(_)) = self.steps.front() else {
            return chunk;
        };
        let mut joined = chunk.to_vec();
        while let Some(Step::Media(next)) = self.steps.front()
            && joined.len() + next.len() <= APPEND
        {
            joined.extend_from_slice(next);
            self.steps.pop_front();
        }
        joined.into()
    }
}

/// Whether an exception of the browser's goes by this name.
pub(crate) fn is_named(error: &JsValue, name: &str) -> bool {
    let error = error.dyn_ref::<DomException>();
    error.is_some_and(|error| error.name() == name)
}

/// The MIME type that MediaSource wants for a track.
pub(crate) fn mime(init: &InitTrack) -> String {
    let container = match init.kind {
        TrackKind::Video => "video/mp4; codecs=\"",
        TrackKind::Audio => "audio/mp4; codecs=\"",
    };
    container.to_owned() + &init.codec + "\""
}
