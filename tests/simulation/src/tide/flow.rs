//! How the undisturbed stream comes to everybody: one pass, feeders before those they feed.

use super::{
    node::{BOX, Flow, LONGEST, NOBODY, Name},
    rules,
    state::Tide,
};
use crate::{
    wire::{BUSY, DISPATCH, PACKET, PACKET_OVERHEAD, THREE_LATER},
    world::{Conditions, Stream},
};

/// Bytes of a part on a link.
const PART: f32 = 4_104.0;
/// After a loss SCTP's window is halved and the fragments that follow wait as well, about so
/// many of them, for so much of a round trip each. Fitted to real nodes (`tests/tide.rs`).
const FOLLOWERS: f32 = 1.5;
const FOLLOWERS_WAIT: f32 = 0.5;

/// What of the conditions the pass needs, in seconds and bits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Media {
    /// A frame, which is one fragment.
    pub(super) frame: f32,
    /// Bits of an ordinary fragment on the wire, and of a part.
    pub(super) fragment: f32,
    part: f32,
    /// Packets of an ordinary fragment.
    packets: f32,
    /// How many times as long as an ordinary one the first of a segment is.
    key: f32,
    /// bit/s on the wire.
    pub(super) rate: f32,
    /// bit/s without any overhead.
    pub(super) bitrate: f64,
    segment: f32,
    box_uplink: f32,
}

impl Media {
    pub(super) fn of(conditions: &Conditions) -> Media {
        let Stream {
            bitrate,
            frame,
            segment,
            key,
        } = conditions.stream;
        let on_wire = |bytes: f32| bytes * (1.0 + PACKET_OVERHEAD as f32 / PACKET as f32) * 8.0;
        let ordinary = conditions.stream.bytes(1) as f32;
        let signed = |bytes: f32| bytes + HEADER + bytes / PART * 8.0;
        let frame = frame.as_secs_f32();
        Media {
            frame,
            fragment: on_wire(signed(ordinary)),
            part: on_wire(PART),
            packets: (signed(ordinary) / PACKET as f32).ceil() + 1.0,
            key: key as f32 * (f32::from(segment) - 1.0)
                / (f32::from(segment) - key as f32).max(1.0),
            rate: on_wire(signed(bitrate as f32 / 8.0 * frame)) / frame,
            bitrate: bitrate as f64,
            segment: f32::from(segment),
            box_uplink: conditions.box_uplink as f32,
        }
    }

    /// Bits on the wire of the key frame and so much media after it.
    pub(super) fn opening(&self, media: f32) -> f32 {
        self.fragment * (self.key + (media / self.frame).min(self.segment))
    }
}

/// A signed header that names three parts.
const HEADER: f32 = 180.0;

/// The step from a feeder to who is fed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop {
    /// One way.
    delay: f32,
    /// Share of packets lost.
    loss: f32,
    /// bit/s, and how many copies share it.
    uplink: f32,
    copies: f32,
    /// How many of these come before this one.
    first: f32,
}

impl Media {
    /// What a feeder's flow becomes one step on.
    pub(super) fn step(&self, above: &Flow, hop: Hop) -> Flow {
        let round_trip = 2.0 * hop.delay;
        let (turn, all) = (
            self.part / hop.uplink,
            hop.copies * self.fragment / hop.uplink,
        );
        let spread = (all - hop.copies * turn).max(0.0);
        let queue = (hop.copies + 1.0) / 2.0 * turn + (spread - above.spread).max(0.0);
        let lost = 1.0 - (1.0 - hop.loss).powf(self.packets);
        let wait = round_trip + THREE_LATER.as_secs_f32();
        let losses = lost * (1.0 + FOLLOWERS);
        let lost_for = lost * wait * (1.0 + FOLLOWERS * FOLLOWERS_WAIT);
        let page = (DISPATCH + BUSY).as_secs_f32();
        let used = (hop.copies * self.rate / hop.uplink).max(1e-3);
        let left =
            (hop.uplink / self.rate - hop.first).max(0.0) / (hop.copies - hop.first).max(1.0);
        let mut flow = Flow {
            depth: above.depth.saturating_add(1),
            arrival: above.arrival + hop.delay + queue + page + lost_for,
            losses: above.losses + losses,
            lost_for: above.lost_for + lost_for,
            burst: above.burst.max(self.burst(used.min(0.99))),
            spread: spread.max(above.spread),
            lack: above.lack.max(1.0 - left),
            ..*above
        };
        let jitter = flow.jitter();
        flow.latency = rules::working_latency(jitter, round_trip, self.frame);
        flow.patience = rules::patience(flow.latency, above.patience);
        flow.buffer = rules::buffer(flow.latency, round_trip, self.frame, jitter);
        flow
    }

    /// By how much the fragments behind a key frame are late, at the 95th percentile: the
    /// queue that it leaves drains in what the stream does not use.
    fn burst(&self, used: f32) -> f32 {
        let rank = 0.05 * self.segment;
        let queue = (self.key - 1.0) * used * self.frame;
        (queue - rank * (1.0 - used) * self.frame).max(0.0)
    }

    /// The box's feed.
    pub(super) fn feed(&self, control: f32, feeds: usize) -> Flow {
        self.step(
            &Flow::default(),
            Hop {
                delay: control,
                loss: 0.0,
                uplink: self.box_uplink,
                copies: feeds.max(1) as f32,
                first: 0.0,
            },
        )
    }
}

