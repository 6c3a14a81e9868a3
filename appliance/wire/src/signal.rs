//! WebRTC signalling without SDP: what two nodes must tell each other to open a link, and
//! nothing that both can write down by themselves (one data-channel section, SCTP port
//! 5000, a fixed maximum message size). Turning it into SDP and back is the node's work.

use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{
    DecodeError,
    control::{decode, encode},
};

/// The most candidates that one signal may carry.
pub const MAX_CANDIDATES: usize = 16;
/// The longest ICE user fragment and password that RFC 8839 (section 5.4) allows, in characters.
const MAX_CREDENTIAL: usize = 256;

/// One step of opening a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// From the end that begins.
    Offer(Description),
    /// From the other end.
    Answer(Description),
    /// Candidates found after the description was sent (trickle ICE, RFC 8838).
    Candidates(Vec<Candidate>),
}

/// One end of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// ICE user fragment (RFC 8839, `ice-ufrag`).
    pub ufrag: String,
    /// ICE password (RFC 8839, `ice-pwd`).
    pub pwd: String,
    /// SHA-256 fingerprint of the DTLS certificate (RFC 8122).
    #[serde(with = "crate::array")]
    pub fingerprint: [u8; 32],
    /// Who begins the DTLS handshake (RFC 8842).
    pub setup: Setup,
    /// The candidates known so far.
    pub candidates: Vec<Candidate>,
}

/// The `setup` attribute of RFC 4145, as RFC 8842 uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Setup {
    /// Either; what an offer says.
    ActPass,
    /// This end is the DTLS client.
    Active,
    /// This end is the DTLS server.
    Passive,
}

/// A UDP ICE candidate (RFC 8839, `candidate`) of component 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its kind.
    pub kind: CandidateKind,
    /// Where it is.
    pub address: Address,
    /// UDP port.
    pub port: u16,
    /// ICE priority (RFC 8445, section 5.1.2).
    pub priority: u32,
}

/// The kinds of RFC 8445.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CandidateKind {
    /// An address of the machine itself.
    Host,
    /// Seen by a STUN server.
    ServerReflexive,
    /// Seen by the other end.
    PeerReflexive,
    /// Lent by a TURN server.
    Relayed,
}

/// A candidate's address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// The random UUID in front of `.local`, by which browsers hide host addresses (mDNS).
    Mdns([u8; 16]),
}

impl Signal {
    /// The signal as bytes, as it travels in a [`crate::LinkMessage::Relay`].
    pub(crate) fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads one signal that fills `bytes`.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let signal: Signal = decode(bytes)?;
        signal.check()?;
        Ok(signal)
    }

    /// Refuses what decodes but that no browser says.
    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        let candidates = match self {
            Signal::Offer(description) | Signal::Answer(description) => {
                description.check()?;
                &description.candidates
            }
            Signal::Candidates(candidates) => candidates,
        };
        if candidates.len() > MAX_CANDIDATES {
            return Err(DecodeError::Malformed);
        }
        Ok(())
    }
}

impl Description {
    fn check(&self) -> Result<(), DecodeError> {
        for credential in [&self.ufrag, &self.pwd] {
            // RFC 8839: ice-char is ALPHA / DIGIT / "+" / "/". Anything else could break
            // out of the line of SDP that it is put into.
            let ice_char = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
            if credential.is_empty()
                || credential.len() > MAX_CREDENTIAL
                || !credential.bytes().all(ice_char)
            {
                return Err(DecodeError::Malformed);
            }
        }
        Ok(())
    }
}
