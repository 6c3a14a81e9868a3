//! A small network laboratory.
//!
//! A [`Lab`] is a number of hosts, each a network namespace of this process with a TUN device as
//! its only way out, and one thread that routes between them. Each host is joined by an
//! [`Access`]: two [`Line`]s with a rate and a queue, a delay that may vary, and loss. A packet
//! waits in the sender's queue, passes its line, then waits for and passes the receiver's; so the
//! round trip between two hosts is the sum of their four delays.
//!
//! What happens to a packet is arithmetic without a clock ([`shaper`], [`network`]); the thread
//! around it is exact to about a millisecond, with two busy processors too. Losses and delays
//! are drawn from a seed, but what meets them hangs on real programs' timing.
//!
//! What a hop between two browsers costs here stands in `tests/netlab/LINKS.md`.
//!
//! Needs root, of this machine or of a user namespace, `/dev/net/tun` and iproute2. Nothing is
//! left behind, however the process ends: namespaces and devices go with it.

mod chance;
mod host;
pub mod network;
mod router;
pub mod shaper;

use std::io::PipeWriter;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result};

pub use crate::host::{Host, ip};
pub use crate::network::{Access, Traffic};
pub use crate::shaper::{Counters, Jitter, Line};

use crate::network::Network;

/// Hosts and the network between them. Ends when dropped; programs in its hosts are left
/// without a network then.
#[derive(Debug)]
pub struct Lab {
    hosts: Vec<Host>,
    network: Arc<Mutex<Network>>,
    stop: Option<PipeWriter>,
    router: Option<JoinHandle<Result<()>>>,
}

impl Lab {
    /// Makes a host for each access, in that order, each in a /16 of its own. `seed` draws losses
    /// and delays.
    ///
    /// The calling thread leaves the machine's network: it and what it starts can reach nothing
    /// but, within a [`Host`], the laboratory.
    ///
    /// # Errors
    /// Lacking the right to do so, a TUN device, or iproute2.
    pub fn new(accesses: &[Access], seed: u64) -> Result<Self> {
        host::leave_the_machine()?;
        let mut network = Network::default();
        let mut hosts = Vec::new();
        let mut devices = Vec::new();
        for (number, access) in (1..=u8::MAX).zip(accesses) {
            let address = Ipv4Addr::new(10, number, 0, 2);
            let (host, device) = Host::new(address)?;
            network.add(address, *access, seed);
            hosts.push(host);
            devices.push(device);
        }
        let network = Arc::new(Mutex::new(network));
        let (stopped, stop) = std::io::pipe().context("no pipe")?;
        let shared = Arc::clone(&network);
        let router = std::thread::Builder::new()
            .name("router".to_owned())
            .spawn(move || router::run(&devices, &shared, &stopped))
            .context("no thread for the router")?;
        Ok(Lab {
            hosts,
            network,
            stop: Some(stop),
            router: Some(router),
        })
    }

    /// All hosts, in the order in which their accesses were given.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// What a host has sent and received so far; zeros if there is no such host.
    #[must_use]
    pub fn traffic(&self, host: usize) -> Traffic {
        self.lock().traffic(host)
    }

    /// Changes how a host is joined; nothing happens if there is no such host.
    pub fn set_access(&self, host: usize, access: Access) {
        self.lock().set_access(host, access);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Network> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(Ok(Err(error))) = self.router.take().map(JoinHandle::join) {
            eprintln!("the laboratory's router failed: {error:#}");
        }
    }
}
