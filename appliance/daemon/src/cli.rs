//! The command line.

use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};
use peerstream_settings::{Config, State};

/// One box, many browsers: a live stream that its viewers pass on to one another.
#[derive(Debug, Parser)]
#[command(name = "peerstreamd", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves the stream
    Run(RunOptions),
    /// Shows where a publisher sends its stream, and the stream key
    Key(KeyOptions),
    /// Makes a new signing key, also for a daemon that is running; open pages do not notice
    RotateSigningKey(RotateOptions),
    /// What reads the source, in a process of its own
    #[command(hide = true)]
    Ingest {
        /// As the supervisor has it.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        source: Vec<String>,
    },
}

/// What all that works with the configuration needs.
#[derive(Debug, Args)]
pub(crate) struct ConfigOptions {
    /// The configuration (see peerstream.toml for every key)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where publishers are listened for
    #[arg(long, value_name = "ADDR:PORT")]
    rtmp: Option<SocketAddr>,
}

/// What all that works with the state needs.
#[derive(Debug, Args)]
pub(crate) struct StateOptions {
    /// Where keys are kept [default: $STATE_DIRECTORY, else ~/.local/state/peerstream]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct RunOptions {
    #[command(flatten)]
    config: ConfigOptions,
    #[command(flatten)]
    pub(crate) state: StateOptions,
    /// Where pages and viewers are served
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// The same over https
    #[arg(long, value_name = "ADDR:PORT")]
    https: Option<SocketAddr>,
    /// Shows a moving test picture until a publisher comes
    #[arg(long)]
    demo: bool,
    /// The test picture's size in pixels
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    demo_size: Option<Size>,
    /// Its bitrate with sound, in kbit/s
    #[arg(long, value_name = "KBIT/S")]
    demo_rate: Option<u32>,
    /// Its frames per second
    #[arg(long, value_name = "FPS")]
    demo_fps: Option<u8>,
    /// Where the built page is
    #[arg(long, value_name = "DIR")]
    pub(crate) page: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyOptions {
    #[command(flatten)]
    pub(crate) config: ConfigOptions,
    #[command(flatten)]
    pub(crate) state: StateOptions,
}

#[derive(Debug, Args)]
pub(crate) struct RotateOptions {
    #[command(flatten)]
    pub(crate) state: StateOptions,
}

/// Width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size(u16, u16);

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let sides = text
            .split_once('x')
            .and_then(|(width, height)| Some(Size(width.parse().ok()?, height.parse().ok()?)));
        sides.ok_or("a size looks like 640x360")
    }
}

impl ConfigOptions {
    /// The configuration, with what the command line says in its place.
    pub(crate) fn load(&self) -> Result<Config> {
        let mut config = match &self.config {
            None => Config::default(),
            Some(file) => Config::load(file)
                .with_context(|| format!("cannot use the configuration {}", file.display()))?,
        };
        if let Some(rtmp) = self.rtmp {
            config.listen.rtmp = rtmp;
        }
        Ok(config)
    }
}

impl RunOptions {
    /// The configuration, with what the command line says in its place.
    pub(crate) fn load(&self) -> Result<Config> {
        let mut config = self.config.load()?;
        config.listen.http = self.http.unwrap_or(config.listen.http);
        config.listen.https = self.https.or(config.listen.https);
        let demo = &mut config.demo;
        demo.enabled |= self.demo;
        if let Some(Size(width, height)) = self.demo_size {
            (demo.width, demo.height) = (width, height);
        }
        demo.bit_rate = self.demo_rate.unwrap_or(demo.bit_rate);
        demo.frame_rate = self.demo_fps.unwrap_or(demo.frame_rate);
        config.check()?;
        Ok(config)
    }
}

impl StateOptions {
    /// The state directory, opened.
    pub(crate) fn open(&self) -> Result<State> {
        let dir = match &self.state_dir {
            Some(dir) => dir.clone(),
            None => State::default_dir()?,
        };
        let opened = State::open(&dir)?;
        if opened.narrowed {
            eprintln!(
                "peerstreamd: others could read {}; that has been mended, but if anyone \
                 untrusted has an account here, remove it and start anew",
                dir.display()
            );
        }
        Ok(opened.state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn run(arguments: &[&str]) -> RunOptions {
        let all = ["peerstreamd", "run"].iter().chain(arguments);
        match Cli::try_parse_from(all).map(|cli| cli.command) {
            Ok(Command::Run(options)) => options,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn without_options_the_defaults_hold() {
        assert_eq!(run(&[]).load().unwrap(), Config::default());
    }

    #[test]
    fn what_the_command_line_says_comes_first() {
        let config = run(&[
            "--http=127.0.0.1:1",
            "--https=127.0.0.1:2",
            "--rtmp=127.0.0.1:3",
            "--demo",
            "--demo-size=320x180",
            "--demo-rate=300",
            "--demo-fps=10",
        ])
        .load()
        .unwrap();
        assert_eq!(config.listen.http.port(), 1);
        assert_eq!(config.listen.https.map(|https| https.port()), Some(2));
        assert_eq!(config.listen.rtmp.port(), 3);
        assert!(config.demo.enabled);
        let demo = (config.demo.width, config.demo.height, config.demo.bit_rate);
        assert_eq!((demo, config.demo.frame_rate), ((320, 180, 300), 10));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(run(&["--demo-size=321x180"]).load().is_err());
        assert!(Cli::try_parse_from(["peerstreamd", "run", "--demo-size=big"]).is_err());
    }

    #[test]
    fn the_child_gets_its_arguments_as_they_are() {
        let arguments = ["peerstreamd", "ingest", "pattern", "--size", "2x2"];
        let Ok(Command::Ingest { source }) = Cli::try_parse_from(arguments).map(|cli| cli.command)
        else {
            panic!("no child");
        };
        assert_eq!(source, ["pattern", "--size", "2x2"]);
    }
}
