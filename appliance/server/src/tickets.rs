use std::fmt;

use peerstream_wire::{NodeId, Ticket};
use subtle::ConstantTimeEq;

/// Makes and checks tickets: a ticket shows that a node's name was given by this box, also
/// to the box as it is after a restart.
///
/// A ticket is keyed BLAKE3 of the name, cut to 16 bytes. It is no secret between viewers
/// that they would have to guard: whoever has one can be one viewer, once.
pub(crate) struct Tickets {
    key: [u8; 32],
}

impl Tickets {
    /// `secret` outlives restarts.
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        Self {
            key: blake3::derive_key(CONTEXT, secret),
        }
    }

    pub(crate) fn issue(&self, node: NodeId) -> Ticket {
        let whole = blake3::keyed_hash(&self.key, &node.0.to_be_bytes());
        let mut ticket = Ticket::default();
        ticket.copy_from_slice(&whole.as_bytes()[..16]);
        ticket
    }

    /// Whether this ticket was issued for this name, found out in a time that does not tell
    /// how much of it is right.
    pub(crate) fn check(&self, node: NodeId, ticket: &Ticket) -> bool {
        self.issue(node).ct_eq(ticket).into()
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tickets(..)")
    }
}

const CONTEXT: &str = "peerstream 2026-11-23 viewers' tickets";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_for_its_name_and_its_box() {
        let tickets = Tickets::new(&[1; 32]);
        let ticket = tickets.issue(NodeId(7));
        // As it is after a restart.
        assert!(Tickets::new(&[1; 32]).check(NodeId(7), &ticket));
        assert!(!tickets.check(NodeId(8), &ticket));
        assert!(!Tickets::new(&[2; 32]).check(NodeId(7), &ticket));
        for byte in 0..ticket.len() {
            let mut altered = ticket;
            altered[byte] ^= 1;
            assert!(!tickets.check(NodeId(7), &altered));
        }
    }
}
