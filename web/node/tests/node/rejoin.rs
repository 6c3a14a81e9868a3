//! The box restarts, and its audience stays.

use std::time::Duration;

use peerstream_node::{Input, Output};
use peerstream_wire::{Assignment, LinkMessage, Notice, Parent, Refusal, ToBox, ToNode};

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage, place};

fn closes(stage: &Stage) -> bool {
    let close = |output: &Output| matches!(output, Output::CloseLink { .. });
    stage.outputs.iter().any(close)
}

fn opens(stage: &Stage) -> usize {
    let open = |output: &&Output| matches!(output, Output::OpenControl);
    stage.outputs.iter().filter(open).count()
}

/// A node whose box has gone and come back, before the welcome.
fn reopened() -> Stage {
    let mut stage = Stage::playing(10);
    stage.outputs.clear();
    stage.tell(&ToNode::Refused(Refusal::ShuttingDown));
    stage.input(Input::ControlClosed);
    stage.stream(PARENT, 10, 30);
    stage.input(Input::ControlOpened);
    stage
}

#[test]
fn media_flow_on_without_the_box() {
    let stage = reopened();
    assert_eq!(stage.played(), (10..30).collect::<Vec<_>>());
    assert!(!closes(&stage));
    let phase = |output: &Output| matches!(output, Output::Phase(_));
    assert!(!stage.outputs.iter().any(phase), "nobody need know");
}

#[test]
fn the_first_try_comes_soon_and_later_ones_ever_later() {
    let mut stage = Stage::assigned();
    stage.outputs.clear();
    stage.input(Input::ControlClosed);
    stage.pass(Duration::from_millis(199));
    assert_eq!(opens(&stage), 0);
    stage.pass(Duration::from_millis(1_301));
    assert_eq!(opens(&stage), 1);
    for _ in 0..20 {
        stage.input(Input::ControlClosed);
        stage.pass(Duration::from_millis(10_200));
    }
    assert_eq!(opens(&stage), 21);
}

#[test]
fn a_box_that_knows_the_name_keeps_every_link() {
    let mut stage = reopened();
    let said = stage.said();
    let Some(ToBox::Join {
        held: Some(held), ..
    }) = said.first()
    else {
        panic!("{said:?}");
    };
    assert_eq!((held.ticket, &held.place), ([9; 16], &place()));
    assert_eq!(held.open, [PARENT, PARTNER, CHILD]);
    stage.outputs.clear();
    stage.welcome(10);
    // Its epochs begin anew.
    stage.tell(&ToNode::Assign(place()));
    stage.stream(PARENT, 30, 50);
    assert_eq!(stage.played().len(), 20);
    assert!(!closes(&stage));
    assert_eq!(stage.subscriptions(PARENT), 0, "it feeds as before");
}

#[test]
fn under_another_name_every_link_is_made_anew() {
    let mut stage = reopened();
    stage.outputs.clear();
    stage.welcome(11);
    stage.tell(&ToNode::Assign(place()));
    assert!(closes(&stage));
    assert_eq!((stage.offers(PARENT), stage.offers(PARTNER)), (1, 1));
}

#[test]
fn a_page_that_took_its_leave_comes_back_as_a_newcomer() {
    let mut stage = Stage::assigned();
    stage.input(Input::PageHidden);
    stage.input(Input::ControlClosed);
    stage.pass(Duration::from_secs(2));
    stage.outputs.clear();
    stage.input(Input::ControlOpened);
    assert!(matches!(
        stage.said().first(),
        Some(ToBox::Join { held: None, .. })
    ));
}

/// A root, fed by the box, that has played some.
fn root() -> Stage {
    let mut stage = Stage::new();
    stage.tell(&ToNode::Assign(Assignment {
        depth: 1,
        parent: Parent::Box,
        ..place()
    }));
    for peer in [PARTNER, CHILD] {
        stage.input(Input::LinkOpened { peer, strand: 0 });
    }
    stage.feed(LinkMessage::Certificate(stage.signer.certificate().clone()));
    stage.feed_fragment(&stage.init());
    for index in 1..10 {
        stage.feed_fragment(&stage.media(index));
        stage.pass(FRAGMENT);
    }
    stage.outputs.clear();
    stage
}

#[test]
fn a_root_without_its_box_turns_to_nobody_who_has_no_more() {
    let mut stage = root();
    stage.input(Input::ControlClosed);
    for _ in 0..30 {
        stage.alive(PARTNER, 9);
        stage.pass(FRAGMENT);
    }
    assert_eq!(stage.subscriptions(PARTNER), 0);
    let subscribes = |stage: &Stage| {
        let subscribe = peerstream_wire::Envelope::Link(LinkMessage::Subscribe {
            after: Some(stage.media(9).at()),
        });
        let bytes = subscribe.encode();
        stage
            .outputs
            .iter()
            .any(|o| matches!(o, Output::Control(sent) if *sent == bytes))
    };
    assert!(!subscribes(&stage));
    stage.input(Input::ControlOpened);
    stage.welcome(10);
    assert!(subscribes(&stage), "the box feeds it again");
}

