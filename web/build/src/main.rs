//! Builds the page: compiles the viewer to WASM, makes its bindings, shrinks it, names
//! every file after its contents, compresses, and holds the whole to its size.
//!
//! ```text
//! OUT/index.html        refers to the assets by their names
//! OUT/ask.html          the same, for boxes that ask viewers before they share
//! OUT/assets/NAME-HASH.EXT
//! OUT/**/*.br, *.gz     beside each, the same in Brotli and gzip
//! ```
//!
//! A hashed name never changes its contents, so that the server may call it immutable.

mod assets;
mod bindings;
mod minify;
mod names;
mod panics;
mod stamp;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Parser;

/// The whole page, compressed, with the heads of the answers, in bytes. The box pays for
/// every cold visit with its uplink.
const BUDGET: usize = 100 * 1000;
/// The head of an answer, and how much longer that of the page itself is (the server's
/// `page.rs` writes them, and tests/browser measures them).
const HEAD: usize = 270;
const PROTECTION: usize = 360;

/// Builds the viewer's page.
#[derive(Parser)]
struct Arguments {
    /// Where to put it; `page` in the target directory unless given.
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let root = root()?;
    let target = target_directory(&root);
    let out = arguments.out.unwrap_or_else(|| target.join("page"));

    let module = bindings::compile(&root, &target)?;
    let sources = root.join("web/page");
    let stamp = stamp::of(&module, &sources)?;
    if stamp::fresh(&out, &stamp) {
        println!("{} is up to date", out.display());
        return Ok(());
    }

    let loader = assets::read(&sources, "boot.js")?;
    let bound = bindings::bind(&module, &loader)?;
    let work = target.join("page-build");
    let wasm = bindings::shrink(&bound.wasm, &work)?;
    let page = assets::assemble(&sources, bound.js, wasm)?;
    assets::write(&out, &page)?;

    let total = print_sizes(&page);
    if total > BUDGET {
        bail!("the page has {total} bytes compressed; {BUDGET} is all that it may have");
    }
    stamp::write(&out, &stamp)
}

fn print_sizes(page: &[assets::Asset]) -> usize {
    println!("{:>8} {:>8} {:>8}  page", "raw", "gzip", "brotli");
    let mut total = [0; 3];
    for asset in page {
        let sizes = [&asset.bytes, &asset.gzip, &asset.brotli].map(Vec::len);
        print_line(sizes, &asset.path);
        if asset.path == "index.html" {
            // A visitor gets this or the one that asks, which is longer.
            continue;
        }
        for (total, size) in total.iter_mut().zip(sizes) {
            *total += size;
        }
    }
    let heads = PROTECTION + HEAD * (page.len() - 1);
    print_line([heads; 3], "heads of the answers");
    let total = total.map(|total| total + heads);
    print_line(total, "in all");
    total[1].max(total[2])
}

fn print_line([raw, gzip, brotli]: [usize; 3], what: &str) {
    println!("{raw:>8} {gzip:>8} {brotli:>8}  {what}");
}

/// The workspace, found from this crate's own place in it.
fn root() -> anyhow::Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here
        .ancestors()
        .nth(2)
        .context("the workspace is not where it was")?;
    Ok(root.to_owned())
}

fn target_directory(root: &Path) -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root.join(directory),
        None => root.join("target"),
    }
}
