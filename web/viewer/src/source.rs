use wasm_bindgen::{JsCast, JsValue};
use web_sys::{HtmlVideoElement, MediaSource, MediaSourceReadyState, Url};

use crate::{
    bindings::{AnyMediaSource, FrameSource},
    event::{Event, Mailbox},
    listener::Listener,
};

/// A media source, attached to the media element.
pub(crate) struct Source {
    media: MediaSource,
    url: String,
    managed: bool,
    /// Whether it has said that it is open. It is a little before it says so, but what is
    /// appended by then forbids to set the duration.
    said: bool,
    _listeners: Vec<Listener>,
}

impl Source {
    /// Makes one: a `MediaSource`, or a `ManagedMediaSource` where that is what there is.
    pub(crate) fn open(video: &HtmlVideoElement, mailbox: &Mailbox) -> Result<Self, JsValue> {
        let (media, managed) = make()?;
        if managed {
            // A managed source may not be sent on to a television, and demands to hear it.
            video
                .unchecked_ref::<FrameSource>()
                .set_disable_remote_playback(true);
        }
        let to = mailbox.clone();
        let mut listeners = vec![Listener::new(&media, "sourceopen", move |_| {
            to.post(Event::SourceOpened)
        })];
        if managed {
            let to = mailbox.clone();
            let wants = move |_| to.post(Event::SourceReady);
            listeners.push(Listener::new(&media, "startstreaming", wants));
        }
        let to = mailbox.clone();
        let element = video.clone();
        listeners.push(Listener::new(video, "error", move |_| {
            let why = element
                .error()
                .map_or(JsValue::NULL, |error| error.message().into());
            to.post(Event::SourceBroken(why));
        }));
        let url = Url::create_object_url_with_source(&media)?;
        video.set_src(&url);
        Ok(Source {
            media,
            url,
            managed,
            said: false,
            _listeners: listeners,
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
        !self.managed
            || self
                .media
                .unchecked_ref::<AnyMediaSource>()
                .streaming()
                .unwrap_or(true)
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

fn make() -> Result<(MediaSource, bool), JsValue> {
    if let Ok(media) = MediaSource::new() {
        return Ok((media, false));
    }
    let class = js_sys::Reflect::get(&js_sys::global(), &"ManagedMediaSource".into())?;
    let class: js_sys::Function = class.dyn_into()?;
    let media = js_sys::Reflect::construct(&class, &js_sys::Array::new())?;
    Ok((media.unchecked_into(), true))
}
