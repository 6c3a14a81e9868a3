//! Who comes and goes, and what befalls everybody, when.

use core::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::world::{Subject, World};

/// What a run is about. The names are those of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// `churn`: viewers come and go as they do, and nothing else happens.
    Churn,
    /// `flash-crowd`: nobody is there, and everybody comes within 30 s.
    FlashCrowd,
    /// `mass-departure`: one viewer in twenty is gone at once, without a word.
    MassDeparture,
    /// `provider-lost`: everyone behind the second-largest provider is gone at once,
    /// without a word: about one viewer in nine.
    ProviderLost,
    /// `root-killed`: every 15 s a viewer whom the box feeds dies without a word.
    RootKilled,
    /// `box-restart`: the box is gone for 3 s, and has forgotten everything then.
    BoxRestart,
    /// One viewer in a hundred, at least two, turns hostile at one moment.
    Hostile(Attack),
}

/// What hostile viewers do. Until then they are as others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Attack {
    /// `forger`: alters the parts that it passes on.
    Forger,
    /// `silent`: passes on nothing and says nothing, with open links.
    Silent,
    /// `withholding`: passes everything on just before its children would turn away
    /// from it, and its partner, a hostile one too, says that there is nothing newer.
    Withholding,
    /// `liar`: reports its partner and children as bad, and heartbeats of what it does
    /// not hold.
    Liar,
    /// `dropper`: leaves out every fifth part.
    Dropper,
    /// `flooder`: sends its neighbours and the box far more than they asked for.
    Flooder,
    /// `replayer`: sends old fragments again and again in place of new ones.
    Replayer,
    /// `sybil`: a thousand viewers come from one address within 10 s, and pass on
    /// nothing.
    Sybil,
    /// `patient`: has been there for longer than anybody, is strong, rises to the top,
    /// and falls silent then.
    Patient,
}

/// Something that happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happening {
    /// Since the audience is complete.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// The viewer of this number opens the page.
    Open(u32),
    /// It closes the page, taking its leave. Without effect if it is not there any more,
    /// as all that names a viewer.
    Leave(u32),
    /// It is gone without a word.
    Kill(u32),
    /// The viewer is gone without a word whom the box feeds directly and below whom most
    /// others are.
    KillRoot,
    /// The box's process ends, and all of its sockets close.
    BoxStops,
    /// It is back, and remembers its keys and nothing else.
    BoxStarts,
    /// All hostile viewers begin.
    Strike,
}

/// A whole run, before it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Who is there when the clock starts, in the order in which they have come. How
    /// they are brought in is each simulator's matter; nothing of it is measured.
    pub audience: Vec<u32>,
    /// What happens then, in order of time.
    pub happenings: Vec<Happening>,
    /// The numbers of the viewers who turn hostile at [`What::Strike`].
    pub attackers: Vec<u32>,
    /// For how long it goes on.
    pub length: Duration,
}

/// The run of a scenario: `nodes` viewers (on average, where they come and go), watched
/// for `seconds`.
#[must_use]
pub fn schedule(world: &World, scenario: Scenario, nodes: u32, seconds: u32) -> Schedule {
    let mut plan = Plan {
        world,
        length: Duration::from_secs(seconds.into()),
        happenings: Vec::new(),
    };
    let moment = plan.length / 4;
    let mut audience = Vec::new();
    let mut attackers = Vec::new();
    if scenario == Scenario::FlashCrowd {
        for number in 0..nodes {
            let share = world.draw(Subject::Arrival, number.into()).share();
            plan.visit(number, CROWDING.mul_f64(share));
        }
    } else {
        audience = plan.residents(nodes);
    }
    plan.arrivals(
        nodes,
        if audience.is_empty() {
            CROWDING
        } else {
            Duration::ZERO
        },
    );
    match scenario {
        Scenario::Churn | Scenario::FlashCrowd => {}
        Scenario::MassDeparture => {
            let goes = |&number: &u32| {
                let mut draw = world.draw(Subject::Victim, number.into());
                draw.chance(MASS)
            };
            plan.gone(moment, audience.iter().copied().filter(goes));
        }
        Scenario::ProviderLost => {
            let prefix = world.prefix(1);
            let goes = |&number: &u32| world.viewer(number).network.prefix == prefix;
            plan.gone(moment, audience.iter().copied().filter(goes));
        }
        Scenario::RootKilled => {
            let mut at = moment.min(ROOT_KILLED_EVERY);
            while at < plan.length {
                plan.note(at, What::KillRoot);
                at += ROOT_KILLED_EVERY;
            }
        }
        Scenario::BoxRestart => {
            plan.note(moment, What::BoxStops);
            plan.note(moment + BOX_AWAY, What::BoxStarts);
        }
        Scenario::Hostile(Attack::Sybil) => {
            attackers = (0..SYBILS).map(|rank| World::SYBILS + rank).collect();
            plan.note(moment, What::Strike);
            for (&number, rank) in attackers.iter().zip(0..) {
                plan.note(moment + SYBILS_TAKE * rank / SYBILS, What::Open(number));
            }
        }
        Scenario::Hostile(attack) => {
            let count = (nodes / 100).max(2);
            attackers = (0..count).map(|rank| World::ATTACKERS + rank).collect();
            let crowd = audience.len() / attackers.len();
            for (rank, &number) in attackers.iter().enumerate() {
                let spread = if attack == Attack::Patient {
                    1
                } else {
                    crowd + 1
                };
                let place = rank * spread;
                audience.insert(place.min(audience.len()), number);
            }
            plan.note(moment, What::Strike);
        }
    }
    plan.happenings.sort_by_key(|happening| happening.at);
    Schedule {
        audience,
        happenings: plan.happenings,
        attackers,
        length: plan.length,
    }
}

