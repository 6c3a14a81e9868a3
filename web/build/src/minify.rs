//! Leaves out what only people read. Modest on purpose: it knows lines and comments, not the
//! languages, and Brotli does the rest.

/// A script without comment lines, indentation and empty lines.
///
/// Only comments that begin a line go, so that nothing inside of a text is touched.
pub(crate) fn script(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut in_comment = false;
    for line in text.lines().map(str::trim) {
        if in_comment || line.starts_with("/*") {
            in_comment = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// A style sheet without comments and indentation.
pub(crate) fn style(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("/*") {
        out.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    lines(&out)
}

/// A text without indentation and empty lines.
pub(crate) fn lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_indentation_go() {
        let text =
            "/**\n * Says.\n */\nfunction f() {\n\n    // why\n    return `//${1}`; // kept\n}\n";
        assert_eq!(
            script(text),
            "function f() {\nreturn `//${1}`; // kept\n}\n"
        );
        assert_eq!(
            style("/* a */ b {\n  c: d;\n}\n/* e\n */"),
            "b {\nc: d;\n}\n"
        );
    }
}
