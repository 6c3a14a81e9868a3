//! Whatever bytes come: what was encoded is read back, nothing panics, and nothing that an
//! honest end never sends gets through.

mod top;

use std::net::IpAddr;

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_wire::{
    Act, Address, Assignment, Candidate, CandidateKind, Command, Complaint, DecodeError,
    Description, Envelope, Held, Letter, LinkMessage, MAX_CHILDREN, MAX_HELD, MAX_LINK_MESSAGE,
    MAX_TO_BOX, NodeId, Notice, Parent, Refusal, Setup, Share, Signal, ToBox, ToNode, Tree,
    Trigger, signal,
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
    fn garbage_does_not_panic(first in select(&FIRST_BYTES[..]), second in 0..0x1au8, rest: Vec<u8>) {
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
fn more_neighbours_than_any_place_has_are_refused() {
    let of = |children: usize, wards: usize, open: usize| {
        let many = |count: usize| vec![NodeId(9); count];
        let place = Assignment {
            children: many(children),
            wards: many(wards),
            ..top::top()
        };
        let held = Held {
            node: NodeId(1),
            ticket: [0; 16],
            place,
            open: many(open),
        };
        let join = ToBox::Join {
            protocol: 2,
            copies: 2,
            held: Some(held),
        };
        ToBox::decode(&join.encode())
    };
    assert!(of(MAX_CHILDREN, MAX_CHILDREN, MAX_HELD).is_ok());
    for (children, wards, open) in [
        (MAX_CHILDREN + 1, 0, 0),
        (0, MAX_CHILDREN + 1, 0),
        (0, 0, MAX_HELD + 1),
    ] {
        assert_eq!(of(children, wards, open), Err(DecodeError::Malformed));
    }
}

#[test]
fn a_signal_that_breaks_out_of_sdp_is_not_relayed() {
    let offer = Description {
        ufrag: "a\r\na=x".into(),
        pwd: "fine".into(),
        fingerprint: [0; 32],
        setup: Setup::ActPass,
        candidates: vec![],
    };
    let signal = Box::new(Signal::Offer(offer));
    let to = NodeId(1);
    let relay = LinkMessage::Relay { to, signal };
    assert_eq!(
        LinkMessage::decode(relay.encode()),
        Err(DecodeError::Malformed)
    );
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
    let complaint = select(&COMPLAINTS[..]);
    prop_oneof![
        (any::<(u16, u8)>(), option::of(held())).prop_map(|((protocol, copies), held)| {
            ToBox::Join {
                protocol,
                copies,
                held,
            }
        }),
        (node(), signal()).prop_map(|(peer, signal)| ToBox::Signal { peer, signal }),
        node().prop_map(|peer| ToBox::LinkFailed { peer }),
        any::<u64>().prop_map(|sent| ToBox::Clock { sent }),
        Just(ToBox::Leave),
        any::<u8>().prop_map(|copies| ToBox::Capacity { copies }),
        (node(), complaint, any::<u16>()).prop_map(|(peer, complaint, behind_ms)| {
            ToBox::Report {
                peer,
                complaint,
                behind_ms,
            }
        }),
        Just(ToBox::Alive),
        Just(ToBox::Unfed),
    ]
}

fn to_node() -> impl Strategy<Value = ToNode> {
    let welcome = (node(), any::<[u8; 32]>(), ".{0,80}", any::<[u8; 16]>());
    prop_oneof![
        welcome.prop_map(|(node, stream, title, ticket)| ToNode::Welcome {
            node,
            stream,
            title,
            ticket
        }),
        assignment(0..6).prop_map(ToNode::Assign),
        (any::<u32>(), vec(command(), 0..20), vec(letter(), 0..4)).prop_map(
            |(epoch, commands, letters)| ToNode::Change {
                epoch,
                commands,
                letters,
            }
        ),
        (node(), signal()).prop_map(|(peer, signal)| ToNode::Signal { peer, signal }),
        any::<(u64, u64)>().prop_map(|(sent, box_time)| ToNode::Clock { sent, box_time }),
        select(&REFUSALS[..]).prop_map(ToNode::Refused),
        Just(ToNode::Probe),
        any::<u32>().prop_map(|ahead| ToNode::Notice(Notice::Queued { ahead })),
        Just(ToNode::Notice(Notice::TooSlow)),
    ]
}

fn letter() -> impl Strategy<Value = Letter> {
    (node(), vec(any::<u8>(), 0..40)).prop_map(|(to, sealed)| Letter { to, sealed })
}

fn command() -> impl Strategy<Value = Command> {
    let when = prop_oneof![
        Just(Trigger::Now),
        node().prop_map(Trigger::Opens),
        node().prop_map(Trigger::Ends),
    ];
    let tree = select(&Tree::BOTH[..]);
    let act = prop_oneof![
        (tree, any::<u8>()).prop_map(|(tree, depth)| Act::Place { tree, depth }),
        any::<u8>().prop_map(Act::Rendition),
        parent().prop_map(Act::Parent),
        option::of(node()).prop_map(Act::Partner),
        option::of(node()).prop_map(Act::Reserve),
        node().prop_map(Act::Adopt),
        node().prop_map(Act::Release),
        node().prop_map(Act::Guard),
        node().prop_map(Act::Unguard),
        option::of(node()).prop_map(Act::Hub),
    ];
    (when, act).prop_map(|(when, act)| Command { when, act })
}

fn held() -> impl Strategy<Value = Held> {
    let place = assignment(0..MAX_CHILDREN + 1);
    let open = vec(node(), 0..=MAX_HELD);
    (node(), any::<[u8; 16]>(), place, open).prop_map(|(node, ticket, place, open)| Held {
        node,
        ticket,
        place,
        open,
    })
}

fn link() -> impl Strategy<Value = LinkMessage> {
    let bytes = || any::<Vec<u8>>().prop_map(Bytes::from);
    let heartbeat = (any::<u16>(), option::of(position()));
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
        heartbeat.prop_map(|(patience_ms, newest)| LinkMessage::Heartbeat {
            patience_ms,
            newest
        }),
        (position(), any::<u64>()).prop_map(|(at, parts)| LinkMessage::Request { at, parts }),
        any::<u32>().prop_map(LinkMessage::Ping),
        any::<(u32, u32)>().prop_map(|(token, at)| LinkMessage::Pong { token, at }),
        (node(), boxed()).prop_map(|(to, signal)| LinkMessage::Relay { to, signal }),
        (node(), boxed()).prop_map(|(from, signal)| LinkMessage::Relayed { from, signal }),
        Just(LinkMessage::Goodbye),
        select(vec![Share::Whole, Share::Even, Share::Odd]).prop_map(LinkMessage::Share),
        bytes().prop_map(LinkMessage::Padding),
        (any::<u8>(), boxed()).prop_map(|(strand, signal)| LinkMessage::Strand { strand, signal }),
        Just(LinkMessage::Decline),
        vec(any::<u8>(), 0..40).prop_map(|sealed| LinkMessage::Letter(sealed.into())),
    ]
}

fn boxed() -> impl Strategy<Value = Box<Signal>> {
    signal().prop_map(Box::new)
}

fn envelope() -> impl Strategy<Value = Envelope> {
    prop_oneof![
        any::<Vec<u8>>().prop_map(|body| Envelope::Control(body.into())),
        link().prop_map(Envelope::Link),
    ]
}

fn assignment(children: core::ops::Range<usize>) -> impl Strategy<Value = Assignment> {
    let tree = select(&Tree::BOTH[..]);
    let lists = (vec(node(), children.clone()), vec(node(), children));
    let others = (
        option::of(node()),
        option::of(node()),
        option::of(node()),
        any::<u8>(),
    );
    let place = (any::<u32>(), tree, any::<u8>());
    (place, parent(), others, lists).prop_map(
        |((epoch, tree, depth), parent, (partner, reserve, hub, rendition), (children, wards))| {
            Assignment {
                epoch,
                tree,
                depth,
                parent,
                partner,
                reserve,
                children,
                wards,
                hub,
                rendition,
            }
        },
    )
}

fn parent() -> impl Strategy<Value = Parent> {
    option::of(node()).prop_map(|node| node.map_or(Parent::Box, Parent::Node))
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

const REFUSALS: [Refusal; 8] = [
    Refusal::Protocol,
    Refusal::Malformed,
    Refusal::Flooding,
    Refusal::TooSlow,
    Refusal::OutOfOrder,
    Refusal::ShuttingDown,
    Refusal::Forging,
    Refusal::Full,
];

const COMPLAINTS: [Complaint; 5] = [
    Complaint::Forged,
    Complaint::Silent,
    Complaint::Withholding,
    Complaint::Late,
    Complaint::Flooding,
];

const KINDS: [CandidateKind; 4] = [
    CandidateKind::Host,
    CandidateKind::ServerReflexive,
    CandidateKind::PeerReflexive,
    CandidateKind::Relayed,
];
