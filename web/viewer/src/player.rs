use core::time::Duration;

use peerstream_fragment::{Fragment, Init, TrackKind};
use peerstream_node::{
    playhead::{Actions, LATE, Playhead, Sample, Span},
    stall::{Figures, Stalls},
    timeline::Timeline,
};
use wasm_bindgen::JsValue;
use web_sys::{Document, HtmlVideoElement};

use crate::{
    console::warn,
    event::{Event, Mailbox},
    frames,
    source::Source,
    timer,
    track::{Track, Trouble, is_named},
};

/// The media element and what feeds it.
pub(crate) struct Player {
    mailbox: Mailbox,
    document: Document,
    video: HtmlVideoElement,
    source: Option<Source>,
    init: Option<Init>,
    tracks: Vec<Track>,
    /// Chunks that came before there was anything to put them into.
    waiting: Vec<Fragment>,
    playhead: Playhead,
    stalls: Stalls,
    timeline: Timeline,
    /// Whether the browser tells of each frame; otherwise the element's time has to do.
    tells_frames: bool,
    last_time: f64,
    rebuilt: Option<Duration>,
    rebuild_due: bool,
    pub(crate) unsupported: bool,
    /// Whether the browser wants to be asked by the viewer before it plays.
    pub(crate) refused: bool,
    pub(crate) standby: bool,
    pub(crate) over: bool,
    pub(crate) rendition: Option<u8>,
    pub(crate) startup: Option<Duration>,
    pub(crate) latency: Option<f64>,
    /// Whether the last chunk was old when it came.
    late: bool,
}

/// How many chunks may wait for a source to open.
const WAITING: usize = 1024;
/// A source that breaks is not replaced more often than this.
const REBUILD: Duration = Duration::from_secs(2);

impl Player {
    pub(crate) fn new(document: Document, video: HtmlVideoElement, mailbox: &Mailbox) -> Self {
        let tells_frames = frames::listen(&video, mailbox);
        let mut player = Player {
            mailbox: mailbox.clone(),
            document,
            video,
            source: None,
            init: None,
            tracks: Vec::new(),
            waiting: Vec::new(),
            playhead: Playhead::default(),
            stalls: Stalls::default(),
            timeline: Timeline::default(),
            tells_frames,
            last_time: 0.0,
            rebuilt: None,
            rebuild_due: false,
            unsupported: false,
            refused: false,
            standby: false,
            over: false,
            rendition: None,
            startup: None,
            latency: None,
            late: false,
        };
        // A source takes some turns to open; the stream need not wait for that.
        player.rebuild();
        player
    }

    /// What follows is encoded like this.
    pub(crate) fn tracks(&mut self, now: Duration, init: Init) {
        let same = self.init.as_ref().is_none_or(|before| {
            let kinds = |init: &Init| {
                init.tracks
                    .iter()
                    .map(|track| track.kind)
                    .collect::<Vec<_>>()
            };
            kinds(before) == kinds(&init)
        });
        self.playhead.tracks_changed();
        self.init = Some(init);
        if !same {
            // A media source keeps the number of tracks that it began with.
            self.break_down(now);
        } else if self.tracks.is_empty() {
            self.open_tracks();
        } else if let Some(init) = &self.init {
            for (track, init) in self.tracks.iter_mut().zip(&init.tracks) {
                track.init(init);
            }
        }
        self.pump(now);
    }

    /// The next piece of the stream, when the box's clock is at `box_time`.
    pub(crate) fn chunk(&mut self, now: Duration, fragment: Fragment, box_time: Option<u64>) {
        let meta = fragment.header.header.meta;
        self.late = box_time.is_some_and(|time| time > meta.capture_time + LATE);
        let start = self.timeline.chunk(meta.media_time, meta.capture_time);
        let duration = f64::from(meta.duration) / 1e6;
        self.playhead.chunk(now, start, duration, meta.flags.key());
        self.standby = meta.flags.standby();
        self.rendition = Some(meta.rendition);
        if !self.tracks.is_empty() {
            self.feed(&fragment);
            self.pump(now);
        } else if self.waiting.len() < WAITING {
            self.waiting.push(fragment);
        }
    }

