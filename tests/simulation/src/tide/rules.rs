//! The rules of `peerstream_node` that the flow is worked out by, and its figures. They are
//! private there, so they stand here once more; `tests/tide.rs` holds the two together.
//!
//! Times are in seconds.

/// As `config::LATENCY_FLOOR`.
const LATENCY_FLOOR: f32 = 0.100;
/// As `config::LATENCY_CEILING`.
const LATENCY_CEILING: f32 = 0.150;
/// As `config::CATCH_UP`.
const CATCH_UP: f32 = 0.060;
/// As `config::PATIENCE_CEILING`.
const PATIENCE_CEILING: f32 = 0.600;
/// As in `lateness`: more jitter is an outage.
const MOST_JITTER: f32 = 0.330;
/// As in `target`: what decoder and audio queue want in front of them.
const DECODER_NEEDS: f32 = 0.150;
/// As in `target`: no buffer is smaller.
const LEAST_BUFFER: f32 = 0.200;

/// As `config::NEWCOMER_PATIENCE`, in microseconds.
pub(super) const NEWCOMER_PATIENCE: u64 = 400_000;
/// As `config::RETIRE`.
pub(super) const RETIRE: u64 = 30_000_000;
/// As `config::RETIRE` and `config::RETIRE_SERVING` together.
pub(super) const RETIRE_SERVING: u64 = RETIRE + 60_000_000;
/// As `config::LINK_OPEN`.
pub(super) const LINK_OPEN: u64 = 3_000_000;
/// As `config::LINK_OPEN_PASSIVE`.
pub(super) const LINK_OPEN_PASSIVE: u64 = 1_000_000;
/// As `config::LINK_OPEN_STARVING`.
pub(super) const LINK_OPEN_STARVING: u64 = 1_500_000;
/// As `config::HANDSHAKE`.
pub(super) const HANDSHAKE: u64 = 1_000_000;
/// As `config::QUIET`.
pub(super) const QUIET: u64 = 2_500_000;
/// As `config::STARVING`.
pub(super) const STARVING: u64 = 1_000_000;
/// As `config::HUB_PATIENCE`.
pub(super) const HUB_PATIENCE: u64 = 1_200_000;
/// As `config::CLOCK`: the clock is the sign of life to the box as well.
pub(super) const CLOCK: u64 = 1_200_000_000;
/// As `config::CLOCK_FIRST`.
pub(super) const CLOCK_FIRST: (u64, u32) = (250_000, 3);
/// As `config::HEARTBEAT`.
pub(super) const HEARTBEAT: u64 = 100_000;
/// As `config::RESERVE_HEARTBEAT`.
pub(super) const RESERVE_HEARTBEAT: u64 = 1_000_000;
/// As `config::HOPE`.
pub(super) const HOPE: u64 = 150_000;
/// As `config::FAR`.
pub(super) const FAR: u32 = 200_000;
/// As `config::PARENT_COMES_UP`.
pub(super) const PARENT_COMES_UP: u64 = 12_000_000;
/// How long after its first picture a node has found out what its uplink carries: as
/// `trial::CALM`, and three neighbours with a pause after each.
pub(super) const TRIAL: u64 = 2_000_000;
/// The same for one that feeds several by then.
pub(super) const TRIAL_FEEDING: u64 = 3_000_000;
/// A parent that failed is not asked again before this has passed.
pub(super) const GIVE_BACK: u64 = 1_000_000;
/// As `config::RECONNECT`, and as `config::RECONNECT_MAX`.
pub(super) const RECONNECT: (u64, u64) = (500_000, 10_000_000);

/// L.
pub(super) fn working_latency(jitter: f32, round_trip: f32, fragment: f32) -> f32 {
    (jitter.min(MOST_JITTER) + round_trip + fragment).max(LATENCY_FLOOR)
}

/// How long a node waits before it judges its parent: the longer of the two's L.
pub(super) fn patience(latency: f32, feeders: f32) -> f32 {
    latency.max(feeders.min(PATIENCE_CEILING))
}

/// How long after the last sign of life a feeder counts as silent: no longer than is held back
/// for it.
pub(super) fn silence(latency: f32) -> f32 {
    2.0 * latency.clamp(LATENCY_FLOOR, LATENCY_CEILING)
}

/// The buffer that the playhead aims at.
pub(super) fn buffer(latency: f32, round_trip: f32, fragment: f32, jitter: f32) -> f32 {
    let delay = 2.0 * latency.min(LATENCY_CEILING) + round_trip + CATCH_UP;
    let needed = DECODER_NEEDS + fragment / 2.0 + jitter;
    delay.max(needed).max(LEAST_BUFFER)
}

/// How far behind a node its parent may be to be turned to at once: as `Node::awaits`, where the
/// parent's word is half a heartbeat old on average.
pub(super) fn near(latency: f32) -> f32 {
    latency.min(LATENCY_CEILING) + 0.05
}

/// Copies that an uplink turns out to carry when it is tried (`node::trial`): as many as two
/// thirds of what came through hold, or one in seven eighths (`uplink::judge`); heads of packets
/// are no part of it.
pub(super) fn copies(uplink: f64, bitrate: f64) -> u8 {
    let came = 0.93 * uplink;
    let stream = bitrate * 1.03;
    let one = u8::from(0.875 * came >= stream);
    ((came * 2.0 / 3.0 / stream).min(4.0) as u8).max(one)
}

/// Whether a node that serves so many takes one more who is not its own child: for a moment
/// even more than fits, if it is the one whom that node is to turn to, or was until a moment
/// ago (`node::forwarding`).
pub(super) fn has_room(uplink: f64, bitrate: f64, served: u32, ward: bool) -> bool {
    let most = if ward { 1.6 } else { 1.0 };
    bitrate * 1.06 * (f64::from(served) + 1.0) <= most * uplink
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_follow_from_the_uplink() {
        let copies: Vec<u8> = [1e6, 5e6, 1e7, 2e7, 5e7]
            .map(|uplink| copies(uplink, 2.5e6))
            .into();
        assert_eq!(copies, [0, 1, 2, 4, 4]);
    }

    #[test]
    fn the_buffer_covers_a_takeover() {
        let l = working_latency(0.02, 0.04, 0.033);
        assert!((l - 0.1).abs() < 1e-6);
        assert!(buffer(l, 0.04, 0.033, 0.02) >= 2.0 * l + 0.04);
    }
}
