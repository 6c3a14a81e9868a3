//! Prints a line per size: `{"bench":"verify","bytes":,"wasm_verify_us":,"native_verify_us":}`,
//! what it takes to verify a whole fragment in Chromium and natively.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use peerstream_bench_verify::Arriving;
use serde_json::json;

/// 1, 10 and 100 KB.
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];
/// Long enough for Chromium to have replaced its first, quickly made code by its best.
const WARM_UP: Duration = Duration::from_millis(500);
/// The fastest of so many measurements counts: what the code takes, without whatever else
/// the machine does at the time.
const MEASUREMENTS: usize = 50;
/// Each of them takes about this long; the browser's clock is coarse.
const MEASUREMENT: Duration = Duration::from_millis(20);

fn main() -> Result<()> {
    let in_browser = in_browser(&wasm()?)?;
    for (bytes, wasm) in SIZES.into_iter().zip(in_browser) {
        let line = json!({
            "bench": "verify",
            "bytes": bytes,
            "wasm_verify_us": rounded(wasm),
            "native_verify_us": rounded(natively(bytes)),
        });
        println!("{line}");
    }
    Ok(())
}

/// Microseconds for one fragment of `bytes`.
fn natively(bytes: usize) -> f64 {
    let arriving = Arriving::new(bytes);
    let timed = |duration: Duration| {
        let (start, mut rounds) = (Instant::now(), 0.0);
        while start.elapsed() < duration {
            assert!(std::hint::black_box(&arriving).verify());
            rounds += 1.0;
        }
        start.elapsed().as_secs_f64() * 1e6 / rounds
    };
    timed(WARM_UP);
    (0..MEASUREMENTS)
        .map(|_| timed(MEASUREMENT))
        .fold(f64::INFINITY, f64::min)
}

/// The crate as WASM, compiled and then optimised as the page is.
fn wasm() -> Result<Vec<u8>> {
    // Cargo gives benches a folder of their own in the target folder.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("..");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--lib", "--profile", "viewer"])
        .args([
            "--package",
            env!("CARGO_PKG_NAME"),
            "--target",
            "wasm32-unknown-unknown",
        ])
        .arg("--target-dir")
        .arg(&target)
        .stdout(Stdio::null())
        .status()
        .context("cannot run cargo")?;
    ensure!(
        status.success(),
        "the bench does not compile for wasm32-unknown-unknown"
    );
    let file = target.join("wasm32-unknown-unknown/viewer/peerstream_bench_verify.wasm");
    fs::read(&file).with_context(|| format!("cannot read {}", file.display()))
}

/// Microseconds for one fragment of each size.
fn in_browser(wasm: &[u8]) -> Result<Vec<f64>> {
    let folder = tempfile::tempdir().context("no temporary folder")?;
    let page = folder.path().join("verify.html");
    fs::write(&page, html(wasm))?;
    let output = Command::new(chromium())
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
        ])
        .args([
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.path().join("profile").display()
        ))
        .arg("--dump-dom")
        .arg(format!("file://{}", page.display()))
        .output()
        .context("cannot run Chromium; `make setup-test` installs it")?;
    let dom = String::from_utf8_lossy(&output.stdout);
    let result = dom
        .split_once("<output>")
        .and_then(|(_, rest)| rest.split_once("</output>"));
    let (result, _) = result.with_context(|| {
        format!(
            "Chromium shows no result: {}",
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    serde_json::from_str(result).with_context(|| format!("in the browser: {result}"))
}

fn chromium() -> PathBuf {
    env::var_os("CHROMIUM")
        .unwrap_or_else(|| "/usr/bin/chromium".into())
        .into()
}

fn html(wasm: &[u8]) -> String {
    include_str!("verify.html")
        .replace("SIZES", &format!("{SIZES:?}"))
        .replace("WARM_UP", &WARM_UP.as_millis().to_string())
        .replace("MEASUREMENTS", &MEASUREMENTS.to_string())
        .replace("MEASUREMENT", &MEASUREMENT.as_millis().to_string())
        .replace("WASM", &BASE64_STANDARD.encode(wasm))
}

fn rounded(us: f64) -> f64 {
    (us * 10.0).round() / 10.0
}
