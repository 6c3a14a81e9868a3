//! The thread that moves packets between devices and the [`Network`].

use std::io::PipeReader;
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use tappers::Tun;

use crate::network::Network;

/// The largest packet that a device may hand over.
const PACKET: usize = 65_536;
/// Packets taken from one device before the others, and what is due, have their turn.
const AT_ONCE: usize = 32;

/// Moves packets until the other end of `stop` is closed. Device and host have the same number.
pub(crate) fn run(devices: &[Tun], network: &Mutex<Network>, stop: &PipeReader) -> Result<()> {
    hurry();
    let epoch = Instant::now();
    let mut buffer = vec![0; PACKET];
    let mut waiting: Vec<PollFd<'_>> = devices
        .iter()
        .map(|device| PollFd::new(device.as_fd(), PollFlags::POLLIN))
        .collect();
    waiting.push(PollFd::new(stop.as_fd(), PollFlags::POLLIN));
    let mut due: Option<Duration> = None;
    loop {
        let timeout = due.map(|due| TimeSpec::from(due.saturating_sub(epoch.elapsed())));
        match ppoll(&mut waiting, timeout, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("cannot wait for packets"),
        }
        let ready = |polled: &PollFd<'_>| polled.any().unwrap_or(true);
        if waiting.last().is_some_and(ready) {
            return Ok(());
        }
        let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, device) in devices.iter().enumerate() {
            if !ready(&waiting[number]) {
                continue;
            }
            for _ in 0..AT_ONCE {
                // An error is an empty device as a rule; what else there is shows as loss.
                let Ok(length) = device.recv(&mut buffer) else {
                    break;
                };
                network.receive(epoch.elapsed(), number, buffer[..length].to_vec());
            }
        }
        while let Some((number, packet)) = network.poll(epoch.elapsed()) {
            // A host that cannot take it, for want of memory, has lost it.
            let _ = devices[number].send(&packet);
        }
        due = network.poll_timeout();
    }
}

/// Asks the kernel to prefer this thread: on a machine full of decoding browsers every packet
/// would wait for its turn otherwise. It may refuse, and the lines are less exact then.
fn hurry() {
    let _ = Command::new("renice")
        .args(["-n", "-15", "-p", &nix::unistd::gettid().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}
