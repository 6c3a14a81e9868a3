//! The playhead steers a simulated media element: it reaches its target, keeps it, and
//! leaves no hole open.

use core::time::Duration;

use peerstream_node::playhead::{Actions, Playhead, SAMPLE, Sample, Span};
use proptest::prelude::*;

/// A media element with one track, in steps of a millisecond.
struct Element {
    playhead: Playhead,
    now: u64,
    time: f64,
    rate: f64,
    playing: bool,
    buffered: Vec<Span>,
    /// Milliseconds without anything to play, since it began.
    dry: u64,
    /// What comes is old.
    late: bool,
    /// It has been moved, and is not there yet.
    seeking: bool,
    /// Seconds that it wants before it goes on after it ran dry; none while it plays.
    wants: Option<f64>,
    seeks: Vec<(u64, f64, f64)>,
    trims: Vec<f64>,
}

impl Element {
    fn new() -> Self {
        Element {
            playhead: Playhead::default(),
            now: 0,
            time: 0.0,
            rate: 1.0,
            playing: false,
            buffered: Vec::new(),
            dry: 0,
            late: false,
            seeking: false,
            wants: None,
            seeks: Vec::new(),
            trims: Vec::new(),
        }
    }

    fn append(&mut self, start: f64, duration: f64, key: bool) {
        self.playhead
            .chunk(Duration::from_millis(self.now), start, duration, key);
        match self.buffered.last_mut() {
            Some(last) if (last.end - start).abs() < 0.01 => last.end = start + duration,
            _ => self.buffered.push(Span {
                start,
                end: start + duration,
            }),
        }
    }

    fn ahead(&self) -> f64 {
        let inside = |span: &&Span| span.start <= self.time && self.time <= span.end;
        self.buffered
            .iter()
            .find(inside)
            .map_or(0.0, |span| span.end - self.time)
    }

    fn level(&self) -> f64 {
        self.buffered.last().map_or(0.0, |span| span.end) - self.time
    }

    fn plays(&self) -> bool {
        !self.seeking && self.ahead() > self.wants.unwrap_or(0.002)
    }

    /// A millisecond passes.
    fn step(&mut self) {
        if self.playing {
            if self.plays() {
                self.time += self.rate / 1000.0
            } else {
                self.dry += 1
            }
        }
        self.seeking &= self.ahead() < 0.1;
        self.now += 1;
        if self.now.is_multiple_of(50) {
            let actions = self.sample();
            self.apply(actions);
        }
    }

    fn sample(&mut self) -> Actions {
        self.playhead.sample(&Sample {
            now: Duration::from_millis(self.now),
            current_time: self.time,
            video: Some(&self.buffered),
            audio: None,
            ready_state: if self.plays() { 4 } else { 2 },
            paused: !self.playing,
            seeking: self.seeking,
            late: self.late,
        })
    }

    fn apply(&mut self, actions: Actions) {
        if let Some(seek) = actions.seek {
            self.time = seek.to;
            self.wants = None;
            // As Chromium: it is there once it has something to go on with.
            self.seeking = self.ahead() < 0.1;
            self.seeks.push((self.now, seek.to, seek.skips));
        }
        if let Some(rate) = actions.rate {
            assert!((0.9..=1.1).contains(&rate));
            self.rate = rate;
        }
        self.playing |= actions.play;
        if let Some(before) = actions.trim {
            assert!(before <= self.time, "cut into what plays");
            self.trims.push(before);
            self.buffered.retain(|span| span.end > before);
            if let Some(first) = self.buffered.first_mut() {
                first.start = first.start.max(before);
            }
        }
    }
}

/// Plays a stream of `chunk` ms pieces for `seconds`, each late by what `late` says (in ms).
/// A backlog of a second comes at once at the beginning; key frames every two seconds.
fn play(chunk: u64, seconds: u64, late: impl Fn(u64) -> u64) -> Element {
    let mut element = Element::new();
    let pieces = (seconds + 1) * 1000 / chunk;
    let backlog = 1000 / chunk;
    let due: Vec<u64> = (0..pieces)
        .scan(0, |last: &mut u64, n| {
            let at = if n < backlog {
                0
            } else {
                (n - backlog) * chunk + late(n)
            };
            // In order: one late piece holds up those behind it.
            *last = (*last).max(at);
            Some(*last)
        })
        .collect();
    let mut next = 0;
    for _ in 0..seconds * 1000 {
        while next < due.len() && due[next] <= element.now {
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let (start, length) = ((next as u64 * chunk) as f64 / 1000.0, chunk as f64 / 1000.0);
            element.append(start, length, (next as u64).is_multiple_of(2000 / chunk));
            next += 1;
        }
        element.step();
    }
    element
}

