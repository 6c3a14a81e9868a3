use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlVideoElement, MediaSource, MediaSourceReadyState, Url};

use crate::{
    bindings::{self, AnyMediaSource},
    event::{Event, Mailbox},
    listener::Listener,
};

/// A media source, attached to the media element.
pub(crate) struct Source {
    media: MediaSource,
    url: String,
    /// Whether it has said that it is open. It is a little before it says so, but what is
    /// appended by then forbids to set the duration.
    said: bool,
    _listeners: [Listener; 3],
}

impl Source {
    /// Makes one.
    pub(crate) fn open(video: &HtmlVideoElement, mailbox: &Mailbox) -> Result<Self, JsValue> {
        let media = bindings::media_source(video)?;
        let to = mailbox.clone();
        let opened = Listener::new(&media, "sourceopen", move |_| to.post(Event::SourceOpened));
        let to = mailbox.clone();
        // Only a managed source says so.
        let wants = move |_| to.post(Event::SourceReady);
        let wants = Listener::new(&media, "startstreaming", wants);
        let to = mailbox.clone();
        let element = video.clone();
        let broken = Listener::new(video, "error", move |_| {
            let why = element
                .error()
                .map_or(JsValue::NULL, |error| error.message().into());
            to.post(Event::SourceBroken(why));
        });
        let url = Url::create_object_url_with_source(&media)?;
        video.set_src(&url);
        Ok(Source {
            media,
            url,
            said: false,
            _listeners: [opened, wants, broken],
        })
    }

    pub(crate) fn media(&self) -> &MediaSource {
        &self.media
    }

    pub(crate) fn is_open(&self) -> bool {
        self.said && self.media.ready_state() == MediaSourceReadyState::Open
    }

    /// A managed source says when it wants nothing.
    pub(crate) fn wants_data(&self) -> bool {
        let media = self.media.unchecked_ref::<AnyMediaSource>();
        media.streaming().unwrap_or(true)
    }

    /// It is open now: the stream has no end.
    pub(crate) fn opened(&mut self) {
        // A source that this one has replaced may be the one that said so.
        let open = self.media.ready_state() == MediaSourceReadyState::Open;
        if open && !self.said {
            self.said = true;
            self.media.set_duration(f64::INFINITY);
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // An address that is none is none any more either way.
        let _ = Url::revoke_object_url(&self.url);
    }
}
