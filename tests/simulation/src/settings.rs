//! What the `sim` command is told, as words: `NODES=2000`, from its arguments or from the
//! environment.

use core::time::Duration;
use std::path::PathBuf;

use peerstream_overlay::Policy;

use crate::{
    rivals::Rival,
    scenario::{Scenario, UnknownScenario},
};

/// What to simulate, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `NODES`: the audience. 1,000 unless said otherwise.
    pub nodes: u32,
    /// `SECONDS`: for how long it is watched. 60 unless said otherwise.
    pub seconds: u32,
    /// `SEED`: 1 unless said otherwise.
    pub seed: u64,
    /// `SCENARIO`: churn unless said otherwise.
    pub scenario: Scenario,
    /// `MODE`.
    pub mode: Mode,
    /// `DELAY`: the playout delay of another overlay, in milliseconds. As much as suits it
    /// ([`Rival::delay`]) unless said otherwise.
    pub delay: Option<Duration>,
    /// `UPLINK`: what the box can send, in kbit/s. As [`crate::Conditions`] have it (10,000)
    /// unless said otherwise. A million viewers with sessions of 14 minutes are 1,200 joins a
    /// second, of about 2 KB each: with 10,000 nobody new gets in; that takes about 40,000.
    pub uplink: Option<u64>,
    /// `PLACEMENT`: `age` (the default) or `nearness`.
    pub placement: Policy,
    /// `PLOT`: whether to draw pictures.
    pub plot: bool,
    /// Where to: `sim` in the target directory.
    pub pictures: PathBuf,
}

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `full`: every viewer a real node. Up to [`FULL_UP_TO`] viewers, and for hostile
    /// scenarios, what is done unless said otherwise.
    Full,
    /// `tide`: undisturbed subtrees advance by calculation. Beyond that.
    Tide,
    /// `tree`, `stripes`, `mesh`: another overlay.
    Rival(Rival),
    /// `compare`: this overlay and all others, side by side, as a table.
    Compare,
}

/// What is wrong with a word, and what to say instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// No such name.
    #[error(
        "{0:?} means nothing here; say NODES=, SECONDS=, SEED=, SCENARIO=, MODE=, \
         DELAY=, UPLINK=, PLACEMENT= or PLOT="
    )]
    Name(String),
    /// No number, or one that is out of range.
    #[error("{name}={value:?}: give a whole number from {least} to {most}")]
    Number {
        /// Of the setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// The least that makes sense.
        least: u64,
        /// The most that can be.
        most: u64,
    },
    /// No such scenario.
    #[error("SCENARIO: {0}")]
    Scenario(#[from] UnknownScenario),
    /// No such choice.
    #[error("{name}={value:?}: choose one of {choices}")]
    Choice {
        /// Of the setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What there is.
        choices: &'static str,
    },
    /// The million-node mode has honest nodes only.
    #[error("SCENARIO={0} needs real nodes: leave MODE out, or say MODE=full")]
    HostileTide(Scenario),
    /// Other overlays have no box that restarts, and nothing against hostile nodes.
    #[error("SCENARIO={0} is for this overlay alone: leave MODE out, or say MODE=full")]
    OursAlone(Scenario),
    /// More than any machine holds as real nodes.
    #[error("{0} real nodes are too many: at most {FULL_AT_MOST}; say fewer NODES, or MODE=tide")]
    TooManyForFull(u32),
}