impl Flow {
    /// The 95th percentile of how late fragments are, beyond the quickest.
    pub(super) fn jitter(&self) -> f32 {
        let (mean, wait) = (self.losses, self.lost_for / self.losses.max(1e-9));
        let lossy = poisson_p95(mean) * wait;
        lossy.max(self.burst) + 0.3 * lossy.min(self.burst) + 0.002 * f32::from(self.depth).sqrt()
    }
}

/// The 95th percentile of a Poisson distribution of this mean, between whole numbers drawn
/// straight, as what is counted here is of different lengths.
fn poisson_p95(mean: f32) -> f32 {
    let known = [0.03, 0.2, 0.58, 1.09, 1.67, 2.3, 2.95, 3.63, 4.33, 5.05];
    let mut below = 0.0;
    for (count, above) in known.into_iter().enumerate() {
        if mean < above {
            let part = (mean - below) / (above - below);
            return (count as f32 - 1.0 + part).max(0.0);
        }
        below = above;
    }
    mean + 1.645 * mean.sqrt()
}

impl Tide<'_> {
    /// Works out the flow to a node, by way of all above it that this pass has not met yet.
    pub(super) fn flow_to(&mut self, name: Name, pass: u32) {
        let mut way = core::mem::take(&mut self.way);
        way.clear();
        let mut at = name;
        let frozen = loop {
            let node = &self.nodes[at as usize];
            if node.flow.pass == pass {
                break node.flow.frozen;
            }
            way.push(at);
            // A ring (two who were told of one another out of turn) is as good as cut.
            if node.cut != 0 || node.feeder == NOBODY || way.len() > LONGEST {
                break true;
            }
            if node.feeder == BOX {
                break false;
            }
            at = node.feeder;
        };
        for &at in way.iter().rev() {
            if frozen {
                // Who is cut keeps what it had.
                let flow = &mut self.nodes[at as usize].flow;
                (flow.pass, flow.frozen) = (pass, true);
            } else {
                self.step_to(at, pass);
            }
        }
        self.way = way;
    }

    /// One step on from the feeder.
    pub(super) fn step_to(&mut self, name: Name, pass: u32) {
        let node = &self.nodes[name as usize];
        let flow = if node.feeder == BOX {
            self.media.feed(node.control as f32 / 1e6, self.feeds)
        } else if let Some(feeder) = self.nodes.get(node.feeder as usize) {
            let delay = node.link(node.feeder).map_or(0, |link| link.delay);
            let hop = Hop {
                delay: delay as f32 / 1e6,
                loss: node.loss.max(feeder.loss),
                uplink: feeder.uplink,
                copies: if feeder.answers_for(name) {
                    feeder.answered_for().max(1.0)
                } else {
                    f32::from(feeder.served.max(1))
                },
                first: if feeder.answers_for(name) {
                    0.0
                } else {
                    feeder.answered_for()
                },
            };
            let mut flow = self.media.step(&feeder.flow, hop);
            // What one's own feeder does not carry comes from the partner, if that can.
            if flow.lack > feeder.flow.lack && self.is_helped(name, flow.lack) {
                flow.lack = feeder.flow.lack;
            }
            flow
        } else {
            return;
        };
        self.nodes[name as usize].flow = Flow {
            pass,
            frozen: false,
            ..flow
        };
    }

    /// Whether partner or reserve has so much of the stream to spare.
    fn is_helped(&self, name: Name, share: f32) -> bool {
        let node = &self.nodes[name as usize];
        let helpers = [node.place.partner, node.place.reserve];
        helpers.into_iter().flatten().any(|helper| {
            let other = &self.nodes[helper.0 as usize];
            let needed = self.media.rate * (f32::from(other.served) + share);
            other.alive
                && other.copies > 0
                && helper.0 != node.feeder
                && node.is_linked(helper.0)
                && needed <= 0.9 * other.uplink
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media() -> Media {
        Media::of(&Conditions::default())
    }

    fn hop(copies: f32) -> Hop {
        Hop {
            delay: 0.02,
            loss: 0.002,
            uplink: 10e6,
            copies,
            first: 0.0,
        }
    }

    #[test]
    fn a_hop_adds_little_beyond_the_wires_own_delay() {
        let root = media().feed(0.02, 2);
        let below = media().step(&root, hop(2.0));
        let added = below.arrival - root.arrival - 0.02;
        assert!((0.002..0.04).contains(&added), "{added}");
    }

    #[test]
    fn a_fuller_uplink_makes_longer_bursts() {
        let root = Flow::default();
        let [two, three] = [2.0, 3.0].map(|copies| media().step(&root, hop(copies)).burst);
        assert!(three > two && three < 0.1, "{two} {three}");
        assert!(media().step(&root, hop(4.0)).lack > 0.05);
    }

    #[test]
    fn the_percentile_rises_with_the_mean() {
        let values = [0.0, 0.02, 0.1, 0.3, 0.8, 2.0, 6.0, 10.0].map(poisson_p95);
        assert!(values.is_sorted(), "{values:?}");
        assert!(values[1] < 1e-6 && (1.2..2.0).contains(&values[3]));
    }
}
