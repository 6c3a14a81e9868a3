//! Where packets are and when each goes on, as arithmetic.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::shaper::{Counters, Fate, Line, Shaper};

/// How a host is joined to the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Access {
    /// From the host.
    pub up: Line,
    /// To the host.
    pub down: Line,
}

impl Access {
    /// At once, and everything.
    pub const IDEAL: Access = Access {
        up: Line::IDEAL,
        down: Line::IDEAL,
    };
}

/// What a host has sent and received.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// From the host.
    pub up: Counters,
    /// To the host.
    pub down: Counters,
    /// What it sent to nobody here, IPv6 and multicast among it.
    pub unroutable: u64,
}

/// All hosts' lines and the packets on them. The middle, where the lines meet, costs nothing.
/// Knows no clock and no socket: packets and the time go in, packets come out when due. Times
/// are since any epoch and must not run backwards.
#[derive(Debug, Default)]
pub struct Network {
    hosts: Vec<Host>,
    routes: BTreeMap<Ipv4Addr, usize>,
    events: BinaryHeap<Reverse<Event>>,
    packets: u64,
}

#[derive(Debug)]
struct Host {
    up: Shaper,
    down: Shaper,
    unroutable: u64,
}

/// A packet at the end of a line. Ordered by time, then by when it was sent.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Event {
    at: Duration,
    number: u64,
    stage: Stage,
    to: usize,
    packet: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// In the middle, with the receiver's line before it.
    Middle,
    /// At the receiver.
    There,
}

impl Network {
    /// Adds a host; its number is how many there were before it.
    pub fn add(&mut self, address: Ipv4Addr, access: Access, seed: u64) -> usize {
        let number = self.hosts.len();
        self.routes.insert(address, number);
        let seed = seed.wrapping_add(2 * number as u64);
        self.hosts.push(Host {
            up: Shaper::new(access.up, seed),
            down: Shaper::new(access.down, seed + 1),
            unroutable: 0,
        });
        number
    }

    /// Changes how a host is joined; nothing happens if there is no such host.
    pub fn set_access(&mut self, host: usize, access: Access) {
        if let Some(host) = self.hosts.get_mut(host) {
            host.up.set_line(access.up);
            host.down.set_line(access.down);
        }
    }

    /// What a host has sent and received; zeros if there is no such host.
    #[must_use]
    pub fn traffic(&self, host: usize) -> Traffic {
        let read = |host: &Host| Traffic {
            up: host.up.counters(),
            down: host.down.counters(),
            unroutable: host.unroutable,
        };
        self.hosts.get(host).map(read).unwrap_or_default()
    }

    /// A host sends an IP packet.
    pub fn receive(&mut self, now: Duration, from: usize, packet: Vec<u8>) {
        let Some(host) = self.hosts.get_mut(from) else {
            return;
        };
        let Some(&to) = destination(&packet).and_then(|address| self.routes.get(&address)) else {
            host.unroutable += 1;
            return;
        };
        if let Fate::Arrives(at) = host.up.send(now, packet.len()) {
            self.put(at, Stage::Middle, to, packet);
        }
    }

    /// When [`Network::poll`] has something to do next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.events.peek().map(|Reverse(event)| event.at)
    }

    /// The next packet that has arrived by `now`, and at which host. To be called until there
    /// is none.
    pub fn poll(&mut self, now: Duration) -> Option<(usize, Vec<u8>)> {
        while self.poll_timeout()? <= now {
            let Reverse(event) = self.events.pop()?;
            if event.stage == Stage::There {
                return Some((event.to, event.packet));
            }
            // Told the time at which it was due, not the present: being called late must not
            // make the network slower than it is meant to be.
            let line = &mut self.hosts.get_mut(event.to)?.down;
            if let Fate::Arrives(at) = line.send(event.at, event.packet.len()) {
                self.put(at, Stage::There, event.to, event.packet);
            }
        }
        None
    }

    fn put(&mut self, at: Duration, stage: Stage, to: usize, packet: Vec<u8>) {
        self.packets += 1;
        self.events.push(Reverse(Event {
            at,
            number: self.packets,
            stage,
            to,
            packet,
        }));
    }
}

/// Where an IPv4 packet wants to go (RFC 791, section 3.1).
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let version = packet.first()? >> 4;
    let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    (version == 4).then(|| address.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    const ONE: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 2);
    const TWO: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 2);

    fn packet(to: Ipv4Addr, bytes: usize) -> Vec<u8> {
        let mut packet = vec![0; bytes];
        packet[0] = 0x45;
        packet[16..20].copy_from_slice(&to.octets());
        packet
    }

    fn access() -> Access {
        let line = Line {
            delay: ms(10),
            ..Line::of_rate(10_000_000, ms(100))
        };
        Access {
            up: line,
            down: line,
        }
    }

    #[test]
    fn a_packet_passes_the_senders_line_and_then_the_receivers() {
        let mut network = Network::default();
        network.add(ONE, access(), 1);
        network.add(TWO, access(), 1);
        network.receive(ms(5), 0, packet(TWO, 1250));
        assert_eq!(network.poll_timeout(), Some(ms(16)));
        assert_eq!(network.poll(ms(26)), None);
        assert_eq!(network.poll_timeout(), Some(ms(27)));
        assert_eq!(network.poll(ms(27)), Some((1, packet(TWO, 1250))));
        assert_eq!(network.poll_timeout(), None);
        assert_eq!(network.traffic(0).up.packets, 1);
        assert_eq!(network.traffic(1).down.bytes, 1250);
    }

    #[test]
    fn being_called_late_makes_no_line_slower() {
        let mut network = Network::default();
        network.add(ONE, access(), 1);
        network.add(TWO, access(), 1);
        for _ in 0..3 {
            network.receive(ms(0), 0, packet(TWO, 1250));
        }
        // Had it been called in time, the last would have arrived at 24 ms.
        let arrived = std::iter::from_fn(|| network.poll(ms(24))).count();
        assert_eq!(arrived, 3);
    }

    #[test]
    fn what_leads_nowhere_is_counted() {
        let mut network = Network::default();
        network.add(ONE, access(), 1);
        network.receive(ms(0), 0, packet(Ipv4Addr::new(224, 0, 0, 251), 100));
        network.receive(ms(0), 0, vec![0x60; 60]);
        network.receive(ms(0), 0, vec![0x45; 3]);
        network.receive(ms(0), 0, Vec::new());
        assert_eq!(network.traffic(0).unroutable, 4);
        assert_eq!(network.poll_timeout(), None);
    }
}
