//! Somebody who publishes to the box with ffmpeg.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::Process;

/// A recording as a phone or OBS makes one: H.264 and AAC in MP4.
pub struct Clip(PathBuf);

/// An ffmpeg that sends a clip over and over in real time, as it is.
pub struct Publisher {
    process: Process,
}

impl Clip {
    /// Records ten seconds of test picture and tone.
    ///
    /// # Errors
    /// No ffmpeg, or one that cannot encode.
    pub fn record(directory: &Path) -> Result<Self> {
        let path = directory.join("clip.mp4");
        let output = Command::new("ffmpeg")
            .args(["-hide_banner", "-loglevel", "error", "-y"])
            .args(["-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25"])
            .args(["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"])
            .args(["-t", "10", "-pix_fmt", "yuv420p"])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-tune",
                "zerolatency",
            ])
            .args([
                "-b:v", "250k", "-maxrate", "250k", "-bufsize", "60k", "-g", "50",
            ])
            .args(["-c:a", "aac", "-b:a", "48k", "-ac", "2"])
            .arg(&path)
            .output()
            .context("cannot run ffmpeg (Debian package ffmpeg)")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "ffmpeg: {error}");
        Ok(Clip(path))
    }
}

impl Publisher {
    /// Starts to publish `clip` to `url`.
    ///
    /// # Errors
    /// No ffmpeg.
    pub fn start(clip: &Clip, url: &str, directory: &Path) -> Result<Self> {
        let arguments = ["-hide_banner", "-nostdin", "-loglevel", "warning"]
            .into_iter()
            .chain(["-re", "-stream_loop", "-1", "-i"])
            .map(str::to_owned)
            .chain([clip.0.display().to_string()])
            .chain(["-c", "copy", "-f", "flv", url].map(str::to_owned));
        let log = directory.join("publisher.log");
        Ok(Publisher {
            process: Process::start("ffmpeg", arguments, log)?,
        })
    }

    /// What ffmpeg has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Stops as somebody does who presses "stop": the connection is closed in good order.
    ///
    /// # Errors
    /// An ffmpeg that goes on.
    pub fn stop(self) -> Result<()> {
        self.process.stop().map(drop)
    }

    /// Vanishes without a farewell.
    pub fn vanish(self) {
        drop(self);
    }
}
