/// Why a source does not run, in one line that says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// GStreamer itself does not start.
    #[error("GStreamer does not start: {0}")]
    Init(String),
    /// An element is not installed.
    #[error("GStreamer element {element} is missing: install it with `apt install {package}`")]
    MissingElement {
        /// The element, or the choice of them.
        element: &'static str,
        /// The Debian package that has it.
        package: &'static str,
    },
    /// The pipeline cannot be built or started.
    #[error("the {source_name} pipeline does not start: {reason}")]
    Pipeline {
        /// Which source.
        source_name: &'static str,
        /// What GStreamer says.
        reason: String,
    },
    /// An element gave up.
    #[error("{element} failed: {reason}")]
    Element {
        /// Which one.
        element: String,
        /// What it says.
        reason: String,
    },
    /// The source sends what browsers do not play.
    #[error("the source sends {0}, which browsers do not play: send H.264 video and AAC audio")]
    Codec(String),
    /// The source has ended by itself.
    #[error("the source has ended")]
    Ended,
    /// Nobody reads what the child writes.
    #[error("the daemon is gone")]
    Orphaned,
    /// A command line that names no source.
    #[error("bad source: {0}")]
    BadSource(String),
}
