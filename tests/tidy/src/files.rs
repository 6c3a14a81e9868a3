//! Rules about files whatever they hold.

use crate::repository::File;
use crate::source::Source;

/// The longest a Rust file may grow before it is about more than one thing.
pub const LONGEST: usize = 600;

/// Names that say nothing of what a module is about.
pub const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "misc", "util", "utils"];

/// Hosts of package registries. Builds find packages by name and lock file; a host in a file is
/// somebody's mirror or a download beside the lock. Written in pieces, or this file would offend.
pub const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("yarnpkg", ".com"),
    concat!("pypi", ".org"),
    concat!("rubygems", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("packagist", ".org"),
    concat!("maven", ".org"),
];

/// Rust files with more than [`LONGEST`] lines.
pub fn too_long(sources: &[Source]) -> Vec<String> {
    let long = sources.iter().filter(|source| source.lines > LONGEST);
    long.map(|source| format!("{} has {} lines", source.path, source.lines))
        .collect()
}

/// Modules and crates named for nothing in particular.
pub fn empty_names(sources: &[Source]) -> Vec<String> {
    let is_empty = |word: &str| EMPTY_NAMES.contains(&word);
    let mut offences = Vec::new();
    for source in sources {
        let named = source.path.trim_end_matches(".rs").split('/').any(is_empty);
        let inline = EMPTY_NAMES
            .iter()
            .any(|name| source.names(&format!("mod {name}")));
        if named || inline {
            offences.push(format!(
                "{} has a module that names no subject",
                source.path
            ));
        }
    }
    offences
}

/// Files that name the host of a package registry. Lock files are exempt: the tools write them.
pub fn registry_hosts(files: &[File]) -> Vec<String> {
    let written = files.iter().filter(|file| !file.path.ends_with(".lock"));
    let each = written.flat_map(|file| {
        let hosts = REGISTRIES.iter().filter(|host| file.text.contains(*host));
        hosts.map(|host| format!("{} names {host}", file.path))
    });
    each.collect()
}
