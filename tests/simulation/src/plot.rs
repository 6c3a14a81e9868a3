//! Pictures of a run, as SVG.

mod chart;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chart::{Chart, Mark};

use crate::run::Outcome;

/// Draws a run's three pictures into a folder, which is made if it is not there; their
/// names.
///
/// # Errors
/// If a file cannot be written.
pub fn draw(outcome: &Outcome, folder: &Path) -> io::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder)?;
    let figures = &outcome.figures;
    let run = format!(
        "{} viewers, {}, {}, seed {}",
        figures.nodes, figures.scenario, figures.mode, figures.seed
    );
    let pictures = [
        ("latency-by-depth", latency_by_depth(outcome, &run)),
        ("continuity-over-time", continuity(outcome, &run)),
        ("links-per-departure", links(outcome, &run)),
    ];
    let mut drawn = Vec::new();
    for (name, picture) in pictures {
        let file = folder.join(format!(
            "{}-{}-{}-{name}.svg",
            figures.scenario, figures.nodes, figures.seed
        ));
        fs::write(&file, picture)?;
        drawn.push(file);
    }
    Ok(drawn)
}

fn latency_by_depth(outcome: &Outcome, run: &str) -> String {
    let depths = outcome.latency_by_depth.iter().enumerate();
    let depths = depths.filter(|(_, (_, _, samples))| *samples > 0);
    let points: Vec<(f64, f64, f64)> = depths
        .map(|(depth, (p50, p95, _))| (depth as f64, *p50, *p95))
        .collect();
    let p50 = points
        .iter()
        .map(|(depth, p50, _)| (*depth, *p50))
        .collect();
    let p95 = points
        .iter()
        .map(|(depth, _, p95)| (*depth, *p95))
        .collect();
    Chart {
        title: "Latency by depth",
        run,
        across: "links from the box",
        up: "seconds from capture to picture",
        from_zero: true,
        marks: vec![
            (Mark::Line, "median", p50),
            (Mark::Line, "95th percentile", p95),
        ],
    }
    .svg()
}

fn continuity(outcome: &Outcome, run: &str) -> String {
    let shares = outcome.continuity.iter().enumerate();
    let points = shares
        .map(|(second, share)| (second as f64, share * 100.0))
        .collect();
    Chart {
        title: "Continuity over time",
        run,
        across: "seconds",
        up: "% of pictures that move",
        from_zero: false,
        marks: vec![(Mark::Line, "moving", points)],
    }
    .svg()
}

fn links(outcome: &Outcome, run: &str) -> String {
    let mut counts: Vec<u32> = Vec::new();
    for links in &outcome.new_links {
        let links = links.round().max(0.0) as usize;
        if counts.len() <= links {
            counts.resize(links + 1, 0);
        }
        counts[links] += 1;
    }
    let all = outcome.new_links.len().max(1) as f64;
    let points = counts.iter().enumerate();
    let points = points
        .map(|(links, count)| (links as f64, f64::from(*count) / all * 100.0))
        .collect();
    Chart {
        title: "New links per departure",
        run,
        across: "links that had to be opened",
        up: "% of departures",
        from_zero: true,
        marks: vec![(Mark::Bars, "departures", points)],
    }
    .svg()
}
