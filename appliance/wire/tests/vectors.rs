//! The messages are what tests/vectors has: encoded to it, and decoded from it.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_wire::{
    Address, Assignment, Candidate, CandidateKind, DecodeError, Description, Envelope, LinkMessage,
    NodeId, PROTOCOL, Parent, Refusal, Setup, Signal, ToBox, ToNode, Tree,
};

#[test]
fn messages_to_the_box_are_golden() {
    let signal = |signal| ToBox::Signal {
        peer: NodeId(300),
        signal,
    };
    for (name, message) in [
        ("join", ToBox::Join { protocol: PROTOCOL }),
        (
            "signal_offer",
            signal(Signal::Offer(description(Setup::ActPass))),
        ),
        (
            "signal_answer",
            signal(Signal::Answer(description(Setup::Active))),
        ),
        (
            "signal_candidates",
            signal(Signal::Candidates(candidates())),
        ),
        (
            "link_failed",
            ToBox::LinkFailed {
                peer: NodeId(u32::MAX),
            },
        ),
        (
            "clock",
            ToBox::Clock {
                sent: 1_234_567_890,
            },
        ),
        ("leave", ToBox::Leave),
    ] {
        let bytes = message.encode();
        golden(
            &format!("wire/to_box_{name}"),
            &message,
            &bytes,
            ToBox::decode,
        );
    }
}

#[test]
fn messages_to_a_node_are_golden() {
    let refused = |refusal| ToNode::Refused(refusal);
    for (name, message) in [
        ("welcome", welcome()),
        ("assign_top", ToNode::Assign(top())),
        ("assign_inner", ToNode::Assign(inner())),
        (
            "signal",
            ToNode::Signal {
                peer: NodeId(1),
                signal: Signal::Candidates(candidates()),
            },
        ),
        (
            "clock",
            ToNode::Clock {
                sent: 1_234_567_890,
                box_time: 1_790_000_000_000_000,
            },
        ),
        ("refused_protocol", refused(Refusal::Protocol)),
        ("refused_malformed", refused(Refusal::Malformed)),
        ("refused_flooding", refused(Refusal::Flooding)),
        ("refused_too_slow", refused(Refusal::TooSlow)),
        ("refused_out_of_order", refused(Refusal::OutOfOrder)),
        ("refused_shutting_down", refused(Refusal::ShuttingDown)),
    ] {
        let bytes = message.encode();
        golden(
            &format!("wire/to_node_{name}"),
            &message,
            &bytes,
            ToNode::decode,
        );
    }
}

#[test]
fn messages_on_a_link_are_golden() {
    for (name, message) in [
        (
            "certificate",
            LinkMessage::Certificate(read("fragment/certificate")),
        ),
        ("header", LinkMessage::Header(read("fragment/header_media"))),
        (
            "part",
            LinkMessage::Part {
                at: at(),
                part: 2,
                bytes: Bytes::from_static(b"payload"),
            },
        ),
        ("subscribe", LinkMessage::Subscribe { after: None }),
        (
            "subscribe_after",
            LinkMessage::Subscribe { after: Some(at()) },
        ),
        ("unsubscribe", LinkMessage::Unsubscribe),
        ("heartbeat", LinkMessage::Heartbeat { newest: None }),
        (
            "heartbeat_newest",
            LinkMessage::Heartbeat { newest: Some(at()) },
        ),
        (
            "request",
            LinkMessage::Request {
                at: at(),
                parts: 1 << 63 | 0b101,
            },
        ),
        ("ping", LinkMessage::Ping(0x0102_0304)),
        ("pong", LinkMessage::Pong(0x0102_0304)),
    ] {
        let bytes = message.encode();
        golden(&format!("wire/link_{name}"), &message, &bytes, decode_link);
    }
}

#[test]
fn envelopes_are_golden() {
    let control = Envelope::Control(ToBox::Leave.encode().into());
    let link = Envelope::Link(LinkMessage::Heartbeat { newest: Some(at()) });
    for (name, envelope) in [("control", control), ("link", link)] {
        let bytes = envelope.encode();
        let decode = |bytes: &[u8]| Envelope::decode(Bytes::copy_from_slice(bytes));
        golden(&format!("wire/envelope_{name}"), &envelope, &bytes, decode);
    }
}

fn golden<T: Debug + PartialEq>(
    name: &str,
    message: &T,
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
) {
    peerstream_vectors::check(name, name, bytes);
    let decoded = decode(&peerstream_vectors::read(name));
    assert_eq!(decoded.as_ref(), Ok(message), "{name}");
}

fn decode_link(bytes: &[u8]) -> Result<LinkMessage, DecodeError> {
    LinkMessage::decode(Bytes::copy_from_slice(bytes))
}

fn read(name: &str) -> Bytes {
    peerstream_vectors::read(name).into()
}

fn at() -> Position {
    Position {
        segment: 1_790_000_123,
        index: 258,
    }
}

fn welcome() -> ToNode {
    let title = "St Mary\u{2019}s, Sunday".into();
    ToNode::Welcome {
        node: NodeId(7),
        stream: [0x5a; 32],
        title,
    }
}

fn top() -> Assignment {
    Assignment {
        epoch: 1,
        tree: Tree::A,
        depth: 1,
        parent: Parent::Box,
        partner: None,
        reserve: None,
        children: vec![],
        wards: vec![],
    }
}

fn inner() -> Assignment {
    Assignment {
        epoch: 1_000,
        tree: Tree::B,
        depth: 5,
        parent: Parent::Node(NodeId(40)),
        partner: Some(NodeId(70)),
        reserve: Some(NodeId(41)),
        children: vec![NodeId(90), NodeId(91)],
        wards: vec![NodeId(92), NodeId(93)],
    }
}

fn description(setup: Setup) -> Description {
    Description {
        ufrag: "Ab1+".into(),
        pwd: "abcdefghijklmnop0123/+".into(),
        fingerprint: [0xc3; 32],
        setup,
        candidates: candidates(),
    }
}

fn candidates() -> Vec<Candidate> {
    let v4 = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    let v6 = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
    let candidate = |kind, address, port, priority| Candidate {
        kind,
        address,
        port,
        priority,
    };
    vec![
        candidate(
            CandidateKind::Host,
            Address::Mdns([0x77; 16]),
            50_000,
            2_122_260_223,
        ),
        candidate(
            CandidateKind::ServerReflexive,
            Address::Ip(v4),
            50_001,
            1_686_052_607,
        ),
        candidate(
            CandidateKind::PeerReflexive,
            Address::Ip(v6),
            50_002,
            1_845_501_695,
        ),
        candidate(CandidateKind::Relayed, Address::Ip(v4), 3_478, 41_885_439),
    ]
}
