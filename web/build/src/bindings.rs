//! From Rust to a small WASM module and the JavaScript that binds it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};
use wasm_bindgen_cli_support::Bindgen;

use crate::names;

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

/// Makes the bindings.
pub(crate) fn bind(module: &Path) -> anyhow::Result<Bound> {
    let mut output = Bindgen::new()
        .input_path(module)
        .out_name("viewer")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()?;
    let mut js = output.js().to_owned();
    let module = output.wasm_mut();
    names::shorten(module, &mut js)?;
    Ok(Bound {
        wasm: module.emit_wasm(),
        js,
    })
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
        .args(["-Oz", "--converge"])
        .args(FEATURES)
        .status()
        .with_context(|| optimizer.display().to_string())?;
    if !status.success() {
        bail!("{} refuses the module", optimizer.display());
    }
    let small = fs::read(&output).with_context(|| output.display().to_string())?;
    mend_table(&small)
}

/// wasm-opt up to 108 (Debian 12) calls every exported table the first one. The bindings
/// export one table, that of references to JavaScript's objects, and it is the second.
fn mend_table(wasm: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut module = walrus::ModuleConfig::new()
        .generate_producers_section(false)
        .generate_name_section(false)
        .parse(wasm)?;
    let references = module
        .tables
        .iter()
        .find(|table| table.element_ty == walrus::RefType::EXTERNREF);
    let Some(references) = references.map(walrus::Table::id) else {
        return Ok(wasm.to_owned());
    };
    let mut wrong = false;
    for export in module.exports.iter_mut() {
        if let walrus::ExportItem::Table(table) = &mut export.item {
            wrong |= core::mem::replace(table, references) != references;
        }
    }
    Ok(if wrong {
        module.emit_wasm()
    } else {
        wasm.to_owned()
    })
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
/// What rustc's default target uses; wasm-opt must be told.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-multivalue",
    "--enable-reference-types",
];
