//! Names that say nothing, and promises to finish something later.

use super::source::{self, ENDINGS};
use super::{Finding, Tree};

/// A file or a module of this name is a drawer for what found no place.
const EMPTY_NAMES: [&str; 8] = ["utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"];

/// No file or module has an empty name; nothing is left for later.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let module = source::pattern(&format!(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?mod ({})\b", EMPTY_NAMES.join("|")));
    // Put together from halves, so that this file does not contain what it looks for.
    let later =
        source::pattern(concat!(r"\b(TO", "DO|FIX", "ME|X", "XX|HA", r"CK)\b|\b(unimple", r"mented|to", r"do)!\("));
    let mut findings = vec![];
    for (path, text) in tree.ending(&ENDINGS) {
        let mut names = path.split('/').map(|name| name.split('.').next().unwrap_or(name));
        if let Some(name) = names.find(|name| EMPTY_NAMES.contains(name)) {
            let message = format!("the name `{name}` says nothing");
            findings.push(Finding::new(path, 1, message, "name it after what it holds"));
        }
        for found in module.captures_iter(text) {
            let start = found.get(1).map_or(0, |name| name.start());
            let message = format!("the name `{}` says nothing", &found[1]);
            findings.push(Finding::new(path, source::line(text, start), message, "name it after what it holds"));
        }
        for found in later.find_iter(text) {
            let message = format!("`{}` is a promise", found.as_str().trim_end_matches('('));
            findings.push(Finding::new(
                path,
                source::line(text, found.start()),
                message,
                "do it now, or say why it is as it is",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling_names_pass() {
        let text = "mod commons;\nfn todo_list() {} // mktemp admin-XXXXXX\n";
        assert_eq!(check(&Tree::of(&[("crates/db/src/manage.rs", text), ("docs/common.md", "")])), []);
    }

    #[test]
    fn empty_names_and_promises_are_found() {
        let text = concat!("pub mod ", "utils;\n// TO", "DO: later\nfn f() { unimple", "mented!() }\n");
        let found: Vec<String> =
            check(&Tree::of(&[("crates/db/tests/common/mod.rs", text)])).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(
            found[0].contains("mod.rs:1: the name `common`") && found[1].contains("mod.rs:1: the name `utils`"),
            "{found:?}"
        );
        assert!(found[2].contains("mod.rs:2: ") && found[3].contains("mod.rs:3: "), "{found:?}");
    }
}
