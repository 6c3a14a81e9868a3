//! What a player holds, over all of its tracks.

/// A stretch of media that the player holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// What can be played: where every track that there is has media.
pub(crate) struct Playable(Vec<Span>);

impl Playable {
    pub(crate) fn of(video: Option<&[Span]>, audio: Option<&[Span]>) -> Self {
        match (video, audio) {
            (Some(video), Some(audio)) => Playable(intersection(video, audio)),
            (Some(only), None) | (None, Some(only)) => Playable(only.to_vec()),
            (None, None) => Playable(Vec::new()),
        }
    }

    pub(crate) fn end(&self) -> f64 {
        self.0.last().map_or(0.0, |span| span.end)
    }

    /// Where to play to have `buffer` in front, or the beginning of the newest stretch.
    pub(crate) fn live(&self, buffer: f64) -> Option<f64> {
        self.0
            .last()
            .map(|span| (span.end - buffer).max(span.start + LANDING))
    }

    pub(crate) fn at(&self, time: f64) -> Option<&Span> {
        self.0
            .iter()
            .find(|span| span.start - LANDING <= time && time <= span.end)
    }

    /// The first stretch to go on with that begins after `time`, where no more than `left` is
    /// left of its own. One too short for that is passed over, unless it is the last and may
    /// still grow.
    pub(crate) fn next_after(&self, time: f64, left: f64) -> Option<&Span> {
        if self.at(time).is_some_and(|span| span.end - time > left) {
            return None;
        }
        let later = |span: &&Span| span.start > time;
        let mut long = self.0.iter().filter(later);
        long.find(|span| span.end - span.start > SHORT)
            .or(self.0.last().filter(later))
    }

    /// How much media stands between two times.
    pub(crate) fn between(&self, from: f64, to: f64) -> f64 {
        self.0
            .iter()
            .map(|span| (span.end.min(to) - span.start.max(from)).max(0.0))
            .sum()
    }
}

fn intersection(one: &[Span], other: &[Span]) -> Vec<Span> {
    let mut both = Vec::new();
    let (mut i, mut j) = (0, 0);
    while let (Some(a), Some(b)) = (one.get(i), other.get(j)) {
        let (start, end) = (a.start.max(b.start), a.end.min(b.end));
        if start < end {
            both.push(Span { start, end });
        }
        if a.end < b.end { i += 1 } else { j += 1 }
    }
    both
}

/// So near to the end of a stretch, the player has used it up.
pub(crate) const GAP_EDGE: f64 = 0.1;
/// Into a stretch as short as this an element may seek for ever: Chromium wants some pictures
/// and 0.2 s of sound before it says that it is there.
pub(crate) const SHORT: f64 = 0.3;
/// Landing exactly on a start may miss it by a rounding.
pub(crate) const LANDING: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: f64, end: f64) -> Span {
        Span { start, end }
    }

    #[test]
    fn only_where_both_tracks_have_media_it_plays() {
        let video = [span(0.0, 2.0), span(3.0, 5.0)];
        let audio = [span(0.5, 3.5), span(4.0, 6.0)];
        let both = Playable::of(Some(&video), Some(&audio));
        assert_eq!(both.0, [span(0.5, 2.0), span(3.0, 3.5), span(4.0, 5.0)]);
        assert_eq!(Playable::of(Some(&video), None).0, video);
        assert!(Playable::of(None, None).0.is_empty());
        assert!(Playable::of(Some(&video), Some(&[])).0.is_empty());
    }

    #[test]
    fn live_is_a_buffer_before_the_end_but_never_in_a_hole() {
        let held = Playable(vec![span(0.0, 2.0), span(3.0, 5.0)]);
        assert_eq!(held.live(0.5), Some(4.5));
        assert_eq!(held.live(10.0), Some(3.0 + LANDING));
        assert_eq!(Playable(vec![]).live(0.5), None);
    }

    #[test]
    fn the_next_stretch_counts_only_at_the_end_of_this_one() {
        let held = Playable(vec![span(0.0, 2.0), span(3.0, 5.0)]);
        assert_eq!(held.next_after(1.0, GAP_EDGE), None);
        assert_eq!(held.next_after(1.95, GAP_EDGE), Some(&span(3.0, 5.0)));
        assert_eq!(held.next_after(2.5, GAP_EDGE), Some(&span(3.0, 5.0)));
        assert_eq!(held.next_after(4.99, GAP_EDGE), None);
    }

    #[test]
    fn a_stretch_too_short_to_go_on_with_is_passed_over() {
        let held = Playable(vec![span(0.0, 2.0), span(2.1, 2.2), span(2.3, 5.0)]);
        assert_eq!(held.next_after(1.95, GAP_EDGE), Some(&span(2.3, 5.0)));
        assert_eq!(held.next_after(2.15, SHORT), Some(&span(2.3, 5.0)));
        let held = Playable(vec![span(0.0, 2.0), span(2.1, 2.2)]);
        assert_eq!(held.next_after(1.95, GAP_EDGE), Some(&span(2.1, 2.2)));
    }

    #[test]
    fn holes_are_no_media() {
        let held = Playable(vec![span(0.0, 2.0), span(3.0, 5.0)]);
        assert!((held.between(1.5, 3.25) - 0.75).abs() < 1e-9);
    }
}
