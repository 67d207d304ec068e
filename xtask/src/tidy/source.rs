//! Reading source as text.

use regex::Regex;

/// The endings of source files that people write.
pub(super) const ENDINGS: [&str; 5] = [".rs", ".ts", ".tsx", ".sh", ".py"];

/// A pattern of this program's own.
pub(super) fn pattern(regex: &str) -> Regex {
    Regex::new(regex).expect("the patterns of the checks are constants, and each is tested")
}

/// The line, from 1, of a byte offset.
pub(super) fn line(text: &str, offset: usize) -> usize {
    text[..offset].matches('\n').count() + 1
}

/// Whether a program wrote this file: its first line says so.
pub(super) fn generated(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains("@generated"))
}

/// Whether the whole file is test code.
pub(super) fn is_test(path: &str) -> bool {
    ["tests/", "benches/"].iter().any(|folder| path.starts_with(folder) || path.contains(&format!("/{folder}")))
        || path.ends_with("/tests.rs")
}

/// The text with its `#[cfg(test)]` modules emptied; the lines keep their numbers. Expects what rustfmt writes.
pub(super) fn without_tests(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut closing = None;
    let mut marked = false;
    for line in text.lines() {
        if closing.is_none() && marked && line.trim_start().starts_with("mod ") && line.ends_with('{') {
            closing = Some(format!("{}}}", indent(line)));
        }
        marked = line.trim() == "#[cfg(test)]" || (marked && line.trim_start().starts_with("#["));
        match &closing {
            None => kept.push_str(line),
            Some(end) if line == end => closing = None,
            Some(_) => {}
        }
        kept.push('\n');
    }
    kept
}

/// The white space that a line begins with.
pub(super) fn indent(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empties_test_modules_and_nothing_else() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\nmod d {\n}\n";
        let expected = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\n\n\n\n\nfn c() {}\nmod d {\n}\n";
        assert_eq!(without_tests(text), expected);
    }

    #[test]
    fn knows_test_files() {
        assert!(is_test("crates/db/tests/it.rs") && is_test("crates/db/src/tx/tests.rs"));
        assert!(!is_test("crates/testkit/src/story.rs"));
    }
}
