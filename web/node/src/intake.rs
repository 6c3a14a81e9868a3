use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use peerstream_fragment::{
    Accepted, Fragment, Installed, Position, Refused, SignedHeader, StreamId, Verifier,
};
use peerstream_wire::Parent;

use crate::store::{Entry, Store};

/// How many headers may wait for their certificate. The two travel in different channels.
const EARLY_HEADERS: usize = 32;
/// How many parts may wait for their header: the media channel does not keep order.
const EARLY_PARTS: usize = 128;

/// Where nothing passes that is not the stream's own: every certificate, header and part
/// is verified here before the store, the player or a child sees it.
pub(crate) struct Intake {
    verifier: Verifier,
    early_headers: VecDeque<(Parent, Bytes)>,
    early_parts: VecDeque<(Parent, Position, u8, Bytes)>,
    /// Fragments that came whole, every part in order.
    pub(crate) verified: u64,
    /// Certificates, headers and parts that were not the stream's own, or by an old key.
    pub(crate) refused: u64,
}

/// What came of something that arrived.
pub(crate) enum News {
    /// A newer certificate.
    Certificate(Bytes),
    /// A header that was not known.
    Header(Arc<SignedHeader>),
    /// A part that was not held.
    Part(Position, u8, Bytes),
    /// The last missing part came.
    Whole(Fragment),
    /// What arrived cannot have come from an honest sender: honest nodes verify first.
    Offence(Parent),
}

impl Intake {
    pub(crate) fn new(stream: StreamId) -> Self {
        Intake {
            verifier: Verifier::new(stream),
            early_headers: VecDeque::new(),
            early_parts: VecDeque::new(),
            verified: 0,
            refused: 0,
        }
    }

    /// The newest certificate, as it is passed on.
    pub(crate) fn current_certificate(&self) -> Option<&Bytes> {
        self.verifier.current()
    }

    pub(crate) fn certificate(
        &mut self,
        store: &mut Store,
        from: Parent,
        bytes: Bytes,
    ) -> Vec<News> {
        let mut news = Vec::new();
        match self.verifier.certificate(&bytes, None) {
            Ok(Installed::New) => {
                news.push(News::Certificate(bytes));
                for (from, header) in core::mem::take(&mut self.early_headers) {
                    news.extend(self.header(store, from, header));
                }
            }
            Ok(_) => {}
            Err(refused) => news.extend(self.refuse(from, &refused)),
        }
        news
    }

    pub(crate) fn header(&mut self, store: &mut Store, from: Parent, bytes: Bytes) -> Vec<News> {
        if store.knows_header(&bytes) {
            return Vec::new();
        }
        let header = match self.verifier.header(bytes.clone()) {
            Ok(header) => header,
            Err(Refused::UnknownKey { .. }) => {
                if self.early_headers.len() == EARLY_HEADERS {
                    self.early_headers.pop_front();
                }
                self.early_headers.push_back((from, bytes));
                return Vec::new();
            }
            Err(refused) => return self.refuse(from, &refused),
        };
        let at = header.header.meta.at;
        if store.is_past(at) || store.get(at).is_some() {
            return Vec::new();
        }
        store.begin(header);
        let mut news = Vec::new();
        if let Some(entry) = store.get(at) {
            news.push(News::Header(entry.header().clone()));
        }
        let early = core::mem::take(&mut self.early_parts);
        for (from, position, part, bytes) in early {
            if position == at {
                news.extend(self.part(store, from, at, part, bytes));
            } else {
                self.early_parts.push_back((from, position, part, bytes));
            }
        }
        news
    }

    pub(crate) fn part(
        &mut self,
        store: &mut Store,
        from: Parent,
        at: Position,
        part: u8,
        bytes: Bytes,
    ) -> Vec<News> {
        if store.is_past(at) {
            return Vec::new();
        }
        let Some(entry) = store.get_mut(at) else {
            if self.early_parts.len() == EARLY_PARTS {
                self.early_parts.pop_front();
            }
            self.early_parts.push_back((from, at, part, bytes));
            return Vec::new();
        };
        let Entry::Partial(assembly) = entry else {
            return Vec::new();
        };
        match assembly.part(part, bytes.clone()) {
            Ok(Accepted::New) => {
                let mut news = vec![News::Part(at, part, bytes)];
                if let Some(fragment) = assembly.fragment() {
                    store.complete(fragment.clone());
                    self.verified += 1;
                    news.push(News::Whole(fragment));
                }
                news
            }
            Ok(Accepted::Duplicate) => Vec::new(),
            Err(refused) => self.refuse(from, &refused),
        }
    }

    /// Counts a refusal. Not each is an offence: a sender that has not heard of the new
    /// key yet still passes on what the old one signed.
    fn refuse(&mut self, from: Parent, refused: &Refused) -> Vec<News> {
        self.refused += 1;
        if refused.is_offence() {
            vec![News::Offence(from)]
        } else {
            Vec::new()
        }
    }
}
