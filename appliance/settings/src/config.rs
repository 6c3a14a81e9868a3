//! The typed configuration. `peerstream.toml` explains the keys to those who set them; the
//! comments here say what the code may rely on.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::ConfigError;

/// Everything that can be configured.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The stream's title, for people. At most [`MAX_TITLE`] bytes.
    pub title: String,
    /// Where the box listens.
    pub listen: Listen,
    /// The certificate for https.
    pub tls: Tls,
    /// The shape of the overlay.
    pub overlay: Overlay,
    /// How much the box takes on.
    pub limits: Limits,
    /// What viewers are asked.
    pub viewers: Viewers,
    /// The built-in source.
    pub demo: Demo,
}

/// Where the box listens.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listen {
    /// Pages and viewers.
    pub http: SocketAddr,
    /// The same over TLS, if at all.
    pub https: Option<SocketAddr>,
    /// Publishers.
    pub rtmp: SocketAddr,
}

/// The certificate for https: both files or neither.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tls {
    /// PEM, the chain with the box's own certificate first.
    pub certificate: Option<PathBuf>,
    /// PEM.
    pub key: Option<PathBuf>,
}

/// The shape of the overlay.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Overlay {
    /// Direct feeds: 1, or an even number.
    pub feeds: u16,
    /// Direct feeds in an emergency or while the audience passes on too little: at least
    /// `feeds`.
    pub feeds_max: u16,
}

/// How much the box takes on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// What the uplink carries, in kbit/s, at least 500; none: not known, and nobody waits.
    pub uplink: Option<u32>,
    /// Connections over http and https together, at least 16.
    pub connections: usize,
    /// Viewers behind one public address (of IPv6, its first 64 bits), at least 1.
    pub viewers_per_address: usize,
}

/// What viewers are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Viewers {
    /// Whether a page passes the stream on only once its viewer has said yes.
    pub ask_before_sharing: bool,
}

/// The built-in source.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Demo {
    /// Whether it runs while no publisher is there.
    pub enabled: bool,
    /// Pixels, even, 64 to 1920.
    pub width: u16,
    /// Pixels, even, 64 to 1080.
    pub height: u16,
    /// Frames per second, 1 to 60.
    pub frame_rate: u8,
    /// Picture and sound together, in kbit/s, 150 to 20,000.
    pub bit_rate: u32,
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it cannot be read, or is not a configuration.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text)
    }

    /// Reads and checks a configuration.
    ///
    /// # Errors
    /// If it is not TOML, has a key that does not exist, or a value out of bounds.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or(0, |span| span.start);
            let lines = text.bytes().take(before).filter(|byte| *byte == b'\n');
            ConfigError::Parse {
                line: lines.count() + 1,
                reason: error.message().replace('\n', " "),
            }
        })?;
        config.check()?;
        Ok(config)
    }

    /// Checks all bounds, for whoever has changed values after parsing (the command line).
    ///
    /// # Errors
    /// The first value that is out of its bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        let (overlay, demo) = (&self.overlay, &self.demo);
        let even = |side: u16| side.is_multiple_of(2);
        let bounds: [(bool, &'static str, &'static str); 11] = [
            (
                self.title.len() <= MAX_TITLE,
                "title",
                "must be at most 200 bytes long",
            ),
            (
                self.tls.certificate.is_some() == self.tls.key.is_some(),
                "tls",
                "needs both `certificate` and `key`, or neither",
            ),
            (
                overlay.feeds == 1 || overlay.feeds >= 2 && overlay.feeds.is_multiple_of(2),
                "overlay.feeds",
                "must be 1 or an even number",
            ),
            (
                overlay.feeds_max >= overlay.feeds,
                "overlay.feeds_max",
                "must be at least `feeds`",
            ),
            (
                self.limits.uplink.is_none_or(|kbit| kbit >= 500),
                "limits.uplink",
                "must be at least 500 (kbit/s)",
            ),
            (
                self.limits.connections >= 16,
                "limits.connections",
                "must be at least 16",
            ),
            (
                self.limits.viewers_per_address >= 1,
                "limits.viewers_per_address",
                "must be at least 1",
            ),
            (
                (64..=1920).contains(&demo.width) && even(demo.width),
                "demo.width",
                "must be an even number from 64 to 1920",
            ),
            (
                (64..=1080).contains(&demo.height) && even(demo.height),
                "demo.height",
                "must be an even number from 64 to 1080",
            ),
            (
                (1..=60).contains(&demo.frame_rate),
                "demo.frame_rate",
                "must be from 1 to 60",
            ),
            (
                (150..=20_000).contains(&demo.bit_rate),
                "demo.bit_rate",
                "must be from 150 to 20000 (kbit/s)",
            ),
        ];
        match bounds.into_iter().find(|(holds, ..)| !holds) {
            None => Ok(()),
            Some((_, key, reason)) => Err(ConfigError::Value { key, reason }),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            title: "PeerStream".to_owned(),
            listen: Listen::default(),
            tls: Tls::default(),
            overlay: Overlay::default(),
            limits: Limits::default(),
            viewers: Viewers::default(),
            demo: Demo::default(),
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        let everywhere = |port| SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        Self {
            // Free for everyone to bind, unlike 80, and what people try first after it.
            http: everywhere(8080),
            https: None,
            // The port that is registered for RTMP, and that OBS assumes.
            rtmp: everywhere(1935),
        }
    }
}

