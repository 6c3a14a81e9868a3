//! The files of the page: names after contents, references, compression.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::minify;

/// A file as it is served.
pub(crate) struct Asset {
    /// Relative to the page's directory.
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) brotli: Vec<u8>,
    /// Browsers take no Brotli over plain http, and that is what most boxes speak.
    pub(crate) gzip: Vec<u8>,
}

/// Puts the page together from its sources and the viewer.
pub(crate) fn assemble(sources: &Path, js: String, wasm: Vec<u8>) -> anyhow::Result<Vec<Asset>> {
    let wasm = hashed("viewer", "wasm", wasm)?;
    let js = refer(&js, "./viewer.wasm", &format!("./{}", name_of(&wasm)))?;
    let viewer = hashed("viewer", "js", js.into_bytes())?;
    let style = minify::style(&read(sources, "page.css")?);
    let style = hashed("page", "css", style.into_bytes())?;

    let mut index = minify::lines(&read(sources, "index.html")?);
    for (name, asset) in [
        ("viewer.wasm", &wasm),
        ("viewer.js", &viewer),
        ("page.css", &style),
    ] {
        let (from, to) = (format!("\"{name}\""), format!("\"/{}\"", asset.path));
        index = refer(&index, &from, &to)?;
    }
    // The icon is smaller than the head of the answer that it would take to send it.
    let icon = minify::lines(&read(sources, "icon.svg")?);
    index = refer(&index, "\"icon.svg\"", &format!("'{}'", embedded(&icon)))?;
    // The same for a box whose owner wants viewers to be asked: an attribute costs no
    // round trip.
    let ask = refer(&index, "<body ", "<body data-ask ")?;
    let ask = asset("ask.html".to_owned(), ask.into_bytes())?;
    let index = asset("index.html".to_owned(), index.into_bytes())?;
    Ok(vec![index, ask, style, viewer, wasm])
}

/// One of the page's sources.
pub(crate) fn read(sources: &Path, name: &str) -> anyhow::Result<String> {
    let path = sources.join(name);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// A picture as an address of its own (RFC 2397), for use between single quotes.
fn embedded(svg: &str) -> String {
    let escaped = svg.trim().replace('%', "%25").replace('#', "%23");
    format!("data:image/svg+xml,{}", escaped.replace('\'', "%27"))
}

/// Writes the page. What is there of an older one stays for half a moment too long rather
/// than being missed: the index goes last, and only then go the assets that it does not
/// name.
pub(crate) fn write(out: &Path, page: &[Asset]) -> anyhow::Result<()> {
    fs::create_dir_all(out.join("assets")).with_context(|| out.display().to_string())?;
    let mut kept = Vec::new();
    for asset in page.iter().rev() {
        let path = out.join(&asset.path);
        let brotli = PathBuf::from(format!("{}.br", path.display()));
        let gzip = PathBuf::from(format!("{}.gz", path.display()));
        put(&brotli, &asset.brotli)?;
        put(&gzip, &asset.gzip)?;
        put(&path, &asset.bytes)?;
        kept.extend([path, brotli, gzip]);
    }
    for entry in fs::read_dir(out.join("assets"))? {
        let path = entry?.path();
        if !kept.contains(&path) {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// A server may be reading: it must see the old file or the new one, never half of one.
fn put(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let part = PathBuf::from(format!("{}.part", path.display()));
    fs::write(&part, bytes)
        .and_then(|()| fs::rename(&part, path))
        .with_context(|| path.display().to_string())
}

fn hashed(name: &str, extension: &str, bytes: Vec<u8>) -> anyhow::Result<Asset> {
    let hash = blake3::hash(&bytes).to_hex();
    asset(format!("assets/{name}-{}.{extension}", &hash[..16]), bytes)
}

fn asset(path: String, bytes: Vec<u8>) -> anyhow::Result<Asset> {
    let (brotli, gzip) = (brotli(&bytes)?, gzip(&bytes)?);
    Ok(Asset {
        path,
        bytes,
        brotli,
        gzip,
    })
}

fn name_of(asset: &Asset) -> &str {
    asset.path.rsplit('/').next().unwrap_or_default()
}

/// A reference that is not there is a page that does not load.
fn refer(text: &str, from: &str, to: &str) -> anyhow::Result<String> {
    if !text.contains(from) {
        bail!("nothing refers to {from}");
    }
    Ok(text.replace(from, to))
}

fn gzip(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut compressed = Vec::new();
    zopfli::compress(
        zopfli::Options::default(),
        zopfli::Format::Gzip,
        bytes,
        &mut compressed,
    )?;
    Ok(compressed)
}

fn brotli(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    /// The largest that every browser knows.
    const WINDOW: i32 = 24;
    const QUALITY: i32 = 11;
    let mut compressed = Vec::new();
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: QUALITY,
        lgwin: WINDOW,
        ..Default::default()
    };
    let mut writer = brotli::CompressorWriter::with_params(&mut compressed, 4096, &parameters);
    writer.write_all(bytes)?;
    writer.flush()?;
    drop(writer);
    Ok(compressed)
}
