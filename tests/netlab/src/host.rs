//! A host: a network namespace whose way out is a TUN device.

use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, ensure};
use nix::sched::{CloneFlags, setns, unshare};
use tappers::{Interface, Tun};

/// A machine of the laboratory. Whatever is started within it knows no other network.
#[derive(Debug)]
pub struct Host {
    address: Ipv4Addr,
    namespace: File,
}

impl Host {
    /// Makes a host, and the device by which it sends and receives.
    pub(crate) fn new(address: Ipv4Addr) -> Result<(Self, Tun)> {
        // A thread of its own, so that the caller stays where it is.
        let made = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
            let name = Interface::new(INTERFACE).context("no name for the device")?;
            let mut device = Tun::new_named(name)
                .context("cannot make a TUN device; is there a /dev/net/tun to open?")?;
            device.set_nonblocking(true)?;
            ip("link set lo up")?;
            // Without IPv6, which the laboratory does not route.
            ip(&format!("link set {INTERFACE} addrgenmode none"))?;
            ip(&format!("address add {address}/32 dev {INTERFACE}"))?;
            ip(&format!("link set {INTERFACE} up"))?;
            ip(&format!("route add default dev {INTERFACE}"))?;
            let namespace = current()?;
            Ok((Host { address, namespace }, device))
        });
        made.join().map_err(|_| anyhow!("making a host panicked"))?
    }

    /// Its only address.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Runs `body` with this thread in the host: the sockets that it opens and the processes
    /// and threads that it starts belong there, and stay there afterwards.
    ///
    /// # Errors
    /// A thread that cannot change its namespace, and the error of `body`.
    pub fn within<T>(&self, body: impl FnOnce() -> Result<T>) -> Result<T> {
        let _home = Home(current()?);
        self.enter()?;
        body()
    }

    /// Moves this thread into the host for good.
    ///
    /// # Errors
    /// A thread that cannot change its namespace.
    pub fn enter(&self) -> Result<()> {
        setns(&self.namespace, CloneFlags::CLONE_NEWNET).context("cannot enter the host")
    }
}

/// The name of every host's device. Browsers judge an interface by its name: "tun" is a VPN to
/// them, and ranks last.
const INTERFACE: &str = "eth0";

/// Moves the calling thread into a fresh network namespace in which nothing can be reached. In a
/// user namespace of its own a thread may return to such a one only.
pub(crate) fn leave_the_machine() -> Result<()> {
    ensure!(
        nix::unistd::geteuid().is_root(),
        "the laboratory's hosts need root; run this under `unshare --user --map-root-user`"
    );
    unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")
}

/// Where the thread returns to when this is dropped.
struct Home(File);

impl Drop for Home {
    fn drop(&mut self) {
        // It was there before and had the right to go; a thread that stays in the host all the
        // same fails at its next step.
        let _ = setns(&self.0, CloneFlags::CLONE_NEWNET);
    }
}

fn current() -> Result<File> {
    File::open("/proc/thread-self/ns/net").context("no network namespaces here")
}

/// Runs `ip` with these arguments, in the namespace of this thread.
///
/// # Errors
/// If it is not installed, or fails: then with what it says.
pub fn ip(line: &str) -> Result<()> {
    let output = Command::new("ip")
        .args(line.split(' '))
        .output()
        .context("cannot run `ip` (Debian package iproute2)")?;
    ensure!(
        output.status.success(),
        "ip {line}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}
