//! A link's description and candidates, from SDP and back.
//!
//! A browser speaks SDP (RFC 8866 with the data channel section of RFC 8841); what two
//! nodes must really tell each other fits into some hundred bytes
//! ([`peerstream_wire::signal`]). The rest is the same for every link and is written down
//! here.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use peerstream_wire::signal::{
    Address, Candidate, CandidateKind, Description, MAX_CANDIDATES, Setup,
};

/// Why a description is of no use here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no media section for data channels.
    #[error("no data channel section")]
    NoDataChannel,
    /// The ICE user fragment or password is missing, or has characters that ICE forbids.
    #[error("no usable ICE credentials")]
    Credentials,
    /// There is no SHA-256 fingerprint, or it is misshapen.
    #[error("no SHA-256 fingerprint")]
    Fingerprint,
    /// The `setup` attribute is missing or unknown.
    #[error("no usable setup attribute")]
    Setup,
}

/// Reads what a browser says of its own end (`RTCPeerConnection.localDescription`).
///
/// Candidates that [`candidate`] does not take are left out, as are those beyond the most
/// that one signal carries.
///
/// # Errors
/// If the text is not the description of one data channel section.
pub fn describe(sdp: &str) -> Result<Description, Error> {
    let mut ufrag = None;
    let mut pwd = None;
    let mut fingerprint = None;
    let mut setup = None;
    let mut candidates = Vec::new();
    let mut in_section = false;
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            if in_section {
                // One section is all that a link has; what follows is not about it.
                break;
            }
            if !media.starts_with("application ") {
                return Err(Error::NoDataChannel);
            }
            in_section = true;
            continue;
        }
        // All but the candidates may stand at the session's level too; the section, being
        // later, wins.
        let Some((name, value)) = line
            .strip_prefix("a=")
            .and_then(|line| line.split_once(':'))
        else {
            continue;
        };
        match name {
            "ice-ufrag" => ufrag = Some(value),
            "ice-pwd" => pwd = Some(value),
            "fingerprint" => fingerprint = parse_fingerprint(value).or(fingerprint),
            "setup" => setup = Some(value),
            "candidate" if in_section && candidates.len() < MAX_CANDIDATES => {
                candidates.extend(parse_candidate(value));
            }
            _ => {}
        }
    }
    if !in_section {
        return Err(Error::NoDataChannel);
    }
    Ok(Description {
        ufrag: credential(ufrag)?,
        pwd: credential(pwd)?,
        fingerprint: fingerprint.ok_or(Error::Fingerprint)?,
        setup: match setup {
            Some("actpass") => Setup::ActPass,
            Some("active") => Setup::Active,
            Some("passive") => Setup::Passive,
            _ => return Err(Error::Setup),
        },
        candidates,
    })
}

/// An offer, as the other end's `setRemoteDescription` wants it.
#[must_use]
pub fn offer_sdp(description: &Description) -> String {
    session(description, description.setup)
}

/// An answer, as the other end's `setRemoteDescription` wants it.
#[must_use]
pub fn answer_sdp(description: &Description) -> String {
    let setup = match description.setup {
        // An answer must choose (RFC 8842, section 5.3), and active is what to choose.
        Setup::ActPass => Setup::Active,
        chosen => chosen,
    };
    session(description, setup)
}

/// Reads a candidate as `RTCIceCandidate.candidate` has it, with or without the `a=` of
/// SDP. `None` for what a link does not use: TCP, other components, host names other than
/// those of mDNS, and anything misshapen.
#[must_use]
pub fn candidate(line: &str) -> Option<Candidate> {
    let line = line.strip_prefix("a=").unwrap_or(line);
    parse_candidate(line.strip_prefix("candidate:")?)
}

/// A candidate as `RTCPeerConnection.addIceCandidate` wants it.
#[must_use]
pub fn candidate_line(candidate: &Candidate) -> String {
    let mut name = String::with_capacity(42);
    match &candidate.address {
        Address::Ip(IpAddr::V4(ip)) => push_dotted(&mut name, *ip),
        Address::Ip(IpAddr::V6(ip)) => push_groups(&mut name, *ip),
        Address::Mdns(uuid) => push_uuid_name(&mut name, uuid),
    }
    let (kind, related) = match candidate.kind {
        CandidateKind::Host => ("host", ""),
        // The related address is for diagnosis only, but the grammar demands one, and
        // this is what browsers write that keep it to themselves.
        CandidateKind::ServerReflexive => ("srflx", " raddr 0.0.0.0 rport 0"),
        CandidateKind::PeerReflexive => ("prflx", " raddr 0.0.0.0 rport 0"),
        CandidateKind::Relayed => ("relay", " raddr 0.0.0.0 rport 0"),
    };
    let mut line = String::with_capacity(128);
    line.push_str("candidate:");
    push_number(&mut line, foundation(kind, &name), 10);
    line.push_str(" 1 udp ");
    push_number(&mut line, candidate.priority, 10);
    line.push(' ');
    line.push_str(&name);
    line.push(' ');
    push_number(&mut line, candidate.port.into(), 10);
    line.push_str(" typ ");
    line.push_str(kind);
    line.push_str(related);
    line
}

