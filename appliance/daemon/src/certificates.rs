//! The certificate for https: given, or the box's own.

use std::net::IpAddr;

use anyhow::Result;
use peerstream_server::Certificate;
use peerstream_settings::{State, config::Tls};

/// The certificate that is configured, or the box's own, which is made when it is first
/// needed.
pub(crate) fn certificate(tls: &Tls, state: &State) -> Result<Certificate> {
    if let (Some(chain), Some(key)) = (&tls.certificate, &tls.key) {
        return Ok(Certificate::load(chain, key)?);
    }
    if let Some((chain, key)) = state.own_certificate()? {
        return Ok(Certificate { chain, key });
    }
    let own = Certificate::own(names())?;
    state.keep_own_certificate(&own.chain, &own.key)?;
    Ok(own)
}

/// What the box goes by today. Browsers warn of the certificate in any case.
fn names() -> Vec<String> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let addresses = interfaces.iter().map(if_addrs::Interface::ip);
    let addresses = addresses.filter(IpAddr::is_ipv4).map(|ip| ip.to_string());
    let mut names: Vec<String> = ["localhost".to_owned()]
        .into_iter()
        .chain(addresses)
        .collect();
    names.dedup();
    names
}
