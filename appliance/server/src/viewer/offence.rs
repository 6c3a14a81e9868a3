use peerstream_overlay::Misbehaved;
use peerstream_wire::{DecodeError, Refusal};

/// Why a viewer's connection is ended by the box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Offence {
    #[error(
        "speaks version {theirs} of the protocol, not {}",
        peerstream_wire::PROTOCOL
    )]
    Protocol { theirs: u16 },
    #[error("{0}")]
    Malformed(#[from] DecodeError),
    #[error("sent a message that is not binary")]
    NotBinary,
    #[error("broke the WebSocket protocol")]
    BadFrame,
    #[error("sent a message longer than {} bytes", peerstream_wire::MAX_TO_BOX)]
    Oversized,
    #[error("sent too many messages")]
    TooMany,
    #[error("did not join in time")]
    Late,
    #[error("sent something else before it joined")]
    BeforeJoin,
    #[error("joined twice")]
    JoinedTwice,
    #[error("sent what only a parent sends")]
    NotAParent,
    #[error("asked for a direct feed that it was never given")]
    NoFeed,
    #[error("{0}")]
    Misbehaved(#[from] Misbehaved),
    #[error("reads more slowly than its feed flows")]
    TooSlow,
    #[error("has been silent for too long")]
    Silent,
    #[error("comes from an address that has too many viewers already")]
    Crowded,
    #[error("is turned away by the coordinator: {0:?}")]
    TurnedAway(Refusal),
    /// Not the viewer's fault.
    #[error("has come back over another socket")]
    Replaced,
    /// Not the viewer's fault.
    #[error("the box is shutting down")]
    ShuttingDown,
}

impl Offence {
    /// What the viewer is told.
    pub(crate) fn refusal(&self) -> Refusal {
        match self {
            Offence::Protocol { .. } => Refusal::Protocol,
            Offence::Malformed(_) | Offence::NotBinary | Offence::BadFrame => Refusal::Malformed,
            Offence::Oversized | Offence::TooMany => Refusal::Flooding,
            Offence::Late
            | Offence::BeforeJoin
            | Offence::JoinedTwice
            | Offence::NotAParent
            | Offence::NoFeed
            | Offence::Misbehaved(_) => Refusal::OutOfOrder,
            Offence::TooSlow | Offence::Silent => Refusal::TooSlow,
            Offence::Crowded => Refusal::Full,
            Offence::TurnedAway(refusal) => *refusal,
            Offence::ShuttingDown | Offence::Replaced => Refusal::ShuttingDown,
        }
    }

    /// Its name in the status.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Offence::Silent => "silent",
            Offence::Late => "late",
            Offence::Crowded => "crowded",
            Offence::Replaced => "replaced",
            other => match other.refusal() {
                Refusal::Protocol => "protocol",
                Refusal::Malformed => "malformed",
                Refusal::Flooding => "flooding",
                Refusal::TooSlow => "too_slow",
                Refusal::OutOfOrder => "out_of_order",
                Refusal::ShuttingDown => "shutting_down",
                Refusal::Forging => "forging",
                Refusal::Full => "full",
            },
        }
    }
}