#[test]
fn a_steady_stream_is_held_at_the_target_without_a_seek() {
    for chunk in [20, 40, 100] {
        let element = play(chunk, 60, |_| 0);
        assert_eq!(element.dry, 0, "{chunk} ms chunks");
        let level = element.playhead.level().unwrap();
        assert!(
            (level - element.playhead.target()).abs() < 0.03,
            "{chunk} ms: {level}"
        );
        assert!(
            element
                .seeks
                .iter()
                .all(|&(at, _, skips)| at < 1000 && skips == 0.0)
        );
    }
}

#[test]
fn the_target_is_200_ms_for_frames_and_more_for_long_chunks() {
    assert!((play(40, 20, |_| 0).playhead.target() - 0.2).abs() < 1e-9);
    let long = play(100, 20, |_| 0).playhead.target();
    assert!((0.2..0.26).contains(&long), "{long}");
}

#[test]
fn jitter_moves_the_target_up_until_nothing_runs_dry() {
    // Every tenth chunk is 150 ms late.
    let element = play(40, 120, |n| if n % 10 == 0 { 150 } else { 0 });
    assert!(
        element.playhead.target() > 0.3,
        "{}",
        element.playhead.target()
    );
    let before = element.dry;
    assert!(before < 200, "{before}");
}

#[test]
fn a_takeover_hides_in_the_buffer_that_is_asked_for() {
    let mut element = Element::new();
    element.playhead.require(Duration::from_millis(350));
    element.step_to_sample();
    // In front of what the decoder wants at any time: it stands still before it is empty.
    assert!((element.playhead.target() - 0.45).abs() < 1e-9);
}

#[test]
fn a_target_rises_at_once_and_falls_slowly() {
    let mut element = play(40, 10, |_| 0);
    element.playhead.require(Duration::from_millis(350));
    element.step_to_sample();
    assert!((element.playhead.target() - 0.45).abs() < 1e-9);
    element.playhead.require(Duration::ZERO);
    for _ in 0..20 {
        element.step_to_sample();
    }
    assert!((element.playhead.target() - 0.35).abs() < 1e-3);
}

#[test]
fn the_joins_backlog_is_left_behind_before_it_plays() {
    let mut element = Element::new();
    element.append(10.0, 0.1, true);
    element.step_to_sample();
    assert!(!element.playing, "0.1 s is too little to begin with");
    assert!(
        (element.time - 10.001).abs() < 1e-6,
        "but the first picture is up"
    );
    for n in 1..20 {
        element.append(10.0 + f64::from(n) * 0.1, 0.1, false);
    }
    element.step_to_sample();
    assert!(element.playing);
    assert!(
        (element.level() - element.playhead.target()).abs() < 0.06,
        "{}",
        element.level()
    );
    assert!(element.seeks.iter().all(|&(_, _, skips)| skips == 0.0));
}

#[test]
fn nobody_begins_with_what_is_about_to_be_left_behind() {
    let mut element = Element::new();
    element.late = true;
    element.append(0.0, 0.04, true);
    element.append_many(20);
    for _ in 0..400 {
        element.step();
    }
    assert_eq!((element.playing, element.seeks.len()), (false, 1));
    // The next segment, and it is live.
    element.append(2.0, 0.04, true);
    element.append_many(20);
    element.late = false;
    element.step_to_sample();
    assert!(element.playing && element.time > 2.0);
    assert!(element.seeks.iter().all(|seek| seek.2 == 0.0));
}

#[test]
fn what_stays_old_is_played_at_last() {
    let mut element = Element::new();
    element.late = true;
    element.append(0.0, 0.04, true);
    element.append_many(20);
    for _ in 0..1600 {
        element.step();
    }
    assert!(element.playing);
}

#[test]
fn more_of_the_backlog_is_left_behind_once_half_a_second_later() {
    let mut element = Element::new();
    for n in 0..10 {
        element.append(f64::from(n) * 0.1, 0.1, n == 0);
    }
    element.step_to_sample();
    element.step_to_sample();
    assert!(element.playing);
    for n in 10..18 {
        element.append(f64::from(n) * 0.1, 0.1, false);
    }
    for _ in 0..700 {
        element.step();
    }
    let late: Vec<_> = element.seeks.iter().filter(|&&(at, ..)| at > 400).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].2, 0.0);
}

#[test]
fn a_little_too_much_is_played_off_and_a_lot_is_skipped_and_counted() {
    let mut element = play(40, 10, |_| 0);
    let seeks = element.seeks.len();
    element.append_many(12);
    for _ in 0..200 {
        element.step();
    }
    assert_eq!(element.seeks.len(), seeks);
    assert!(element.rate > 1.02, "{}", element.rate);
    element.append_many(40);
    for _ in 0..100 {
        element.step();
    }
    assert_eq!(element.seeks.len(), seeks + 1);
    assert!(element.seeks[seeks].2 > 1.0);
}

