//! Short names between the module and its bindings, and in these.
//!
//! The bindings' generator makes long names with a hash in each, which no compression makes
//! small, and writes them down twice.

use std::collections::BTreeSet;

use anyhow::bail;
use walrus::{ExportItem, Module};

/// Gives all that the module imports, what it exports for the bindings only, and what the
/// bindings themselves define, a short name, in the module and in the script.
pub(crate) fn shorten(module: &mut Module, js: &mut String) -> anyhow::Result<()> {
    let mut taken = words(js);
    let mut fresh = (0..)
        .map(letters)
        .filter(move |name| taken.insert(name.clone()));
    let mut owner: Option<(String, String)> = None;
    for import in module.imports.iter_mut() {
        let (from, to) =
            owner.get_or_insert_with(|| (import.module.clone(), fresh.next().unwrap_or_default()));
        if import.module != *from {
            bail!("imports from {} and {from}", import.module);
        }
        import.module.clone_from(to);
        let short = fresh.next().unwrap_or_default();
        rename(js, &import.name, &short)?;
        import.name = short;
    }
    if let Some((from, to)) = owner {
        let (from, to) = (format!("\"{from}\""), format!("\"{to}\""));
        if js.matches(&from).count() != 1 {
            bail!("the script does not have the imports of {from}");
        }
        *js = js.replace(&from, &to);
    }
    let mut unused = Vec::new();
    for export in module.exports.iter_mut() {
        // A table's is looked for by its name later on (see `bindings`).
        let table = matches!(export.item, ExportItem::Table(_));
        if table || !OURS.iter().any(|ours| export.name.starts_with(ours)) {
            continue;
        }
        let short = fresh.next().unwrap_or_default();
        match rename(js, &export.name, &short) {
            Ok(()) => export.name = short,
            Err(_) => unused.push(export.id()),
        }
    }
    for export in unused {
        module.exports.delete(export);
    }
    for name in defined(js) {
        rename(js, &name, &fresh.next().unwrap_or_default())?;
    }
    Ok(())
}

/// What the names of exports begin with that only the bindings use.
const OURS: [&str; 3] = ["__wb", "__externref", "wasm_bindgen__"];

/// What the script defines at its top under a long name, unless the same word may be
/// something else as well: a field, a text.
fn defined(js: &str) -> BTreeSet<String> {
    const DEFINE: [&str; 4] = ["function ", "async function ", "let ", "const "];
    let lines = js.lines();
    let defined = lines.filter_map(|line| {
        let name = DEFINE.iter().find_map(|word| line.strip_prefix(word))?;
        let name = name.split(|c| !in_word(c)).next()?;
        (name.len() > 3 && !elsewhere(js, name)).then(|| name.to_owned())
    });
    defined.collect()
}

fn elsewhere(js: &str, name: &str) -> bool {
    js.match_indices(name).any(|(at, _)| {
        let (before, after) = (&js[..at], &js[at + name.len()..]);
        before.ends_with(['.', '"', '\'', '`'])
            || after.starts_with([':', '"', '\'', '`'])
            // `{ name }` is a field as well.
            || before.ends_with("{ ")
            || after.starts_with(" }")
    })
}

/// A name that is a word of its own in the script, and not a part of another.
fn rename(js: &mut String, from: &str, to: &str) -> anyhow::Result<()> {
    let mut out = String::with_capacity(js.len());
    let mut rest = js.as_str();
    let mut found = false;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let whole = !before.ends_with(in_word) && !after.starts_with(in_word);
        found |= whole;
        out.push_str(before);
        out.push_str(if whole { to } else { from });
        rest = after;
    }
    out.push_str(rest);
    if !found {
        bail!("the script does not have {from}");
    }
    *js = out;
    Ok(())
}

fn words(js: &str) -> BTreeSet<String> {
    js.split(|c| !in_word(c)).map(str::to_owned).collect()
}

fn in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$'
}

/// a, b, .. z, ba, bb, ..
fn letters(mut number: usize) -> String {
    let mut name = String::new();
    loop {
        name.insert(0, char::from(b"abcdefghijklmnopqrstuvwxyz"[number % 26]));
        number /= 26;
        if number == 0 {
            return name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_are_renamed() {
        let mut js = "f_1: f_1x, $f_1, (f_1)".to_owned();
        rename(&mut js, "f_1", "a").unwrap();
        assert_eq!(js, "a: f_1x, $f_1, (a)");
        assert!(rename(&mut js, "g", "b").is_err());
    }

    #[test]
    fn only_what_is_nothing_else_is_defined() {
        let js = "function long() { field: 1 }\nlet field = 2;\nconst word = 'text';\n\
                  let text;\nlet brief;\nlong({ brief });\n";
        let names: Vec<String> = defined(js).into_iter().collect();
        assert_eq!(names, ["long", "word"]);
    }

    #[test]
    fn short_names_differ() {
        let names: BTreeSet<String> = (0..2000).map(letters).collect();
        assert_eq!(names.len(), 2000);
    }
}