#[test]
fn a_root_that_alone_lost_the_box_turns_to_its_partner() {
    let mut stage = root();
    stage.input(Input::ControlClosed);
    for index in 10..14 {
        stage.alive(PARTNER, index);
        stage.pass(FRAGMENT);
    }
    assert_eq!(stage.subscriptions(PARTNER), 1);
}

#[test]
fn who_is_a_root_again_asks_the_box_again() {
    let mut stage = root();
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 2,
        ..place()
    }));
    stage.input(Input::LinkOpened {
        peer: PARENT,
        strand: 0,
    });
    // The box feeds it no more, and did not wait.
    stage.pass(Duration::from_millis(500));
    stage.stream(PARENT, 10, 30);
    stage.outputs.clear();
    stage.tell(&ToNode::Assign(Assignment {
        epoch: 3,
        depth: 1,
        parent: Parent::Box,
        ..place()
    }));
    let subscribe = peerstream_wire::Envelope::Link(LinkMessage::Subscribe {
        after: Some(stage.media(29).at()),
    });
    let bytes = subscribe.encode();
    let asks = |output: &Output| matches!(output, Output::Control(sent) if *sent == bytes);
    assert!(stage.outputs.iter().any(asks));
}

#[test]
fn whose_owner_says_no_passes_nothing_on_for_long() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    stage.link(CHILD, LinkMessage::Subscribe { after: None });
    let mut passed_on = |from: u16, to: u16| {
        let before = stage.parts_sent(CHILD).len();
        for index in from..to {
            stage.stream(PARENT, index, index + 1);
            stage.drained(CHILD);
            if index == 10 {
                stage.input(Input::Sharing { copies_max: 0 });
            }
        }
        let declined = stage.sent(CHILD).contains(&LinkMessage::Decline);
        (stage.parts_sent(CHILD).len() > before, declined)
    };
    assert_eq!(passed_on(1, 11), (true, false));
    // The box needs a moment to find somebody else for the child, if there is anybody.
    assert_eq!(passed_on(11, 60), (true, false));
    assert_eq!(passed_on(60, 90), (true, true));
    assert_eq!(passed_on(90, 99), (false, true));
}

#[test]
fn a_probe_is_answered_at_once() {
    let mut stage = Stage::assigned();
    stage.outputs.clear();
    stage.tell(&ToNode::Probe);
    assert_eq!(stage.said(), [ToBox::Alive]);
}

#[test]
fn the_clock_is_asked_for_three_times_and_then_every_twenty_minutes() {
    let mut stage = Stage::assigned();
    let asked = |stage: &Stage| {
        let clock = |said: &&ToBox| matches!(said, ToBox::Clock { .. });
        stage.said().iter().filter(clock).count()
    };
    stage.pass(Duration::from_secs(10));
    assert_eq!(asked(&stage), 3);
    stage.pass(Duration::from_secs(1_185));
    assert_eq!(asked(&stage), 3);
    stage.pass(Duration::from_secs(10));
    assert_eq!(asked(&stage), 4);
}

#[test]
fn the_owners_word_bounds_what_is_offered() {
    let mut stage = Stage::assigned();
    let told = |stage: &Stage| -> Vec<u8> {
        let copies = |said| match said {
            ToBox::Capacity { copies } => Some(copies),
            _ => None,
        };
        stage.said().into_iter().filter_map(copies).collect()
    };
    stage.input(Input::Sharing { copies_max: 0 });
    assert_eq!(told(&stage), [0], "at once");
    stage.input(Input::Sharing { copies_max: 4 });
    stage.pass(Duration::from_secs(4));
    assert_eq!(told(&stage), [0], "not more often than every five seconds");
    stage.pass(Duration::from_secs(2));
    assert_eq!(told(&stage), [0, 2]);
    stage.input(Input::Sharing { copies_max: 1 });
    stage.input(Input::ControlClosed);
    stage.pass(Duration::from_secs(2));
    stage.outputs.clear();
    stage.input(Input::ControlOpened);
    assert!(matches!(
        stage.said().first(),
        Some(ToBox::Join { copies: 1, .. })
    ));
}

#[test]
fn a_notice_holds_until_there_is_a_place() {
    let mut stage = Stage::new();
    let notice = Notice::Queued { ahead: 7 };
    stage.tell(&ToNode::Notice(notice));
    assert_eq!(stage.node.notice(), Some(notice));
    stage.tell(&ToNode::Assign(place()));
    assert_eq!(stage.node.notice(), None);
}
