//! What the box says by way of a neighbour.

use core::time::Duration;

use peerstream_node::Input;
use peerstream_wire::{Act, Command, Letter, LinkMessage, NodeId, ToBox, ToNode, Trigger};

use crate::stage::{CHILD, PARENT, PARTNER, Stage, place};

const NEW: NodeId = NodeId(5);

/// One child more.
fn change(epoch: u32, letters: Vec<Letter>) -> ToNode {
    let act = Act::Adopt(NEW);
    let when = Trigger::Now;
    ToNode::Change {
        epoch,
        commands: vec![Command { when, act }],
        letters,
    }
}

/// As the box seals it for the one with this ticket.
fn sealed(ticket: u8, epoch: u32) -> Letter {
    let mut letter = Letter::new(CHILD, &change(epoch, Vec::new()));
    letter.seal(&[ticket; 16]);
    letter
}

fn children(stage: &Stage) -> usize {
    stage.node.stats().children.len()
}

fn letters(stage: &Stage, to: NodeId) -> usize {
    let sent = stage.sent(to).into_iter();
    let letters = sent.filter(|message| matches!(message, LinkMessage::Letter(_)));
    letters.count()
}

#[test]
fn a_letter_counts_as_if_the_box_had_said_it_once() {
    let mut stage = Stage::assigned();
    let letter = LinkMessage::Letter(sealed(9, 2).sealed.into());
    stage.link(PARTNER, letter.clone());
    assert_eq!((children(&stage), stage.offers(NEW)), (2, 1));
    // Whoever brings it again, it is old.
    stage.tell(&ToNode::Change {
        epoch: 3,
        commands: vec![Command {
            when: Trigger::Now,
            act: Act::Release(NEW),
        }],
        letters: Vec::new(),
    });
    stage.link(PARENT, letter);
    assert_eq!(children(&stage), 1);
}

#[test]
fn what_the_box_has_not_sealed_for_this_node_is_nobodys_word() {
    let mut stage = Stage::assigned();
    let good = sealed(9, 2).sealed;
    stage.link(PARTNER, LinkMessage::Letter(sealed(8, 2).sealed.into()));
    for byte in 0..good.len() {
        let mut altered = good.clone();
        altered[byte] ^= 1;
        stage.link(PARTNER, LinkMessage::Letter(altered.into()));
    }
    for length in 0..good.len() {
        stage.link(PARTNER, LinkMessage::Letter(good[..length].to_vec().into()));
        stage.pass(Duration::from_millis(100));
    }
    assert_eq!(children(&stage), 1);
    stage.link(PARTNER, LinkMessage::Letter(good.into()));
    assert_eq!(children(&stage), 2);
}

#[test]
fn letters_are_passed_on_as_they_are() {
    let mut stage = Stage::assigned();
    let letter = sealed(1, 7);
    stage.tell(&change(2, vec![letter.clone()]));
    assert_eq!(
        stage.sent(CHILD).last(),
        Some(&LinkMessage::Letter(letter.sealed.into()))
    );
    assert_eq!(children(&stage), 2);
}

/// Of whom this node has told the box that it has no link with them.
fn unreached(stage: &Stage) -> Vec<NodeId> {
    let said = stage.said();
    let failed = said.into_iter().filter_map(|said| match said {
        ToBox::LinkFailed { peer } => Some(peer),
        _ => None,
    });
    failed.collect()
}

#[test]
fn a_letter_waits_for_a_link_that_opens_and_for_no_other() {
    let mut stage = Stage::new();
    stage.tell(&ToNode::Assign(place()));
    let stranger = Letter {
        to: NodeId(77),
        ..sealed(1, 7)
    };
    stage.tell(&change(2, vec![sealed(1, 7), stranger]));
    assert_eq!(letters(&stage, CHILD), 0);
    stage.input(Input::LinkOpened {
        peer: CHILD,
        strand: 0,
    });
    stage.pass(Duration::from_millis(10));
    assert_eq!(
        (letters(&stage, CHILD), letters(&stage, NodeId(77))),
        (1, 0)
    );
    assert_eq!(unreached(&stage), [NodeId(77)]);
}

#[test]
fn the_box_hears_of_a_letter_that_could_not_be_passed_on() {
    let mut stage = Stage::new();
    stage.tell(&ToNode::Assign(place()));
    stage.tell(&change(2, vec![sealed(1, 7)]));
    assert!(unreached(&stage).is_empty());
    stage.pass(Duration::from_millis(1_500));
    assert!(unreached(&stage).contains(&CHILD));
}
