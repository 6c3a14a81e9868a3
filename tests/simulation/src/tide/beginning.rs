//! The first picture.

use super::{
    exchange::micros,
    node::{BOX, Name},
    rules,
    state::{Event, Tide, seconds},
};

impl Tide<'_> {
    /// When there is enough to play: the key frame and what the playhead wants after it, as
    /// fast as the feeder's uplink is free and the link's window opens.
    pub(super) fn first_picture(&mut self, name: Name, from: Name) {
        let node = &self.nodes[name as usize];
        let flow = node.flow;
        let conditions = self.world.conditions();
        let (uplink, others, round_trip) = match from {
            BOX => (
                conditions.box_uplink as f32,
                self.feeds.saturating_sub(1) as f32,
                2.0 * node.control as f32 / 1e6,
            ),
            feeder => {
                let other = &self.nodes[feeder as usize];
                let delay = node.link(feeder).map_or(0, |link| link.delay);
                (
                    other.uplink,
                    f32::from(other.served.saturating_sub(1)),
                    2.0 * delay as f32 / 1e6,
                )
            }
        };
        let spare = (uplink - others * self.media.rate).max(uplink / 20.0);
        let segment = micros(conditions.stream.segment_time());
        let into = ((self.now + seconds(flow.arrival)) % segment.max(1)) as f32 / 1e6;
        // Less media than it wants may have come since the key frame.
        let wait = (flow.buffer - into).max(0.0);
        let bits = self.media.opening(flow.buffer.min(into));
        // The window doubles with every round trip, from ten packets.
        let rounds = (1.0 + bits / (10.0 * 1_163.0 * 8.0)).log2();
        let time = (bits / spare).max(rounds * round_trip) + wait;
        self.note(self.now + seconds(time), Event::Begins(name));
    }

    pub(super) fn begins(&mut self, name: Name) {
        let (now, frame) = (self.now, self.media.frame);
        let Some(node) = self.nodes.get_mut(name as usize).filter(|node| node.alive) else {
            return;
        };
        if node.picture.began != 0 {
            return;
        }
        if node.cut != 0 {
            // It has lost its feeder before it had enough.
            return self.note(now + 200_000, Event::Begins(name));
        }
        let flow = node.flow;
        node.picture.begin(now, &flow, frame);
        let opened = node.picture.opened;
        self.note(now + rules::TRIAL, Event::Learned(name));
        self.survey.startup((now - opened.min(now)) as f64 / 1e3);
    }
}