/// The maximum message size that every link has: what Chromium says of itself. Firefox
/// says more, but nothing here is longer than a part.
const MAX_MESSAGE_SIZE: &str = "262144";

fn session(description: &Description, setup: Setup) -> String {
    let mut sdp = String::with_capacity(640);
    for line in [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=mid:0",
        "a=ice-options:trickle",
        "a=sctp-port:5000",
    ] {
        push(&mut sdp, &[line]);
    }
    push(&mut sdp, &["a=max-message-size:", MAX_MESSAGE_SIZE]);
    push(&mut sdp, &["a=ice-ufrag:", &description.ufrag]);
    push(&mut sdp, &["a=ice-pwd:", &description.pwd]);
    push(
        &mut sdp,
        &[
            "a=fingerprint:sha-256 ",
            &fingerprint_text(&description.fingerprint),
        ],
    );
    let setup = match setup {
        Setup::ActPass => "actpass",
        Setup::Active => "active",
        Setup::Passive => "passive",
    };
    push(&mut sdp, &["a=setup:", setup]);
    for candidate in &description.candidates {
        push(&mut sdp, &["a=", &candidate_line(candidate)]);
    }
    sdp
}

fn push(sdp: &mut String, line: &[&str]) {
    for piece in line {
        sdp.push_str(piece);
    }
    sdp.push_str("\r\n");
}

fn credential(text: Option<&str>) -> Result<String, Error> {
    // RFC 8839, section 5.4: ice-char is ALPHA / DIGIT / "+" / "/", at most 256 of them.
    // The box refuses others, because they could break out of their line.
    let ice_char = |c: u8| c.is_ascii_alphanumeric() || c == b'+' || c == b'/';
    text.filter(|text| (1..=256).contains(&text.len()) && text.bytes().all(ice_char))
        .map(String::from)
        .ok_or(Error::Credentials)
}

fn parse_fingerprint(value: &str) -> Option<[u8; 32]> {
    let (hash, digits) = value.split_once(' ')?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut pairs = digits.split(':');
    let mut fingerprint = [0; 32];
    for byte in &mut fingerprint {
        let pair: [u8; 2] = pairs.next()?.as_bytes().try_into().ok()?;
        *byte = hex(pair)?;
    }
    pairs.next().is_none().then_some(fingerprint)
}

fn fingerprint_text(fingerprint: &[u8; 32]) -> String {
    let mut text = String::with_capacity(3 * fingerprint.len());
    for byte in fingerprint {
        if !text.is_empty() {
            text.push(':');
        }
        push_hex(&mut text, *byte, b"0123456789ABCDEF");
    }
    text
}

/// Reads what follows `candidate:` (RFC 8839, section 5.1):
/// `foundation component transport priority address port typ kind ...`.
fn parse_candidate(value: &str) -> Option<Candidate> {
    let mut words = value.split_ascii_whitespace();
    let _foundation = words.next()?;
    if words.next()? != "1" || !words.next()?.eq_ignore_ascii_case("udp") {
        return None;
    }
    let priority = parse_number(words.next()?, 10, 10)?;
    let address = parse_address(words.next()?)?;
    let port = u16::try_from(parse_number(words.next()?, 10, 5)?).ok()?;
    if words.next()? != "typ" {
        return None;
    }
    let kind = match words.next()? {
        "host" => CandidateKind::Host,
        "srflx" => CandidateKind::ServerReflexive,
        "prflx" => CandidateKind::PeerReflexive,
        "relay" => CandidateKind::Relayed,
        _ => return None,
    };
    Some(Candidate {
        kind,
        address,
        port,
        priority,
    })
}

