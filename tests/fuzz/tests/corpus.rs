//! What the fuzzer begins with, and what it once found, holds without the fuzzer too.

use std::path::{Path, PathBuf};
use std::{env, fs};

use peerstream_fuzz::{TARGETS, Target};

#[test]
fn every_corpus_holds() {
    for target in TARGETS {
        let inputs = corpus(target);
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for input in inputs {
            println!("{}: {}", target.name, input.display());
            (target.run)(&read(&input));
        }
    }
}

/// Cut anywhere, and with each byte changed: what a fuzzer tries first.
#[test]
fn variations_of_every_corpus_hold() {
    for target in TARGETS {
        for input in corpus(target) {
            let input = read(&input);
            for at in 0..input.len() {
                (target.run)(&input[..at]);
                for change in [0x01, 0x80, 0xff] {
                    let mut changed = input.clone();
                    changed[at] ^= change;
                    (target.run)(&changed);
                }
            }
        }
    }
}

#[test]
fn every_corpus_begins_with_its_vectors() {
    for target in TARGETS {
        for vector in target.vectors {
            let path = folder(target).join(vector.replace('/', "_"));
            let bytes = peerstream_vectors::read(vector);
            if env::var_os("PEERSTREAM_WRITE_VECTORS").is_some() {
                fs::create_dir_all(folder(target)).unwrap();
                fs::write(&path, &bytes).unwrap();
            }
            assert!(read(&path) == bytes, "{} is not {vector}", path.display());
        }
    }
}

#[test]
fn every_corpus_has_a_target() {
    let folders = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")).unwrap();
    for folder in folders {
        let name = folder.unwrap().file_name().into_string().unwrap();
        assert!(peerstream_fuzz::target(&name).is_some(), "no target {name}");
    }
}

fn corpus(target: &Target) -> Vec<PathBuf> {
    let folder = folder(target);
    let Ok(entries) = fs::read_dir(&folder) else {
        return vec![];
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut inputs: Vec<PathBuf> = paths.collect::<Result<_, _>>().expect("the folder is read");
    inputs.sort();
    inputs
}

fn folder(target: &Target) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target.name)
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}
