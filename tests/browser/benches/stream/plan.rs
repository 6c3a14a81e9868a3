//! What is to be measured, as the environment says.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use peerstream_browser::daemon::{Demo, Source};
use peerstream_browser::stage::{Laboratory, Setting};
use peerstream_netlab::{Access, Jitter, Line};

/// What is measured.
pub(crate) struct Plan {
    pub(crate) viewers: usize,
    pub(crate) span: Duration,
    pub(crate) rate_kbit_s: u32,
    pub(crate) kill_every: Option<Duration>,
    /// Whether pages write down what they do.
    pub(crate) traced: bool,
    pub(crate) network: Option<Network>,
}

/// The network between the hosts of a laboratory.
#[derive(Clone, Copy)]
pub(crate) struct Network {
    pub(crate) hosts: usize,
    pub(crate) up_kbit_s: u64,
    pub(crate) rtt_ms: f64,
    pub(crate) loss_percent: f64,
    pub(crate) jitter_ms: f64,
}

/// What a home router's queue holds of its uplink. Those at home hold from 50 ms to seconds.
const QUEUE: Duration = Duration::from_millis(100);
/// Losses and delays are drawn alike in every run.
const SEED: u64 = 1;

impl Plan {
    /// Reads the environment.
    ///
    /// # Errors
    /// A value that means nothing here; says what would.
    pub(crate) fn from_environment() -> Result<Self> {
        let kill: u64 = whole("KILL", 0, 0..=3600, "every so many seconds, such as KILL=5")?;
        let viewers = whole("VIEWERS", 8, 1..=100, "how many, such as VIEWERS=8")?;
        let seconds = whole("SECONDS", 60, 1..=86_400, "how long, such as SECONDS=60")?;
        let rate = whole("RATE", 300, 50..=50_000, "kbit/s, such as RATE=2500")?;
        Ok(Plan {
            viewers: usize::try_from(viewers)?,
            span: Duration::from_secs(seconds),
            rate_kbit_s: u32::try_from(rate)?,
            kill_every: (kill > 0).then(|| Duration::from_secs(kill)),
            traced: text("TRACE").is_some(),
            network: Network::from_environment(usize::try_from(viewers)?)?,
        })
    }

    /// The stage for it.
    pub(crate) fn setting(&self) -> Setting {
        Setting {
            source: Source::Demo(self.demo()),
            laboratory: self.network.map(|network| network.laboratory()),
            ..Setting::default()
        }
    }

    /// A picture whose size suits the rate. In a laboratory a smaller one does: links carry
    /// bits, while pixels are what the machine that runs everyone must encode and decode.
    fn demo(&self) -> Demo {
        let (width, height) = match (self.rate_kbit_s, self.network) {
            (0..=600, None) => (320, 180),
            (601..=1500, None) => (640, 360),
            (_, Some(_)) => (320, 180),
            (_, None) => (1280, 720),
        };
        Demo {
            width,
            height,
            rate_kbit_s: self.rate_kbit_s,
            fps: 25,
        }
    }
}

impl Network {
    /// A network is simulated as soon as anything is said of it; what is not said is ideal.
    fn from_environment(viewers: usize) -> Result<Option<Self>> {
        const NAMES: [&str; 5] = ["UP", "RTT", "LOSS", "JITTER", "HOSTS"];
        if NAMES.iter().all(|name| text(name).is_none()) {
            return Ok(None);
        }
        let hosts = whole(
            "HOSTS",
            viewers.div_ceil(PER_HOST).max(FEWEST_HOSTS.min(viewers)) as u64,
            1..=100,
            "machines that the viewers are on, such as HOSTS=4",
        )?;
        Ok(Some(Network {
            hosts: usize::try_from(hosts)?,
            up_kbit_s: whole(
                "UP",
                0,
                100..=10_000_000,
                "each host's uplink in kbit/s, such as UP=10000",
            )?,
            rtt_ms: real("RTT", 0.0..=5000.0, "ms there and back, such as RTT=40")?,
            loss_percent: real("LOSS", 0.0..=50.0, "per cent, such as LOSS=0.2")?,
            jitter_ms: real("JITTER", 0.0..=1000.0, "ms at most, such as JITTER=10")?,
        }))
    }

    /// Each way between two hosts is two lines: a quarter of the round trip, and half of the
    /// loss, is each's. The uplink alone is narrow, and what varies is there too.
    fn laboratory(self) -> Laboratory {
        let down = Line {
            delay: Duration::from_secs_f64(self.rtt_ms / 4000.0),
            loss: 1.0 - (1.0 - self.loss_percent / 100.0).sqrt(),
            ..Line::IDEAL
        };
        let rate = match self.up_kbit_s {
            0 => Line::IDEAL,
            rate => Line::of_rate(rate * 1000, QUEUE),
        };
        let jitter = if self.jitter_ms > 0.0 {
            Jitter::Uniform(Duration::from_secs_f64(self.jitter_ms / 1000.0))
        } else {
            Jitter::None
        };
        let up = Line {
            delay: down.delay,
            loss: down.loss,
            jitter,
            ..rate
        };
        Laboratory {
            hosts: self.hosts,
            origin: Access { up, down },
            viewers: Access { up, down },
            seed: SEED,
        }
    }
}

/// Viewers on one machine, unless `HOSTS` says otherwise.
const PER_HOST: usize = 2;
/// The fewest machines for as many viewers.
const FEWEST_HOSTS: usize = 4;

/// A variable that is set and not empty.
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn whole(
    name: &str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    meaning: &str,
) -> Result<u64> {
    let Some(value) = text(name) else {
        return Ok(default);
    };
    match value.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => bail!(
            "{name}={value}: wants {meaning}; a whole number from {} to {}",
            range.start(),
            range.end()
        ),
    }
}

fn real(name: &str, range: std::ops::RangeInclusive<f64>, meaning: &str) -> Result<f64> {
    let Some(value) = text(name) else {
        return Ok(0.0);
    };
    let number = value.parse().unwrap_or(f64::NAN);
    ensure!(
        range.contains(&number),
        "{name}={value}: wants {meaning}; a number from {} to {}",
        range.start(),
        range.end()
    );
    Ok(number)
}
