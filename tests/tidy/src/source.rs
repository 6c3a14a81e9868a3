//! Rust source as the rules see it: code, without what is only said in comments and literals.

use crate::repository::File;

/// One Rust file.
#[derive(Debug, Clone)]
pub struct Source {
    /// Path from the root.
    pub path: String,
    /// Its code; comments and the insides of literals are blanks, line breaks stay.
    pub code: String,
    /// How many lines the file has.
    pub lines: usize,
}

impl Source {
    /// Strips a file to its code.
    pub fn of(file: &File) -> Self {
        Self {
            path: file.path.clone(),
            code: strip(&file.text),
            lines: file.text.lines().count(),
        }
    }

    /// Whether the code names `path`, which may be one identifier (`tokio`) or several
    /// (`std::time::Instant`).
    pub fn names(&self, path: &str) -> bool {
        let mut rest = self.code.as_str();
        while let Some(at) = rest.find(path) {
            let before = rest[..at].chars().next_back();
            let after = rest[at + path.len()..].chars().next();
            if !before.is_some_and(is_word) && !after.is_some_and(is_word) {
                return true;
            }
            rest = &rest[at + path.len()..];
        }
        false
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What the stripper is inside of.
enum State {
    Code,
    LineComment,
    BlockComment { depth: u32 },
    Text { hashes: Option<usize> },
}

/// Blanks comments, string and character literals. Raw strings are followed to their own end;
/// a lifetime (`'a`) is not a literal.
fn strip(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut state = State::Code;
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        let taken = match &mut state {
            State::Code => {
                let (next, taken) = leave_code(rest, out.chars().next_back());
                if let Some(next) = next {
                    state = next;
                    blank(&mut out, &rest[..taken]);
                } else if taken > 1 {
                    blank(&mut out, &rest[..taken]);
                } else {
                    out.push(rest[0]);
                }
                at += taken;
                continue;
            }
            State::LineComment => {
                if rest[0] == '\n' {
                    state = State::Code;
                }
                1
            }
            State::BlockComment { depth } => {
                if rest.starts_with(&['/', '*']) {
                    *depth += 1;
                    2
                } else if rest.starts_with(&['*', '/']) {
                    *depth -= 1;
                    if *depth == 0 {
                        state = State::Code;
                    }
                    2
                } else {
                    1
                }
            }
            State::Text { hashes: None } => match rest[0] {
                '\\' => 2.min(rest.len()),
                '"' => {
                    state = State::Code;
                    1
                }
                _ => 1,
            },
            State::Text {
                hashes: Some(hashes),
            } => {
                let hashes = *hashes;
                if rest[0] == '"' && rest[1..].iter().take_while(|c| **c == '#').count() >= hashes {
                    state = State::Code;
                    1 + hashes
                } else {
                    1
                }
            }
        };
        blank(&mut out, &rest[..taken]);
        at += taken;
    }
    out
}

/// What begins at `rest`, and how many characters that beginning takes. More than one character
/// without a new state is a character literal.
fn leave_code(rest: &[char], before: Option<char>) -> (Option<State>, usize) {
    let raw = |from: usize| {
        let hashes = rest[from..].iter().take_while(|c| **c == '#').count();
        (rest.get(from + hashes) == Some(&'"')).then_some(hashes)
    };
    match rest[0] {
        '/' if rest.get(1) == Some(&'/') => (Some(State::LineComment), 2),
        '/' if rest.get(1) == Some(&'*') => (Some(State::BlockComment { depth: 1 }), 2),
        '"' => (Some(State::Text { hashes: None }), 1),
        'r' if !before.is_some_and(|c| is_word(c) && c != 'b' && c != 'c') => match raw(1) {
            Some(hashes) => (
                Some(State::Text {
                    hashes: Some(hashes),
                }),
                2 + hashes,
            ),
            None => (None, 1),
        },
        '\'' if rest.get(1) == Some(&'\\') => {
            let end = rest.iter().skip(3).position(|c| *c == '\'');
            (None, end.map_or(1, |end| end + 4))
        }
        '\'' if rest.get(2) == Some(&'\'') => (None, 3),
        _ => (None, 1),
    }
}

fn blank(out: &mut String, chars: &[char]) {
    out.extend(chars.iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Source {
        Source::of(&File::new("x.rs", text))
    }

    #[test]
    fn comments_and_literals_name_nothing() {
        let text = r###"
            //! tokio in a doc comment
            /* tokio /* nested */ tokio */
            let a = "tokio \" tokio";
            let b = r#"tokio " tokio"#;
            let c = '"'; let d = '\''; let e = b'\\';
        "###;
        assert!(!code(text).names("tokio"));
    }

    #[test]
    fn code_after_a_literal_is_still_code() {
        for text in [
            "let a = '\"'; tokio::spawn()",
            "fn f<'a>(x: &'a str) { tokio::spawn() }",
            "let a = r\"\\\"; tokio::spawn()",
            "let a = br#\"\"#; tokio::spawn()",
            "/* */ tokio::spawn()",
            "// a\ntokio::spawn()",
            "let a = '\\u{1F600}'; tokio::spawn()",
        ] {
            assert!(code(text).names("tokio"), "{text}");
        }
    }

    #[test]
    fn a_longer_word_is_another_word() {
        assert!(!code("tokio_tungstenite::accept()").names("tokio"));
        assert!(code("use std::time::Instant;").names("std::time::Instant"));
    }
}
