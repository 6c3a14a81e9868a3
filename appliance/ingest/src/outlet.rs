//! From the pipelines' sinks to the daemon.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_app as gst_app;
use peerstream_media::{AccessUnit, AudioTrack, TrackKind, VideoTrack};

use crate::Error;
use crate::pipe::Message;

/// Where all tracks of a child come together. Announces them once they are all known, and
/// again when one changes; holds the units back until then.
pub(crate) struct Outlet {
    state: Mutex<State>,
}

struct State {
    output: Box<dyn Write + Send>,
    video: Slot<VideoTrack>,
    audio: Slot<AudioTrack>,
    /// Whether more tracks may still turn up.
    settled: bool,
    /// Nothing more comes.
    ended: bool,
    /// When the first unit came.
    since: Option<Instant>,
    announced: Option<(Option<VideoTrack>, Option<AudioTrack>)>,
    held: Vec<AccessUnit>,
    failure: Option<Error>,
}

/// One track.
enum Slot<T> {
    /// There is no such track, so far.
    None,
    /// There is a pipeline for it, and no format yet.
    Expected,
    Known(T),
}

impl Outlet {
    pub(crate) fn new(output: impl Write + Send + 'static) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                output: Box::new(output),
                video: Slot::None,
                audio: Slot::None,
                settled: false,
                ended: false,
                since: None,
                announced: None,
                held: Vec::new(),
                failure: None,
            }),
        })
    }

    /// Takes what comes to `sink`.
    pub(crate) fn lead(self: &Arc<Self>, kind: TrackKind, sink: &gst_app::AppSink) {
        // Units are of use the moment they are there, whenever they are to be shown.
        sink.set_sync(false);
        sink.set_async(false);
        sink.set_enable_last_sample(false);
        match kind {
            TrackKind::Video => self.lock().video.expect(),
            TrackKind::Audio => self.lock().audio.expect(),
        }
        let outlet = Arc::clone(self);
        let mut caps: Option<gst::Caps> = None;
        let take = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let changed = caps.as_deref() != sample.caps();
            if changed {
                caps = sample.caps_owned();
            }
            outlet.take(kind, &sample, changed)
        };
        sink.set_callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(take)
                .build(),
        );
    }

    /// No more tracks will turn up.
    pub(crate) fn settle(&self) {
        self.lock().settled = true;
    }

    /// Sends what has been held back: there is nothing to wait for any more.
    pub(crate) fn finish(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.announce();
        state.release();
    }

    /// Ends the child with this error.
    pub(crate) fn fail(&self, error: Error) {
        self.lock().failure.get_or_insert(error);
    }

    pub(crate) fn failure(&self) -> Option<Error> {
        self.lock().failure.clone()
    }

    /// Says that the child is alive.
    pub(crate) fn alive(&self) {
        let mut state = self.lock();
        state.announce();
        state.release();
        state.send(&Message::Alive);
    }

    /// Says why it will not be.
    pub(crate) fn last_words(&self, error: &Error) {
        self.lock().send(&Message::Error(error.to_string()));
    }

    fn take(
        &self,
        kind: TrackKind,
        sample: &gst::Sample,
        changed: bool,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let mut state = self.lock();
        if changed && let Some(caps) = sample.caps().and_then(|caps| caps.structure(0)) {
            match kind {
                TrackKind::Video => state.video.know(video(caps)),
                TrackKind::Audio => state.audio.know(audio(caps)),
            }
        }
        if let Some(unit) = unit(kind, sample) {
            state.unit(unit);
        }
        if state.failure.is_some() {
            Err(gst::FlowError::Eos)
        } else {
            Ok(gst::FlowSuccess::Ok)
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // What a thread that panicked left behind is still a row of whole messages.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn unit(&mut self, unit: AccessUnit) {
        self.since.get_or_insert_with(Instant::now);
        self.held.push(unit);
        self.announce();
        self.release();
        if self.held.len() > MAX_HELD {
            self.held.remove(0);
        }
    }

    fn release(&mut self) {
        if self.announced.is_some() {
            for unit in std::mem::take(&mut self.held) {
                self.send(&Message::Unit(unit));
            }
        }
    }

    /// Announces the tracks, if they are known and have not been announced as they are.
    fn announce(&mut self) {
        let waited = self
            .since
            .is_some_and(|since| since.elapsed() >= SETTLED_AFTER);
        let pending = self.video.is_expected() || self.audio.is_expected();
        // A track that is announced and never comes must not hold up the other for ever.
        let ready = if self.settled {
            !pending || waited
        } else {
            waited
        };
        let tracks = (self.video.known(), self.audio.known());
        let none = tracks.0.is_none() && tracks.1.is_none();
        if !ready || none || self.announced.as_ref() == Some(&tracks) {
            return;
        }
        let (video, audio) = tracks.clone();
        self.announced = Some(tracks);
        self.send(&Message::Tracks { video, audio });
    }

    fn send(&mut self, message: &Message) {
        if self
            .output
            .write_all(&message.encode())
            .and_then(|()| self.output.flush())
            .is_err()
        {
            self.failure.get_or_insert(Error::Orphaned);
        }
    }
}

