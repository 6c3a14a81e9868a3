//! The systemd units.

use std::collections::BTreeSet;

use crate::manifests::Manifest;
use crate::repository::File;

/// Units that start a binary which no crate here makes.
pub fn unknown_binaries(units: &[File], manifests: &[Manifest]) -> Vec<String> {
    let made: BTreeSet<&str> = manifests
        .iter()
        .flat_map(|manifest| manifest.binaries.iter().map(String::as_str))
        .collect();
    let mut offences = Vec::new();
    for unit in units {
        let commands = unit.text.lines().filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            key.starts_with("Exec").then_some(value)
        });
        for command in commands {
            // `-`, `@`, `+` and `!` before the path are systemd's modifiers.
            let path = command.trim_start_matches(['-', '@', '+', '!', ':']);
            let path = path.split_whitespace().next().unwrap_or_default();
            let binary = path.rsplit('/').next().unwrap_or_default();
            if !made.contains(binary) {
                offences.push(format!("{} starts {path}, which is not ours", unit.path));
            }
        }
    }
    offences
}

/// Paragraphs of a unit's `[Service]` section that do not begin with their reason.
pub fn without_reason(units: &[File]) -> Vec<String> {
    let mut offences = Vec::new();
    for unit in units {
        let service = unit.text.split("[Service]").nth(1).unwrap_or_default();
        let service = service.split("\n[").next().unwrap_or_default();
        for paragraph in service.trim().split("\n\n") {
            if !paragraph.trim_start().starts_with('#') {
                let first = paragraph.lines().next().unwrap_or_default();
                offences.push(format!("{}: {first} gives no reason", unit.path));
            }
        }
    }
    offences
}
