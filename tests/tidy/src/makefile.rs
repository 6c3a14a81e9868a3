//! The Makefile: every target says what it is for.

use std::collections::BTreeMap;

/// The targets of a Makefile, each with its help line, if it has one.
pub fn targets(makefile: &str) -> BTreeMap<String, Option<String>> {
    let rules = makefile.lines().filter(|line| {
        let first = line.chars().next();
        first.is_some_and(|c| c.is_ascii_alphanumeric())
    });
    rules
        .filter_map(|line| {
            let (names, rest) = line.split_once(':')?;
            // `NAME := value` and `NAME ?= value` are variables.
            if rest.starts_with('=') || names.contains('=') {
                return None;
            }
            let help = rest
                .split_once("##")
                .map(|(_, help)| help.trim().to_owned());
            let help = help.filter(|help| !help.is_empty());
            Some(
                names
                    .split_whitespace()
                    .map(move |name| (name.to_owned(), help.clone())),
            )
        })
        .flatten()
        .collect()
}

/// Targets without a help line.
pub fn without_help(makefile: &str) -> Vec<String> {
    let silent = targets(makefile)
        .into_iter()
        .filter(|(_, help)| help.is_none());
    silent
        .map(|(name, _)| format!("{name} has no help line"))
        .collect()
}

/// Which of `names` the Makefile does not have.
pub fn absent(makefile: &str, names: &[&str]) -> Vec<String> {
    let targets = targets(makefile);
    let absent = names.iter().filter(|name| !targets.contains_key(**name));
    absent
        .map(|name| format!("{name} is not a target"))
        .collect()
}
