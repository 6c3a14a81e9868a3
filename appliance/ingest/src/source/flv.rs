//! What a publisher sends: FLV on standard input, passed through, not encoded again.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;
use peerstream_media::TrackKind;

use super::{Feed, Inlet};
use crate::outlet::Outlet;
use crate::{Error, elements};

pub(super) struct Flv;

impl Feed for Flv {
    fn name(&self) -> &'static str {
        "publisher"
    }

    fn build(&self, pipeline: &gst::Pipeline, outlet: &Arc<Outlet>) -> Result<Inlet, Error> {
        elements::require(&["appsrc", "flvdemux", "h264parse", "aacparse", "appsink"])?;
        let failed = |error: gst::glib::BoolError| Error::Pipeline {
            source_name: self.name(),
            reason: error.to_string(),
        };
        let source = gst_app::AppSrc::builder()
            .caps(&gst::Caps::builder("video/x-flv").build())
            .format(gst::Format::Bytes)
            .is_live(true)
            .block(true)
            .max_bytes(MAX_QUEUED)
            .build();
        let demux = gst::ElementFactory::make("flvdemux")
            .build()
            .map_err(failed)?;
        pipeline
            .add_many([source.upcast_ref(), &demux])
            .map_err(failed)?;
        source.link(&demux).map_err(failed)?;
        let settled = Arc::clone(outlet);
        demux.connect_no_more_pads(move |_| settled.settle());
        let (pipeline, outlet) = (pipeline.downgrade(), Arc::clone(outlet));
        demux.connect_pad_added(move |_, pad| {
            let Some(pipeline) = pipeline.upgrade() else {
                return;
            };
            if let Err(error) = attach(&pipeline, pad, &outlet) {
                outlet.fail(error);
            }
        });
        Ok(Inlet::Bytes(source))
    }
}

/// Leads one track of the demuxer to the outlet.
fn attach(pipeline: &gst::Pipeline, pad: &gst::Pad, outlet: &Arc<Outlet>) -> Result<(), Error> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let structure = caps.structure(0);
    let media = structure.map_or("", |structure| structure.name().as_str());
    let version = structure.and_then(|structure| structure.get::<i32>("mpegversion").ok());
    let (kind, parser, format) = match (media, version) {
        ("video/x-h264", _) => (TrackKind::Video, "h264parse", AVC),
        ("audio/mpeg", Some(2 | 4)) => (TrackKind::Audio, "aacparse", AAC),
        _ => return Err(Error::Codec(caps.to_string().replace('\n', " "))),
    };
    let failed = |reason: String| Error::Pipeline {
        source_name: Flv.name(),
        reason,
    };
    // The demuxer waits for nobody: no queue, no thread, no delay.
    let bin =
        gst::parse::bin_from_description(&format!("{parser} ! {format} ! appsink name=sink"), true)
            .map_err(|error| failed(error.to_string()))?;
    let sink = bin.by_name("sink").and_then(|sink| sink.downcast().ok());
    outlet.lead(kind, &sink.ok_or_else(|| failed("no sink".to_owned()))?);
    let entry = bin
        .static_pad("sink")
        .ok_or_else(|| failed("no way in".to_owned()))?;
    pipeline
        .add(&bin)
        .map_err(|error| failed(error.to_string()))?;
    bin.sync_state_with_parent()
        .map_err(|error| failed(error.to_string()))?;
    pad.link(&entry)
        .map_err(|error| failed(error.to_string()))?;
    Ok(())
}

const AVC: &str = "video/x-h264,stream-format=avc,alignment=au";
const AAC: &str = "audio/mpeg,mpegversion=4,stream-format=raw";
/// What the demuxer may be behind: a large key frame or two.
const MAX_QUEUED: u64 = 4 * 1024 * 1024;
