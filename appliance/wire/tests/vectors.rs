//! The messages are what tests/vectors has: encoded to it, and decoded from it.

mod top;

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use peerstream_fragment::Position;
use peerstream_wire::{
    Act, Address, Assignment, Candidate, CandidateKind, Command, Complaint, DecodeError,
    Description, Envelope, Held, Letter, LinkMessage, NodeId, Notice, PROTOCOL, Parent, Refusal,
    Setup, Share, Signal, ToBox, ToNode, Tree, Trigger,
};
use top::top;

#[test]
fn messages_to_the_box_are_golden() {
    let signal = |signal| ToBox::Signal {
        peer: NodeId(300),
        signal,
    };
    for (name, message) in [
        (
            "join",
            ToBox::Join {
                protocol: PROTOCOL,
                copies: 2,
                held: None,
            },
        ),
        (
            "join_held",
            ToBox::Join {
                protocol: PROTOCOL,
                copies: 4,
                held: Some(held()),
            },
        ),
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
        ("capacity", ToBox::Capacity { copies: 3 }),
        ("report_forged", report(Complaint::Forged, 0)),
        ("report_silent", report(Complaint::Silent, 900)),
        ("report_withholding", report(Complaint::Withholding, 1_500)),
        ("report_late", report(Complaint::Late, u16::MAX)),
        ("report_flooding", report(Complaint::Flooding, 120)),
        ("alive", ToBox::Alive),
        ("unfed", ToBox::Unfed),
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
        ("refused_forging", refused(Refusal::Forging)),
        ("refused_full", refused(Refusal::Full)),
        ("change", change()),
        ("probe", ToNode::Probe),
        (
            "notice_queued",
            ToNode::Notice(Notice::Queued { ahead: 300 }),
        ),
        ("notice_too_slow", ToNode::Notice(Notice::TooSlow)),
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
        (
            "heartbeat",
            LinkMessage::Heartbeat {
                patience_ms: 150,
                newest: None,
            },
        ),
        (
            "heartbeat_newest",
            LinkMessage::Heartbeat {
                patience_ms: 150,
                newest: Some(at()),
            },
        ),
        (
            "request",
            LinkMessage::Request {
                at: at(),
                parts: 1 << 63 | 0b101,
            },
        ),
        ("ping", LinkMessage::Ping(0x0102_0304)),
        (
            "pong",
            LinkMessage::Pong {
                token: 0x0102_0304,
                at: 0x0506_0708,
            },
        ),
        (
            "relay",
            LinkMessage::Relay {
                to: NodeId(300),
                signal: Box::new(Signal::Answer(description(Setup::Passive))),
            },
        ),
        (
            "relayed",
            LinkMessage::Relayed {
                from: NodeId(u32::MAX),
                signal: Box::new(Signal::Candidates(candidates())),
            },
        ),
        ("goodbye", LinkMessage::Goodbye),
        ("share", LinkMessage::Share(Share::Odd)),
        (
            "padding",
            LinkMessage::Padding(Bytes::from_static(&[1, 2, 3])),
        ),
        (
            "strand",
            LinkMessage::Strand {
                strand: 2,
                signal: Box::new(Signal::Answer(description(Setup::Passive))),
            },
        ),
        ("decline", LinkMessage::Decline),
        ("letter", LinkMessage::Letter(letter().sealed.into())),
    ] {
        let bytes = message.encode();
        golden(&format!("wire/link_{name}"), &message, &bytes, decode_link);
    }
}

#[test]
fn envelopes_are_golden() {
    let control = Envelope::Control(ToBox::Leave.encode().into());
    let link = Envelope::Link(LinkMessage::Heartbeat {
        patience_ms: 150,
        newest: Some(at()),
    });
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
        ticket: [0x3c; 16],
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
        hub: Some(NodeId(70)),
        rendition: 1,
    }
}

fn held() -> Held {
    Held {
        node: NodeId(80),
        ticket: [0x3c; 16],
        place: inner(),
        open: vec![NodeId(40), NodeId(70), NodeId(90)],
    }
}

fn report(complaint: Complaint, behind_ms: u16) -> ToBox {
    ToBox::Report {
        peer: NodeId(300),
        complaint,
        behind_ms,
    }
}

/// Every act, and every trigger.
fn change() -> ToNode {
    let opens = Trigger::Opens(NodeId(300));
    let ends = Trigger::Ends(NodeId(90));
    let place = Act::Place {
        tree: Tree::B,
        depth: 4,
    };
    let commands = [
        (Trigger::Now, place),
        (Trigger::Now, Act::Rendition(1)),
        (opens, Act::Parent(Parent::Node(NodeId(300)))),
        (Trigger::Now, Act::Parent(Parent::Box)),
        (Trigger::Now, Act::Partner(Some(NodeId(70)))),
        (Trigger::Now, Act::Partner(None)),
        (opens, Act::Reserve(Some(NodeId(300)))),
        (Trigger::Now, Act::Reserve(None)),
        (Trigger::Now, Act::Adopt(NodeId(91))),
        (ends, Act::Release(NodeId(90))),
        (Trigger::Now, Act::Guard(NodeId(92))),
        (ends, Act::Unguard(NodeId(93))),
        (Trigger::Now, Act::Hub(Some(NodeId(70)))),
        (Trigger::Now, Act::Hub(None)),
    ];
    ToNode::Change {
        epoch: 1_001,
        commands: commands
            .into_iter()
            .map(|(when, act)| Command { when, act })
            .collect(),
        letters: vec![letter()],
    }
}

fn letter() -> Letter {
    let change = ToNode::Change {
        epoch: 7,
        commands: vec![Command {
            when: Trigger::Now,
            act: Act::Adopt(NodeId(70)),
        }],
        letters: Vec::new(),
    };
    let mut letter = Letter::new(NodeId(300), &change);
    letter.seal(&[9; 16]);
    letter
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
