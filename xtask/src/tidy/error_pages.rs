//! Every stable error code has a page in `docs/errors`, and every page a code.

use std::collections::BTreeMap;

use super::source;
use super::{Finding, Tree};

/// Where the constructors of errors are.
const ERRORS: &str = "crates/types/src/error.rs";
const PAGES: &str = "docs/errors/";

/// Codes and pages pair up. A code is known by the call that makes the error; tests may make up their own.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let codes = codes(tree);
    let pages: Vec<&str> = tree.under(PAGES).filter_map(|(path, _)| path[PAGES.len()..].strip_suffix(".md")).collect();
    let mut findings = vec![];
    for (code, (path, line)) in &codes {
        if !pages.contains(&code.as_str()) {
            let message = format!("the error code `{code}` has no page");
            findings.push(Finding::new(
                path,
                *line,
                message,
                "write docs/errors/<code>.md: when it happens, what to do",
            ));
        }
    }
    for page in pages.into_iter().filter(|page| *page != "README" && !codes.contains_key(*page)) {
        let message = format!("no error has the code `{page}`");
        findings.push(Finding::new(&format!("{PAGES}{page}.md"), 1, message, "remove the page, or correct its name"));
    }
    findings
}

/// Each code with the first place that uses it.
fn codes(tree: &Tree) -> BTreeMap<String, (&str, usize)> {
    let constructor = source::pattern(r"pub fn (\w+)\(\s*code: &'static str");
    let constructors = tree.text(ERRORS).unwrap_or_default();
    let constructors: Vec<&str> =
        constructor.captures_iter(constructors).filter_map(|found| Some(found.get(1)?.as_str())).collect();
    // `Error::new(Kind::Gone, "code"`, and `Error::conflict("code"` for each constructor that takes a code first.
    let by_kind = r#"\w+\(\s*(?:\w+::)*Kind::\w+,\s*"#;
    let by_name =
        if constructors.is_empty() { String::new() } else { format!(r"|(?:{})\(\s*", constructors.join("|")) };
    let call = source::pattern(&format!(r#"\b(?:Error|Self)::(?:{by_kind}{by_name})"([a-z0-9_]+)""#));
    let mut codes = BTreeMap::new();
    for (path, text) in tree.ending(&[".rs"]).filter(|(path, _)| !source::is_test(path) && !path.starts_with("xtask/"))
    {
        let text = source::without_tests(text);
        for found in call.captures_iter(&text) {
            let start = found.get(1).map_or(0, |code| code.start());
            codes.entry(found[1].to_owned()).or_insert((path, source::line(&text, start)));
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONSTRUCTORS: &str = "pub fn invalid(code: &'static str, detail: impl Into<String>) -> Error {}\n\
        pub fn parameter(name: &str) -> Error { Error::invalid(\"invalid_parameter\", \"\") }\n";

    fn found(text: &str, pages: &[&str]) -> Vec<String> {
        let pages: Vec<String> = pages.iter().map(|page| format!("{PAGES}{page}.md")).collect();
        let mut files = vec![(ERRORS, CONSTRUCTORS), ("crates/core/src/a.rs", text)];
        files.extend(pages.iter().map(|page| (page.as_str(), "")));
        check(&Tree::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn codes_with_pages_pass() {
        let text = "Error::parameter(\"limit\", x);\nError::new(\n    types::Kind::Gone,\n    \"cursor_expired\",\n);\nio::Error::other(\"x\");\n\
            #[cfg(test)]\nmod tests {\n    Error::invalid(\"made_up\", x);\n}\n";
        assert_eq!(found(text, &["README", "cursor_expired", "invalid_parameter"]), [""; 0]);
    }

    #[test]
    fn a_code_without_a_page_and_a_page_without_a_code_are_found() {
        let found = found("\nError::invalid(\n    \"too_deep\", x)", &["invalid_parameter", "gone"]);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("crates/core/src/a.rs:3: the error code `too_deep`"), "{found:?}");
        assert!(found[1].starts_with("docs/errors/gone.md:1: no error has the code `gone`"), "{found:?}");
    }
}
