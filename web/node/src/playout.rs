use core::time::Duration;

use peerstream_fragment::{Fragment, Init, Kind, Position};

use crate::store::{Entry, Store};

/// How far two fragments' times may be apart and still follow one another: rounding, and
/// what a source's clock drifts between two frames.
pub(crate) const SEAM: u64 = 20_000;

/// Where so much more is there than what the player waits for, one gap has come upon another.
const GAPS: Duration = Duration::from_millis(300);

/// Hands whole fragments to the player in order, waits a little for what is missing, and
/// then goes on without it.
#[derive(Default)]
pub(crate) struct Playout {
    /// The last fragment that was handed over, and where its media ends.
    last: Option<Last>,
    /// The init data that the player has.
    init: Option<u32>,
    /// Since when the next fragment is there but the one before it is not.
    gap_since: Option<Duration>,
}

struct Last {
    at: Position,
    end: u64,
}

/// What the player gets.
pub(crate) enum Play {
    Tracks(Init),
    Chunk(Fragment),
    Skipped(Duration),
}

impl Playout {
    /// The last fragment handed over; what a feeder need not send again.
    pub(crate) fn cursor(&self) -> Option<Position> {
        self.last.as_ref().map(|last| last.at)
    }

    /// When the gap at hand will have been waited for long enough.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Duration> {
        self.gap_since.map(|since| since + patience)
    }

    /// The next thing for the player, if there is one now.
    pub(crate) fn next(
        &mut self,
        now: Duration,
        store: &Store,
        patience: Duration,
    ) -> Option<Play> {
        let fragment = match &self.last {
            Some(last) => first_media_after(store, last.at)?,
            None => match store.get(store.start()?)? {
                Entry::Whole(fragment) => fragment,
                Entry::Partial(_) => return None,
            },
        };
        let meta = &fragment.header.header.meta;
        let init = store.init(meta.init);
        let missing = self
            .last
            .as_ref()
            .filter(|last| !follows(last, fragment, init.is_some()));
        if missing.is_some() || init.is_none() {
            let since = *self.gap_since.get_or_insert(now);
            // Where one thing after the other is missing, waiting for each would add up.
            let newest = store.newest().and_then(|newest| store.get(newest));
            let newest = newest.map_or(0, |entry| entry.header().header.meta.media_time);
            let ahead = Duration::from_micros(newest.saturating_sub(meta.media_time));
            let patience = if ahead >= patience + GAPS && init.is_some() {
                patience / 4
            } else {
                patience
            };
            if now < since + patience {
                return None;
            }
        }
        // Without its init data nothing of a segment can be shown, however long one waits.
        let init = init?;
        if let Some(last) = missing {
            let gap = Duration::from_micros(meta.media_time.saturating_sub(last.end));
            self.last = Some(Last {
                at: before(meta.at),
                end: meta.media_time,
            });
            return Some(Play::Skipped(gap));
        }
        if self.init != Some(meta.init) {
            self.init = Some(meta.init);
            if let Ok(tracks) = Init::decode(&init.payload) {
                return Some(Play::Tracks(tracks));
            }
        }
        self.gap_since = None;
        // A fragment of nothing but late sound ends before the picture does.
        let end = meta.media_time + u64::from(meta.duration);
        let end = self.last.as_ref().map_or(end, |last| last.end.max(end));
        self.last = Some(Last { at: meta.at, end });
        Some(Play::Chunk(fragment.clone()))
    }
}

fn first_media_after(store: &Store, after: Position) -> Option<&Fragment> {
    store.after(Some(after)).find_map(|(_, entry)| match entry {
        Entry::Whole(fragment) if fragment.header.header.meta.kind == Kind::Media => Some(fragment),
        _ => None,
    })
}

/// Whether nothing can be missing between two fragments.
fn follows(last: &Last, next: &Fragment, has_init: bool) -> bool {
    let meta = &next.header.header.meta;
    if meta.at.segment == last.at.segment {
        return meta.at.index == last.at.index + 1;
    }
    if meta.at.segment != last.at.segment.wrapping_add(1) {
        return false;
    }
    // A segment with init data of its own begins another source: the times of the two
    // need not meet, and its media start behind the init data.
    if meta.init == meta.at.segment {
        return has_init && meta.at.index == 1;
    }
    meta.at.index == 0 && meta.media_time <= last.end + SEAM
}

/// A position right before another, so that this one follows.
fn before(at: Position) -> Position {
    match at.index.checked_sub(1) {
        Some(index) => Position {
            segment: at.segment,
            index,
        },
        None => Position {
            segment: at.segment.wrapping_sub(1),
            index: u16::MAX,
        },
    }
}