impl<T: Clone> Slot<T> {
    fn expect(&mut self) {
        if matches!(self, Slot::None) {
            *self = Slot::Expected;
        }
    }

    fn know(&mut self, track: Option<T>) {
        if let Some(track) = track {
            *self = Slot::Known(track);
        }
    }

    fn is_expected(&self) -> bool {
        matches!(self, Slot::Expected)
    }

    fn known(&self) -> Option<T> {
        match self {
            Slot::Known(track) => Some(track.clone()),
            Slot::None | Slot::Expected => None,
        }
    }
}

fn video(caps: &gst::StructureRef) -> Option<VideoTrack> {
    let size = |name| {
        caps.get::<i32>(name)
            .ok()
            .and_then(|size| u16::try_from(size).ok())
    };
    Some(VideoTrack {
        avcc: codec_data(caps)?,
        width: size("width")?,
        height: size("height")?,
    })
}

fn audio(caps: &gst::StructureRef) -> Option<AudioTrack> {
    let rate = u32::try_from(caps.get::<i32>("rate").ok()?).ok()?;
    let channels = u8::try_from(caps.get::<i32>("channels").ok()?).ok()?;
    Some(AudioTrack {
        asc: codec_data(caps)?,
        rate,
        channels,
    })
}

fn codec_data(caps: &gst::StructureRef) -> Option<Bytes> {
    let buffer = caps.get::<gst::Buffer>("codec_data").ok()?;
    let map = buffer.map_readable().ok()?;
    Some(Bytes::copy_from_slice(&map))
}

fn unit(kind: TrackKind, sample: &gst::Sample) -> Option<AccessUnit> {
    let buffer = sample.buffer()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let pts = running(segment, buffer.pts()?)?;
    let dts = buffer
        .dts()
        .and_then(|dts| running(segment, dts))
        .unwrap_or(pts);
    let data = buffer.map_readable().ok()?;
    Some(AccessUnit {
        kind,
        pts,
        dts,
        duration: buffer.duration().map(Duration::from),
        key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        data: Bytes::copy_from_slice(&data),
    })
}

/// Time since the pipeline started, and some: encoders decode before they begin.
fn running(
    segment: &gst::FormattedSegment<gst::ClockTime>,
    time: gst::ClockTime,
) -> Option<Duration> {
    let running = segment.to_running_time_full(time)?;
    let distance = Duration::from(running.abs());
    if running.is_negative() {
        BEFORE.checked_sub(distance)
    } else {
        BEFORE.checked_add(distance)
    }
}

/// What is put before the start of the pipeline.
const BEFORE: Duration = Duration::from_secs(3600);
/// How long the first track waits for the second.
const SETTLED_AFTER: Duration = Duration::from_millis(400);
/// How many units are held back until the tracks are known.
const MAX_HELD: usize = 512;
