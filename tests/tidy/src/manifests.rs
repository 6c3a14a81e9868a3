//! What each crate's Cargo.toml says.

use std::collections::BTreeSet;

use crate::repository::File;

/// One workspace member.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The package's name.
    pub name: String,
    /// Its folder, from the root.
    pub folder: String,
    /// What it is built with: dependencies and build-dependencies, of every target.
    pub dependencies: BTreeSet<String>,
    /// What only its tests are built with.
    pub dev_dependencies: BTreeSet<String>,
    /// The binaries it makes.
    pub binaries: BTreeSet<String>,
    /// Keys that must be inherited from the workspace and are not.
    pub not_inherited: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Panics
    /// If it is not TOML, or not a package's.
    pub fn parse(file: &File) -> Self {
        let table: toml::Table = (file.text.parse())
            .unwrap_or_else(|error| panic!("{} is not TOML: {error}", file.path));
        let package = table
            .get("package")
            .and_then(toml::Value::as_table)
            .unwrap_or_else(|| panic!("{} is not a package's", file.path));
        let name = package.get("name").and_then(toml::Value::as_str);
        let name = name.unwrap_or_default().to_owned();
        let folder = file.path.trim_end_matches("/Cargo.toml").to_owned();
        Self {
            dependencies: &collect(&table, "dependencies") | &collect(&table, "build-dependencies"),
            dev_dependencies: collect(&table, "dev-dependencies"),
            binaries: binaries(&table, &name),
            not_inherited: not_inherited(&table, package),
            name,
            folder,
        }
    }

    /// Whether the crate is one of those that only test.
    pub fn is_test(&self) -> bool {
        self.folder.starts_with("tests/")
    }
}

/// Crates whose lints or package keys are not the workspace's.
pub fn not_inheriting(manifests: &[Manifest]) -> Vec<String> {
    let each = manifests.iter().flat_map(|manifest| {
        let keys = manifest.not_inherited.iter();
        keys.map(move |key| format!("{}: {key} is not the workspace's", manifest.folder))
    });
    each.collect()
}

/// The keys of `[section]` and of every `[target.*.section]`, by the package's true name.
fn collect(table: &toml::Table, section: &str) -> BTreeSet<String> {
    let targets = table.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(|targets| targets.values());
    let tables = std::iter::once(table).chain(targets.filter_map(toml::Value::as_table));
    let sections = tables.filter_map(|table| table.get(section).and_then(toml::Value::as_table));
    sections
        .flatten()
        .map(|(key, value)| {
            let renamed = value.get("package").and_then(toml::Value::as_str);
            renamed.unwrap_or(key).to_owned()
        })
        .collect()
}

fn binaries(table: &toml::Table, package: &str) -> BTreeSet<String> {
    let declared = table.get("bin").and_then(toml::Value::as_array);
    let named = declared.into_iter().flatten().filter_map(|bin| {
        let name = bin.get("name").and_then(toml::Value::as_str);
        name.map(str::to_owned)
    });
    // src/main.rs makes a binary by the package's name; for a library the name harms nothing.
    named.chain([package.to_owned()]).collect()
}

fn not_inherited(table: &toml::Table, package: &toml::Table) -> Vec<String> {
    let inherits = |value: Option<&toml::Value>| {
        let value = value.and_then(|value| value.get("workspace"));
        value.and_then(toml::Value::as_bool) == Some(true)
    };
    let keys = ["version", "edition", "rust-version", "license", "publish"];
    let mut missing: Vec<String> = keys
        .into_iter()
        .filter(|key| !inherits(package.get(*key)))
        .map(str::to_owned)
        .collect();
    if !inherits(table.get("lints")) {
        missing.push("lints".to_owned());
    }
    missing
}
