//! The conditions that an audience lives under.

use core::time::Duration;
use std::ops::Range;

/// Everything that is chosen about a run.
#[derive(Debug, Clone)]
pub struct Profile {
    /// All chance comes from here.
    pub seed: u64,
    /// Pairs of roots.
    pub root_pairs: u16,
    /// The wire between two pages.
    pub link: LinkProfile,
    /// One way between the box and a page.
    pub control: Range<Duration>,
    /// How long after a page has died without notice its control socket is gone.
    pub socket_notice: Duration,
    /// How long after a page has died without notice its links are closed at the other
    /// end (ICE consent, RFC 7675, runs out after 30 s; browsers speak up earlier).
    pub link_notice: Duration,
    /// Media per fragment.
    pub fragment: Duration,
    /// Bytes of an ordinary fragment; the first of a segment is four times as long.
    pub fragment_bytes: usize,
    /// Fragments per segment.
    pub segment: u16,
}

impl Default for Profile {
    /// A 400 kbit/s stream between ordinary homes.
    fn default() -> Profile {
        Profile {
            seed: 1,
            root_pairs: 1,
            link: LinkProfile::HOME,
            control: ms(5)..ms(40),
            socket_notice: ms(5_000),
            link_notice: ms(15_000),
            fragment: ms(100),
            fragment_bytes: 4_000,
            segment: 20,
        }
    }
}

/// The wire between two pages.
#[derive(Debug, Clone)]
pub struct LinkProfile {
    /// One way, chosen once per link.
    pub delay: Range<Duration>,
    /// On top, chosen anew for every message of the media channel, which may so overtake
    /// one another.
    pub jitter: Range<Duration>,
    /// Share of the messages of the media channel that are lost.
    pub loss: f64,
    /// What a page can send, in bit/s, over all of its links.
    pub uplink: u64,
    /// From the answer to open channels.
    pub handshake: Range<Duration>,
    /// From being asked to a description with candidates.
    pub gathering: Range<Duration>,
}

impl LinkProfile {
    /// Cable or DSL to cable or DSL, in one country.
    pub const HOME: LinkProfile = LinkProfile {
        delay: ms(5)..ms(40),
        jitter: ms(0)..ms(4),
        loss: 0.0,
        uplink: 10_000_000,
        handshake: ms(60)..ms(250),
        gathering: ms(20)..ms(170),
    };

    /// The same over poor wireless.
    pub const LOSSY: LinkProfile = LinkProfile {
        loss: 0.01,
        jitter: ms(0)..ms(30),
        ..LinkProfile::HOME
    };
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}
