//! What the box changes in a place, and when that happens.

use peerstream_node::Output;
use peerstream_wire::{Act, Command, LinkMessage, NodeId, Parent, ToBox, ToNode, Trigger};

use crate::stage::{CHILD, PARENT, PARTNER, Stage};

const NEW: NodeId = NodeId(5);
const NEWER: NodeId = NodeId(6);

fn change(stage: &mut Stage, epoch: u32, commands: &[(Trigger, Act)]) {
    let command = |&(when, act): &(Trigger, Act)| Command { when, act };
    stage.tell(&ToNode::Change {
        epoch,
        commands: commands.iter().map(command).collect(),
        letters: Vec::new(),
    });
}

fn parent(stage: &Stage) -> Parent {
    stage.node.stats().parent.unwrap().0
}

#[test]
fn a_change_without_a_trigger_is_carried_out_at_once() {
    let mut stage = Stage::assigned();
    change(
        &mut stage,
        2,
        &[(Trigger::Now, Act::Parent(Parent::Node(NEW)))],
    );
    assert_eq!(parent(&stage), Parent::Node(NEW));
    assert_eq!(stage.offers(NEW), 1);
}

#[test]
fn a_change_waits_for_the_link_that_it_names() {
    let mut stage = Stage::assigned();
    let act = Act::Parent(Parent::Node(NEW));
    change(&mut stage, 2, &[(Trigger::Opens(NEW), act)]);
    assert_eq!(parent(&stage), Parent::Node(PARENT));
    assert_eq!(stage.offers(NEW), 1, "the link is made ready");
    stage.input(peerstream_node::Input::LinkOpened {
        peer: NEW,
        strand: 0,
    });
    assert_eq!(parent(&stage), Parent::Node(NEW));
    assert_eq!(stage.subscriptions(NEW), 1);
}

#[test]
fn a_child_is_released_once_it_has_gone_elsewhere() {
    let mut stage = Stage::assigned();
    change(
        &mut stage,
        2,
        &[(Trigger::Ends(CHILD), Act::Release(CHILD))],
    );
    assert_eq!(stage.node.stats().children.len(), 1);
    stage.link(CHILD, LinkMessage::Unsubscribe);
    assert_eq!(stage.node.stats().children.len(), 0);
}

#[test]
fn a_later_command_takes_the_place_of_one_that_has_not_fired() {
    let mut stage = Stage::assigned();
    let turn = |to| (Trigger::Opens(to), Act::Parent(Parent::Node(to)));
    change(&mut stage, 2, &[turn(NEW)]);
    change(&mut stage, 3, &[turn(NEWER)]);
    stage.input(peerstream_node::Input::LinkOpened {
        peer: NEW,
        strand: 0,
    });
    assert_eq!(parent(&stage), Parent::Node(PARENT));
    stage.input(peerstream_node::Input::LinkOpened {
        peer: NEWER,
        strand: 0,
    });
    assert_eq!(parent(&stage), Parent::Node(NEWER));
}

#[test]
fn a_change_that_comes_twice_changes_nothing_the_second_time() {
    let mut stage = Stage::assigned();
    change(&mut stage, 2, &[(Trigger::Now, Act::Partner(Some(NEW)))]);
    change(&mut stage, 2, &[(Trigger::Now, Act::Partner(Some(NEWER)))]);
    assert_eq!(stage.node.stats().partner.unwrap().peer, NEW);
}

#[test]
fn after_a_lost_change_the_node_joins_again_with_what_it_holds() {
    let mut stage = Stage::assigned();
    change(&mut stage, 3, &[(Trigger::Now, Act::Partner(None))]);
    assert_eq!(stage.node.stats().partner.unwrap().peer, PARTNER);
    stage.pass(core::time::Duration::from_secs(2));
    let reopened = |output: &Output| matches!(output, Output::OpenControl);
    assert!(stage.outputs.iter().skip(2).any(reopened));
    stage.input(peerstream_node::Input::ControlOpened);
    let joined = stage.said().into_iter().rev().find_map(|said| match said {
        ToBox::Join { held, .. } => held,
        _ => None,
    });
    let held = joined.unwrap();
    assert_eq!((held.node, held.place.epoch), (NodeId(10), 1));
    assert_eq!(held.open, [PARENT, PARTNER, CHILD]);
}
