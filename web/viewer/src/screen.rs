use peerstream_wire::Notice;
use wasm_bindgen::JsCast;
use web_sys::{Document, Element, HtmlElement, HtmlVideoElement};

use crate::{
    event::{Button, Event, Mailbox},
    listener::Listener,
    sharing::Sharing,
};

/// What the viewer sees and can press. The words are the page's: each stands in a `data-`
/// attribute of the status line.
pub(crate) struct Screen {
    document: Document,
    status: Option<Element>,
    unmute: Option<HtmlElement>,
    play: Option<HtmlElement>,
    share: Option<HtmlElement>,
    /// What is passed on, in words.
    shares: Option<Element>,
    /// The question whether anything may be.
    consent: Option<HtmlElement>,
    shown: Option<(Status, Option<Notice>)>,
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
        let share = button("share", Button::Share);
        button("agree", Button::Agree);
        button("decline", Button::Decline);
        let shares = document.get_element_by_id("shares");
        let consent = document.get_element_by_id("consent");
        let consent = consent.and_then(|consent| consent.dyn_into().ok());
        let status = document.get_element_by_id("status");
        Screen {
            document,
            status,
            unmute,
            play,
            share,
            shares,
            consent,
            shown: None,
            title: String::new(),
            _listeners: listeners,
        }
    }

    pub(crate) fn video(&self) -> Option<HtmlVideoElement> {
        self.document.get_element_by_id("video")?.dyn_into().ok()
    }

    /// Whether the page is to ask before it passes anything on.
    pub(crate) fn asks(&self) -> bool {
        let body = self.document.body();
        body.is_some_and(|body| body.has_attribute("data-ask"))
    }

    /// Says what is going on, and what the box wants known of it. Screen readers read out
    /// every change, so there is one only when something changes.
    pub(crate) fn show(&mut self, status: Status, told: Option<Notice>) {
        if self.shown == Some((status, told)) {
            return;
        }
        self.shown = Some((status, told));
        let name = status.name();
        if let Some(line) = &self.status {
            let of_use = matches!(status, Status::Waiting | Status::Playing);
            let told = told.filter(|_| of_use);
            let words = line.get_attribute(&("data-".to_owned() + told.map_or(name, notice)));
            let ahead = match told {
                Some(Notice::Queued { ahead }) => ahead,
                _ => 0,
            };
            let words = fill(&words.unwrap_or_default(), &[f64::from(ahead)]);
            line.set_text_content(Some(&words));
        }
        if let Some(body) = self.document.body() {
            let _ = body.set_attribute("data-status", name);
        }
    }

    /// Says whether the stream is passed on, and to how many others, how fast (in bit/s).
    pub(crate) fn sharing(&self, sharing: Sharing, others: usize, rate: f64) {
        let on = sharing == Sharing::On;
        if let Some(switch) = &self.share {
            let name = if on { "data-on" } else { "data-off" };
            let words = switch.get_attribute(name);
            set_text(switch, &words.unwrap_or_default());
            // Who is asked has two buttons for it.
            hide(switch, sharing == Sharing::Asked);
        }
        if let Some(consent) = &self.consent {
            hide(consent, sharing != Sharing::Asked);
        }
        if let Some(line) = &self.shares {
            let name = match others {
                _ if !on => sharing.name(),
                0 => "on",
                1 => "one",
                _ => "many",
            };
            let words = line.get_attribute(&("data-".to_owned() + name));
            let megabits = (rate / 1e5).round() / 10.0;
            #[expect(clippy::cast_precision_loss, reason = "four at the most")]
            let words = fill(&words.unwrap_or_default(), &[megabits, others as f64]);
            set_text(line, &words);
        }
    }

    /// Shows those buttons that are of use.
    pub(crate) fn offer(&self, unmute: bool, play: bool) {
        for (button, visible) in [(&self.unmute, unmute), (&self.play, play)] {
            if let Some(button) = button {
                hide(button, !visible);
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
}

/// What the box wants known, in figures and in the page's words.
pub(crate) fn notice(notice: Notice) -> &'static str {
    match notice {
        Notice::Queued { .. } => "queued",
        Notice::TooSlow => "too-slow",
    }
}

/// Puts the numbers where the words have `#0` and so on.
fn fill(words: &str, numbers: &[f64]) -> String {
    let mut pieces = words.split('#');
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digit = piece.bytes().next().unwrap_or_default();
        let number = numbers.get(usize::from(digit.wrapping_sub(b'0')));
        let number = js_sys::Number::from(number.copied().unwrap_or_default());
        filled.extend(number.to_string_with_radix(10).map(String::from));
        filled.push_str(piece.get(1..).unwrap_or_default());
    }
    filled
}

/// Changes nothing that is so already: whatever is changed is laid out anew.
fn set_text(element: &Element, words: &str) {
    if element.text_content().as_deref() != Some(words) {
        element.set_text_content(Some(words));
    }
}

fn hide(element: &HtmlElement, hidden: bool) {
    if element.hidden() != hidden {
        element.set_hidden(hidden);
    }
}
