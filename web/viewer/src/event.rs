use core::{cell::RefCell, time::Duration};
use std::{collections::VecDeque, rc::Rc};

use bytes::Bytes;
use peerstream_node::Input;
use wasm_bindgen::JsValue;

use crate::page::Page;

/// Everything that can wake the page.
pub(crate) enum Event {
    /// Something that the node wants to know as it is.
    Node(Input),
    /// The control socket is open.
    SocketOpened,
    /// The control socket is closed.
    SocketClosed,
    /// A message came from the box.
    SocketMessage(Bytes),
    /// A link did something; the number tells it from a former link to the same peer.
    Link(u32, LinkEvent),
    /// The node's deadline has come.
    Timer,
    /// It is time to sample the media element.
    Sample,
    /// A frame was presented.
    Frame {
        /// Its place on the element's timeline, in seconds.
        media_time: f64,
        /// When it is, or was, to be seen.
        shown: Duration,
    },
    /// The media source may be filled.
    SourceOpened,
    /// A media source buffer finished what it was doing, or the source wants data again.
    SourceReady,
    /// The media element cannot go on with its source.
    SourceBroken(JsValue),
    /// The page is seen again, or is not any more.
    Seen(bool),
    /// `play()` was refused.
    PlayRefused,
    /// The viewer pressed a button.
    Pressed(Button),
}

/// What happened on a link.
pub(crate) enum LinkEvent {
    /// This end's description is made.
    Described,
    /// The other end's description is set.
    Accepted,
    /// A candidate of this end, as a line.
    Candidate(String),
    /// The candidates collected may go, and the description with them if it has not gone yet.
    Collected,
    /// A channel is open; there are two.
    Opened,
    /// A message came.
    Message(Bytes),
    /// The media channel drained.
    Drained,
    /// It is over.
    Closed,
}

/// What can be pressed.
#[derive(Clone, Copy)]
pub(crate) enum Button {
    /// Sound, please.
    Unmute,
    /// Play, please; only there when the browser did not do it unasked.
    Play,
    /// The whole screen, please.
    Fullscreen,
    /// Pass the stream on, or stop that.
    Share,
    /// Yes, it may be passed on.
    Agree,
    /// No, it may not.
    Decline,
}

/// Where events go. They are handled one after the other, in order: one that comes while
/// another is being handled (a browser may call back at any time) waits.
#[derive(Clone, Default)]
pub(crate) struct Mailbox(Rc<Inner>);

#[derive(Default)]
struct Inner {
    events: RefCell<VecDeque<Event>>,
    page: RefCell<Option<Page>>,
}

impl Mailbox {
    /// Puts the page in its place, and hands it what has come so far.
    pub(crate) fn open(&self, page: Page) {
        *self.0.page.borrow_mut() = Some(page);
        self.run();
    }

    pub(crate) fn post(&self, event: Event) {
        self.0.events.borrow_mut().push_back(event);
        self.run();
    }

    /// Looks at the page, unless it is just handling an event.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Page) -> T) -> Option<T> {
        let page = self.0.page.try_borrow().ok()?;
        page.as_ref().map(look)
    }

    fn run(&self) {
        let Ok(mut page) = self.0.page.try_borrow_mut() else {
            return;
        };
        let Some(page) = page.as_mut() else { return };
        loop {
            // The queue must not be borrowed while an event is handled.
            let next = self.0.events.borrow_mut().pop_front();
            let Some(event) = next else { return };
            page.handle(event);
        }
    }
}
