//! Golden bytes: the `.hex` files beside this crate, and the means to hold code to them.
//!
//! A test that fails against a vector says that boxes and pages already out there would no
//! longer understand each other. If that is meant, run the tests once with
//! `PEERSTREAM_WRITE_VECTORS=1` and commit what changed.

use std::path::PathBuf;
use std::{env, fs};

/// The bytes of the vector `name`, such as `fragment/certificate`.
///
/// # Panics
/// If there is no such vector, or it is not hexadecimal.
#[must_use]
pub fn read(name: &str) -> Vec<u8> {
    let path = path(name);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    parse(&text).unwrap_or_else(|| panic!("{} is not hexadecimal", path.display()))
}

/// Holds `bytes` to the vector `name`; `says` is written above it when it is made.
///
/// # Panics
/// If they differ.
pub fn check(name: &str, says: &str, bytes: &[u8]) {
    if env::var_os("PEERSTREAM_WRITE_VECTORS").is_some() {
        let path = path(name);
        fs::write(&path, print(says, bytes))
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
    let golden = read(name);
    assert!(
        golden == bytes,
        "{name} has changed; now it is\n{}",
        print(says, bytes)
    );
}

fn path(name: &str) -> PathBuf {
    let mut path = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    path.push(format!("{name}.hex"));
    path
}

fn parse(text: &str) -> Option<Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits: Vec<u8> = lines
        .flat_map(str::bytes)
        .filter(|c| !c.is_ascii_whitespace())
        .collect();
    let (pairs, []) = digits.as_chunks::<2>() else {
        return None;
    };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect()
}

fn print(says: &str, bytes: &[u8]) -> String {
    let mut text = format!("# {says}\n");
    for line in bytes.chunks(32) {
        text.extend(line.iter().map(|byte| format!("{byte:02x}")));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_parsed() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(parse(&print("all bytes", &bytes)), Some(bytes));
        assert_eq!(parse("# nothing\n"), Some(vec![]));
    }

    #[test]
    fn what_is_not_hexadecimal_is_noticed() {
        assert_eq!(parse("0"), None);
        assert_eq!(parse("0g"), None);
    }
}
