//! More connections beside a link's first.

use std::time::Duration;

use peerstream_node::{Input, Output};
use peerstream_wire::{LinkMessage, Signal};

use crate::{
    signalling::description,
    stage::{CHILD, PARENT, Stage},
};

const QUEUED: usize = 40 * 1024;

/// A child has been fed for long enough to have caught up.
fn feeding() -> Stage {
    let mut stage = Stage::playing(30);
    stage.drained(CHILD);
    stage
}

/// The browser's queue for the child does not empty for so long.
fn hold_up(stage: &mut Stage, time: Duration) {
    let end = stage.now + time;
    let mut index = 30;
    while stage.now < end {
        stage.stream(PARENT, index, index + 1);
        index += 1;
        stage.input(Input::LinkBuffered {
            peer: CHILD,
            bytes: QUEUED,
        });
    }
}

fn begun(stage: &Stage) -> Vec<u8> {
    let strand = |output: &Output| match output {
        Output::CreateOffer { peer, strand } if *peer == CHILD && *strand > 0 => Some(*strand),
        _ => None,
    };
    stage.outputs.iter().filter_map(strand).collect()
}

fn taken_up(stage: &Stage) -> usize {
    let answer =
        |output: &&Output| matches!(output, Output::CreateAnswer { strand, .. } if *strand > 0);
    stage.outputs.iter().filter(answer).count()
}

fn signal(strand: u8, signal: Signal) -> LinkMessage {
    let signal = Box::new(signal);
    LinkMessage::Strand { strand, signal }
}

#[test]
fn a_link_that_keeps_up_has_none() {
    let mut stage = feeding();
    for index in 30..120 {
        stage.stream(PARENT, index, index + 1);
        for bytes in [QUEUED, 0] {
            stage.input(Input::LinkBuffered { peer: CHILD, bytes });
        }
    }
    assert_eq!(begun(&stage), []);
}

#[test]
fn a_link_that_does_not_gets_one_after_the_other() {
    let mut stage = feeding();
    hold_up(&mut stage, Duration::from_millis(900));
    // The child came later, so it begins links, and odd numbers are its own.
    assert_eq!(begun(&stage), [2]);
    hold_up(&mut stage, Duration::from_secs(10));
    assert_eq!(begun(&stage), [2, 4, 6]);
}

#[test]
fn what_its_ends_say_goes_over_the_link_and_not_by_the_box() {
    let mut stage = feeding();
    hold_up(&mut stage, Duration::from_millis(900));
    let before = stage.said().len();
    stage.input(Input::LocalOffer {
        peer: CHILD,
        strand: 2,
        description: description(),
    });
    let offer = signal(2, Signal::Offer(description()));
    assert!(stage.sent(CHILD).contains(&offer));
    assert_eq!(stage.said().len(), before);
    stage.link(CHILD, signal(2, Signal::Answer(description())));
    let set = |output: &Output| matches!(output, Output::SetAnswer { strand: 2, .. });
    assert!(stage.outputs.iter().any(set));
}

#[test]
fn the_other_end_may_begin_three_and_none_twice() {
    let mut stage = feeding();
    for strand in [1, 1, 3, 5, 7, 2, 0, 255] {
        stage.link(CHILD, signal(strand, Signal::Offer(description())));
    }
    assert_eq!(taken_up(&stage), 3);
    // An answer to what was never offered is nobody's.
    stage.link(CHILD, signal(2, Signal::Answer(description())));
    let set = |output: &Output| matches!(output, Output::SetAnswer { .. });
    assert!(!stage.outputs.iter().any(set));
}

#[test]
fn one_that_breaks_leaves_the_link_as_it_is() {
    let mut stage = feeding();
    hold_up(&mut stage, Duration::from_millis(900));
    for input in [
        Input::LinkOpened {
            peer: CHILD,
            strand: 2,
        },
        Input::LinkClosed {
            peer: CHILD,
            strand: 2,
        },
    ] {
        stage.input(input);
    }
    let before = stage.sent(CHILD).len();
    stage.drained(CHILD);
    stage.stream(PARENT, 45, 48);
    assert!(stage.sent(CHILD).len() > before + 3);
}

/// Each of four holds less than any would report, and all of them more than may wait before
/// what is live: nobody would ever say that there is room.
#[test]
fn a_link_of_several_goes_on_though_none_of_them_is_full() {
    let mut stage = feeding();
    stage.link(CHILD, LinkMessage::Unsubscribe);
    stage.input(Input::LinkOpened {
        peer: CHILD,
        strand: 2,
    });
    let before = stage.parts_sent(CHILD).len();
    stage.input(Input::LinkBuffered {
        peer: CHILD,
        bytes: 44 * 1024,
    });
    stage.link(CHILD, LinkMessage::Subscribe { after: None });
    assert!(stage.parts_sent(CHILD).len() > before);
}
