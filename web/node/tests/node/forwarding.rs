//! What a node shows and passes on.

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage, signer};
use peerstream_fragment::Position;
use peerstream_node::Output;
use peerstream_wire::LinkMessage;

#[test]
fn a_part_is_passed_on_the_moment_it_arrives() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let fragment = stage.media(1);
    stage.link(PARENT, LinkMessage::Header(fragment.header.bytes.clone()));
    let first = fragment.part(0).unwrap();
    stage.link(
        PARENT,
        LinkMessage::Part {
            at: fragment.at(),
            part: 0,
            bytes: first.clone(),
        },
    );
    assert!(stage.played().is_empty(), "two parts are missing yet");
    assert_eq!(
        stage.parts_sent(CHILD).last(),
        Some(&(fragment.at(), 0, first))
    );
}

#[test]
fn fragments_are_played_in_order_and_once() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let (one, two, three) = (stage.media(1), stage.media(2), stage.media(3));
    for fragment in [&one, &three, &two, &two, &one] {
        stage.deliver(PARENT, fragment);
    }
    assert_eq!(stage.played(), [1, 2, 3]);
    assert!(
        stage
            .outputs
            .iter()
            .any(|output| matches!(output, Output::Tracks(_)))
    );
}

#[test]
fn parts_may_come_before_their_header() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let fragment = stage.media(1);
    for (part, bytes) in fragment.parts() {
        stage.link(
            PARENT,
            LinkMessage::Part {
                at: fragment.at(),
                part,
                bytes,
            },
        );
    }
    stage.link(PARENT, LinkMessage::Header(fragment.header.bytes.clone()));
    assert_eq!(stage.played(), [1]);
}

#[test]
fn an_altered_part_is_neither_shown_nor_passed_on_and_the_partner_takes_over() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let fragment = stage.media(1);
    stage.link(PARENT, LinkMessage::Header(fragment.header.bytes.clone()));
    let mut altered = fragment.part(0).unwrap().to_vec();
    altered[17] ^= 1;
    let at = fragment.at();
    stage.link(
        PARENT,
        LinkMessage::Part {
            at,
            part: 0,
            bytes: altered.into(),
        },
    );
    assert!(stage.parts_sent(CHILD).iter().all(|(sent, ..)| *sent != at));
    assert_eq!(stage.node.stats().fragments_refused, 1);
    stage.pass(FRAGMENT);
    let asked = stage.sent(PARTNER);
    assert!(
        asked
            .iter()
            .any(|m| matches!(m, LinkMessage::Subscribe { .. })),
        "{asked:?}"
    );
    stage.deliver(PARTNER, &fragment);
    assert_eq!(stage.played(), [1]);
}

#[test]
fn a_fragment_by_a_replaced_key_is_refused() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let (old, late) = (stage.media(1), stage.media(2));
    stage.deliver(PARENT, &old);
    stage.signer = signer(&stage.identity, 2);
    let certificate = stage.signer.certificate().clone();
    stage.link(PARENT, LinkMessage::Certificate(certificate.clone()));
    assert_eq!(
        stage.sent(CHILD).last(),
        Some(&LinkMessage::Certificate(certificate))
    );
    stage.deliver(PARENT, &late);
    assert_eq!(stage.played(), [1]);
    let new = stage.media(2);
    stage.deliver(PARENT, &new);
    assert_eq!(stage.played(), [1, 2]);
}

#[test]
fn a_header_waits_for_its_certificate() {
    let mut stage = Stage::assigned();
    let (init, media) = (stage.init(), stage.media(1));
    stage.deliver(PARENT, &init);
    stage.deliver(PARENT, &media);
    assert!(stage.played().is_empty());
    let certificate = stage.signer.certificate().clone();
    stage.link(PARENT, LinkMessage::Certificate(certificate));
    assert_eq!(stage.played(), [1]);
}

#[test]
fn a_child_that_subscribes_gets_all_that_it_needs_to_begin() {
    let mut stage = Stage::assigned();
    stage.link(CHILD, LinkMessage::Unsubscribe);
    stage.begin(PARENT);
    for index in 1..=3 {
        let fragment = stage.media(index);
        stage.deliver(PARENT, &fragment);
    }
    stage.link(CHILD, LinkMessage::Subscribe { after: None });
    let sent = stage.sent(CHILD);
    assert!(sent.contains(&LinkMessage::Certificate(
        stage.signer.certificate().clone()
    )));
    for fragment in [stage.init(), stage.media(1), stage.media(2), stage.media(3)] {
        let header = LinkMessage::Header(fragment.header.bytes.clone());
        assert!(sent.contains(&header), "{:?} is missing", fragment.at());
        for (part, bytes) in fragment.parts() {
            assert!(sent.contains(&LinkMessage::Part {
                at: fragment.at(),
                part,
                bytes
            }));
        }
    }
}

#[test]
fn what_the_parent_has_not_got_is_asked_of_the_partner() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let (one, two, three) = (stage.media(1), stage.media(2), stage.media(3));
    stage.deliver(PARENT, &one);
    stage.deliver(PARENT, &three);
    stage.pass(FRAGMENT);
    let missing = Position {
        segment: 1,
        index: 2,
    };
    let asked = LinkMessage::Request {
        at: missing,
        parts: 0,
    };
    assert!(
        stage.sent(PARTNER).contains(&asked),
        "{:?}",
        stage.sent(PARTNER)
    );
    stage.deliver(PARTNER, &two);
    assert_eq!(stage.played(), [1, 2, 3]);
}

#[test]
fn what_nobody_has_is_skipped_in_the_end() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let (one, three) = (stage.media(1), stage.media(3));
    stage.deliver(PARENT, &one);
    stage.deliver(PARENT, &three);
    stage.pass(4 * FRAGMENT);
    assert_eq!(stage.played(), [1, 3]);
    let skipped = stage.outputs.iter().find_map(|output| match output {
        Output::Skipped(gap) => Some(*gap),
        _ => None,
    });
    assert_eq!(skipped, Some(FRAGMENT));
}
