//! Who may name what: GStreamer, tokio, the browser, the clock.

use crate::manifests::Manifest;
use crate::source::Source;

/// Dependencies that only some crates may name, in their manifest or in their code.
#[derive(Debug)]
pub struct Reserved {
    /// What the dependency is for.
    pub what: &'static str,
    /// The crate, and with it every crate whose name begins with it and a dash or an underscore.
    pub prefix: &'static str,
    /// The folders that may.
    pub folders: &'static [&'static str],
}

/// GStreamer: demuxers and drivers of C, kept in one child process.
pub const GSTREAMER: Reserved = Reserved {
    what: "GStreamer",
    prefix: "gstreamer",
    folders: &["appliance/ingest/"],
};

/// tokio: sockets and timers belong to the shell around the cores.
pub const TOKIO: Reserved = Reserved {
    what: "tokio",
    prefix: "tokio",
    folders: &["appliance/server/", "appliance/daemon/", "tests/"],
};

/// The browser's own interfaces belong to the thin edge of the page.
pub const BROWSER: Reserved = Reserved {
    what: "the browser",
    prefix: "web-sys",
    folders: &["web/viewer/"],
};

/// Crates that decide, and are told the time: what they may not ask for.
pub const CORES: &[&str] = &[
    "appliance/wire/src/",
    "appliance/fragment/src/",
    "appliance/media/src/",
    "appliance/overlay/src/",
    "appliance/budget/src/",
    "web/node/src/",
];

/// Ambient clocks, randomness, threads and sockets.
pub const AMBIENT: &[&str] = &[
    "Instant",
    "SystemTime",
    "UNIX_EPOCH",
    "std::net",
    "std::thread",
    "thread_rng",
    "rand::rng",
    "getrandom",
    "OsRng",
    "SysRng",
];

/// Who names a reserved dependency and may not.
pub fn trespassers(reserved: &Reserved, manifests: &[Manifest], sources: &[Source]) -> Vec<String> {
    let may = |path: &str| {
        reserved
            .folders
            .iter()
            .any(|folder| path.starts_with(folder))
    };
    let is_it = |name: &str| {
        let rest = name.strip_prefix(reserved.prefix);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    };
    let in_manifests = manifests
        .iter()
        .filter(|manifest| !may(&format!("{}/", manifest.folder)))
        .filter(|manifest| {
            let mut all = manifest.dependencies.union(&manifest.dev_dependencies);
            all.any(|name| is_it(name))
        })
        .map(|manifest| manifest.folder.clone());
    let identifier = reserved.prefix.replace('-', "_");
    let in_sources = sources
        .iter()
        .filter(|source| !may(&source.path) && source.names(&identifier))
        .map(|source| source.path.clone());
    let all = in_manifests.chain(in_sources);
    all.map(|path| format!("{path} names {}", reserved.what))
        .collect()
}

/// What the cores ask of their surroundings.
pub fn ambient(sources: &[Source]) -> Vec<String> {
    let cores = sources
        .iter()
        .filter(|source| CORES.iter().any(|core| source.path.starts_with(core)));
    let each = cores.flat_map(|source| {
        let named = AMBIENT.iter().filter(|name| source.names(name));
        named.map(|name| format!("{} names {name}", source.path))
    });
    each.collect()
}
