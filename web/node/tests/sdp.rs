//! Browsers' real descriptions go through the compact form and come out usable.

use peerstream_node::sdp::{self, Error};
use peerstream_wire::signal::{Address, Candidate, CandidateKind, MAX_CANDIDATES, Setup};
use proptest::prelude::*;

const CHROMIUM_OFFER: &str = include_str!("sdp/chromium-offer.sdp");
const CHROMIUM_ANSWER: &str = include_str!("sdp/chromium-answer.sdp");
const FIREFOX_OFFER: &str = include_str!("sdp/firefox-offer.sdp");
const FIREFOX_ANSWER: &str = include_str!("sdp/firefox-answer.sdp");

#[test]
fn chromiums_offer_is_read() {
    let offer = sdp::describe(CHROMIUM_OFFER).unwrap();
    assert_eq!(offer.ufrag, "a68b");
    assert_eq!(offer.pwd, "r4p3Da3WvQvspOW/PbAMmpZP");
    assert_eq!(offer.fingerprint[..3], [0xCE, 0x96, 0x8D]);
    assert_eq!(offer.fingerprint[31], 0x18);
    assert_eq!(offer.setup, Setup::ActPass);
    assert_eq!(offer.candidates.len(), 2);
    assert_eq!(offer.candidates[0].port, 50072);
    assert_eq!(offer.candidates[0].priority, 2_113_937_151);
    assert_eq!(
        offer.candidates[0].address,
        Address::Mdns([
            0x68, 0x58, 0xa6, 0xf4, 0xcd, 0x80, 0x4d, 0xf4, 0xb6, 0xb5, 0xeb, 0x2f, 0x49, 0xc2,
            0x4a, 0xdb
        ])
    );
}

#[test]
fn firefoxs_answer_is_read_without_its_tcp_candidates() {
    let answer = sdp::describe(FIREFOX_ANSWER).unwrap();
    assert_eq!(answer.ufrag, "c9080c9d");
    assert_eq!(answer.fingerprint[..2], [0x9F, 0xE1]);
    assert_eq!(answer.setup, Setup::Active);
    let ports: Vec<u16> = answer
        .candidates
        .iter()
        .map(|candidate| candidate.port)
        .collect();
    assert_eq!(ports, [59533, 43824]);
}

#[test]
fn what_is_written_reads_back_the_same() {
    for (text, is_offer) in [
        (CHROMIUM_OFFER, true),
        (CHROMIUM_ANSWER, false),
        (FIREFOX_OFFER, true),
        (FIREFOX_ANSWER, false),
    ] {
        let description = sdp::describe(text).unwrap();
        let written = if is_offer {
            sdp::offer_sdp(&description)
        } else {
            sdp::answer_sdp(&description)
        };
        assert_eq!(sdp::describe(&written).unwrap(), description);
        assert!(written.contains("a=sctp-port:5000\r\n"));
        assert!(written.contains("a=max-message-size:262144\r\n"));
    }
}

#[test]
fn an_answer_always_chooses_its_dtls_role() {
    let mut answer = sdp::describe(CHROMIUM_ANSWER).unwrap();
    answer.setup = Setup::ActPass;
    assert!(sdp::answer_sdp(&answer).contains("a=setup:active\r\n"));
}

#[test]
fn the_written_offer_is_what_browsers_were_tried_with() {
    let mut offer = sdp::describe(CHROMIUM_OFFER).unwrap();
    offer.candidates.truncate(1);
    let expected = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
        a=ice-options:trickle\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n\
        a=ice-ufrag:a68b\r\na=ice-pwd:r4p3Da3WvQvspOW/PbAMmpZP\r\n\
        a=fingerprint:sha-256 CE:96:8D:D8:EC:2A:CB:F1:FF:78:5C:3D:33:0B:30:61:73:31:C9:03:67:B1:72:C0:A9:AC:AF:8A:77:1C:89:18\r\n\
        a=setup:actpass\r\n\
        a=candidate:1784545288 1 udp 2113937151 6858a6f4-cd80-4df4-b6b5-eb2f49c24adb.local 50072 typ host\r\n";
    assert_eq!(sdp::offer_sdp(&offer), expected);
}