impl Default for Overlay {
    fn default() -> Self {
        Self {
            // Two copies is what a home's uplink carries.
            feeds: 2,
            // How much more there is, only its owner knows.
            feeds_max: 2,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Only its owner knows.
            uplink: None,
            // 200 MB: what a small box has to spare.
            connections: 10_000,
            // A school of 200 behind one address, with room to spare.
            viewers_per_address: 256,
        }
    }
}

impl Default for Demo {
    fn default() -> Self {
        // Sharp enough to judge the picture by, and a tenth of a small machine's core.
        Self {
            enabled: false,
            width: 640,
            height: 360,
            frame_rate: 25,
            bit_rate: 800,
        }
    }
}

/// The longest title, in bytes: one line, even on a phone held sideways.
pub const MAX_TITLE: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../peerstream.toml");

    #[test]
    fn shipped_config_parses_and_holds_the_defaults() {
        assert_eq!(Config::parse(SHIPPED).unwrap(), Config::default());
    }

    #[test]
    fn keys_that_ship_commented_out_exist() {
        let uncommented: String = SHIPPED
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) => key,
                _ => line,
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let config = Config::parse(&uncommented).unwrap();
        assert_eq!(
            config.listen.https.map(|address| address.port()),
            Some(8443)
        );
        assert!(config.tls.certificate.is_some() && config.tls.key.is_some());
    }

    #[test]
    fn an_empty_file_means_the_defaults() {
        assert_eq!(Config::parse("").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_refused_and_named() {
        for (text, key) in [
            ("titel = 'x'", "titel"),
            ("[listen]\nhtpp = '0.0.0.0:80'", "htpp"),
            ("[nothing]", "nothing"),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            let line = text.lines().count();
            let start = format!("line {line}: unknown field `{key}`");
            assert!(error.starts_with(&start), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_and_named() {
        for (text, key) in [
            ("[demo]\nwidth = 321", "demo.width"),
            ("[demo]\nframe_rate = 0", "demo.frame_rate"),
            ("[demo]\nbit_rate = 10", "demo.bit_rate"),
            ("[overlay]\nfeeds = 0", "overlay.feeds"),
            ("[overlay]\nfeeds = 3\nfeeds_max = 4", "overlay.feeds"),
            ("[overlay]\nfeeds = 4", "overlay.feeds_max"),
            (
                "[limits]\nviewers_per_address = 0",
                "limits.viewers_per_address",
            ),
            ("[tls]\nkey = 'a'", "tls"),
        ] {
            let error = Config::parse(text).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