fn parse_address(text: &str) -> Option<Address> {
    match text.strip_suffix(".local") {
        Some(name) => parse_uuid(name).map(Address::Mdns),
        None if text.contains(':') => parse_groups(text).map(|ip| Address::Ip(ip.into())),
        None => parse_dotted(text).map(|ip| Address::Ip(ip.into())),
    }
}

// The standard library reads and writes addresses and numbers as well, and is ten times as
// long about it: a page is paid for by the byte.

fn parse_number(text: &str, radix: u32, max_digits: usize) -> Option<u32> {
    let fits = (1..=max_digits).contains(&text.len());
    let mut number = 0u32;
    for c in text.chars().filter(|_| fits) {
        number = number.checked_mul(radix)?.checked_add(c.to_digit(radix)?)?;
    }
    fits.then_some(number)
}

fn push_number(text: &mut String, number: u32, radix: u32) {
    if number >= radix {
        push_number(text, number / radix, radix);
    }
    text.extend(char::from_digit(number % radix, radix));
}

fn parse_dotted(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.');
    let mut octets = [0; 4];
    for octet in &mut octets {
        let part = parts.next()?;
        // 010 is eight to some and ten to others.
        if part.len() > 1 && part.starts_with('0') {
            return None;
        }
        *octet = u8::try_from(parse_number(part, 10, 3)?).ok()?;
    }
    parts.next().is_none().then_some(octets.into())
}

fn push_dotted(text: &mut String, ip: Ipv4Addr) {
    for (number, octet) in ip.octets().into_iter().enumerate() {
        if number > 0 {
            text.push('.');
        }
        push_number(text, octet.into(), 10);
    }
}

/// RFC 4291, section 2.2, without its third form (with dots at the end): browsers do not
/// write that.
fn parse_groups(text: &str) -> Option<Ipv6Addr> {
    // A colon at either end has another one beside it.
    if text.starts_with(':') != text.starts_with("::")
        || text.ends_with(':') != text.ends_with("::")
    {
        return None;
    }
    let mut groups = [0; 8];
    let mut count = 0;
    // Where zeros are left out.
    let mut gap = None;
    for group in text.split(':') {
        if !group.is_empty() {
            let group = parse_number(group, 16, 4)?;
            *groups.get_mut(count)? = u16::try_from(group).ok()?;
            count += 1;
        } else if *gap.get_or_insert(count) != count {
            return None;
        }
    }
    match gap {
        // The two colons stand for one group at least.
        Some(at) if count < groups.len() => {
            let zeros = groups.len() - count;
            groups.get_mut(at..)?.rotate_right(zeros);
        }
        None if count == groups.len() => {}
        _ => return None,
    }
    Some(groups.into())
}

/// All eight groups, which every reader of addresses takes as well as the shorter form.
fn push_groups(text: &mut String, ip: Ipv6Addr) {
    for (number, group) in ip.segments().into_iter().enumerate() {
        if number > 0 {
            text.push(':');
        }
        push_number(text, group.into(), 16);
    }
}

/// Where a UUID's text has its hyphens (RFC 9562, section 4), as byte numbers.
const HYPHENS_BEFORE: [usize; 4] = [4, 6, 8, 10];

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let mut digits = text.bytes();
    let mut uuid = [0; 16];
    for (number, byte) in uuid.iter_mut().enumerate() {
        if HYPHENS_BEFORE.contains(&number) && digits.next()? != b'-' {
            return None;
        }
        *byte = hex([digits.next()?, digits.next()?])?;
    }
    digits.next().is_none().then_some(uuid)
}

fn hex(pair: [u8; 2]) -> Option<u8> {
    let digit = |c: u8| {
        char::from(c)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    Some((digit(pair[0])? << 4) | digit(pair[1])?)
}

fn push_hex(text: &mut String, byte: u8, digits: &[u8; 16]) {
    for nibble in [byte >> 4, byte & 15] {
        text.push(char::from(digits[usize::from(nibble)]));
    }
}

/// Equal for candidates of the same kind and address, different for most others (RFC 8445,
/// section 5.1.1.3): FNV-1a.
fn foundation(kind: &str, name: &str) -> u32 {
    kind.bytes()
        .chain(name.bytes())
        .fold(0x811c_9dc5, |hash: u32, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        })
}

fn push_uuid_name(text: &mut String, uuid: &[u8; 16]) {
    for (number, byte) in uuid.iter().enumerate() {
        if HYPHENS_BEFORE.contains(&number) {
            text.push('-');
        }
        push_hex(text, *byte, b"0123456789abcdef");
    }
    text.push_str(".local");
}
