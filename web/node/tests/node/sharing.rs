//! Half of the stream from each of two feeders.

use peerstream_wire::{LinkMessage, Share};

use crate::stage::{CHILD, FRAGMENT, PARENT, PARTNER, Stage};

/// The last fragment that comes in time.
const LAST: u16 = 20;

fn shares(stage: &Stage, to: peerstream_wire::NodeId) -> Vec<Share> {
    let sent = stage.sent(to).into_iter();
    let shares = sent.filter_map(|message| match message {
        LinkMessage::Share(share) => Some(share),
        _ => None,
    });
    shares.collect()
}

/// The parent brings every second fragment in time, and says that it has more.
fn slow(stage: &mut Stage) {
    for step in 1..=20 {
        if step % 2 == 0 {
            let fragment = stage.media(LAST + step / 2);
            stage.deliver(PARENT, &fragment);
        }
        stage.alive(PARENT, LAST + step + 5);
        stage.alive(PARTNER, LAST + step + 5);
        stage.pass(FRAGMENT);
    }
}

#[test]
fn what_one_link_does_not_carry_comes_over_two() {
    let mut stage = Stage::playing(LAST);
    slow(&mut stage);
    assert_eq!(stage.subscriptions(PARTNER), 1);
    assert_eq!(shares(&stage, PARTNER), [Share::Odd]);
    assert_eq!(shares(&stage, PARENT), [Share::Even]);
    assert_eq!(stage.node.stats().takeovers, 0);
}

#[test]
fn a_parent_that_is_late_itself_is_not_asked_for_half() {
    let mut stage = Stage::playing(LAST);
    for step in 1..=20 {
        let fragment = stage.media(LAST + step);
        stage.deliver(PARENT, &fragment);
        stage.alive(PARENT, LAST + step);
        stage.alive(PARTNER, LAST + step + 5);
        stage.pass(FRAGMENT);
    }
    assert_eq!(shares(&stage, PARENT), []);
}

#[test]
fn whoever_shares_gets_its_half_and_every_header() {
    let mut stage = Stage::assigned();
    stage.begin(PARENT);
    stage.link(CHILD, LinkMessage::Subscribe { after: None });
    stage.link(CHILD, LinkMessage::Share(Share::Odd));
    let (before, headers) = (stage.parts_sent(CHILD).len(), headers(&stage));
    stage.stream(PARENT, 1, 10);
    let parts = stage.parts_sent(CHILD);
    let half = &parts[before..];
    assert!(!half.is_empty());
    assert!(
        half.iter()
            .all(|(at, part, _)| Share::Odd.has(*at, u16::from(*part)))
    );
    assert_eq!(self::headers(&stage) - headers, 9);
}

fn headers(stage: &Stage) -> usize {
    let sent = stage.sent(CHILD).into_iter();
    sent.filter(|message| matches!(message, LinkMessage::Header(_)))
        .count()
}
