//! Parts are checked one by one, in any order.

mod stream;

use bytes::Bytes;
use peerstream_fragment::{
    Accepted, Assembly, Fragment, MAX_PARTS, Malformed, Meta, PART_SIZE, Refused, TooLarge,
};
use proptest::prelude::*;
use stream::{fragment, meta, payload, signer};

fn assembly(fragment: &Fragment) -> Assembly {
    let header = stream::verifier(1, 1).header(fragment.header.bytes.clone());
    Assembly::new(header.expect("it is signed"))
}

#[test]
fn the_last_part_completes_the_fragment() {
    let fragment = fragment(2 * PART_SIZE + 1);
    let mut assembly = assembly(&fragment);
    assert_eq!(assembly.missing(), 0b111);
    for (part, missing) in [(2, 0b011), (0, 0b010)] {
        let bytes = fragment.part(part).unwrap();
        assert_eq!(assembly.part(part, bytes), Ok(Accepted::New));
        assert_eq!(assembly.missing(), missing);
        assert!(assembly.has(part) && !assembly.is_complete());
        assert_eq!(assembly.fragment(), None);
    }
    assert_eq!(
        assembly.part(1, fragment.part(1).unwrap()),
        Ok(Accepted::New)
    );
    assert!(assembly.is_complete());
    assert_eq!(assembly.missing(), 0);
    assert_eq!(assembly.fragment(), Some(fragment));
}

#[test]
fn part_sizes_follow_from_the_length() {
    for (len, sizes) in [
        (0, &[][..]),
        (1, &[1]),
        (PART_SIZE, &[PART_SIZE]),
        (PART_SIZE + 1, &[PART_SIZE, 1]),
        (2 * PART_SIZE, &[PART_SIZE, PART_SIZE]),
    ] {
        let parts: Vec<usize> = fragment(len)
            .parts()
            .map(|(_, bytes)| bytes.len())
            .collect();
        assert_eq!(parts, sizes, "{len} bytes");
    }
}

#[test]
fn a_fragment_without_payload_is_complete_at_once() {
    let mut assembly = assembly(&fragment(0));
    assert_eq!(assembly.fragment(), Some(fragment(0)));
    assert_eq!(assembly.missing(), 0);
    let no_part = Refused::Malformed(Malformed::NoSuchPart(0));
    assert_eq!(assembly.part(0, Bytes::new()), Err(no_part));
}

#[test]
fn the_largest_fragment_fits_and_one_byte_more_does_not() {
    let largest = MAX_PARTS * PART_SIZE;
    let fragment = fragment(largest);
    let mut assembly = assembly(&fragment);
    assert_eq!(assembly.missing(), u64::MAX);
    for (part, bytes) in fragment.parts() {
        assembly.part(part, bytes).unwrap();
    }
    assert_eq!(assembly.fragment(), Some(fragment));
    let more = signer(1, 1).seal(meta(), payload(largest + 1));
    assert_eq!(more, Err(TooLarge::Payload(largest + 1)));
}

#[test]
fn a_video_chunk_beyond_the_payload_is_not_sealed() {
    let meta = Meta {
        video_len: 101,
        ..meta()
    };
    let refused = signer(1, 1).seal(meta, payload(100));
    assert_eq!(
        refused,
        Err(TooLarge::VideoChunk {
            video_len: 101,
            payload_len: 100
        })
    );
}

#[test]
fn video_and_audio_come_apart_again() {
    let meta = Meta {
        video_len: 60,
        ..meta()
    };
    let fragment = signer(1, 1).seal(meta, payload(100)).unwrap();
    assert_eq!(fragment.video(), payload(100).slice(..60));
    assert_eq!(fragment.audio(), payload(100).slice(60..));
    assert_eq!(fragment.signed_len(), fragment.header.bytes.len() + 100);
}

#[test]
fn a_part_is_refused_in_another_parts_place() {
    let fragment = fragment(2 * PART_SIZE);
    let mut assembly = assembly(&fragment);
    let refused = assembly.part(1, fragment.part(0).unwrap());
    assert_eq!(refused, Err(Refused::BadHash { part: 1 }));
    assert_eq!(assembly.missing(), 0b11);
}

#[test]
fn wrong_lengths_and_numbers_are_refused() {
    let fragment = fragment(PART_SIZE + 10);
    let mut assembly = assembly(&fragment);
    for (part, len) in [
        (0, PART_SIZE - 1),
        (0, PART_SIZE + 1),
        (1, 9),
        (1, PART_SIZE),
        (1, 0),
    ] {
        let refused = Refused::Malformed(Malformed::PartLength(part));
        assert_eq!(
            assembly.part(part, payload(len)),
            Err(refused),
            "part {part}, {len} bytes"
        );
    }
    let refused = Refused::Malformed(Malformed::NoSuchPart(2));
    assert_eq!(assembly.part(2, payload(10)), Err(refused));
    assert!(!assembly.has(2));
}

#[test]
fn an_altered_copy_of_a_part_that_is_there_is_noticed() {
    let fragment = fragment(PART_SIZE + 10);
    let mut assembly = assembly(&fragment);
    let last = fragment.part(1).unwrap();
    let mut altered = last.to_vec();
    altered[3] ^= 1;
    assert_eq!(assembly.part(1, last.clone()), Ok(Accepted::New));
    let bad = Err(Refused::BadHash { part: 1 });
    assert_eq!(assembly.part(1, altered.clone().into()), bad);
    assert_eq!(
        assembly.part(0, fragment.part(0).unwrap()),
        Ok(Accepted::New)
    );
    assert_eq!(assembly.part(1, altered.into()), bad);
    assert_eq!(assembly.part(1, last), Ok(Accepted::Duplicate));
    assert_eq!(assembly.fragment(), Some(fragment));
}

#[test]
fn a_lone_part_is_not_copied() {
    let fragment = fragment(1000);
    let mut assembly = assembly(&fragment);
    let part = fragment.part(0).unwrap();
    assembly.part(0, part.clone()).unwrap();
    assert_eq!(assembly.fragment().unwrap().payload.as_ptr(), part.as_ptr());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Parts in any order, some of them again, some altered: what is accepted as new is
    /// each part once, and the fragment is the one that was sealed.
    #[test]
    fn parts_in_any_order_make_the_fragment(
        len in 1..20 * PART_SIZE,
        order in prop::collection::vec((0..20u8, prop::option::of(any::<prop::sample::Index>())), 0..60),
    ) {
        let fragment = fragment(len);
        let mut assembly = assembly(&fragment);
        let mut seen = std::collections::BTreeSet::new();
        // The parts that the drawn order leaves out come at its end.
        let rest = (0..20u8).map(|part| (part, None));
        for (part, alter) in order.into_iter().chain(rest) {
            let Some(bytes) = fragment.part(part) else {
                let refused = Refused::Malformed(Malformed::NoSuchPart(part));
                prop_assert_eq!(assembly.part(part, payload(1)), Err(refused));
                continue;
            };
            if let Some(index) = alter {
                let mut altered = bytes.to_vec();
                altered[index.index(bytes.len())] ^= 1 << index.index(8);
                let refused = Err(Refused::BadHash { part });
                prop_assert_eq!(assembly.part(part, altered.into()), refused);
                continue;
            }
            let expected = if seen.insert(part) { Accepted::New } else { Accepted::Duplicate };
            prop_assert_eq!(assembly.part(part, bytes.clone()), Ok(expected));
            prop_assert_eq!(assembly.held(part), Some(bytes));
            prop_assert_eq!(assembly.parts().count(), seen.len());
        }
        prop_assert_eq!(assembly.fragment(), Some(fragment));
    }
}
