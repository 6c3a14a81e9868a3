use std::sync::Arc;

use bytes::Bytes;
use peerstream_fragment::{
    Accepted, Fragment, Header, Installed, Malformed, PART_SIZE, Position, Refused, SignedHeader,
    StreamId, Verifier,
};
use peerstream_wire::Parent;

use crate::store::{Entry, Store};

/// How many headers of one sender may wait for their certificate. The two travel in different
/// channels.
const EARLY_HEADERS: usize = 16;
/// How many parts of one sender may wait for their header: the media channel does not keep
/// order. One that sends more pushes out its own.
const EARLY_PARTS: usize = 64;

/// Where nothing passes that is not the stream's own: every certificate, header and part
/// is verified here before the store, the player or a child sees it.
pub(crate) struct Intake {
    verifier: Verifier,
    early_headers: Vec<(Parent, Bytes)>,
    early_parts: Vec<(Parent, Early)>,
    /// Fragments that came whole, every part in order.
    pub(crate) verified: u64,
    /// Certificates, headers and parts that were not the stream's own, or by an old key.
    pub(crate) refused: u64,
}

/// A part without its header.
type Early = (Position, u8, Bytes);

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
    /// So many bytes from this sender were of no use: held already, too old, or without
    /// a header for too long.
    Vain(Parent, u32),
    /// What arrived cannot have come from an honest sender: honest nodes verify first.
    Offence(Parent),
}

impl Intake {
    pub(crate) fn new(stream: StreamId) -> Self {
        Intake {
            verifier: Verifier::new(stream),
            early_headers: Vec::new(),
            early_parts: Vec::new(),
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
        // What is old is not worth a signature's checking, nor is what is held already. But
        // whoever sends something else for what is held shows himself.
        if let Ok(header) = Header::decode_unverified(&bytes) {
            let at = header.meta.at;
            let held = |entry: &Entry| entry.header().bytes == bytes;
            if store.is_past(at) || store.get(at).is_some_and(held) {
                return vec![News::Vain(from, length(&bytes))];
            }
        }
        let header = match self.verifier.header(bytes.clone()) {
            Ok(header) => header,
            Err(Refused::UnknownKey { .. }) => {
                let out = make_room(&mut self.early_headers, from, EARLY_HEADERS);
                self.early_headers.push((from, bytes));
                return out.map_or(Vec::new(), |out| vec![News::Vain(from, length(&out))]);
            }
            Err(refused) => return self.refuse(from, &refused),
        };
        let at = header.header.meta.at;
        if store.is_past(at) || store.get(at).is_some() {
            return vec![News::Vain(from, length(&bytes))];
        }
        store.begin(header);
        let mut news = Vec::new();
        if let Some(entry) = store.get(at) {
            news.push(News::Header(entry.header().clone()));
        }
        let early = core::mem::take(&mut self.early_parts);
        for (from, (position, part, bytes)) in early {
            if position == at {
                news.extend(self.part(store, from, at, part, bytes));
            } else {
                self.early_parts.push((from, (position, part, bytes)));
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
        let vain = |bytes: &Bytes| vec![News::Vain(from, length(bytes))];
        if store.is_past(at) {
            return vain(&bytes);
        }
        if bytes.len() > PART_SIZE {
            return self.refuse(from, &Malformed::PartLength(part).into());
        }
        let Some(entry) = store.get_mut(at) else {
            let out = make_room(&mut self.early_parts, from, EARLY_PARTS);
            self.early_parts.push((from, (at, part, bytes)));
            return out.map_or(Vec::new(), |(_, _, out)| vain(&out));
        };
        let Entry::Partial(assembly) = entry else {
            return vain(&bytes);
        };
        let len = length(&bytes);
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
            Ok(Accepted::Duplicate) => vec![News::Vain(from, len)],
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

/// Takes out the oldest of a sender's things that wait, if it has as many as it may.
fn make_room<T>(waiting: &mut Vec<(Parent, T)>, from: Parent, most: usize) -> Option<T> {
    let mut its = waiting
        .iter()
        .enumerate()
        .filter(|(_, (sender, _))| *sender == from);
    let (oldest, _) = its.next()?;
    (its.count() + 1 >= most).then(|| waiting.remove(oldest).1)
}

fn length(bytes: &Bytes) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}
