use core::fmt;

/// Why something that a source sent is not in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Tracks that cannot be played, or that cannot be read.
    BadTracks,
    /// A unit of a track that has not been announced.
    NoTrack,
    /// A unit larger than [`crate::MAX_UNIT`].
    TooLarge,
    /// A unit that is not made of NAL units, or has impossible times.
    Malformed,
    /// A picture that cannot be shown before the next key frame.
    AwaitingKey,
    /// A unit from before the one before it.
    Backwards,
    /// The source's clock jumped; it goes on from its next key frame.
    Jump,
    /// The source runs faster than time does.
    TooFast,
}

impl Reason {
    /// Every reason there is.
    pub const ALL: [Reason; 8] = [
        Reason::BadTracks,
        Reason::NoTrack,
        Reason::TooLarge,
        Reason::Malformed,
        Reason::AwaitingKey,
        Reason::Backwards,
        Reason::Jump,
        Reason::TooFast,
    ];
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::BadTracks => "bad tracks",
            Reason::NoTrack => "no such track",
            Reason::TooLarge => "too large",
            Reason::Malformed => "malformed",
            Reason::AwaitingKey => "waiting for a key frame",
            Reason::Backwards => "out of order",
            Reason::Jump => "jump of the source's clock",
            Reason::TooFast => "faster than time",
        })
    }
}

/// How often each [`Reason`] was given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    counts: [u64; Reason::ALL.len()],
}

impl Tally {
    /// How often for `reason`.
    #[must_use]
    pub fn of(&self, reason: Reason) -> u64 {
        self.counts[reason as usize]
    }

    /// How often in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Every reason that was given, with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL
            .into_iter()
            .map(|reason| (reason, self.of(reason)))
            .filter(|&(_, n)| n > 0)
    }

    pub(crate) fn note(&mut self, reason: Reason) {
        self.counts[reason as usize] += 1;
    }
}
