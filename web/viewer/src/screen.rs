use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement, HtmlVideoElement};

use crate::{
    event::{Button, Event, Mailbox},
    listener::Listener,
};

/// What the viewer sees and can press. The words are the page's: each stands in a `data-`
/// attribute of the status line.
pub(crate) struct Screen {
    document: Document,
    status: Option<Element>,
    unmute: Option<HtmlElement>,
    play: Option<HtmlElement>,
    shown: Option<Status>,
    title: String,
    _listeners: Vec<Listener>,
}

/// What is going on, in the words of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// No word from the box yet.
    Connecting,
    /// In the audience, and nothing to play yet.
    Waiting,
    /// The picture moves.
    Playing,
    /// The standby card is shown.
    Standby,
    /// Nothing comes any more.
    Reconnecting,
    /// Somebody stopped the picture, or the browser wants to be asked.
    Paused,
    /// The stream is over.
    Over,
    /// The box is full, or does not like this page.
    Refused,
    /// The box shows another stream than the link is for.
    OtherStream,
    /// The link's key is none.
    Misspelt,
    /// The browser lacks what is needed.
    Unsupported,
}

impl Status {
    /// What it is called in figures and in the page's style.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Connecting => "connecting",
            Status::Waiting => "waiting",
            Status::Playing => "playing",
            Status::Standby => "standby",
            Status::Reconnecting => "reconnecting",
            Status::Paused => "paused",
            Status::Over => "over",
            Status::Refused => "refused",
            Status::OtherStream => "other-stream",
            Status::Misspelt => "misspelt",
            Status::Unsupported => "unsupported",
        }
    }
}

impl Screen {
    pub(crate) fn new(document: Document, mailbox: &Mailbox) -> Self {
        let mut listeners = Vec::new();
        let mut button = |id: &str, button: Button| {
            let element: HtmlElement = document.get_element_by_id(id)?.dyn_into().ok()?;
            let to = mailbox.clone();
            let pressed = move |_| to.post(Event::Pressed(button));
            listeners.push(Listener::new(&element, "click", pressed));
            Some(element)
        };
        let unmute = button("unmute", Button::Unmute);
        let play = button("play", Button::Play);
        button("fullscreen", Button::Fullscreen);
        let status = document.get_element_by_id("status");
        Screen {
            document,
            status,
            unmute,
            play,
            shown: None,
            title: String::new(),
            _listeners: listeners,
        }
    }

    pub(crate) fn video(&self) -> Option<HtmlVideoElement> {
        self.document.get_element_by_id("video")?.dyn_into().ok()
    }

    /// Says what is going on. Screen readers read out every change, so there is one only
    /// when something changes.
    pub(crate) fn show(&mut self, status: Status) {
        if self.shown == Some(status) {
            return;
        }
        self.shown = Some(status);
        let name = status.name();
        if let Some(line) = &self.status {
            let words = line.get_attribute(&("data-".to_owned() + name));
            line.set_text_content(words.as_deref());
        }
        if let Some(body) = self.document.body() {
            let _ = body.set_attribute("data-status", name);
        }
    }

    /// Shows those buttons that are of use.
    pub(crate) fn offer(&self, unmute: bool, play: bool) {
        for (button, visible) in [(&self.unmute, unmute), (&self.play, play)] {
            if let Some(button) = button
                && button.hidden() == visible
            {
                button.set_hidden(!visible);
            }
        }
    }

    /// The stream's title.
    pub(crate) fn title(&mut self, title: &str) {
        if self.title == title {
            return;
        }
        title.clone_into(&mut self.title);
        self.document.set_title(title);
        if let Some(heading) = self.document.get_element_by_id("title") {
            heading.set_text_content(Some(title));
        }
    }

    /// Fills the screen with the picture, or gives it back.
    pub(crate) fn fullscreen(&self, video: &HtmlVideoElement) {
        if self.document.fullscreen_element().is_some() {
            self.document.exit_fullscreen();
            return;
        }
        let stage = self.document.get_element_by_id("stage");
        let entered = stage.is_some_and(|stage| stage.request_fullscreen().is_ok());
        if !entered {
            // Telephones by Apple know it for videos only, under a name of their own.
            let own = js_sys::Reflect::get(video, &"webkitEnterFullscreen".into());
            if let Some(own) = own
                .ok()
                .and_then(|own| own.dyn_into::<js_sys::Function>().ok())
            {
                let _ = own.call0(video);
            }
        }
    }
}
