//! Who may sign, and until when.

mod stream;

use bytes::Bytes;
use peerstream_fragment::{
    IdentityKey, Installed, Malformed, NotCertified, Refused, Signer, StreamId, Validity, Verifier,
};
use stream::{VALIDITY, certificate, fragment, identity, meta, payload, signer, signing_key};

#[test]
fn a_higher_serial_replaces_a_lower_one() {
    let mut verifier = stream::verifier(1, 1);
    let by_first = fragment(100).header.bytes.clone();
    let by_second = signer(1, 2)
        .seal(meta(), payload(100))
        .unwrap()
        .header
        .bytes
        .clone();
    assert!(verifier.header(by_first.clone()).is_ok());
    assert_eq!(
        verifier.header(by_second.clone()),
        Err(Refused::UnknownKey { serial: 2 })
    );

    assert_eq!(
        verifier.certificate(&certificate(1, 2), None),
        Ok(Installed::New)
    );
    assert_eq!(verifier.current(), Some(&certificate(1, 2)));
    assert_eq!(
        verifier.header(by_first),
        Err(Refused::OldKey { serial: 1 })
    );
    assert!(verifier.header(by_second).is_ok());
}

#[test]
fn a_replaced_certificate_does_not_come_back() {
    let mut verifier = stream::verifier(1, 2);
    assert_eq!(
        verifier.certificate(&certificate(1, 1), None),
        Ok(Installed::Older)
    );
    assert_eq!(verifier.current(), Some(&certificate(1, 2)));
    assert_eq!(
        verifier.certificate(&certificate(1, 2), None),
        Ok(Installed::Known)
    );
    let by_first = fragment(100).header.bytes.clone();
    assert_eq!(
        verifier.header(by_first),
        Err(Refused::OldKey { serial: 1 })
    );
}

#[test]
fn a_serial_is_given_only_once() {
    let mut verifier = stream::verifier(1, 1);
    let second = identity(1).certify(1, VALIDITY, signing_key(9).public());
    let refused = verifier.certificate(&second, None);
    assert_eq!(refused, Err(Refused::SerialReused { serial: 1 }));
    assert_eq!(verifier.current(), Some(&certificate(1, 1)));
}

#[test]
fn validity_counts_only_where_the_time_is_known() {
    for (now, expected) in [
        (None, Ok(Installed::New)),
        (Some(999), Err(Refused::NotYetValid { not_before: 1_000 })),
        (Some(1_000), Ok(Installed::New)),
        (Some(2_000), Ok(Installed::New)),
        (Some(2_001), Err(Refused::Expired { not_after: 2_000 })),
    ] {
        let mut verifier = Verifier::new(identity(1).stream());
        assert_eq!(
            verifier.certificate(&certificate(1, 1), now),
            expected,
            "at {now:?}"
        );
        assert_eq!(verifier.current().is_some(), expected.is_ok(), "at {now:?}");
    }
    let mut verifier = stream::verifier(1, 1);
    let expired = verifier.certificate(&certificate(1, 1), Some(2_001));
    assert_eq!(expired, Err(Refused::Expired { not_after: 2_000 }));
}

#[test]
fn another_streams_certificate_is_refused() {
    let mut verifier = Verifier::new(identity(1).stream());
    assert_eq!(
        verifier.certificate(&certificate(2, 1), None),
        Err(Refused::OtherStream)
    );

    // Naming this stream does not help: the identity key of the other one signed it.
    let mut forged = certificate(2, 1).to_vec();
    forged[1..33].copy_from_slice(&identity(1).stream().0);
    assert_eq!(
        verifier.certificate(&forged.into(), None),
        Err(Refused::BadSignature)
    );
}

#[test]
fn another_streams_header_is_refused_even_by_the_same_signing_key() {
    let other = Signer::new(identity(2).stream(), certificate(2, 1), signing_key(1)).unwrap();
    let header = other
        .seal(meta(), payload(100))
        .unwrap()
        .header
        .bytes
        .clone();
    assert_eq!(
        stream::verifier(1, 1).header(header.clone()),
        Err(Refused::BadSignature)
    );
    assert!(stream::verifier(2, 1).header(header).is_ok());
}

#[test]
fn nothing_is_accepted_before_a_certificate() {
    let verifier = Verifier::new(identity(1).stream());
    let header = fragment(100).header.bytes.clone();
    assert_eq!(
        verifier.header(header),
        Err(Refused::UnknownKey { serial: 1 })
    );
}

#[test]
fn a_stream_id_that_is_no_key_accepts_nothing() {
    // y = 2 has no point on the curve; the second one has small order, which strict
    // verification refuses.
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let mut small_order = [0; 32];
    small_order[0] = 1;
    for id in [no_point, small_order] {
        let mut forged = certificate(1, 1).to_vec();
        forged[1..33].copy_from_slice(&id);
        let refused = Verifier::new(StreamId(id)).certificate(&forged.into(), None);
        assert_eq!(refused, Err(Refused::BadSignature));
    }
}

#[test]
fn a_signer_needs_a_certificate_of_its_own() {
    let stream = identity(1).stream();
    let other_key = Signer::new(stream, certificate(1, 1), signing_key(2)).map(drop);
    assert_eq!(other_key, Err(NotCertified::OtherKey));
    let other_stream = Signer::new(stream, certificate(2, 1), signing_key(1)).map(drop);
    assert_eq!(
        other_stream,
        Err(NotCertified::Refused(Refused::OtherStream))
    );
    let nothing = Signer::new(stream, Bytes::new(), signing_key(1)).map(drop);
    let truncated = Refused::Malformed(Malformed::Truncated);
    assert_eq!(nothing, Err(NotCertified::Refused(truncated)));
}

#[test]
fn printing_a_key_shows_its_public_half_only() {
    let seed = [0x11; 32];
    let key = IdentityKey::from_seed(seed);
    let printed = format!("{key:?} {:?}", signing_key(1));
    assert!(printed.contains(&key.stream().to_string()));
    assert!(!printed.contains("11111111") && !printed.contains("17, 17"));
    assert!(!printed.contains("a5a5"));
}

#[test]
fn who_is_to_blame_is_told_apart() {
    assert!(Refused::BadSignature.is_offence());
    assert!(Refused::BadHash { part: 0 }.is_offence());
    assert!(Refused::Malformed(Malformed::Truncated).is_offence());
    assert!(!Refused::UnknownKey { serial: 1 }.is_offence());
    assert!(!Refused::OldKey { serial: 1 }.is_offence());
    let Validity { not_after, .. } = VALIDITY;
    assert!(!Refused::Expired { not_after }.is_offence());
}
