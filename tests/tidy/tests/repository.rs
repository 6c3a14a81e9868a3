//! Files, Makefile and units keep the repository's habits.

use peerstream_tidy::documents;
use peerstream_tidy::files;
use peerstream_tidy::makefile;
use peerstream_tidy::manifests::Manifest;
use peerstream_tidy::repository::{self, File};
use peerstream_tidy::source::Source;
use peerstream_tidy::units;

/// The names that people and machines call by.
const TARGETS: &[&str] = &[
    "audit",
    "bench",
    "bench-overlay",
    "bench-stream",
    "bench-verify",
    "build",
    "check",
    "fuzz",
    "help",
    "run",
    "setup",
    "standby",
    "test",
];

fn unit_files() -> Vec<File> {
    let units: Vec<File> = repository::files()
        .into_iter()
        .filter(|file| file.path.starts_with("systemd/") && file.path.ends_with(".service"))
        .collect();
    assert!(!units.is_empty(), "no units in systemd/");
    units
}

fn sources(path: &str, text: &str) -> Vec<Source> {
    vec![Source::of(&File::new(path, text))]
}

#[test]
fn no_rust_file_is_too_long() {
    let offences = files::too_long(&repository::sources());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_file_that_is_too_long_is_found() {
    let at_the_limit = "//\n".repeat(files::LONGEST);
    assert!(files::too_long(&sources("a.rs", &at_the_limit)).is_empty());
    let above = at_the_limit + "//\n";
    assert_eq!(files::too_long(&sources("a.rs", &above)).len(), 1);
}

#[test]
fn every_module_is_named_for_its_subject() {
    let offences = files::empty_names(&repository::sources());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_module_without_a_subject_is_found() {
    for (path, text) in [
        ("a/src/utils.rs", ""),
        ("a/src/helpers/mod.rs", ""),
        ("a/src/lib.rs", "mod common {}"),
    ] {
        assert_eq!(files::empty_names(&sources(path, text)).len(), 1, "{path}");
    }
    assert!(files::empty_names(&sources("a/src/commons.rs", "mod utilisation;")).is_empty());
}

#[test]
fn no_file_names_a_package_registry() {
    let offences = files::registry_hosts(&repository::files());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_file_that_names_a_registry_is_found() {
    let text = format!("registry = \"https://{}\"", files::REGISTRIES[0]);
    let named = [File::new("a.toml", &text), File::new("Cargo.lock", &text)];
    assert_eq!(files::registry_hosts(&named).len(), 1);
}

#[test]
fn documents_name_what_is_there() {
    let all = repository::files().into_iter();
    let documents: Vec<File> = all.filter(|file| file.path.ends_with(".md")).collect();
    let root = repository::root();
    let offences = documents::dead_paths(&documents, |path| root.join(path).exists());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_dead_path_in_a_document_is_found() {
    let text = "`tests/a` and `tests/gone`, [b](../b.md), [gone](c/gone.md#d), \
        [elsewhere](https://example.org/x), `make test`";
    let document = File::new("image/README.md", text);
    let there = ["tests/a", "b.md"];
    let offences = documents::dead_paths(&[document], |path| there.contains(&path));
    assert_eq!(
        offences,
        [
            "image/README.md names tests/gone, which is not there",
            "image/README.md names image/c/gone.md, which is not there",
        ]
    );
}

#[test]
fn every_make_target_has_a_help_line() {
    let text = repository::file("Makefile").text;
    let mut offences = makefile::without_help(&text);
    offences.extend(makefile::absent(&text, TARGETS));
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_target_without_a_help_line_is_found() {
    let text = "VAR := a\n.PHONY: run\nrun: setup ## starts it\ntest:\n\tcargo test\nempty: ##\n";
    assert_eq!(makefile::without_help(text).len(), 2);
    assert_eq!(
        makefile::absent(text, &["run", "bench"]),
        ["bench is not a target"]
    );
}

#[test]
fn units_start_binaries_of_ours() {
    let offences = units::unknown_binaries(&unit_files(), &repository::manifests());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_unit_that_starts_something_else_is_found() {
    let unit = File::new(
        "systemd/a.service",
        "[Service]\nExecStart=-/usr/bin/peerstraemd run\n",
    );
    let daemon = File::new("d/Cargo.toml", "[package]\nname = 'peerstreamd'");
    let offences = units::unknown_binaries(&[unit], &[Manifest::parse(&daemon)]);
    assert_eq!(offences.len(), 1);
}

#[test]
fn units_give_their_reasons() {
    let offences = units::without_reason(&unit_files());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_unit_line_without_a_reason_is_found() {
    let text = "[Unit]\nA=b\n\n[Service]\n# Why.\nC=d\n\nE=f\n\n[Install]\nG=h\n";
    let offences = units::without_reason(&[File::new("systemd/a.service", text)]);
    assert_eq!(offences, ["systemd/a.service: E=f gives no reason"]);
}
