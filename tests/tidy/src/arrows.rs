//! The dependency arrows, as ARCHITECTURE.md draws them.
//!
//! Its table of crates is the rule: below the head `| crate | holds | must not know | depends on |`,
//! the first and the last column name folders in backquotes.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifests::Manifest;

/// How the table of crates begins.
const HEAD: &str = "| crate | holds | must not know | depends on |";

/// Which folder may depend on which folders.
pub type Arrows = BTreeMap<String, BTreeSet<String>>;

/// Reads the arrows from the text of ARCHITECTURE.md.
pub fn stated(architecture: &str) -> Arrows {
    let table = architecture.lines().skip_while(|line| *line != HEAD);
    let rows = table.skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| {
        let columns: Vec<&str> = row.trim().trim_matches('|').split('|').collect();
        let crate_folder = quoted(columns.first()?).into_iter().next()?;
        let below = quoted(columns.get(3)?);
        Some((crate_folder, below))
    })
    .collect()
}

/// Where the manifests and the stated arrows differ. The tests' crates may depend on anything,
/// and nothing but other tests may depend on them.
pub fn differences(stated: &Arrows, manifests: &[Manifest]) -> Vec<String> {
    let folders: BTreeMap<&str, &Manifest> = manifests
        .iter()
        .map(|manifest| (manifest.name.as_str(), manifest))
        .collect();
    let mut offences = Vec::new();
    for manifest in manifests {
        let built_with: BTreeSet<String> = manifest
            .dependencies
            .iter()
            .filter_map(|name| folders.get(name.as_str()))
            .map(|below| below.folder.clone())
            .collect();
        let folder = &manifest.folder;
        if manifest.is_test() {
            continue;
        }
        for test in built_with
            .iter()
            .filter(|below| below.starts_with("tests/"))
        {
            offences.push(format!(
                "{folder} depends on {test}: nothing is built with tests"
            ));
        }
        let Some(allowed) = stated.get(folder) else {
            offences.push(format!("{folder} has no row"));
            continue;
        };
        for below in built_with.difference(allowed) {
            offences.push(format!(
                "{folder} depends on {below} and the row does not say so"
            ));
        }
        for below in allowed.difference(&built_with) {
            offences.push(format!(
                "{folder} does not depend on {below}, as the row says"
            ));
        }
    }
    offences
}

/// Members that the text does not name by their folder.
pub fn unnamed(architecture: &str, manifests: &[Manifest]) -> Vec<String> {
    manifests
        .iter()
        .filter(|manifest| !architecture.contains(&format!("`{}`", manifest.folder)))
        .map(|manifest| format!("{} is not named", manifest.folder))
        .collect()
}

fn quoted(text: &str) -> BTreeSet<String> {
    let pieces = text.split('`').skip(1).step_by(2);
    pieces.map(str::to_owned).collect()
}
