use alloc::vec::Vec;

use peerstream_fragment::PartHash;
use serde::{Deserialize, Serialize};

use crate::{NodeId, Ticket, ToNode};

/// What the box has one node pass on to another that it has a link with, so that several
/// messages of the box take one packet: most of a small one is heads.
///
/// It counts as if the box had said it itself, which the seal shows: who carries it can read it
/// (it says who the receiver's neighbours are, and these the carrier is among), and lose it, but
/// neither change nor forge it. Its epoch keeps it from counting twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// Whom to pass it on to.
    pub to: NodeId,
    /// The seal, 8 bytes, then the body: a [`ToNode`], encoded.
    ///
    /// The seal is the beginning of BLAKE3 over the receiver's [`Ticket`], which only the
    /// receiver and the box know, and the body.
    pub sealed: Vec<u8>,
}

const SEAL: usize = 8;

impl Letter {
    /// A letter that is not sealed yet.
    #[must_use]
    pub fn new(to: NodeId, message: &ToNode) -> Letter {
        let sealed = [&[0; SEAL][..], &message.encode()].concat();
        Letter { to, sealed }
    }

    /// Seals it with the ticket of the node that it is for.
    pub fn seal(&mut self, ticket: &Ticket) {
        if let Some((seal, body)) = self.sealed.split_at_mut_checked(SEAL) {
            seal.copy_from_slice(&made(ticket, body)[..SEAL]);
        }
    }

    /// The body, whoever wrote it.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.sealed.get(SEAL..).unwrap_or_default()
    }

    /// What the box says by letter to the one with this ticket, encoded; none if it is not from
    /// the box.
    #[must_use]
    pub fn open<'a>(ticket: &Ticket, sealed: &'a [u8]) -> Option<&'a [u8]> {
        let (seal, body) = sealed.split_at_checked(SEAL)?;
        (made(ticket, body)[..SEAL] == *seal).then_some(body)
    }
}

fn made(ticket: &Ticket, body: &[u8]) -> [u8; 16] {
    let mut whole = ticket.to_vec();
    whole.extend_from_slice(body);
    PartHash::of(&whole).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_that_it_is_sealed_for_can_open_it() {
        let mut letter = Letter::new(NodeId(7), &ToNode::Probe);
        assert_eq!(Letter::open(&[1; 16], &letter.sealed), None);
        letter.seal(&[1; 16]);
        assert_eq!(Letter::open(&[1; 16], &letter.sealed), Some(letter.body()));
        assert_eq!(ToNode::decode(letter.body()), Ok(ToNode::Probe));
        assert_eq!(Letter::open(&[2; 16], &letter.sealed), None);
        for length in 0..letter.sealed.len() {
            assert_eq!(Letter::open(&[1; 16], &letter.sealed[..length]), None);
        }
    }
}
