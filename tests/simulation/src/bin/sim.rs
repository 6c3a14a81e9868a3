//! Simulates an audience: `sim NODES=2000 SCENARIO=churn`, or the same words from the
//! environment. Progress goes to stderr, one line of JSON to stdout, and with `PLOT=1`
//! pictures into `target/sim`.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::{Duration, Instant},
};

use peerstream_overlay::Config;
use peerstream_simulation::{
    Conditions, Figures, World, plot,
    report::table,
    rivals::{self, Rival},
    run::{Outcome, Plan, Progress, play},
    settings::{Mode, Settings},
    tide,
};

fn main() -> ExitCode {
    let arguments = std::env::args().skip(1);
    let settings = match Settings::read(arguments, |name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(unclear) => {
            eprintln!("sim: {unclear}");
            return ExitCode::from(2);
        }
    };
    match simulate(&settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sim: {}: {error}", settings.pictures.display());
            ExitCode::FAILURE
        }
    }
}

fn simulate(settings: &Settings) -> io::Result<()> {
    let mut conditions = Conditions::default();
    if let Some(uplink) = settings.uplink {
        conditions.box_uplink = uplink;
    }
    let plan = Plan {
        world: World::new(settings.seed, conditions),
        scenario: settings.scenario,
        nodes: settings.nodes,
        seconds: settings.seconds,
        overlay: Config {
            placement: settings.placement,
            ..Config::default()
        },
    };
    let outcome = match settings.mode {
        Mode::Full => metered(|meter| play(&plan, |progress| meter.show(progress))),
        Mode::Tide => metered(|meter| tide::play(&plan, |progress| meter.show(progress))),
        Mode::Rival(rival) => Outcome {
            figures: theirs(&plan, rival, settings.delay),
            ..Outcome::default()
        },
        Mode::Compare => {
            let ours = metered(|meter| play(&plan, |progress| meter.show(progress)));
            let ours = ours.figures;
            let rivals = Rival::ALL.map(|rival| theirs(&plan, rival, settings.delay));
            let all: Vec<Figures> = core::iter::once(ours).chain(rivals).collect();
            print!("{}", table::markdown(&all));
            return Ok(());
        }
    };
    println!("{}", serde_json::to_string(&outcome.figures)?);
    if settings.plot {
        for picture in plot::draw(&outcome, &settings.pictures)? {
            eprintln!("{}", picture.display());
        }
    }
    Ok(())
}

fn metered(run: impl FnOnce(&mut Meter) -> Outcome) -> Outcome {
    let mut meter = Meter::new();
    let mut outcome = run(&mut meter);
    outcome.figures.realtime_factor = meter.realtime_factor();
    outcome
}

fn theirs(plan: &Plan, rival: Rival, delay: Option<Duration>) -> Figures {
    eprintln!("{rival} ...");
    let begun = Instant::now();
    let delay = delay.unwrap_or_else(|| rival.delay());
    let (nodes, seconds) = (plan.nodes, plan.seconds);
    let mut figures = rivals::run(&plan.world, plan.scenario, nodes, seconds, rival, delay);
    figures.realtime_factor = f64::from(seconds) / begun.elapsed().as_secs_f64().max(1e-9);
    figures
}

/// Shows how far a run is, and how fast.
struct Meter {
    begun: Instant,
    /// When the audience was complete, and the seconds watched since.
    watched: Option<(Instant, i64)>,
    /// By then as well, for the meter alone.
    events: u64,
    shown: Instant,
}

impl Meter {
    fn new() -> Meter {
        let now = Instant::now();
        Meter {
            begun: now,
            watched: None,
            events: 0,
            shown: now,
        }
    }

    fn show(&mut self, progress: Progress) {
        let now = Instant::now();
        if progress.second == 0 {
            self.watched = Some((now, 0));
            self.events = progress.events;
        }
        let (since, seconds) = self.watched.get_or_insert((self.begun, 0));
        *seconds = progress.second;
        // A terminal's line is written over; a log gets one line in ten seconds.
        let terminal = io::stderr().is_terminal();
        let every = if terminal { 0.2 } else { 10.0 };
        if now.duration_since(self.shown).as_secs_f64() < every {
            return;
        }
        self.shown = now;
        let took = now.duration_since(*since).as_secs_f64().max(1e-9);
        let Progress {
            second, viewers, ..
        } = progress;
        let text = if second <= 0 {
            format!("{viewers} viewers have come, {} s to go", -second)
        } else {
            let factor = second as f64 / took;
            let rate = progress.events.saturating_sub(self.events) as f64 / took / 1e6;
            format!("{second} s, {viewers} viewers, {factor:.2} x real time, {rate:.2} M events/s")
        };
        if terminal {
            eprint!("\r\x1b[K{text}");
        } else {
            eprintln!("{text}");
        }
    }

    fn realtime_factor(&self) -> f64 {
        if io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
        let Some((since, seconds)) = self.watched else {
            return 0.0;
        };
        seconds as f64 / since.elapsed().as_secs_f64().max(1e-9)
    }
}
