//! Reading the repository: its files and its workspace members.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifests::Manifest;
use crate::source::{self, Source};

/// The root of the repository this crate was built in.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

/// One file, with its path from the root.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the root, with forward slashes.
    pub path: String,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
}

impl File {
    /// A file as a test would invent it.
    pub fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }
}

/// Reads one file that every checkout has.
///
/// # Panics
/// If it is not there.
pub fn file(path: &str) -> File {
    let text = fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
    File::new(path, &text)
}

/// All files that people wrote: neither build output nor version control.
pub fn files() -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no files below {}", root.display());
    found
}

/// Every Rust file, as code without comments and literals.
pub fn sources() -> Vec<Source> {
    let rust = files()
        .into_iter()
        .filter(|file| file.path.ends_with(".rs"));
    rust.map(|file| source::Source::of(&file)).collect()
}

/// The manifest of every workspace member.
///
/// # Panics
/// If the workspace's or a member's manifest cannot be read.
pub fn manifests() -> Vec<Manifest> {
    let workspace: toml::Table = file("Cargo.toml")
        .text
        .parse()
        .expect("Cargo.toml is not TOML");
    let members = workspace["workspace"]["members"]
        .as_array()
        .expect("no members");
    members
        .iter()
        .filter_map(|member| member.as_str())
        .map(|folder| Manifest::parse(&file(&format!("{folder}/Cargo.toml"))))
        .collect()
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    let entries = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", folder.display()));
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if kind.is_dir() {
            // Cargo marks its own output with CACHEDIR.TAG, wherever it was told to put it.
            let skip = matches!(name.as_str(), ".git" | "target" | "node_modules");
            if !skip && !path.join("CACHEDIR.TAG").exists() {
                walk(root, &path, found);
            }
        } else if kind.is_file()
            && let Ok(bytes) = fs::read(&path)
            && let Ok(relative) = path.strip_prefix(root)
        {
            found.push(File {
                path: relative.to_string_lossy().replace('\\', "/"),
                text: String::from_utf8_lossy(&bytes).into_owned(),
            });
        }
    }
}
