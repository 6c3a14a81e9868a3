//! From Rust to a small WASM module and the JavaScript that binds it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::{minify, names, panics};

/// A module and its bindings.
pub(crate) struct Bound {
    pub(crate) wasm: Vec<u8>,
    pub(crate) js: String,
}

/// Compiles the viewer; returns the module's path. Cargo decides what has to be done.
pub(crate) fn compile(root: &Path, target: &Path) -> anyhow::Result<PathBuf> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(root)
        .args(["build", "--package", "peerstream-viewer", "--lib"])
        .args(["--target", TARGET, "--profile", PROFILE])
        .env("CARGO_TARGET_DIR", target)
        .env(RUSTFLAGS, flags()?)
        .status()
        .context("cargo does not start")?;
    if !status.success() {
        bail!("the viewer does not compile; if the target is missing: rustup target add {TARGET}");
    }
    Ok(target
        .join(TARGET)
        .join(PROFILE)
        .join("peerstream_viewer.wasm"))
}

/// What rustc is told, in cargo's encoding.
fn flags() -> anyhow::Result<String> {
    // Ed25519 hashes a few hundred bytes for each signature: loops do as well as ten
    // kilobytes of unrolled rounds.
    let mut flags = vec![
        "--cfg".to_owned(),
        "sha2_backend_soft=\"compact\"".to_owned(),
    ];
    // Where a dependency's sources lie on this machine is in every message of a panic. It
    // is nobody's business, and it makes the page larger and different on every machine.
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| Some(env::home_dir()?.join(".cargo")));
    let sources = cargo_home
        .context("no home directory")?
        .join("registry/src");
    if sources.is_dir() {
        for registry in fs::read_dir(&sources).with_context(|| sources.display().to_string())? {
            flags.push(format!(
                "--remap-path-prefix={}=",
                registry?.path().display()
            ));
        }
    }
    Ok(flags.join("\u{1f}"))
}

/// Makes the bindings, and puts the loader behind them: one script is one head of an answer
/// less, and one visit to the box.
pub(crate) fn bind(module: &Path, loader: &str) -> anyhow::Result<Bound> {
    let mut compiled = walrus::Module::from_file(module)?;
    panics::silence(&mut compiled)?;
    let mut output = Bindgen::new()
        .input_bytes("viewer", compiled.emit_wasm())
        .out_name("viewer")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()?;
    let mut js = minify::script(&without_loader(output.js())?);
    js.push_str(&minify::script(loader));
    let module = output.wasm_mut();
    names::shorten(module, &mut js)?;
    Ok(Bound {
        wasm: module.emit_wasm(),
        js,
    })
}

/// The bindings without what loads the module, which comes from anywhere and in any way: the
/// page's own loader knows whence and how. It has to set `wasm`.
fn without_loader(js: &str) -> anyhow::Result<String> {
    let Some((bindings, _)) = js.split_once("let wasmModule, wasmInstance, wasm;") else {
        bail!("the bindings do not end as they used to");
    };
    Ok(format!("{bindings}let wasm;\n").replace("\nexport function ", "\nfunction "))
}

/// Shrinks a module with wasm-opt, where there is one. Without it the page is larger, and
/// works as well.
pub(crate) fn shrink(wasm: &[u8], work: &Path) -> anyhow::Result<Vec<u8>> {
    let Some(optimizer) = optimizer() else {
        println!("wasm-opt (Debian package binaryen) is not there: the page stays larger");
        return Ok(wasm.to_owned());
    };
    fs::create_dir_all(work).with_context(|| work.display().to_string())?;
    let (input, output) = (work.join("bound.wasm"), work.join("small.wasm"));
    fs::write(&input, wasm).with_context(|| input.display().to_string())?;
    let status = Command::new(&optimizer)
        .arg(&input)
        .arg("-o")
        .arg(&output)
        .args(PACKING)
        .args(FEATURES)
        .status()
        .with_context(|| optimizer.display().to_string())?;
    if !status.success() {
        bail!("{} refuses the module", optimizer.display());
    }
    let small = fs::read(&output).with_context(|| output.display().to_string())?;
    mend_table(small)
}

/// wasm-opt up to 108 (Debian 12) calls every exported table the first one. The bindings
/// export one table, that of references to JavaScript's objects, and it is the second. Only
/// that number is put right: whatever writes the module anew orders the functions anew, and
/// the order of wasm-opt compresses better.
fn mend_table(mut wasm: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let module = walrus::Module::from_buffer(&wasm)?;
    let references = module
        .tables
        .iter()
        .position(|table| table.element_ty == walrus::RefType::EXTERNREF);
    let exported = module.exports.iter().find_map(|export| match export.item {
        walrus::ExportItem::Table(_) => Some(export.name.as_str()),
        _ => None,
    });
    let (Some(references), Some(name)) = (references, exported) else {
        return Ok(wasm);
    };
    /// What an export of a table begins with, behind its name.
    const TABLE: u8 = 1;
    // The name's length, the name, the kind, the number.
    let mut entry = vec![u8::try_from(name.len())?];
    entry.extend_from_slice(name.as_bytes());
    entry.push(TABLE);
    let found: Vec<usize> = wasm
        .windows(entry.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == entry)
        .map(|(at, _)| at + entry.len())
        .collect();
    let [at] = found[..] else {
        bail!("{} exports of the table {name}", found.len());
    };
    wasm[at] = u8::try_from(references)?;
    Ok(wasm)
}

/// Where wasm-opt is.
pub(crate) fn optimizer() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?)
        .map(|directory| directory.join("wasm-opt"))
        .find(|path| path.is_file())
}

const TARGET: &str = "wasm32-unknown-unknown";
const RUSTFLAGS: &str = "CARGO_ENCODED_RUSTFLAGS";
const PROFILE: &str = "viewer";
/// Functions that are called once, and those called often, stay functions unless they are tiny:
/// what is put together has many local variables, whose numbers compress badly (4% of the page).
/// And nothing lies in the first kilobyte, which is the far end of the stack, so that offsets may
/// be folded. Taking the code apart and putting it together again (`flatten`, `rereloop`), twice,
/// with local variables shared by more, is worth another 0.6%.
const PACKING: [&str; 14] = [
    "--one-caller-inline-max-function-size",
    "15",
    "--always-inline-max-function-size",
    "6",
    "--low-memory-unused",
    "--converge",
    "-Oz",
    "--flatten",
    "--rereloop",
    "-Oz",
    "--flatten",
    "--rereloop",
    "--coalesce-locals-learning",
    "-Oz",
];
/// What rustc's default target uses; wasm-opt must be told.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-reference-types",
];
