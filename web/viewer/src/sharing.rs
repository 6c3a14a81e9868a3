//! What this page may pass on: by what its device and connection are, and by its owner's
//! word.

use core::time::Duration;

/// Whether the page passes the stream on, and if not, why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// It does, as far as there is somebody to pass it on to.
    On,
    /// Its owner does not want it.
    Off,
    /// Its owner has been asked, and has not said anything yet.
    Asked,
    /// The connection is metered, or is to be spared.
    Metered,
    /// Nobody sees the page, on a device that soon stops it.
    Hidden,
    /// The battery is low.
    Battery,
    /// The connection goes by a relay, which somebody else pays for.
    Relayed,
}

impl Sharing {
    /// What it is called in figures and in the page's words.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Sharing::On => "on",
            Sharing::Off => "off",
            Sharing::Asked => "asked",
            Sharing::Metered => "metered",
            Sharing::Hidden => "hidden",
            Sharing::Battery => "battery",
            Sharing::Relayed => "relayed",
        }
    }
}

/// What speaks against passing the stream on, a bit each, as the loader counts them.
pub(crate) const METERED: u8 = 1;
/// See [`Sharing::Hidden`].
pub(crate) const HIDDEN: u8 = 2;
/// See [`Sharing::Battery`].
pub(crate) const BATTERY: u8 = 4;
/// See [`Sharing::Relayed`].
pub(crate) const RELAYED: u8 = 8;

/// What decides.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Word {
    /// Nothing is shared before the owner has said yes.
    pub(crate) asks: bool,
    /// What the owner has said, now or on an earlier visit.
    pub(crate) choice: Option<bool>,
    /// The owner has said yes on this visit, and knew what speaks against it.
    pub(crate) insists: bool,
}

impl Word {
    /// The owner presses the switch.
    pub(crate) fn press(&mut self, shown: Sharing) {
        let on = shown != Sharing::On;
        self.insists = on && (self.choice == Some(true) || !self.asks);
        self.choice = Some(on);
    }

    /// What follows from the owner's word and from what speaks `against` sharing.
    pub(crate) fn sharing(self, against: u8) -> Sharing {
        let speaks = |bit| against & bit != 0;
        match self.choice {
            Some(false) => return Sharing::Off,
            None if self.asks => return Sharing::Asked,
            _ => {}
        }
        // A telephone soon stops a page that is not seen, whatever its owner says.
        if speaks(HIDDEN) {
            return Sharing::Hidden;
        }
        [
            (METERED, Sharing::Metered),
            (BATTERY, Sharing::Battery),
            (RELAYED, Sharing::Relayed),
        ]
        .into_iter()
        .find(|(bit, _)| speaks(*bit) && !self.insists)
        .map_or(Sharing::On, |(_, why)| why)
    }
}

/// How fast the stream is passed on.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    since: Duration,
    bytes: u64,
    /// In bit/s, smoothed.
    pub(crate) bits: f64,
}

impl Rate {
    /// Takes in how many bytes have been passed on in all.
    #[expect(clippy::cast_precision_loss, reason = "bytes of a second")]
    pub(crate) fn note(&mut self, now: Duration, bytes: u64) {
        let span = now.saturating_sub(self.since).as_secs_f64();
        if span > 0.0 {
            let bits = bytes.saturating_sub(self.bytes) as f64 * 8.0 / span;
            // A key frame is not the rate.
            self.bits += (bits - self.bits) * SMOOTHING;
        }
        (self.since, self.bytes) = (now, bytes);
    }
}

/// The weight of the newest second.
const SMOOTHING: f64 = 0.4;
/// How often is looked for what has changed.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(u8, Sharing); 4] = [
        (METERED, Sharing::Metered),
        (HIDDEN, Sharing::Hidden),
        (BATTERY, Sharing::Battery),
        (RELAYED, Sharing::Relayed),
    ];

    #[test]
    fn a_page_shares_unless_something_speaks_against_it() {
        let word = Word::default();
        assert_eq!(word.sharing(0), Sharing::On);
        for (bit, why) in ALL {
            assert_eq!(word.sharing(bit), why);
        }
    }

    #[test]
    fn the_owners_no_is_a_no() {
        let mut word = Word::default();
        word.press(word.sharing(0));
        assert_eq!(word.sharing(0), Sharing::Off);
        word.press(word.sharing(0));
        assert_eq!(word.sharing(0), Sharing::On);
    }

    #[test]
    fn who_is_asked_shares_after_a_yes_only() {
        let asked = Word {
            asks: true,
            ..Word::default()
        };
        assert_eq!(asked.sharing(0), Sharing::Asked);
        let mut yes = asked;
        yes.press(Sharing::Asked);
        assert_eq!(yes.sharing(0), Sharing::On);
        // That was a yes to sharing, not to sharing at any price.
        assert_eq!(yes.sharing(METERED), Sharing::Metered);
        yes.press(Sharing::Metered);
        assert_eq!(yes.sharing(METERED), Sharing::On);
    }

    #[test]
    fn who_switches_it_on_knows_what_speaks_against_it() {
        for (bit, why) in ALL {
            let mut word = Word::default();
            word.press(word.sharing(bit));
            let hidden = why == Sharing::Hidden;
            let expected = if hidden { Sharing::Hidden } else { Sharing::On };
            assert_eq!(word.sharing(bit), expected);
        }
    }

    #[test]
    fn a_yes_of_an_earlier_visit_yields_to_what_is_so_now() {
        let word = Word {
            choice: Some(true),
            ..Word::default()
        };
        assert_eq!(word.sharing(BATTERY), Sharing::Battery);
    }

    #[test]
    fn the_rate_follows_and_one_key_frame_is_not_the_rate() {
        let mut rate = Rate::default();
        let second = |n| Duration::from_secs(n);
        for n in 1..=20 {
            rate.note(second(n), n * 125_000);
        }
        assert!((rate.bits - 1e6).abs() < 1e4, "{}", rate.bits);
        rate.note(second(21), 21 * 125_000 + 100_000);
        assert!(rate.bits < 1.4e6, "{}", rate.bits);
    }
}
