//! What is lost on the way comes from somewhere.

use std::time::Duration;

use peerstream_node::Output;
use peerstream_wire::{LinkMessage, NodeId};

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage};

/// One in so many, by a fixed rule (xorshift, Marsaglia 2003).
struct Chance(u64);

impl Chance {
    fn one_in(&mut self, many: u64) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.is_multiple_of(many)
    }
}

/// The requests that a neighbour was sent since the last look.
fn requests(stage: &Stage, to: NodeId) -> Vec<LinkMessage> {
    let mut asked = stage.sent(to);
    asked.retain(|message| matches!(message, LinkMessage::Request { .. }));
    asked
}

fn answer(stage: &mut Stage, from: NodeId, asked: &LinkMessage, chance: &mut Chance) {
    let LinkMessage::Request { at, parts } = asked else {
        return;
    };
    let fragment = stage.media(at.index);
    if *parts == 0 && !chance.one_in(100) {
        stage.link(from, LinkMessage::Header(fragment.header.bytes.clone()));
    }
    for (part, bytes) in fragment.parts() {
        let wanted = *parts == 0 || parts & (1 << part) != 0;
        if wanted && !chance.one_in(100) {
            let at = *at;
            stage.link(from, LinkMessage::Part { at, part, bytes });
        }
    }
}

#[test]
fn at_one_percent_loss_nothing_is_skipped_and_little_comes_twice() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let mut chance = Chance(9);
    let mut seen = [0, 0];
    for index in 1..400u16 {
        let fragment = stage.media(index);
        if !chance.one_in(100) {
            stage.link(PARENT, LinkMessage::Header(fragment.header.bytes.clone()));
        }
        for (part, bytes) in fragment.parts() {
            if !chance.one_in(100) {
                let at = fragment.at();
                stage.link(PARENT, LinkMessage::Part { at, part, bytes });
            }
        }
        for _ in 0..4 {
            stage.pass(FRAGMENT / 4);
            for (peer, seen) in [PARENT, PARTNER].into_iter().zip(&mut seen) {
                let asked = requests(&stage, peer);
                for request in &asked[*seen..] {
                    answer(&mut stage, peer, request, &mut chance);
                }
                *seen = asked.len();
            }
        }
        stage.alive(PARTNER, index);
    }
    let skipped = stage
        .outputs
        .iter()
        .any(|o| matches!(o, Output::Skipped(_)));
    assert!(!skipped);
    let stats = stage.node.stats();
    let again = stats.bytes_again * 1000 / stats.bytes_in.total();
    println!("{again} of 1000 bytes came twice; asked {seen:?}");
    assert!(again <= 20, "{again} of 1000");
}

#[test]
fn a_lost_part_is_asked_for_while_its_fragment_still_comes() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let one = stage.media(1);
    let at = one.at();
    stage.link(PARENT, LinkMessage::Header(one.header.bytes.clone()));
    for (part, bytes) in one.parts().filter(|(part, _)| *part != 1) {
        stage.link(PARENT, LinkMessage::Part { at, part, bytes });
    }
    // What a newcomer begins with comes after what is live: it waits.
    stage.pass(FRAGMENT);
    assert!(requests(&stage, PARENT).is_empty());
    let bytes = one.part(1).unwrap();
    stage.link(PARENT, LinkMessage::Part { at, part: 1, bytes });
    assert_eq!(stage.played(), [1]);
    let two = stage.media(2);
    let at = two.at();
    stage.link(PARENT, LinkMessage::Header(two.header.bytes.clone()));
    for (part, bytes) in two.parts().filter(|(part, _)| *part != 1) {
        stage.link(PARENT, LinkMessage::Part { at, part, bytes });
    }
    stage.pass(Duration::from_millis(20));
    let wanted = LinkMessage::Request { at, parts: 0b010 };
    assert_eq!(requests(&stage, PARENT), std::slice::from_ref(&wanted));
    assert!(requests(&stage, PARTNER).is_empty());
    // The parent has not got it either.
    stage.pass(Duration::from_millis(40));
    assert_eq!(requests(&stage, PARTNER), [wanted]);
}

#[test]
fn what_came_late_is_passed_on_once() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    let (one, two) = (stage.media(1), stage.media(2));
    stage.deliver(PARENT, &two);
    stage.deliver(PARTNER, &one);
    stage.deliver(PARENT, &one);
    let late = stage
        .parts_sent(CHILD)
        .into_iter()
        .filter(|(at, ..)| *at == one.at());
    assert_eq!(late.count(), 3);
}
