//! Whatever bytes come: what was sealed is read back, anything else is refused.

mod stream;

use bytes::Bytes;
use peerstream_fragment::{
    Certificate, Flags, Header, Init, InitTrack, Kind, Malformed, Meta, PART_SIZE, Position,
    Refused, TrackKind, Validity, Verifier,
};
use proptest::prelude::*;
use stream::{VALIDITY, certificate, fragment, identity, payload, signer, signing_key, verifier};

#[test]
fn every_flipped_bit_of_a_header_is_refused() {
    let verifier = verifier(1, 1);
    let header = fragment(PART_SIZE + 1).header.bytes.clone();
    assert!(verifier.header(header.clone()).is_ok());
    for bit in 0..header.len() * 8 {
        assert!(verifier.header(flipped(&header, bit)).is_err(), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_a_certificate_is_refused() {
    let certificate = certificate(1, 1);
    for bit in 0..certificate.len() * 8 {
        let mut verifier = Verifier::new(identity(1).stream());
        let refused = verifier.certificate(&flipped(&certificate, bit), None);
        assert!(refused.is_err(), "bit {bit}");
        assert_eq!(verifier.current(), None, "bit {bit}");
    }
}

#[test]
fn truncated_records_are_refused() {
    let verifier = verifier(1, 1);
    let header = fragment(PART_SIZE + 1).header.bytes.clone();
    for len in 0..header.len() {
        let refused = verifier.header(header.slice(..len));
        assert_eq!(
            refused,
            Err(Refused::Malformed(Malformed::Truncated)),
            "{len} bytes"
        );
    }
    let certificate = certificate(1, 2);
    for len in 0..certificate.len() {
        let refused = verifier
            .clone()
            .certificate(&certificate.slice(..len), None);
        assert_eq!(
            refused,
            Err(Refused::Malformed(Malformed::Truncated)),
            "{len} bytes"
        );
    }
    let init = video_and_audio().encode();
    for len in 0..init.len() {
        assert_eq!(
            Init::decode(&init.slice(..len)),
            Err(Malformed::Truncated),
            "{len} bytes"
        );
    }
}

#[test]
fn trailing_bytes_are_refused() {
    let trailing = Malformed::Trailing;
    let header = [&fragment(10).header.bytes[..], &[0]].concat();
    assert_eq!(verifier(1, 1).header(header.into()), Err(trailing.into()));
    let certificate = [&certificate(1, 2)[..], &[0]].concat();
    assert_eq!(
        verifier(1, 1).certificate(&certificate.into(), None),
        Err(trailing.into())
    );
    let init = [&video_and_audio().encode()[..], &[0]].concat();
    assert_eq!(Init::decode(&init.into()), Err(trailing));
}

#[test]
fn unknown_formats_and_flags_are_refused() {
    let mut header = fragment(10).header.bytes.to_vec();
    header[1] = 0x08;
    assert_eq!(
        Header::decode_unverified(&header),
        Err(Malformed::Flags(0x08))
    );
    header[0] = 0x03;
    assert_eq!(
        Header::decode_unverified(&header),
        Err(Malformed::Format(0x03))
    );
    assert_eq!(
        Certificate::decode_unverified(&header),
        Err(Malformed::Format(0x03))
    );
    assert_eq!(Init::decode(&header.into()), Err(Malformed::Format(0x03)));
}

#[test]
fn a_length_is_refused_before_anything_is_allocated_for_it() {
    // Fixed fields, then lengths: the header claims 255 parts but has no hashes.
    let head = [0x01, 0, 0, 1, 1, 1, 0, 1, 1, 1];
    let claims = |payload_len: &[u8], video_len: &[u8]| {
        let bytes = [&head[..], payload_len, video_len, &[0; 64]].concat();
        Header::decode_unverified(&bytes).map(drop)
    };
    assert_eq!(claims(&[0x80, 0xe0, 0x3f], &[0]), Err(Malformed::Truncated));
    let beyond = Err(Malformed::PayloadLength(255 * 4096 + 1));
    assert_eq!(claims(&[0x81, 0xe0, 0x3f], &[0]), beyond);
    assert_eq!(claims(&[0], &[1]), Err(Malformed::VideoLength));
    assert_eq!(claims(&[0], &[0]), Ok(()));
}

#[test]
fn init_data_has_one_track_of_a_kind() {
    let Init { tracks } = video_and_audio();
    let [video, audio] = [&tracks[0], &tracks[1]];
    let decode = |tracks: &[&InitTrack]| {
        let tracks = tracks.iter().copied().cloned().collect();
        Init::decode(&Init { tracks }.encode()).map(drop)
    };
    assert_eq!(decode(&[video]), Ok(()));
    assert_eq!(decode(&[audio, video]), Ok(()));
    assert_eq!(decode(&[]), Err(Malformed::Tracks));
    assert_eq!(decode(&[video, video]), Err(Malformed::Tracks));
    assert_eq!(decode(&[video, audio, video]), Err(Malformed::Tracks));
}

#[test]
fn codecs_cannot_break_out_of_a_mime_type() {
    for codec in [
        "",
        "avc1\"",
        "avc1;",
        "avc1,mp4a",
        "avc1 ",
        "avc\u{e9}",
        &"a".repeat(65),
    ] {
        let kind = TrackKind::Video;
        let track = InitTrack {
            kind,
            codec: codec.to_owned(),
            segment: Bytes::new(),
        };
        let encoded = Init {
            tracks: vec![track],
        }
        .encode();
        assert_eq!(Init::decode(&encoded), Err(Malformed::Codec), "{codec:?}");
    }
}

#[test]
fn tracks_share_the_payload() {
    let payload = video_and_audio().encode();
    let decoded = Init::decode(&payload).unwrap();
    let range = payload.as_ptr_range();
    for track in decoded.tracks {
        assert!(range.contains(&track.segment.as_ptr()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn headers_round_trip(meta in metas(), serial: u32, len in 0..5 * PART_SIZE, share in 0..=256usize) {
        let meta = Meta { video_len: (len * share / 256) as u32, ..meta };
        let fragment = signer(1, serial).seal(meta, payload(len)).unwrap();
        let header = verifier(1, serial).header(fragment.header.bytes.clone()).unwrap();
        prop_assert_eq!(header.header.meta, meta);
        prop_assert_eq!(header.header.serial, serial);
        prop_assert_eq!(header.header.payload_len as usize, len);
        prop_assert_eq!(&header, &*fragment.header);
    }

    #[test]
    fn certificates_round_trip(serial: u32, not_before: u64, not_after: u64, key: u32) {
        let validity = Validity { not_before, not_after };
        let signing_public = signing_key(key).public();
        let bytes = identity(1).certify(serial, validity, signing_public);
        let stream = identity(1).stream();
        let expected = Certificate { stream, serial, validity, signing_public };
        prop_assert_eq!(Certificate::decode_unverified(&bytes), Ok(expected));
    }

    #[test]
    fn init_data_round_trips(
        codec in "[A-Za-z0-9._-]{1,64}",
        segment: Vec<u8>,
        other in prop::option::of(("[a-z0-9.]{1,20}", any::<Vec<u8>>())),
    ) {
        let track = |kind, codec, segment: Vec<u8>| InitTrack { kind, codec, segment: segment.into() };
        let mut tracks = vec![track(TrackKind::Audio, codec, segment)];
        tracks.extend(other.map(|(codec, segment)| track(TrackKind::Video, codec, segment)));
        let init = Init { tracks };
        prop_assert_eq!(Init::decode(&init.encode()), Ok(init));
    }

    /// Bytes that begin like a record get further than bytes that do not.
    #[test]
    fn garbage_is_refused(format in prop::sample::select(&[0x01, 0x02, 0x11, 0x21, 0xff][..]), rest: Vec<u8>) {
        let bytes = Bytes::from([&[format][..], &rest].concat());
        prop_assert!(verifier(1, 1).header(bytes.clone()).is_err());
        prop_assert!(verifier(1, 1).certificate(&bytes, Some(VALIDITY.not_before)).is_err());
        if let Ok(init) = Init::decode(&bytes) {
            prop_assert_eq!(init.encode(), bytes);
        }
    }

    #[test]
    fn altered_headers_are_refused(at: prop::sample::Index, to: u8) {
        let header = fragment(PART_SIZE + 1).header.bytes.clone();
        let mut altered = header.to_vec();
        altered[at.index(header.len())] = to;
        prop_assume!(altered[..] != header[..]);
        prop_assert!(verifier(1, 1).header(altered.into()).is_err());
    }
}

fn metas() -> impl Strategy<Value = Meta> {
    let kind = prop_oneof![Just(Kind::Media), Just(Kind::Init)];
    let at = any::<(u32, u16)>().prop_map(|(segment, index)| Position { segment, index });
    let flags = any::<[bool; 3]>().prop_map(|[key, standby, end]| {
        let flags = Flags::NONE
            .with_if(Flags::KEY, key)
            .with_if(Flags::STANDBY, standby);
        flags.with_if(Flags::END, end)
    });
    let numbers = any::<(u8, u32, u64, u32, u64)>();
    (kind, at, flags, numbers).prop_map(
        |(kind, at, flags, (rendition, init, media_time, duration, capture_time))| Meta {
            kind,
            rendition,
            at,
            flags,
            init,
            media_time,
            duration,
            capture_time,
            video_len: 0,
        },
    )
}

fn video_and_audio() -> Init {
    let track = |kind, codec: &str| InitTrack {
        kind,
        codec: codec.into(),
        segment: Bytes::from_static(b"ftypmoov"),
    };
    Init {
        tracks: vec![
            track(TrackKind::Video, "avc1.42C01F"),
            track(TrackKind::Audio, "mp4a.40.2"),
        ],
    }
}

fn flipped(bytes: &Bytes, bit: usize) -> Bytes {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped.into()
}
