//! What each crate must not know, it does not know.

use peerstream_tidy::manifests::Manifest;
use peerstream_tidy::mentions::{self, Reserved};
use peerstream_tidy::repository::{self, File};
use peerstream_tidy::source::Source;

fn in_the_repository(reserved: &Reserved) -> Vec<String> {
    mentions::trespassers(reserved, &repository::manifests(), &repository::sources())
}

fn source(path: &str, text: &str) -> Source {
    Source::of(&File::new(path, text))
}

#[test]
fn only_ingest_names_gstreamer() {
    let offences = in_the_repository(&mentions::GSTREAMER);
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn only_server_and_daemon_name_tokio() {
    let offences = in_the_repository(&mentions::TOKIO);
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn only_viewer_names_web_sys() {
    let offences = in_the_repository(&mentions::BROWSER);
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_trespasser_is_found_in_code_and_manifest() {
    let manifest = |folder: &str, dependency: &str| {
        let text = format!("[package]\nname = 'p'\n[dev-dependencies]\n{dependency} = '1'");
        Manifest::parse(&File::new(&format!("{folder}/Cargo.toml"), &text))
    };
    let manifests = [
        manifest("appliance/media", "tokio-rustls"),
        manifest("appliance/server", "tokio"),
        manifest("appliance/wire", "tokiomancy"),
    ];
    let sources = [
        source(
            "appliance/media/src/lib.rs",
            "//! not tokio\nfn f() { tokio::spawn(g()) }",
        ),
        source("appliance/wire/src/lib.rs", "//! knows no tokio"),
    ];
    let offences = mentions::trespassers(&mentions::TOKIO, &manifests, &sources);
    assert_eq!(
        offences,
        [
            "appliance/media names tokio",
            "appliance/media/src/lib.rs names tokio"
        ]
    );
}

#[test]
fn the_cores_know_no_clock_and_no_chance() {
    let offences = mentions::ambient(&repository::sources());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_core_that_reads_the_clock_is_found() {
    let clock = "use std::time::Instant;\nfn f() { rand::rng().random() }";
    let sources = [
        source("appliance/overlay/src/a.rs", clock),
        source(
            "web/node/src/a.rs",
            "/// As an Instant would.\nfn f(now: Duration) {}",
        ),
        source("appliance/server/src/a.rs", clock),
    ];
    assert_eq!(mentions::ambient(&sources).len(), 2);
}

#[test]
fn the_cores_are_where_the_rule_looks_for_them() {
    let sources = repository::sources();
    for core in mentions::CORES {
        let found = sources.iter().any(|source| source.path.starts_with(core));
        assert!(found, "no source in {core}");
    }
}
