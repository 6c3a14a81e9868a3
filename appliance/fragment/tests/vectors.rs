//! The formats are what tests/vectors has: decoded, and made again from the same seeds.

use bytes::Bytes;
use peerstream_fragment::{
    Assembly, Certificate, Flags, Fragment, Header, IdentityKey, Init, InitTrack, Installed, Kind,
    Meta, Position, Signer, SigningKey, TrackKind, Validity, Verifier,
};

const VALIDITY: Validity = Validity {
    not_before: 1_790_000_000,
    not_after: 1_821_536_000,
};
const SEGMENT: u32 = 1_790_000_123;

#[test]
fn the_certificate_is_golden() {
    let signing = SigningKey::from_seed([2; 32]);
    let certificate = identity().certify(7, VALIDITY, signing.public());
    peerstream_vectors::check(
        "fragment/certificate",
        "identity seed 32 x 01, signing seed 32 x 02, serial 7",
        &certificate,
    );
    let golden = Certificate::decode_unverified(&peerstream_vectors::read("fragment/certificate"));
    let stream = identity().stream();
    let signing_public = signing.public();
    assert_eq!(
        golden,
        Ok(Certificate {
            stream,
            serial: 7,
            validity: VALIDITY,
            signing_public
        })
    );
}

#[test]
fn the_init_payload_is_golden() {
    let payload = init().encode();
    peerstream_vectors::check("fragment/init", "a video and an audio track", &payload);
    let golden = Bytes::from(peerstream_vectors::read("fragment/init"));
    assert_eq!(Init::decode(&golden), Ok(init()));
}

#[test]
fn the_header_of_init_data_is_golden() {
    let meta = Meta {
        kind: Kind::Init,
        flags: Flags::NONE,
        video_len: 0,
        ..media_meta()
    };
    let meta = Meta {
        at: Position {
            segment: SEGMENT,
            index: 0,
        },
        init: SEGMENT,
        ..meta
    };
    golden(
        "fragment/header_init",
        "header of fragment/init, by the key of fragment/certificate",
        meta,
        init().encode(),
    );
}

#[test]
fn the_header_of_media_is_golden() {
    golden(
        "fragment/header_media",
        "header of 10000 bytes (byte i is i mod 251), by the key of fragment/certificate",
        media_meta(),
        (0..10_000).map(|i| (i % 251) as u8).collect(),
    );
}

#[test]
fn the_header_of_the_end_is_golden() {
    let flags = Flags::STANDBY | Flags::END;
    let meta = Meta {
        at: Position {
            segment: u32::MAX,
            index: u16::MAX,
        },
        flags,
        ..media_meta()
    };
    let meta = Meta {
        duration: 0,
        video_len: 0,
        rendition: 3,
        ..meta
    };
    golden(
        "fragment/header_end",
        "header without payload, at the last position, by the key of fragment/certificate",
        meta,
        Bytes::new(),
    );
}

/// The fragment of `meta` and `payload` has the vector `name` as its header, and whoever
/// has only the vectors can check it and puts it together again.
fn golden(name: &str, says: &str, meta: Meta, payload: Bytes) {
    let fragment = seal(meta, payload);
    peerstream_vectors::check(name, says, &fragment.header.bytes);

    let golden = Bytes::from(peerstream_vectors::read(name));
    let header = Header::decode_unverified(&golden).expect("a golden header decodes");
    assert_eq!(header.meta, meta);
    assert_eq!(header, fragment.header.header);

    let mut verifier = Verifier::new(identity().stream());
    let certificate = peerstream_vectors::read("fragment/certificate").into();
    assert_eq!(
        verifier.certificate(&certificate, Some(1_800_000_000)),
        Ok(Installed::New)
    );
    let header = verifier.header(golden).expect("a golden header is signed");
    let mut assembly = Assembly::new(header);
    for (part, bytes) in fragment.parts() {
        assembly
            .part(part, bytes)
            .expect("the parts are those that were signed");
    }
    assert_eq!(assembly.fragment(), Some(fragment));
}

fn seal(meta: Meta, payload: Bytes) -> Fragment {
    let signing = SigningKey::from_seed([2; 32]);
    let certificate = identity().certify(7, VALIDITY, signing.public());
    let signer = Signer::new(identity().stream(), certificate, signing).expect("it is certified");
    signer.seal(meta, payload).expect("it fits")
}

fn identity() -> IdentityKey {
    IdentityKey::from_seed([1; 32])
}

fn media_meta() -> Meta {
    Meta {
        kind: Kind::Media,
        rendition: 0,
        at: Position {
            segment: SEGMENT,
            index: 1,
        },
        flags: Flags::KEY,
        init: SEGMENT - 3,
        media_time: 12_345_678,
        duration: 80_000,
        capture_time: 1_790_000_135_345_678,
        video_len: 8_800,
    }
}

fn init() -> Init {
    let track = |kind, codec: &str, segment: &'static [u8]| InitTrack {
        kind,
        codec: codec.into(),
        segment: Bytes::from_static(segment),
    };
    Init {
        tracks: vec![
            track(
                TrackKind::Video,
                "avc1.42C01F",
                b"\0\0\0\x10ftypiso6\0\0\0\0",
            ),
            track(
                TrackKind::Audio,
                "mp4a.40.2",
                b"\0\0\0\x14ftypiso6\0\0\0\0mp41",
            ),
        ],
    }
}