#[test]
fn candidates_of_every_useful_kind_are_taken() {
    let host = sdp::candidate("candidate:1 1 UDP 2122187007 192.168.1.7 33863 typ host").unwrap();
    assert_eq!(host.address, Address::Ip("192.168.1.7".parse().unwrap()));
    let reflexive = sdp::candidate(
        "a=candidate:842163049 1 udp 1677729535 203.0.113.9 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0",
    )
    .unwrap();
    assert_eq!(reflexive.kind, CandidateKind::ServerReflexive);
    let six =
        sdp::candidate("candidate:3 1 udp 5 2001:db8::1 9 typ relay raddr :: rport 0").unwrap();
    assert_eq!(six.kind, CandidateKind::Relayed);
    assert_eq!(sdp::candidate(&sdp::candidate_line(&six)), Some(six));
}

#[test]
fn useless_candidates_are_left_out() {
    for line in [
        "",
        "candidate:",
        "candidate:2 1 TCP 2105458943 192.168.1.7 9 typ host tcptype active",
        "candidate:2 2 udp 2105458943 192.168.1.7 9 typ host",
        "candidate:2 1 udp 2105458943 example.org 9 typ host",
        "candidate:2 1 udp 2105458943 short.local 9 typ host",
        "candidate:2 1 udp 99999999999 192.168.1.7 9 typ host",
        "candidate:2 1 udp 1 192.168.1.7 65536 typ host",
        "candidate:2 1 udp 1 192.168.1.7 9 typ else",
        "2 1 udp 1 192.168.1.7 9 typ host",
    ] {
        assert_eq!(sdp::candidate(line), None, "{line}");
    }
}

#[test]
fn what_is_missing_is_named() {
    let without = |start: &str| -> String {
        let keep = |line: &&str| !line.starts_with(start);
        CHROMIUM_OFFER
            .lines()
            .filter(keep)
            .map(|line| format!("{line}\n"))
            .collect()
    };
    assert_eq!(sdp::describe(&without("m=")), Err(Error::NoDataChannel));
    assert_eq!(
        sdp::describe(&without("a=ice-ufrag")),
        Err(Error::Credentials)
    );
    assert_eq!(
        sdp::describe(&without("a=ice-pwd")),
        Err(Error::Credentials)
    );
    assert_eq!(
        sdp::describe(&without("a=fingerprint")),
        Err(Error::Fingerprint)
    );
    assert_eq!(sdp::describe(&without("a=setup")), Err(Error::Setup));
    let broken = CHROMIUM_OFFER.replace("a68b", "a68b\"");
    assert_eq!(sdp::describe(&broken), Err(Error::Credentials));
    let other_hash = CHROMIUM_OFFER.replace("sha-256", "sha-512");
    assert_eq!(sdp::describe(&other_hash), Err(Error::Fingerprint));
    let picture = CHROMIUM_OFFER.replace("m=application", "m=video");
    assert_eq!(sdp::describe(&picture), Err(Error::NoDataChannel));
}

#[test]
fn no_more_candidates_are_taken_than_a_signal_carries() {
    let mut text = CHROMIUM_OFFER.to_owned();
    for port in 1..100 {
        text.push_str(&format!(
            "a=candidate:1 1 udp 1 10.0.0.1 {port} typ host\r\n"
        ));
    }
    assert_eq!(
        sdp::describe(&text).unwrap().candidates.len(),
        MAX_CANDIDATES
    );
}

fn candidates() -> impl Strategy<Value = Candidate> {
    let kind = prop_oneof![
        Just(CandidateKind::Host),
        Just(CandidateKind::ServerReflexive),
        Just(CandidateKind::PeerReflexive),
        Just(CandidateKind::Relayed)
    ];
    let address = prop_oneof![
        any::<std::net::IpAddr>().prop_map(Address::Ip),
        any::<[u8; 16]>().prop_map(Address::Mdns)
    ];
    (kind, address, any::<u16>(), any::<u32>()).prop_map(|(kind, address, port, priority)| {
        Candidate {
            kind,
            address,
            port,
            priority,
        }
    })
}

proptest! {
    #[test]
    fn any_candidate_survives(candidate in candidates()) {
        prop_assert_eq!(sdp::candidate(&sdp::candidate_line(&candidate)), Some(candidate));
    }

    #[test]
    fn no_text_is_too_strange(text in "\\PC*") {
        let _ = sdp::describe(&text);
        let _ = sdp::candidate(&text);
    }

    #[test]
    fn no_damage_is_too_strange(at in 0..CHROMIUM_OFFER.len(), cut in 0..80usize, put in "[ -~é\r\n]{0,8}") {
        let mut text = FIREFOX_OFFER.to_owned();
        let at = at.min(text.len());
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, &put);
        let _ = sdp::describe(&text);
        for line in text.lines() {
            let _ = sdp::candidate(line);
        }
    }
}
