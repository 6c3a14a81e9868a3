//! Uplinks, delays and losses, the same for every overlay.

use core::time::Duration;

use crate::{dice::Dice, world::World};

/// Who sends or receives: 0 is the box, the others are viewers in the order of coming.
pub(super) type Peer = usize;

/// The box.
pub(super) const BOX: Peer = 0;

/// IP, UDP, DTLS and SCTP around each packet, in bytes.
const OVERHEAD: usize = 80;
/// Payload of a packet, in bytes.
const PACKET: usize = 1_150;
/// What waits for longer is dropped: the lifetime of a part.
const LIFETIME: Duration = Duration::from_secs(1);
/// A packet that was lost twice waits for the retransmission timer, whose floor this is
/// in browsers.
const TIMEOUT: Duration = Duration::from_millis(400);

pub(super) struct Wire<'a> {
    pub(super) world: &'a World,
    pub(super) dice: Dice,
    /// By peer.
    lines: Vec<Line>,
}

struct Line {
    number: u32,
    /// bit/s
    uplink: u64,
    loss: f64,
    control: Duration,
    free: Duration,
    /// Bits sent.
    sent: u64,
}

impl<'a> Wire<'a> {
    pub(super) fn new(world: &'a World) -> Wire<'a> {
        let uplink = world.conditions().box_uplink;
        let line = Line {
            number: u32::MAX,
            uplink,
            loss: 0.0,
            control: Duration::ZERO,
            free: Duration::ZERO,
            sent: 0,
        };
        Wire {
            world,
            dice: Dice::new(world.seed()),
            lines: vec![line],
        }
    }

    /// A viewer has come.
    pub(super) fn add(&mut self, number: u32) -> Peer {
        let viewer = self.world.viewer(number);
        self.lines.push(Line {
            number,
            uplink: viewer.uplink,
            loss: viewer.loss,
            control: viewer.control,
            free: Duration::ZERO,
            sent: 0,
        });
        self.lines.len() - 1
    }

    /// How many there have been, the box included.
    pub(super) fn peers(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn uplink(&self, peer: Peer) -> u64 {
        self.lines[peer].uplink
    }

    pub(super) fn sent(&self, peer: Peer) -> u64 {
        self.lines[peer].sent
    }

    pub(super) fn control(&self, peer: Peer) -> Duration {
        self.lines[peer].control
    }

    /// One way.
    pub(super) fn delay(&self, a: Peer, b: Peer) -> Duration {
        match (a, b) {
            (BOX, viewer) | (viewer, BOX) => self.control(viewer),
            _ => {
                let (a, b) = (self.lines[a].number, self.lines[b].number);
                self.world.path(a, b).delay
            }
        }
    }

    pub(super) fn connects(&self, a: Peer, b: Peer) -> bool {
        let (one, other) = (self.lines[a].number, self.lines[b].number);
        a == BOX || b == BOX || self.world.path(one, other).connects
    }

    /// How long what is sent now waits.
    pub(super) fn queue(&self, now: Duration, peer: Peer) -> Duration {
        self.lines[peer].free.saturating_sub(now)
    }

    /// From asking the box for a link until it is open: three legs of signalling, what
    /// browsers need to gather candidates, and the handshakes. None if the pair cannot
    /// connect.
    pub(super) fn link(&mut self, a: Peer, b: Peer) -> Option<Duration> {
        if a == BOX || b == BOX {
            return Some(4 * self.control(a.max(b)));
        }
        if !self.connects(a, b) {
            return None;
        }
        let ms = Duration::from_millis;
        let gathering = self.dice.duration(&(ms(120)..ms(170)));
        let handshake = self.dice.duration(&(ms(10)..ms(70)));
        let signalling = 3 * self.control(a) + 3 * self.control(b);
        Some(signalling + gathering + handshake + 6 * self.delay(a, b))
    }

    /// Sends; when it arrives, unless it is dropped.
    pub(super) fn send(
        &mut self,
        now: Duration,
        from: Peer,
        to: Peer,
        bytes: usize,
    ) -> Option<Duration> {
        let packets = bytes.div_ceil(PACKET).max(1);
        let bits = (bytes + packets * OVERHEAD) as u64 * 8;
        let line = &mut self.lines[from];
        let begins = line.free.max(now);
        if begins > now + LIFETIME {
            return None;
        }
        line.free = begins + Duration::from_nanos(bits * 1_000_000_000 / line.uplink.max(1));
        line.sent += bits;
        let left = line.free;
        let delay = self.delay(from, to);
        let loss = self.lines[from].loss.max(self.lines[to].loss);
        let any = 1.0 - (1.0 - loss).powi(i32::try_from(packets).unwrap_or(i32::MAX));
        let mut arrives = left + delay;
        if self.dice.chance(any) {
            // Later packets' acknowledgements show it after a round trip.
            arrives += 3 * delay;
            if self.dice.chance(loss) {
                arrives += TIMEOUT;
            }
        }
        Some(
            arrives
                + self
                    .dice
                    .duration(&(Duration::ZERO..Duration::from_millis(3))),
        )
    }
}