struct Plan<'a> {
    world: &'a World,
    length: Duration,
    happenings: Vec<Happening>,
}

impl Plan<'_> {
    fn note(&mut self, at: Duration, what: What) {
        if at < self.length {
            self.happenings.push(Happening { at, what });
        }
    }

    /// Those who are met there, the oldest first, and when they go.
    fn residents(&mut self, nodes: u32) -> Vec<u32> {
        let mut aged: Vec<(Duration, u32)> = Vec::new();
        for number in 0..nodes {
            let viewer = self.world.viewer(number);
            aged.push((viewer.age, number));
            self.goes(number, viewer.residual, viewer.says_goodbye);
        }
        aged.sort_unstable_by(|a, b| b.cmp(a));
        aged.into_iter().map(|(_, number)| number).collect()
    }

    /// As many newcomers as there are who go, on average: a Poisson process.
    fn arrivals(&mut self, nodes: u32, from: Duration) {
        let gap = self
            .world
            .conditions()
            .mean_session()
            .div_f64(f64::from(nodes.max(1)));
        let (mut at, mut number) = (from, nodes);
        while at < self.length {
            let mut draw = self.world.draw(Subject::Arrival, number.into());
            at += gap
                .mul_f64(-(1.0 - draw.share()).ln())
                .max(Duration::from_nanos(1));
            self.visit(number, at);
            number += 1;
        }
    }

    fn visit(&mut self, number: u32, at: Duration) {
        self.note(at, What::Open(number));
        let viewer = self.world.viewer(number);
        self.goes(number, at + viewer.session, viewer.says_goodbye);
    }

    fn goes(&mut self, number: u32, at: Duration, says_goodbye: bool) {
        let what = if says_goodbye {
            What::Leave(number)
        } else {
            What::Kill(number)
        };
        self.note(at, what);
    }

    fn gone(&mut self, at: Duration, who: impl Iterator<Item = u32>) {
        for number in who {
            self.note(at, What::Kill(number));
        }
    }
}

impl Scenario {
    /// All of them, in the order in which they are explained.
    pub const ALL: [Scenario; 15] = [
        Scenario::Churn,
        Scenario::FlashCrowd,
        Scenario::MassDeparture,
        Scenario::ProviderLost,
        Scenario::RootKilled,
        Scenario::BoxRestart,
        Scenario::Hostile(Attack::Forger),
        Scenario::Hostile(Attack::Silent),
        Scenario::Hostile(Attack::Withholding),
        Scenario::Hostile(Attack::Liar),
        Scenario::Hostile(Attack::Dropper),
        Scenario::Hostile(Attack::Flooder),
        Scenario::Hostile(Attack::Replayer),
        Scenario::Hostile(Attack::Sybil),
        Scenario::Hostile(Attack::Patient),
    ];

    /// Its name on the command line and in the figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Churn => "churn",
            Scenario::FlashCrowd => "flash-crowd",
            Scenario::MassDeparture => "mass-departure",
            Scenario::ProviderLost => "provider-lost",
            Scenario::RootKilled => "root-killed",
            Scenario::BoxRestart => "box-restart",
            Scenario::Hostile(Attack::Forger) => "forger",
            Scenario::Hostile(Attack::Silent) => "silent",
            Scenario::Hostile(Attack::Withholding) => "withholding",
            Scenario::Hostile(Attack::Liar) => "liar",
            Scenario::Hostile(Attack::Dropper) => "dropper",
            Scenario::Hostile(Attack::Flooder) => "flooder",
            Scenario::Hostile(Attack::Replayer) => "replayer",
            Scenario::Hostile(Attack::Sybil) => "sybil",
            Scenario::Hostile(Attack::Patient) => "patient",
        }
    }
}

impl Attack {
    /// Whether those who are fed by an attacker get nothing any more.
    #[must_use]
    pub fn passes_on_nothing(self) -> bool {
        matches!(self, Attack::Silent | Attack::Sybil | Attack::Patient)
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No scenario has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no scenario is called {0:?}; there are {names}", names = names())]
pub struct UnknownScenario(String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Scenario, UnknownScenario> {
        let fits = |scenario: &Scenario| scenario.name() == name;
        let found = Scenario::ALL.into_iter().find(fits);
        found.ok_or_else(|| UnknownScenario(name.into()))
    }
}

fn names() -> String {
    Scenario::ALL.map(Scenario::name).join(", ")
}

/// A flash crowd comes within this.
const CROWDING: Duration = Duration::from_secs(30);
/// The share of a mass departure.
const MASS: f64 = 0.05;
/// Long enough for the overlay to have mended itself in between.
const ROOT_KILLED_EVERY: Duration = Duration::from_secs(15);
/// What systemd and the daemon need to be back on a small machine.
const BOX_AWAY: Duration = Duration::from_secs(3);
/// So many come from one address,
const SYBILS: u32 = 1_000;
/// within this.
const SYBILS_TAKE: Duration = Duration::from_secs(10);
