use proptest::prelude::*;

use super::*;
use crate::defaults::ALARM_SHARE;

const ABOUT: NodeId = NodeId(1);
const PARTNER: NodeId = NodeId(2);

/// In an audience so large that no alarm rings.
fn hear(judgement: &mut Judgement, now: Duration, word: Word) -> Verdict {
    judgement.hear(now, word, 10_000)
}

fn word(by: u32, complaint: Complaint, behind_ms: u16) -> Word {
    Word {
        by: NodeId(by),
        origin: by.into(),
        about: ABOUT,
        partner: Some(PARTNER),
        complaint,
        behind_ms,
    }
}

fn late(by: u32) -> Word {
    word(by, Complaint::Late, 0)
}

fn forged(by: u32) -> Word {
    word(by, Complaint::Forged, 0)
}

#[test]
fn one_word_parts_two_of_different_addresses_demote() {
    let mut judgement = Judgement::default();
    let now = Duration::ZERO;
    assert_eq!(hear(&mut judgement, now, late(10)), Verdict::Separate);
    assert_eq!(hear(&mut judgement, now, late(10)), Verdict::Noted);
    let neighbour = Word {
        origin: 10,
        ..late(11)
    };
    assert_eq!(hear(&mut judgement, now, neighbour), Verdict::Separate);
    // What is not said again was a moment's trouble.
    assert_eq!(hear(&mut judgement, now, late(12)), Verdict::Separate);
    assert_eq!(hear(&mut judgement, LASTS, late(12)), Verdict::Noted);
    assert_eq!(
        hear(&mut judgement, LASTS, late(10)),
        Verdict::Demote { both: false }
    );
}

#[test]
fn words_grow_old() {
    let mut judgement = Judgement::default();
    hear(&mut judgement, Duration::ZERO, late(10));
    assert_eq!(
        hear(&mut judgement, COMPLAINT_WINDOW, late(11)),
        Verdict::Separate
    );
}

#[test]
fn forgery_said_by_two_makes_a_leaf_and_by_three_ends_it() {
    let mut judgement = Judgement::default();
    let now = Duration::ZERO;
    assert_eq!(hear(&mut judgement, now, forged(10)), Verdict::Separate);
    assert_eq!(hear(&mut judgement, now, forged(11)), Verdict::LeafForGood);
    // What else is said does not weigh as much, and does not wash it off.
    assert_eq!(hear(&mut judgement, now, late(10)), Verdict::LeafForGood);
    assert_eq!(hear(&mut judgement, now, forged(12)), Verdict::Refuse);
}

#[test]
fn who_is_behind_and_says_so_is_excused() {
    let mut judgement = Judgement::default();
    let now = Duration::ZERO;
    let above = Word {
        by: ABOUT,
        about: NodeId(5),
        ..word(1, Complaint::Late, FAR_BEHIND_MS)
    };
    hear(&mut judgement, now, above);
    for by in 10..13 {
        let below = word(by, Complaint::Late, FAR_BEHIND_MS);
        assert_eq!(hear(&mut judgement, now, below), Verdict::Noted);
    }
    // But not of forgery.
    assert_eq!(hear(&mut judgement, now, forged(13)), Verdict::Separate);
}

#[test]
fn partners_who_withhold_together_do_not_hide_each_other() {
    let mut judgement = Judgement::default();
    let now = Duration::ZERO;
    let of_one = word(10, Complaint::Late, FAR_BEHIND_MS);
    let of_other = Word {
        about: PARTNER,
        partner: Some(ABOUT),
        ..word(11, Complaint::Late, FAR_BEHIND_MS)
    };
    assert_eq!(hear(&mut judgement, now, of_one), Verdict::Separate);
    assert_eq!(
        hear(&mut judgement, now, of_other),
        Verdict::Demote { both: true }
    );
}

#[test]
fn who_complains_of_everybody_loses_credit() {
    let mut judgement = Judgement::default();
    let now = Duration::ZERO;
    let of = |about: usize| Word {
        about: NodeId(100 + about as u32),
        partner: None,
        ..late(10)
    };
    for about in 0..CREDIT {
        assert_eq!(hear(&mut judgement, now, of(about)), Verdict::Separate);
    }
    assert_eq!(hear(&mut judgement, LASTS, of(0)), Verdict::Noted);
    assert_eq!(hear(&mut judgement, now, of(CREDIT)), Verdict::Discredit);
    // Nothing that it says afterwards counts, but what it has said does.
    assert_eq!(
        hear(&mut judgement, now, of(CREDIT + 1)),
        Verdict::Discredit
    );
    let other = Word {
        about: NodeId(100),
        partner: None,
        ..late(11)
    };
    assert_eq!(hear(&mut judgement, now, other), Verdict::Separate);
    assert_eq!(
        hear(&mut judgement, LASTS, other),
        Verdict::Demote { both: false }
    );
}

#[test]
fn if_everybody_complains_nobody_is_to_blame_but_forgers() {
    let mut judgement = Judgement::default();
    let now = Duration::ZERO;
    let of = |by: u32| Word {
        about: NodeId(100 + by),
        partner: None,
        ..late(10 + by)
    };
    let verdicts: Vec<Verdict> = (0..40).map(|by| judgement.hear(now, of(by), 80)).collect();
    let judged = verdicts
        .iter()
        .take_while(|v| **v == Verdict::Separate)
        .count();
    assert_eq!(judged, 80 / ALARM_SHARE);
    assert!(verdicts[judged..].iter().all(|v| *v == Verdict::Noted));
    assert_eq!(judgement.hear(now, forged(90), 80), Verdict::Separate);
    let later = now + ALARM * 2;
    assert_eq!(judgement.hear(later, of(41), 80), Verdict::Separate);
}

proptest! {
    /// Whatever one address says, about whomever, in whatever order.
    #[test]
    fn the_word_of_one_address_expels_nobody(
        words in prop::collection::vec((0..6u32, 0..6u32, 0..5u8, any::<u16>(), 0..300u64), 0..80),
    ) {
        let mut judgement = Judgement::default();
        let mut now = Duration::ZERO;
        for (by, about, complaint, behind_ms, later) in words {
            now += Duration::from_secs(later);
            let complaint = [
                Complaint::Forged,
                Complaint::Silent,
                Complaint::Withholding,
                Complaint::Late,
                Complaint::Flooding,
            ][usize::from(complaint)];
            let word = Word {
                by: NodeId(20 + by),
                origin: 77,
                about: NodeId(1 + about),
                partner: Some(NodeId(1 + (about ^ 1))),
                complaint,
                behind_ms,
            };
            let verdict = hear(&mut judgement, now, word);
            let mild = matches!(verdict, Verdict::Noted | Verdict::Separate | Verdict::Discredit);
            prop_assert!(mild, "{:?}", verdict);
        }
    }

    #[test]
    fn memory_is_given_back(nodes in 1..200u32) {
        let mut judgement = Judgement::default();
        for by in 0..nodes {
            hear(&mut judgement, Duration::ZERO, late(10 + by));
        }
        for by in 0..nodes {
            hear(&mut judgement, FORGERY_WINDOW, late(10_000 + by % 2));
        }
        prop_assert!(judgement.by.len() <= 2 + 1);
    }
}
