//! Figures side by side.

use core::fmt::Write;

use super::Figures;

/// A Markdown table, a column for each run, below the command that makes it.
#[must_use]
pub fn markdown(runs: &[Figures]) -> String {
    let mut text = String::new();
    if let Some(first) = runs.first() {
        let _ = writeln!(
            text,
            "`make compare NODES={} SECONDS={} SEED={} SCENARIO={}`\n",
            first.nodes, first.seconds, first.seed, first.scenario
        );
    }
    let names: Vec<String> = runs.iter().map(|run| run.mode.clone()).collect();
    row(&mut text, "", &names);
    row(&mut text, "---", &vec!["---".into(); runs.len()]);
    let mut line = |name: &str, of: &dyn Fn(&Figures) -> String| {
        let cells: Vec<String> = runs.iter().map(of).collect();
        row(&mut text, name, &cells);
    };
    line("continuity that 99.9% reach", &|run| {
        format!("{:.4}", run.continuity_p0_1)
    });
    line("latency p50 / p95 / p99, s", &|run| {
        let latency = run.latency_s;
        format!(
            "{:.2} / {:.2} / {:.2}",
            latency.p50, latency.p95, latency.p99
        )
    });
    line("startup p50 / p95, ms", &|run| {
        format!("{:.0} / {:.0}", run.startup_ms.p50, run.startup_ms.p95)
    });
    line("fed again after p50 / p99 / most, s", &|run| {
        let refed = run.refed_s;
        format!("{:.2} / {:.2} / {:.2}", refed.p50, refed.p99, refed.max)
    });
    line("new links per departure, mean / p99", &|run| {
        let links = run.new_links_per_departure;
        format!("{:.1} / {:.0}", links.mean, links.p99)
    });
    line("control from the box, bytes per viewer-minute", &|run| {
        format!("{:.0}", run.control_bytes_per_viewer_minute)
    });
    line("uplink used by those who forward", &|run| {
        format!("{:.0}%", run.uplink_used * 100.0)
    });
    line("most links from the box", &|run| run.max_depth.to_string());
    text
}

fn row(text: &mut String, name: &str, cells: &[String]) {
    let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
}
