//! The map of the crates is true.

use peerstream_tidy::arrows::{self, Arrows};
use peerstream_tidy::manifests::{self, Manifest};
use peerstream_tidy::repository::{self, File};

/// A table as ARCHITECTURE.md has it.
fn table(rows: &str) -> Arrows {
    let head = "| crate | holds | must not know | depends on |\n| --- | --- | --- | --- |\n";
    arrows::stated(&format!("{head}{rows}\n\n| `c` | x | y | `a` |\n"))
}

fn manifest(folder: &str, text: &str) -> Manifest {
    Manifest::parse(&File::new(&format!("{folder}/Cargo.toml"), text))
}

#[test]
fn the_arrows_are_those_of_the_architecture() {
    let stated = arrows::stated(&repository::file("ARCHITECTURE.md").text);
    let offences = arrows::differences(&stated, &repository::manifests());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn an_arrow_that_is_not_stated_is_found() {
    let stated = table("| `a` | x | y | nothing |\n| `b` | x | y | `a` |\n");
    let a = "[package]\nname = 'pa'\n[dependencies]\npb.workspace = true";
    let b = "[package]\nname = 'pb'\n[dependencies]\n";
    let offences = arrows::differences(&stated, &[manifest("a", a), manifest("b", b)]);
    assert_eq!(offences.len(), 2, "one too many, one too few: {offences:?}");
}

#[test]
fn an_arrow_to_a_test_is_found() {
    let stated = table("| `a` | x | y | `tests/t` |\n");
    let a = "[package]\nname = 'pa'\n[target.'cfg(unix)'.dependencies]\nx = { package = 'pt' }";
    let t = "[package]\nname = 'pt'";
    let offences = arrows::differences(&stated, &[manifest("a", a), manifest("tests/t", t)]);
    assert_eq!(offences.len(), 1, "{offences:?}");
}

#[test]
fn every_crate_is_named_in_the_architecture() {
    let text = repository::file("ARCHITECTURE.md").text;
    let offences = arrows::unnamed(&text, &repository::manifests());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_crate_that_is_not_named_is_found() {
    let members = [manifest("a/b", "[package]\nname = 'pb'")];
    assert_eq!(arrows::unnamed("`a` and `b`", &members).len(), 1);
    assert!(arrows::unnamed("`a/b`", &members).is_empty());
}

#[test]
fn every_crate_inherits_its_lints() {
    let offences = manifests::not_inheriting(&repository::manifests());
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_crate_with_lints_of_its_own_is_found() {
    let own = "[package]\nname = 'p'\nversion.workspace = true\nedition.workspace = true\n\
        rust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n\
        [lints.rust]\nunsafe_code = 'allow'";
    let offences = manifests::not_inheriting(&[manifest("p", own)]);
    assert_eq!(offences, ["p: lints is not the workspace's"]);
}
