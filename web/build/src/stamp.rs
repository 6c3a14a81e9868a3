//! Whether there is anything to do.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

const NAME: &str = ".stamp";

/// Stands for everything that goes into the page, this program included.
pub(crate) fn of(module: &Path, sources: &Path) -> anyhow::Result<String> {
    let mut hasher = blake3::Hasher::new();
    let mut inputs: Vec<PathBuf> = vec![module.to_owned(), std::env::current_exe()?];
    for entry in fs::read_dir(sources).with_context(|| sources.display().to_string())? {
        inputs.push(entry?.path());
    }
    inputs.sort();
    for input in inputs.iter().filter(|input| input.is_file()) {
        let bytes = fs::read(input).with_context(|| input.display().to_string())?;
        hasher.update(input.as_os_str().as_encoded_bytes());
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(&bytes);
    }
    // A machine that gets it later gets a smaller page.
    hasher.update(&[u8::from(crate::bindings::optimizer().is_some())]);
    Ok(hasher.finalize().to_hex().to_string())
}

/// Whether the page was built from exactly that.
pub(crate) fn fresh(out: &Path, stamp: &str) -> bool {
    fs::read_to_string(out.join(NAME)).is_ok_and(|written| written == stamp)
        && out.join("index.html").is_file()
}

/// Remembers what the page was built from.
pub(crate) fn write(out: &Path, stamp: &str) -> anyhow::Result<()> {
    fs::write(out.join(NAME), stamp).with_context(|| out.display().to_string())
}
