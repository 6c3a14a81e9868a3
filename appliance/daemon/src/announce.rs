//! What is printed at the start: addresses, and a code to point a telephone at.

use std::{
    fmt::Write,
    io::IsTerminal,
    net::{IpAddr, SocketAddr},
};

use peerstream_server::Addresses;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};

/// Where a box that listens at an address can be reached: on the network first, on the
/// machine itself last.
pub(crate) fn reachable(listening: SocketAddr) -> Vec<SocketAddr> {
    if !listening.ip().is_unspecified() {
        return vec![listening];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let mut addresses: Vec<IpAddr> = interfaces
        .iter()
        .map(if_addrs::Interface::ip)
        .filter(|address| match address {
            IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
            // A box that listens on 0.0.0.0 is not there.
            IpAddr::V6(address) => {
                listening.is_ipv6() && !address.is_loopback() && !address.is_unicast_link_local()
            }
        })
        .collect();
    addresses.sort_by_key(|address| (address.is_ipv6(), *address));
    addresses.push(IpAddr::from([127, 0, 0, 1]));
    let port = listening.port();
    addresses
        .into_iter()
        .map(|address| SocketAddr::new(address, port))
        .collect()
}

/// An address for people: no port where it is understood, a name for the machine itself.
pub(crate) fn url(scheme: &str, address: SocketAddr, path: &str) -> String {
    let host = match address.ip() {
        ip if ip.is_loopback() => "localhost".to_owned(),
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    match (scheme, address.port()) {
        ("http", 80) | ("https", 443) | ("rtmp", 1935) if scheme != "rtmp" => {
            format!("{scheme}://{host}{path}")
        }
        (_, port) => format!("{scheme}://{host}:{port}{path}"),
    }
}

/// All that is worth knowing, for standard output.
pub(crate) fn text(addresses: &Addresses, with_code: bool) -> String {
    let mut out = String::from("\n");
    let http = reachable(addresses.http);
    let mut heading = "Watch at";
    for address in &http {
        // Writing to a string does not fail.
        let _ = writeln!(out, "  {heading:10} {}", url("http", *address, "/"));
        heading = "";
    }
    for address in addresses.https.map(reachable).into_iter().flatten() {
        let _ = writeln!(out, "  {:10} {}", "", url("https", address, "/"));
    }
    let rtmp = reachable(addresses.rtmp);
    if let Some(address) = rtmp.first() {
        let server = url("rtmp", *address, "/live");
        let _ = writeln!(out, "  {:10} {server}", "Publish to");
        let _ = writeln!(out, "  {:10} (`peerstreamd key` shows the stream key)", "");
    }
    let shown = http.first().filter(|_| with_code);
    if let Some(code) = shown.and_then(|address| code(&url("http", *address, "/"))) {
        let _ = write!(out, "\n{code}\n");
    }
    out
}

/// The address as a QR code, drawn in characters. What is light of it is drawn, for
/// terminals are dark; where colours are understood, those are said as well, so that it is
/// right on a light one too.
fn code(address: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(address, EcLevel::L).ok()?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build();
    let (colour, plain) = match std::io::stdout().is_terminal() {
        true => ("\x1b[97;40m", "\x1b[0m"),
        false => ("", ""),
    };
    let lines = drawn
        .lines()
        .map(|line| format!("    {colour}{line}{plain}\n"));
    Some(lines.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_as_short_as_they_can_be() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (scheme, at, expected) in [
            ("http", "192.168.1.2:8080", "http://192.168.1.2:8080/"),
            ("http", "192.168.1.2:80", "http://192.168.1.2/"),
            ("https", "[fd00::1]:443", "https://[fd00::1]/"),
            ("http", "127.0.0.1:80", "http://localhost/"),
            ("rtmp", "10.0.0.1:1935", "rtmp://10.0.0.1:1935/"),
        ] {
            assert_eq!(url(scheme, address(at), "/"), expected);
        }
    }

    #[test]
    fn the_machine_itself_comes_last() {
        let reachable = reachable("0.0.0.0:80".parse().unwrap());
        assert!(reachable.last().unwrap().ip().is_loopback());
        let one: SocketAddr = "127.0.0.1:80".parse().unwrap();
        assert_eq!(super::reachable(one), [one]);
    }

    #[test]
    fn the_code_is_drawn() {
        let addresses = Addresses {
            http: "127.0.0.1:8080".parse().unwrap(),
            https: Some("127.0.0.1:8443".parse().unwrap()),
            rtmp: "127.0.0.1:1935".parse().unwrap(),
        };
        let with = text(&addresses, true);
        assert!(with.contains("http://localhost:8080/"));
        assert!(with.contains("https://localhost:8443/"));
        assert!(with.contains("rtmp://localhost:1935/live"));
        assert!(with.contains('█') || with.contains('▀'));
        assert!(text(&addresses, false).lines().count() < 8);
    }
}