impl Settings {
    /// Reads arguments, and the environment for what they leave out.
    ///
    /// # Errors
    /// The first thing that is wrong, with what would be right.
    pub fn read(
        arguments: impl IntoIterator<Item = String>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Settings, Unclear> {
        let mut given: Vec<(&'static str, String)> = Vec::new();
        for argument in arguments {
            let (name, value) = argument.split_once('=').unwrap_or((&argument, ""));
            let name = NAMES.into_iter().find(|known| *known == name);
            match name {
                Some(name) => given.push((name, value.into())),
                None => return Err(Unclear::Name(argument)),
            }
        }
        let word = |name: &'static str| {
            let argument = given.iter().rev().find(|(given, _)| *given == name);
            argument
                .map(|(_, value)| value.clone())
                .or_else(|| environment(name))
                .filter(|value| !value.is_empty())
        };
        let nodes = number(word, "NODES", 1_000, 1, 10_000_000)?;
        let scenario: Scenario = word("SCENARIO").map_or(Ok(Scenario::Churn), |s| s.parse())?;
        let hostile = matches!(scenario, Scenario::Hostile(_));
        let mode = match word("MODE").as_deref() {
            None if hostile || nodes <= FULL_UP_TO => Mode::Full,
            None => Mode::Tide,
            Some("full") => Mode::Full,
            Some("tide") if hostile => return Err(Unclear::HostileTide(scenario)),
            Some("tide") => Mode::Tide,
            Some(_) if hostile => return Err(Unclear::OursAlone(scenario)),
            Some(_) if scenario == Scenario::BoxRestart => {
                return Err(Unclear::OursAlone(scenario));
            }
            Some("compare") => Mode::Compare,
            Some(other) => match other.parse() {
                Ok(rival) => Mode::Rival(rival),
                Err(_) => return Err(choice("MODE", other, MODES)),
            },
        };
        let nodes = u32::try_from(nodes).unwrap_or(u32::MAX);
        if matches!(mode, Mode::Full | Mode::Compare) && nodes > FULL_AT_MOST {
            return Err(Unclear::TooManyForFull(nodes));
        }
        let placement = match word("PLACEMENT").as_deref() {
            None | Some("age") => Policy::ByAgeAndDelivery,
            Some("nearness") => Policy::ByNearness,
            Some(other) => return Err(choice("PLACEMENT", other, "age, nearness")),
        };
        let plot = match word("PLOT").as_deref() {
            None | Some("0") => false,
            Some("1") => true,
            Some(other) => return Err(choice("PLOT", other, "0, 1")),
        };
        let delay = match word("DELAY") {
            None => None,
            Some(_) => Some(Duration::from_millis(number(word, "DELAY", 0, 1, 60_000)?)),
        };
        let uplink = match word("UPLINK") {
            None => None,
            Some(_) => Some(1_000 * number(word, "UPLINK", 0, 100, 10_000_000)?),
        };
        let target = environment("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        Ok(Settings {
            nodes,
            seconds: u32::try_from(number(word, "SECONDS", 60, 1, 86_400)?).unwrap_or(60),
            seed: number(word, "SEED", 1, 0, u64::MAX)?,
            scenario,
            mode,
            delay,
            uplink,
            placement,
            plot,
            pictures: PathBuf::from(target).join("sim"),
        })
    }
}

fn number(
    word: impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    default: u64,
    least: u64,
    most: u64,
) -> Result<u64, Unclear> {
    let Some(value) = word(name) else {
        return Ok(default);
    };
    // As people write them: 100,000 or 100_000.
    let digits: String = value.chars().filter(|c| !",_".contains(*c)).collect();
    match digits.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(Unclear::Number {
            name,
            value,
            least,
            most,
        }),
    }
}

fn choice(name: &'static str, value: &str, choices: &'static str) -> Unclear {
    Unclear::Choice {
        name,
        value: value.into(),
        choices,
    }
}

const MODES: &str = "full, tide, tree, stripes, mesh, compare";
const NAMES: [&str; 9] = [
    "NODES",
    "SECONDS",
    "SEED",
    "SCENARIO",
    "MODE",
    "DELAY",
    "UPLINK",
    "PLACEMENT",
    "PLOT",
];

/// Real nodes are what is simulated up to here unless asked otherwise: it takes about as
/// long as it would in reality.
pub const FULL_UP_TO: u64 = 2_000;
/// A node takes some hundred kilobytes; a machine with 16 GB has room for these.
pub const FULL_AT_MOST: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str], environment: &[(&str, &str)]) -> Result<Settings, Unclear> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        Settings::read(arguments, |name| {
            let given = environment.iter().find(|(given, _)| *given == name);
            given.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn arguments_come_before_the_environment() {
        let env = [("NODES", "300"), ("SEED", "7"), ("SCENARIO", "")];
        let settings = read(&["NODES=1_500", "PLOT=1"], &env).expect("clear");
        assert_eq!(
            (settings.nodes, settings.seed, settings.plot),
            (1_500, 7, true)
        );
        assert_eq!(
            (settings.scenario, settings.mode),
            (Scenario::Churn, Mode::Full)
        );
    }

    #[test]
    fn large_audiences_are_a_tide_and_hostile_ones_never() {
        assert_eq!(read(&["NODES=2001"], &[]).map(|s| s.mode), Ok(Mode::Tide));
        let hostile = ["NODES=2001", "SCENARIO=forger"];
        assert_eq!(read(&hostile, &[]).map(|s| s.mode), Ok(Mode::Full));
        assert!(read(&["SCENARIO=forger", "MODE=tide"], &[]).is_err());
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_right() {
        for (wrong, right) in [
            (["NODES=many", ""], "whole number"),
            (["NODES=0", ""], "from 1"),
            (["SCENARIO=chrun", ""], "churn, flash-crowd"),
            (["MODE=ful", ""], "full, tide"),
            (["MODE=full", "NODES=1000000"], "MODE=tide"),
            (["PLACEMENT=far", ""], "nearness"),
            (["NODE=5", ""], "NODES="),
        ] {
            let wrong: Vec<&str> = wrong.into_iter().filter(|word| !word.is_empty()).collect();
            let error = read(&wrong, &[]).expect_err(right).to_string();
            assert!(error.contains(right), "{wrong:?}: {error}");
        }
    }
}