    /// Media that could not be had in time.
    pub(crate) fn skipped(&mut self, gap: Duration) {
        self.stalls.skipped(gap.as_secs_f64());
    }

    /// The source may be filled.
    pub(crate) fn opened(&mut self, now: Duration) {
        if let Some(source) = &mut self.source {
            source.opened();
        }
        self.open_tracks();
        self.pump(now);
    }

    /// Puts into the buffers what they take.
    pub(crate) fn pump(&mut self, now: Duration) {
        if self
            .source
            .as_ref()
            .is_none_or(|source| !source.wants_data())
        {
            return;
        }
        let current_time = self.video.current_time();
        let mut broken = None;
        for track in &mut self.tracks {
            match track.pump() {
                Ok(()) => {}
                Err(Trouble::Broken(why)) => broken = Some(why),
                Err(Trouble::Full) => match self.playhead.cut(current_time) {
                    Some(before) if track.begins_before(before) => track.remove(before),
                    // Nothing that could go: the stream is larger than the browser bears.
                    _ => track.give_up(),
                },
            }
        }
        if let Some(why) = broken {
            self.broken(now, &why);
        }
    }

    /// The source failed; another one takes its place.
    pub(crate) fn broken(&mut self, now: Duration, why: &JsValue) {
        warn("the player has to begin anew", why);
        self.break_down(now);
    }

    /// The buffers took what they were given.
    pub(crate) fn ready(&mut self, now: Duration) {
        self.pump(now);
        if !self.playhead.begun() {
            // Whoever joins waits for the first picture, not for the next sample.
            self.steer(now);
        }
    }

    /// Looks how far the element is, and steers it. `delay` is what the node wants to be
    /// kept in front.
    pub(crate) fn sample(&mut self, now: Duration, delay: Duration) {
        let current_time = self.video.current_time();
        let moving = self.moving();
        self.stalls.tick(now);
        self.stalls
            .pace(now, if moving { self.playhead.rate() } else { 0.0 });
        if !moving {
            self.stalls.pause(now);
        } else if !self.tells_frames || self.track(TrackKind::Video).is_none() {
            #[expect(clippy::float_cmp, reason = "whether it changed at all")]
            if current_time != self.last_time {
                self.last_time = current_time;
                self.startup.get_or_insert(now);
                self.stalls.frame(now, current_time);
            }
        }
        if self.rebuild_due {
            self.break_down(now);
        }

        self.playhead.require(delay);
        self.steer(now);
        self.pump(now);
    }

    fn steer(&mut self, now: Duration) {
        let video = self.track(TrackKind::Video).map(Track::buffered);
        let audio = self.track(TrackKind::Audio).map(Track::buffered);
        let actions = self.playhead.sample(&Sample {
            now,
            current_time: self.video.current_time(),
            video: video.as_deref(),
            audio: audio.as_deref(),
            ready_state: self.video.ready_state(),
            paused: self.video.paused(),
            seeking: self.video.seeking(),
            late: self.late,
        });
        self.carry_out(actions);
    }

    /// A frame was presented at `shown`, when the box's clock was at `box_time`.
    pub(crate) fn frame(
        &mut self,
        now: Duration,
        media_time: f64,
        shown: Duration,
        box_time: Option<u64>,
    ) {
        self.startup.get_or_insert(shown);
        if self.moving() {
            self.stalls.frame(now, media_time);
        }
        self.latency = box_time.and_then(|box_time| self.timeline.age(media_time, box_time));
    }

    /// `play()` was refused: browsers want sound to be asked for.
    pub(crate) fn play_refused(&mut self) {
        if self.video.muted() {
            self.refused = true;
        } else {
            self.video.set_muted(true);
            self.play();
        }
    }

    /// Plays, unasked or because the viewer said so.
    pub(crate) fn play(&self) {
        let mailbox = self.mailbox.clone();
        let played = move |outcome: Result<JsValue, JsValue>| {
            // Any other reason (a new source, say) is no refusal.
            if outcome.is_err_and(|error| is_named(&error, "NotAllowedError")) {
                mailbox.post(Event::PlayRefused);
            }
        };
        match self.video.play() {
            Ok(promise) => timer::when(&promise, Box::new(played)),
            Err(error) => warn("the player does not play", &error),
        }
    }

