//! What the documents say is where they say it is.

use crate::repository::File;

/// Paths in backquotes, and links, that lead nowhere. `exists` says what is there.
pub fn dead_paths(documents: &[File], exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut offences = Vec::new();
    for document in documents {
        let folder = document
            .path
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        let quoted = document.text.split('`').skip(1).step_by(2);
        let quoted = quoted.filter(|path| is_path(path)).map(str::to_owned);
        let links = document.text.split("](").skip(1);
        let links = links.filter_map(|rest| rest.split(')').next());
        let links = links.filter(|target| !target.contains("://"));
        for path in quoted.chain(links.map(|target| resolve(folder, target))) {
            if !exists(&path) {
                offences.push(format!(
                    "{} names {path}, which is not there",
                    document.path
                ));
            }
        }
    }
    offences
}

/// Whether what stands in backquotes is a path from the root, not a command or an identifier.
fn is_path(text: &str) -> bool {
    let roots = ["appliance/", "web/", "tests/", "systemd/", "image/", ".ci/"];
    roots.iter().any(|root| text.starts_with(root)) && !text.contains(char::is_whitespace)
}

/// A link's target, from the root.
fn resolve(folder: &str, target: &str) -> String {
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('#').next().unwrap_or_default().split('/') {
        match step {
            ".." => drop(steps.pop()),
            "" | "." => {}
            step => steps.push(step),
        }
    }
    steps.join("/")
}
