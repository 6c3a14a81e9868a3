//! The sources, one to a module.

mod flv;
pub mod pattern;

use std::sync::Arc;

use gstreamer as gst;
use gstreamer_app as gst_app;

use crate::Error;
use crate::outlet::Outlet;

/// Which source a child process runs, and how. It travels as the child's command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A moving test picture with a wall clock, and a tick every second.
    Pattern(pattern::Config),
    /// FLV tags on standard input, passed through as they are.
    Flv,
}

impl Source {
    /// The command line of a child that runs this source, behind the program's name and
    /// `ingest`.
    #[must_use]
    pub fn args(&self) -> Vec<String> {
        match self {
            Source::Pattern(config) => {
                let mut args = vec!["pattern".to_owned()];
                args.extend(config.args());
                args
            }
            Source::Flv => vec!["flv".to_owned()],
        }
    }

    /// Reads what [`Source::args`] has written.
    ///
    /// # Errors
    /// If the arguments name no source, or something that it does not have.
    pub fn parse<S: AsRef<str>>(args: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut args = args.into_iter();
        match args.next().as_ref().map(AsRef::as_ref) {
            Some("pattern") => pattern::Config::parse(args).map(Source::Pattern),
            Some("flv") => match args.next() {
                None => Ok(Source::Flv),
                Some(extra) => Err(Error::BadSource(extra.as_ref().to_owned())),
            },
            other => Err(Error::BadSource(other.unwrap_or("none given").to_owned())),
        }
    }

    pub(crate) fn feed(&self) -> Box<dyn Feed> {
        match self {
            Source::Pattern(config) => Box::new(config.clone()),
            Source::Flv => Box::new(flv::Flv),
        }
    }
}

/// What a source module provides.
pub(crate) trait Feed {
    /// For people.
    fn name(&self) -> &'static str;

    /// Puts the source into `pipeline`, and its tracks into `outlet`.
    fn build(&self, pipeline: &gst::Pipeline, outlet: &Arc<Outlet>) -> Result<Inlet, Error>;
}

/// What the child's standard input is for.
pub(crate) enum Inlet {
    /// For nothing but ending it.
    Unused,
    /// It is the source.
    Bytes(gst_app::AppSrc),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_survive_the_command_line() {
        let pattern = pattern::Config {
            width: 320,
            height: 180,
            fps: 25,
            kbit: 300,
        };
        for source in [
            Source::Flv,
            Source::Pattern(pattern),
            Source::Pattern(pattern::Config::default()),
        ] {
            assert_eq!(Source::parse(source.args()), Ok(source));
        }
    }

    #[test]
    fn other_command_lines_are_refused() {
        for args in [
            &[][..],
            &["camera"],
            &["flv", "file.flv"],
            &["pattern", "--size", "0x0"],
            &["pattern", "--size", "321x180"],
            &["pattern", "--fps", "0"],
            &["pattern", "--fps"],
            &["pattern", "--kbit", "many"],
            &["pattern", "--loud", "1"],
        ] {
            assert!(
                matches!(Source::parse(args), Err(Error::BadSource(_))),
                "{args:?}"
            );
        }
    }
}