    /// The viewer wants to see.
    pub(crate) fn resume(&mut self) {
        self.refused = false;
        self.play();
    }

    /// The viewer wants to hear.
    pub(crate) fn unmute(&self) {
        self.video.set_muted(false);
    }

    /// Whether there is sound that is not to be heard.
    pub(crate) fn silenced(&self) -> bool {
        self.video.muted() && self.track(TrackKind::Audio).is_some()
    }

    /// Whether it was made to play and somebody else (the browser, a headset) stopped it.
    pub(crate) fn stopped(&self) -> bool {
        self.startup.is_some() && self.playhead.begun() && self.video.paused()
    }

    /// Whether picture or sound move at this moment.
    pub(crate) fn playing(&self) -> bool {
        self.moving() && self.video.ready_state() >= 3
    }

    pub(crate) fn figures(&self, now: Duration) -> Figures {
        self.stalls.figures(now)
    }

    /// Seconds of media in front of the playhead.
    pub(crate) fn level(&self) -> Option<f64> {
        self.playhead.level()
    }

    /// Seconds of media that are to be in front of the playhead.
    pub(crate) fn target(&self) -> f64 {
        self.playhead.target()
    }

    pub(crate) fn video(&self) -> &HtmlVideoElement {
        &self.video
    }

    /// Whether new frames are to be expected.
    fn moving(&self) -> bool {
        !self.document.hidden() && !self.over && !self.video.paused()
    }

    fn carry_out(&mut self, actions: Actions) {
        if let Some(seek) = actions.seek {
            self.video.set_current_time(seek.to);
            if seek.skips > 0.0 {
                self.stalls.skipped(seek.skips);
            }
        }
        if let Some(rate) = actions.rate {
            self.video.set_playback_rate(rate);
        }
        if actions.play {
            self.play();
        }
        if let Some(before) = actions.trim {
            for track in &mut self.tracks {
                track.remove(before);
            }
        }
    }

    fn track(&self, kind: TrackKind) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == kind)
    }

    fn feed(&mut self, fragment: &Fragment) {
        let Some(offset) = self.timeline.offset() else {
            return;
        };
        for track in &mut self.tracks {
            let chunk = match track.kind {
                TrackKind::Video => fragment.video(),
                TrackKind::Audio => fragment.audio(),
            };
            if !chunk.is_empty() {
                track.media(offset, chunk);
            }
        }
    }

    fn open_tracks(&mut self) {
        let (Some(source), Some(init)) = (&self.source, &self.init) else {
            return;
        };
        if !source.is_open() || !self.tracks.is_empty() {
            return;
        }
        let mut tracks = Vec::with_capacity(init.tracks.len());
        for init in &init.tracks {
            match Track::new(source.media(), init, &self.mailbox) {
                Ok(track) => tracks.push(track),
                Err(error) => {
                    warn("this browser does not take the stream", &error);
                    self.unsupported = true;
                    return;
                }
            }
        }
        self.unsupported = false;
        self.tracks = tracks;
        for fragment in core::mem::take(&mut self.waiting) {
            self.feed(&fragment);
        }
    }

    fn break_down(&mut self, now: Duration) {
        let recently = self
            .rebuilt
            .is_some_and(|then| now.saturating_sub(then) < REBUILD);
        self.rebuild_due = recently;
        if !recently {
            self.rebuilt = Some(now);
            self.rebuild();
        }
    }

    fn rebuild(&mut self) {
        self.tracks.clear();
        self.waiting.clear();
        self.playhead = Playhead::default();
        self.source = Source::open(&self.video, &self.mailbox)
            .inspect_err(|error| warn("no media source", error))
            .ok();
        self.unsupported = self.source.is_none();
    }
}

impl Track {
    fn begins_before(&self, time: f64) -> bool {
        self.buffered()
            .first()
            .is_some_and(|span: &Span| span.start < time)
    }
}
