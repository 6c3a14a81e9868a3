//! The demo source: rings that move, a wall clock, a tick every second. Encoded as the
//! box's own encoders encode: no reordering, a key frame every two seconds, and no frame
//! larger than about four mean ones, so that no frame takes long on its way.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use peerstream_media::TrackKind;

use super::{Feed, Inlet};
use crate::outlet::Outlet;
use crate::{Error, elements};

/// What the pattern looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Width of the picture in pixels, even.
    pub width: u16,
    /// Height of the picture in pixels, even.
    pub height: u16,
    /// Frames a second.
    pub fps: u16,
    /// Bitrate of picture and sound together, in kbit/s.
    pub kbit: u32,
}

impl Default for Config {
    /// Small enough for an old laptop, large enough for a telephone.
    fn default() -> Self {
        Self {
            width: 640,
            height: 360,
            fps: 30,
            kbit: 800,
        }
    }
}

impl Config {
    pub(super) fn args(&self) -> Vec<String> {
        let Self {
            width,
            height,
            fps,
            kbit,
        } = self;
        let pairs = [
            ("--size", format!("{width}x{height}")),
            ("--fps", fps.to_string()),
            ("--kbit", kbit.to_string()),
        ];
        pairs
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }

    pub(super) fn parse<S: AsRef<str>>(mut args: impl Iterator<Item = S>) -> Result<Self, Error> {
        let mut config = Self::default();
        while let Some(name) = args.next() {
            let (name, value) = (name.as_ref(), args.next());
            let value = value.as_ref().map_or("", AsRef::as_ref);
            let bad = || Error::BadSource(format!("{name} {value}"));
            match name {
                "--size" => {
                    let (width, height) = value.split_once('x').ok_or_else(bad)?;
                    config.width = even(width).ok_or_else(bad)?;
                    config.height = even(height).ok_or_else(bad)?;
                }
                "--fps" => config.fps = within(value, 1, 240).ok_or_else(bad)?,
                "--kbit" => config.kbit = within(value, 100, 100_000).ok_or_else(bad)?,
                _ => return Err(bad()),
            }
        }
        Ok(config)
    }

    fn description(&self, aac: &str) -> String {
        let Self {
            width,
            height,
            fps,
            kbit,
        } = self;
        let (video_kbit, gop) = (kbit - AUDIO_KBIT, 2 * u32::from(*fps));
        // The buffer model is what caps a key frame: four frames' worth, in milliseconds.
        let buffer = 4000 / u32::from(*fps);
        // One thread delays nothing and is enough for small pictures.
        let threads = if u32::from(*width) * u32::from(*height) > 1280 * 720 {
            0
        } else {
            1
        };
        format!(
            "videotestsrc is-live=true pattern=zone-plate kt=2 kx2=8 ky2=8 \
             ! video/x-raw,format=I420,width={width},height={height},framerate={fps}/1 \
             ! clockoverlay time-format=%H:%M:%S font-desc=\"Sans Bold 28\" \
               halignment=center valignment=center shaded-background=true \
             ! x264enc tune=zerolatency speed-preset=ultrafast bframes=0 threads={threads} \
               key-int-max={gop} option-string=scenecut=0 \
               pass=cbr bitrate={video_kbit} vbv-buf-capacity={buffer} \
             ! video/x-h264,profile=constrained-baseline,stream-format=avc,alignment=au \
             ! appsink name=video \
             audiotestsrc is-live=true wave=ticks volume=0.3 samplesperbuffer=1024 \
             ! audio/x-raw,rate=48000,channels=2 ! audioconvert \
             ! {aac} bitrate={} \
             ! audio/mpeg,mpegversion=4,stream-format=raw \
             ! appsink name=audio",
            AUDIO_KBIT * 1000
        )
    }
}

impl Feed for Config {
    fn name(&self) -> &'static str {
        "demo"
    }

    fn build(&self, pipeline: &gst::Pipeline, outlet: &Arc<Outlet>) -> Result<Inlet, Error> {
        let needed = [
            "videotestsrc",
            "clockoverlay",
            "x264enc",
            "audiotestsrc",
            "audioconvert",
            "appsink",
        ];
        elements::require(&needed)?;
        let aac = elements::choose(&["avenc_aac", "fdkaacenc", "voaacenc"])?;
        let failed = |reason: String| Error::Pipeline {
            source_name: self.name(),
            reason,
        };
        let bin = gst::parse::bin_from_description(&self.description(aac), false)
            .map_err(|error| failed(error.to_string()))?;
        for (name, kind) in [("video", TrackKind::Video), ("audio", TrackKind::Audio)] {
            let sink = bin.by_name(name).and_then(|sink| sink.downcast().ok());
            outlet.lead(
                kind,
                &sink.ok_or_else(|| failed(format!("no sink for {name}")))?,
            );
        }
        outlet.settle();
        pipeline
            .add(&bin)
            .map_err(|error| failed(error.to_string()))?;
        Ok(Inlet::Unused)
    }
}

/// Of the whole bitrate, what the sound gets.
const AUDIO_KBIT: u32 = 64;

fn even(text: &str) -> Option<u16> {
    within(text, 16, 8192).filter(|size| size % 2 == 0)
}

fn within<T: std::str::FromStr + PartialOrd>(text: &str, least: T, most: T) -> Option<T> {
    text.parse()
        .ok()
        .filter(|value| (least..=most).contains(value))
}
