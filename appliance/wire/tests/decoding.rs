//! Whatever bytes come: what was encoded is read back, nothing panics, and nothing that an
//! honest end never sends gets through.

use std::net::IpAddr;

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_wire::{
    Address, Assignment, Candidate, CandidateKind, DecodeError, Description, Envelope, LinkMessage,
    MAX_LINK_MESSAGE, MAX_TO_BOX, NodeId, Parent, Refusal, Setup, Signal, ToBox, ToNode, Tree,
    signal,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

proptest! {
    #[test]
    fn messages_to_the_box_round_trip(message in to_box()) {
        let bytes = message.encode();
        prop_assert!(bytes.len() <= MAX_TO_BOX);
        prop_assert_eq!(ToBox::decode(&bytes), Ok(message));
    }

    #[test]
    fn messages_to_a_node_round_trip(message in to_node()) {
        prop_assert_eq!(ToNode::decode(&message.encode()), Ok(message));
    }

    #[test]
    fn messages_on_a_link_round_trip(message in link()) {
        prop_assert_eq!(LinkMessage::decode(message.encode()), Ok(message));
    }

    #[test]
    fn envelopes_round_trip(envelope in envelope()) {
        prop_assert_eq!(Envelope::decode(envelope.encode()), Ok(envelope));
    }

    #[test]
    fn truncated_messages_are_refused(message in to_box(), cut: prop::sample::Index) {
        let bytes = message.encode();
        let cut = cut.index(bytes.len());
        prop_assert_eq!(ToBox::decode(&bytes[..cut]), Err(DecodeError::Truncated));
    }

    #[test]
    fn messages_with_something_behind_them_are_refused(message in to_node(), more: u8) {
        let bytes = [&message.encode()[..], &[more]].concat();
        prop_assert_eq!(ToNode::decode(&bytes), Err(DecodeError::Trailing));
    }

    /// Garbage that begins as a message may be one; then it is encoded to the same bytes.
    #[test]
    fn garbage_does_not_panic(first in select(&FIRST_BYTES[..]), second in 0..0x16u8, rest: Vec<u8>) {
        let bytes = Bytes::from([&[first, second][..], &rest].concat());
        if let Ok(envelope) = Envelope::decode(bytes.clone()) {
            prop_assert_eq!(envelope.encode(), &bytes);
        }
        if let Ok(message) = LinkMessage::decode(bytes.slice(1..)) {
            prop_assert_eq!(message.encode(), bytes.slice(1..));
        }
        if let Ok(message) = ToBox::decode(&bytes[1..]) {
            prop_assert_eq!(ToBox::decode(&message.encode()), Ok(message));
        }
        if let Ok(message) = ToNode::decode(&bytes[1..]) {
            prop_assert_eq!(ToNode::decode(&message.encode()), Ok(message));
        }
    }

    #[test]
    fn altered_messages_do_not_panic(message in to_node(), at: prop::sample::Index, to: u8) {
        let mut bytes = message.encode();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(message) = ToNode::decode(&bytes) {
            prop_assert_eq!(ToNode::decode(&message.encode()), Ok(message));
        }
    }
}

#[test]
fn messages_that_are_too_long_are_refused_unread() {
    let long = vec![0; MAX_TO_BOX + 1];
    assert_eq!(ToBox::decode(&long), Err(DecodeError::TooLong(long.len())));
    let long = Bytes::from(vec![0; MAX_LINK_MESSAGE + 1]);
    assert_eq!(
        LinkMessage::decode(long.clone()),
        Err(DecodeError::TooLong(long.len()))
    );
}

#[test]
fn credentials_cannot_break_out_of_a_line_of_sdp() {
    for bad in ["", "a\r\na=x", "a b", "\u{e9}", &"a".repeat(257)] {
        for (ufrag, pwd) in [(bad, "fine"), ("fine", bad)] {
            let (ufrag, pwd) = (ufrag.to_owned(), pwd.to_owned());
            let setup = Setup::ActPass;
            let offer = Description {
                ufrag,
                pwd,
                fingerprint: [0; 32],
                setup,
                candidates: vec![],
            };
            let signal = Signal::Offer(offer);
            let message = ToNode::Signal {
                peer: NodeId(1),
                signal: signal.clone(),
            };
            assert_eq!(
                ToNode::decode(&message.encode()),
                Err(DecodeError::Malformed),
                "{bad:?}"
            );
            let message = ToBox::Signal {
                peer: NodeId(1),
                signal,
            };
            assert_eq!(
                ToBox::decode(&message.encode()),
                Err(DecodeError::Malformed),
                "{bad:?}"
            );
        }
    }
}

#[test]
fn more_candidates_than_any_browser_finds_are_refused() {
    let candidate = Candidate {
        kind: CandidateKind::Host,
        address: Address::Mdns([0; 16]),
        port: 1,
        priority: 1,
    };
    for (count, accepted) in [
        (signal::MAX_CANDIDATES, true),
        (signal::MAX_CANDIDATES + 1, false),
    ] {
        let signal = Signal::Candidates(vec![candidate.clone(); count]);
        let message = ToBox::Signal {
            peer: NodeId(1),
            signal,
        };
        assert_eq!(
            ToBox::decode(&message.encode()).is_ok(),
            accepted,
            "{count}"
        );
    }
}

#[test]
fn a_claimed_length_is_refused() {
    // A list of candidates that claims to have 2^32 - 1 of them.
    let bytes = [1, 1, 2, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert_eq!(ToBox::decode(&bytes), Err(DecodeError::Truncated));
}

#[test]
fn unknown_kinds_are_refused() {
    let envelope = Envelope::decode(Bytes::from_static(&[2, 0]));
    assert_eq!(envelope, Err(DecodeError::UnknownKind(2)));
    let link = LinkMessage::decode(Bytes::from_static(&[0x7f]));
    assert_eq!(link, Err(DecodeError::UnknownKind(0x7f)));
    assert_eq!(Envelope::decode(Bytes::new()), Err(DecodeError::Truncated));
    assert_eq!(
        LinkMessage::decode(Bytes::new()),
        Err(DecodeError::Truncated)
    );
}

/// Both kinds of envelope, and one that is none.
const FIRST_BYTES: [u8; 3] = [0, 1, 2];

fn to_box() -> impl Strategy<Value = ToBox> {
    prop_oneof![
        any::<u16>().prop_map(|protocol| ToBox::Join { protocol }),
        (node(), signal()).prop_map(|(peer, signal)| ToBox::Signal { peer, signal }),
        node().prop_map(|peer| ToBox::LinkFailed { peer }),
        any::<u64>().prop_map(|sent| ToBox::Clock { sent }),
        Just(ToBox::Leave),
    ]
}

fn to_node() -> impl Strategy<Value = ToNode> {
    prop_oneof![
        (node(), any::<[u8; 32]>(), ".{0,80}").prop_map(|(node, stream, title)| ToNode::Welcome {
            node,
            stream,
            title
        }),
        assignment().prop_map(ToNode::Assign),
        (node(), signal()).prop_map(|(peer, signal)| ToNode::Signal { peer, signal }),
        any::<(u64, u64)>().prop_map(|(sent, box_time)| ToNode::Clock { sent, box_time }),
        select(&REFUSALS[..]).prop_map(ToNode::Refused),
    ]
}

fn link() -> impl Strategy<Value = LinkMessage> {
    let bytes = || any::<Vec<u8>>().prop_map(Bytes::from);
    prop_oneof![
        bytes().prop_map(LinkMessage::Certificate),
        bytes().prop_map(LinkMessage::Header),
        (position(), any::<u8>(), bytes()).prop_map(|(at, part, bytes)| LinkMessage::Part {
            at,
            part,
            bytes
        }),
        option::of(position()).prop_map(|after| LinkMessage::Subscribe { after }),
        Just(LinkMessage::Unsubscribe),
        option::of(position()).prop_map(|newest| LinkMessage::Heartbeat { newest }),
        (position(), any::<u64>()).prop_map(|(at, parts)| LinkMessage::Request { at, parts }),
        any::<u32>().prop_map(LinkMessage::Ping),
        any::<u32>().prop_map(LinkMessage::Pong),
    ]
}

fn envelope() -> impl Strategy<Value = Envelope> {
    prop_oneof![
        any::<Vec<u8>>().prop_map(|body| Envelope::Control(body.into())),
        link().prop_map(Envelope::Link),
    ]
}

fn assignment() -> impl Strategy<Value = Assignment> {
    let tree = select(&Tree::BOTH[..]);
    let parent = option::of(node()).prop_map(|node| node.map_or(Parent::Box, Parent::Node));
    let lists = (vec(node(), 0..6), vec(node(), 0..6));
    let place = (any::<u32>(), tree, any::<u8>());
    (place, parent, option::of(node()), option::of(node()), lists).prop_map(
        |((epoch, tree, depth), parent, partner, reserve, (children, wards))| Assignment {
            epoch,
            tree,
            depth,
            parent,
            partner,
            reserve,
            children,
            wards,
        },
    )
}

fn signal() -> impl Strategy<Value = Signal> {
    prop_oneof![
        description().prop_map(Signal::Offer),
        description().prop_map(Signal::Answer),
        candidates().prop_map(Signal::Candidates),
    ]
}

fn description() -> impl Strategy<Value = Description> {
    let credentials = ("[A-Za-z0-9+/]{1,256}", "[A-Za-z0-9+/]{1,256}");
    let setup = select(&[Setup::ActPass, Setup::Active, Setup::Passive][..]);
    (credentials, any::<[u8; 32]>(), setup, candidates()).prop_map(
        |((ufrag, pwd), fingerprint, setup, candidates)| Description {
            ufrag,
            pwd,
            fingerprint,
            setup,
            candidates,
        },
    )
}

fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    let kind = select(&KINDS[..]);
    let address = prop_oneof![
        any::<IpAddr>().prop_map(Address::Ip),
        any::<[u8; 16]>().prop_map(Address::Mdns),
    ];
    let candidate =
        (kind, address, any::<u16>(), any::<u32>()).prop_map(|(kind, address, port, priority)| {
            Candidate {
                kind,
                address,
                port,
                priority,
            }
        });
    vec(candidate, 0..=signal::MAX_CANDIDATES)
}

fn node() -> impl Strategy<Value = NodeId> {
    any::<u32>().prop_map(NodeId)
}

fn position() -> impl Strategy<Value = Position> {
    any::<(u32, u16)>().prop_map(|(segment, index)| Position { segment, index })
}

const REFUSALS: [Refusal; 6] = [
    Refusal::Protocol,
    Refusal::Malformed,
    Refusal::Flooding,
    Refusal::TooSlow,
    Refusal::OutOfOrder,
    Refusal::ShuttingDown,
];

const KINDS: [CandidateKind; 4] = [
    CandidateKind::Host,
    CandidateKind::ServerReflexive,
    CandidateKind::PeerReflexive,
    CandidateKind::Relayed,
];
