//! `peerstream_fragment`: headers, certificates, init data, parts.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use bytes::Bytes;
use peerstream_fragment::{
    Accepted, Assembly, Certificate, Flags, Fragment, Header, IdentityKey, Init, Installed, Kind,
    Meta, PART_SIZE, Position, Refused, Signer, SigningKey, Validity, Verifier,
};

use crate::Target;

pub(crate) const HEADER: Target = Target {
    name: "fragment_header",
    run: header,
    vectors: &[
        "fragment/header_media",
        "fragment/header_init",
        "fragment/header_end",
    ],
};

pub(crate) const CERTIFICATE: Target = Target {
    name: "certificate",
    run: certificate,
    vectors: &["fragment/certificate"],
};

pub(crate) const INIT: Target = Target {
    name: "init",
    run: init,
    vectors: &["fragment/init"],
};

pub(crate) const ASSEMBLY: Target = Target {
    name: "assembly",
    run: assembly,
    vectors: &[],
};

/// A header that is read has one encoding, and its parts cover its payload.
fn header(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    let verified = VERIFIER.header(bytes.clone());
    let Ok(header) = Header::decode_unverified(input) else {
        assert!(matches!(verified, Err(Refused::Malformed(_))));
        return;
    };
    assert!(input.starts_with(&header.encode()));
    assert!(header.meta.video_len <= header.payload_len);
    let ranges = (0..=u8::MAX).map_while(|part| header.part_range(part));
    let mut end = 0;
    let mut count = 0;
    for range in ranges {
        assert_eq!(range.start, end);
        assert!(range.end > range.start && range.len() <= PART_SIZE);
        end = range.end;
        count += 1;
    }
    assert_eq!(end, header.payload_len as usize);
    assert_eq!(count, header.parts.len());
    if let Ok(verified) = verified {
        assert_eq!(verified.header, header);
        assert_eq!(verified.bytes, bytes);
    }
}

/// A certificate that is read has one encoding, and becomes current only if it is newer.
fn certificate(input: &[u8]) {
    let bytes = Bytes::copy_from_slice(input);
    let decoded = Certificate::decode_unverified(input);
    if let Ok(certificate) = &decoded {
        assert!(input.starts_with(&certificate.encode()));
    }
    let mut fresh = Verifier::new(identity().stream());
    let installed = fresh.certificate(&bytes, None);
    assert_eq!(fresh.current(), installed.is_ok().then_some(&bytes));
    let mut verifier = VERIFIER.clone();
    match verifier.certificate(&bytes, Some(0)) {
        Ok(Installed::New) => assert_eq!(decoded.map(|c| Some(c.serial)), Ok(verifier.serial())),
        Ok(_) | Err(_) => assert_eq!(verifier.current(), VERIFIER.current()),
    }
}

/// Init data that is read has one encoding.
fn init(input: &[u8]) {
    if let Ok(init) = Init::decode(&Bytes::copy_from_slice(input)) {
        assert_eq!(init.encode(), input);
    }
}

/// Parts come as the input says, in threes of bytes: which part, how it is altered, and by
/// how much. What is put together is what was sealed, and nothing else is accepted.
fn assembly(input: &[u8]) {
    let fragment = &*FRAGMENT;
    let mut assembly = Assembly::new((*fragment.header).clone());
    let count = fragment.parts().count();
    let mut seen = BTreeSet::new();
    let (steps, _) = input.as_chunks::<3>();
    for &[part, how, amount] in steps {
        let signed = fragment.part(part);
        let mut bytes = signed.clone().unwrap_or_default().to_vec();
        match how % 4 {
            0 | 1 => {}
            2 => bytes.truncate(usize::from(amount)),
            _ => {
                let middle = usize::from(amount) * bytes.len() / 256;
                if let Some(byte) = bytes.get_mut(middle) {
                    *byte ^= amount;
                }
            }
        }
        let bytes = Bytes::from(bytes);
        match assembly.part(part, bytes.clone()) {
            Ok(accepted) => {
                assert_eq!(signed, Some(bytes));
                assert_eq!(accepted == Accepted::New, seen.insert(part));
            }
            Err(_) => assert_ne!(signed, Some(bytes)),
        }
        assert_eq!(assembly.is_complete(), seen.len() == count);
        assert_eq!(assembly.missing().count_ones() as usize, count - seen.len());
    }
    let whole = (seen.len() == count).then(|| fragment.clone());
    assert_eq!(assembly.fragment(), whole);
}

/// The identity key of the vectors, so that they get past the signature.
fn identity() -> IdentityKey {
    IdentityKey::from_seed([1; 32])
}

fn signer() -> Signer {
    let signing = SigningKey::from_seed([2; 32]);
    let validity = Validity {
        not_before: 0,
        not_after: 1,
    };
    let certificate = identity().certify(7, validity, signing.public());
    Signer::new(identity().stream(), certificate, signing).expect("the key was just certified")
}

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let mut verifier = Verifier::new(identity().stream());
    let installed = verifier.certificate(signer().certificate(), None);
    assert_eq!(installed, Ok(Installed::New));
    verifier
});

static FRAGMENT: LazyLock<Fragment> = LazyLock::new(|| {
    let meta = Meta {
        kind: Kind::Media,
        rendition: 0,
        at: Position {
            segment: 1,
            index: 1,
        },
        flags: Flags::NONE,
        init: 1,
        media_time: 0,
        duration: 80_000,
        capture_time: 0,
        video_len: 0,
    };
    let payload = (0..4 * PART_SIZE + 100).map(|i| (i % 251) as u8).collect();
    signer().seal(meta, payload).expect("it is small")
});
