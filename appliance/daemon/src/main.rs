//! `peerstreamd`: load, build, supervise, run.

mod announce;
mod certificates;
mod cli;
mod keys;
mod logging;
mod probe;
mod run;
mod service;
mod supervise;
mod upkeep;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Key(options) => keys::show(&options),
        Command::RotateSigningKey(options) => keys::rotate(&options.state),
        // What comes next has no keys, no logging and no runtime.
        Command::Ingest { source } => return probe::ingest(&source),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peerstreamd: {error:#}");
            ExitCode::FAILURE
        }
    }
}
