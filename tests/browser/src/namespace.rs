//! A network of the test's own.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use peerstream_netlab::ip;

/// The address that the box and the browser have in the namespace: a LAN address, so that
/// a page fetched from it over plain http is no secure context.
pub const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 9, 8, 1);

/// Moves the calling thread into a fresh network namespace with one interface, [`ADDRESS`]
/// and a default route. Without those a browser gathers no ICE candidates, so no two pages
/// connect. Threads and processes started from here on live in it too; it vanishes with
/// the last of them, however they end, so there is nothing to clean up.
///
/// # Errors
/// Lacking the right to do so, or iproute2.
pub fn enter() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "a network namespace needs root; run this under `unshare --user --map-root-user`"
    );
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
        .context("cannot make a network namespace")?;
    for line in SETUP {
        ip(line)?;
    }
    Ok(())
}

/// The interface's other end leads nowhere: what is sent to [`ADDRESS`] never leaves the
/// namespace, and nothing else can be reached from it. Without IPv6's own addresses, which
/// come a second or two later: a browser breaks off what it is loading when addresses change.
const SETUP: [&str; 8] = [
    "link set lo up",
    "link add lan type veth peer name nowhere",
    "link set lan addrgenmode none",
    "link set nowhere addrgenmode none",
    "address add 10.9.8.1/24 dev lan",
    "link set lan up",
    "link set nowhere up",
    "route add default via 10.9.8.254 dev lan",
];