#[test]
fn holes_are_jumped_when_reached_and_not_before() {
    let mut element = play(40, 10, |_| 0);
    let end = element.buffered.last().unwrap().end;
    element.append(end + 0.3, 0.4, true);
    let seeks = element.seeks.len();
    for _ in 0..100 {
        element.step();
    }
    assert_eq!(
        element.seeks.len(),
        seeks,
        "there is still something to play"
    );
    for _ in 0..300 {
        element.step();
    }
    assert_eq!(element.seeks.len(), seeks + 1);
    assert!((element.seeks[seeks].1 - (end + 0.301)).abs() < 1e-6);
    assert_eq!(element.seeks[seeks].2, 0.0, "no media stood in the hole");
}

#[test]
fn a_wide_hole_is_jumped_once_there_is_enough_behind_it() {
    let mut element = play(40, 10, |_| 0);
    let end = element.buffered.last().unwrap().end;
    let seeks = element.seeks.len();
    element.append(end + 5.0, 0.04, true);
    for n in 1..20 {
        for _ in 0..40 {
            element.step();
        }
        element.append(end + 5.0 + f64::from(n) * 0.04, 0.04, false);
    }
    assert_eq!(element.seeks.len(), seeks + 1);
    assert!((element.seeks[seeks].1 - (end + 5.0)).abs() < 1.0);
}

#[test]
fn nobody_seeks_for_ever_where_a_hole_follows_a_hole() {
    let mut element = play(40, 10, |_| 0);
    let end = element.buffered.last().unwrap().end;
    element.append(end + 0.1, 0.06, true);
    for _ in 0..1000 {
        element.step();
    }
    assert!(element.seeking, "there is nothing else to go to");
    element.append(end + 0.2, 0.04, false);
    element.append_many(20);
    for _ in 0..200 {
        element.step();
    }
    assert!(element.plays() && element.time > end + 0.2);
}

#[test]
fn an_element_that_hesitates_is_moved() {
    let mut element = play(40, 10, |_| 0);
    while element.plays() {
        element.step();
    }
    let (seeks, at) = (element.seeks.len(), element.now);
    element.wants = Some(3.0);
    while !element.plays() {
        for _ in 0..40 {
            element.step();
        }
        element.append_many(1);
    }
    assert_eq!(element.seeks.len(), seeks + 1);
    assert!(element.now < at + 700, "{} ms", element.now - at);
    assert!(element.ahead() >= 0.2);
}

#[test]
fn what_was_played_is_dropped_rarely_and_at_key_frames() {
    let element = play(40, 120, |_| 0);
    assert!(
        (2..=12).contains(&element.trims.len()),
        "{:?}",
        element.trims
    );
    for before in &element.trims {
        let in_keys = before / 2.0;
        assert!((in_keys - in_keys.round()).abs() < 1e-9, "{before}");
    }
    assert!(element.buffered[0].start > 80.0);
}

#[test]
fn a_full_memory_is_cut_up_to_the_picture_that_plays() {
    let mut element = play(40, 11, |_| 0);
    let cut = element.playhead.cut(element.time).unwrap();
    assert!(cut <= element.time && cut > element.time - 2.0);
}

#[test]
fn a_paused_picture_stays() {
    let mut element = play(40, 10, |_| 0);
    element.playing = false;
    let (time, seeks) = (element.time, element.seeks.len());
    element.append_many(125);
    for _ in 0..5000 {
        element.step();
    }
    assert_eq!(element.time, time);
    assert_eq!(element.seeks.len(), seeks);
}

impl Element {
    /// As many chunks of 40 ms.
    fn append_many(&mut self, chunks: usize) {
        for _ in 0..chunks {
            let end = self.buffered.last().map_or(0.0, |span| span.end);
            self.append(end, 0.04, false);
        }
    }

    fn step_to_sample(&mut self) {
        for _ in 0..SAMPLE.as_millis() {
            self.step();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However late chunks come, the page ends up playing near the live edge, moves only
    /// forward, and only into media.
    #[test]
    fn any_lateness_ends_near_the_live_edge(
        lates in prop::collection::vec(0u64..400, 50),
        chunk in prop_oneof![Just(20u64), Just(40), Just(100)],
    ) {
        let element = play(chunk, 30, |n| {
            let late = if n < 15_000 / chunk { lates[(n % 50) as usize] } else { 0 };
            late.max(1)
        });
        prop_assert!(element.playing);
        prop_assert!(element.level() < 1.3, "{}", element.level());
        prop_assert!(element.level() > 0.0);
        let mut last = 0.0;
        for &(_, to, skips) in &element.seeks {
            prop_assert!(to >= last && skips >= 0.0);
            last = to;
        }
    }
}
