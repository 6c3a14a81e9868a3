use core::time::Duration;

/// What holds for a whole audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// What everybody watches.
    pub stream: Stream,
    /// What the box can send, in bit/s: direct feeds and control together.
    pub box_uplink: u64,
    /// Share of viewers who never forward: phones, metered lines, relayed connections.
    pub leaf_only: f64,
    /// What the others can send. The shares are of all viewers; with `leaf_only` they
    /// make 1.
    pub uplinks: Vec<Share>,
    /// What a viewer who never forwards could send, in bit/s.
    pub leaf_uplink: u64,
    /// Median of the one-way delay between two viewers, and between a viewer and the box.
    pub delay: Duration,
    /// Standard deviation of that delay's natural logarithm.
    pub delay_sigma: f64,
    /// Share of packets that an ordinary viewer's line loses.
    pub loss: f64,
    /// The same for a poor line.
    pub poor_loss: f64,
    /// Share of viewers with a poor line.
    pub poor: f64,
    /// Share of pairs of addresses between which no link opens (symmetric NAT,
    /// firewalls). Two viewers behind one address always reach one another.
    pub unconnectable: f64,
    /// Median of how long viewers stay. Log-normal: Veloso et al. ("A hierarchical
    /// characterization of a live streaming media workload", 2002) found that shape and
    /// this sigma for a live stream.
    pub session: Duration,
    /// Standard deviation of the natural logarithm of that time.
    pub session_sigma: f64,
    /// Share of viewers who go without a word.
    pub wordless: f64,
    /// How many providers there are; the sizes of their shares follow Zipf's law.
    pub providers: u32,
    /// Share of viewers behind an address that others have too.
    pub shared_address: f64,
}

/// The stream.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stream {
    /// Mean, in bit/s, without any overhead.
    pub bitrate: u64,
    /// Media in one frame, which is one fragment.
    pub frame: Duration,
    /// Frames in a segment.
    pub segment: u16,
    /// The first fragment of a segment is this many times as large as the mean.
    pub key: f64,
}

/// A part of the audience with the same uplink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Which part of all viewers.
    pub share: f64,
    /// bit/s.
    pub uplink: u64,
}

impl Default for Conditions {
    /// The audience that all of the project's figures are about, unless they say
    /// otherwise.
    fn default() -> Conditions {
        let share = |share, mbit: u64| Share {
            share,
            uplink: mbit * 1_000_000,
        };
        Conditions {
            stream: Stream::default(),
            box_uplink: 10_000_000,
            leaf_only: 0.35,
            uplinks: vec![
                share(0.20, 5),
                share(0.25, 10),
                share(0.15, 20),
                share(0.05, 50),
            ],
            leaf_uplink: 5_000_000,
            delay: Duration::from_millis(20),
            delay_sigma: 0.6,
            loss: 0.001,
            poor_loss: 0.01,
            poor: 0.05,
            unconnectable: 0.15,
            session: Duration::from_secs(300),
            session_sigma: 1.44,
            wordless: 0.2,
            providers: 40,
            shared_address: 0.1,
        }
    }
}

impl Conditions {
    /// An audience with which nothing is wrong: everybody forwards, everybody reaches
    /// everybody, nothing is lost, and the stream (320 kbit/s in fragments of 100 ms) is
    /// small.
    #[must_use]
    pub fn calm() -> Conditions {
        Conditions {
            stream: Stream {
                bitrate: 320_000,
                frame: Duration::from_millis(100),
                segment: 20,
                key: 4.0,
            },
            leaf_only: 0.0,
            uplinks: vec![Share {
                share: 1.0,
                uplink: 10_000_000,
            }],
            loss: 0.0,
            poor: 0.0,
            unconnectable: 0.0,
            delay_sigma: 0.3,
            ..Conditions::default()
        }
    }
}

impl Default for Stream {
    /// 2.5 Mbit/s at 30 frames a second, a key frame of four mean frames every 2 s.
    fn default() -> Stream {
        Stream {
            bitrate: 2_500_000,
            frame: Duration::from_nanos(33_333_333),
            segment: 60,
            key: 4.0,
        }
    }
}

impl Stream {
    /// Media in one segment.
    #[must_use]
    pub fn segment_time(&self) -> Duration {
        self.frame * u32::from(self.segment)
    }

    /// Bytes of the fragment at this index of a segment, without header.
    #[must_use]
    pub fn bytes(&self, index: u16) -> usize {
        let mean = self.bitrate as f64 / 8.0 * self.frame.as_secs_f64();
        let frames = f64::from(self.segment.max(1));
        let factor = match index {
            0 => self.key,
            _ => (frames - self.key) / (frames - 1.0).max(1.0),
        };
        (mean * factor).round() as usize
    }
}

impl Conditions {
    /// How long viewers stay, on average: the mean of the log-normal distribution.
    #[must_use]
    pub fn mean_session(&self) -> Duration {
        self.session
            .mul_f64((self.session_sigma.powi(2) / 2.0).exp())
    }
}
