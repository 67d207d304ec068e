//! Documents name files that exist.

use super::source;
use super::{Finding, Tree};

/// What a path of this tree begins with, when a text names one in backticks.
const FOLDERS: [&str; 8] = ["crates/", "docs/", "examples/", "bench/", "scripts/", "xtask/", "console/", "deploy/"];

/// Every relative link and every path in backticks leads to something. Blocks of code are examples, and are not read.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let link = source::pattern(r#"\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)"#);
    let code = source::pattern(r"`([^`]+)`");
    let mut findings = vec![];
    for (path, text) in tree.ending(&[".md"]) {
        for (line, prose) in prose(text) {
            let without_code = code.replace_all(prose, "`code`");
            let links = link.captures_iter(&without_code).map(|found| found[1].to_owned());
            for target in links.filter_map(|target| resolve(path, &target)).filter(|target| !tree.has(target)) {
                let message = format!("links to {target}, which does not exist");
                findings.push(Finding::new(path, line, message, "correct the link, or write what it promises"));
            }
            let named = code.captures_iter(prose).map(|found| found[1].to_owned());
            for named in named.filter(|named| is_path(named)).filter(|named| !tree.has(without_line(named))) {
                let message = format!("names {named}, which does not exist");
                findings.push(Finding::new(path, line, message, "name the file that it is now"));
            }
        }
    }
    findings
}

/// The lines outside fenced blocks, with their numbers.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
        fenced ^= fence;
        !fence && !fenced
    })
}

/// The path from the root that a link in the document `from` leads to; none if it leads out of the tree.
fn resolve(from: &str, target: &str) -> Option<String> {
    let target = target.split('#').next().unwrap_or_default();
    if target.is_empty() || target.contains(':') || target.starts_with("//") {
        return None;
    }
    let mut path: Vec<&str> = if target.starts_with('/') { vec![] } else { from.split('/').collect() };
    path.pop();
    for step in target.split('/').filter(|step| !step.is_empty() && *step != ".") {
        match step {
            ".." => drop(path.pop()),
            step => path.push(step),
        }
    }
    Some(path.join("/"))
}

/// Whether words in backticks are a path of this tree: a file, or a folder with `/`; not a pattern, not a command.
fn is_path(words: &str) -> bool {
    let name = without_line(words).rsplit('/').next().unwrap_or_default();
    FOLDERS.iter().any(|folder| words.starts_with(folder))
        && !words.contains([' ', '*', '{', '<', '…', '$', '('])
        && (name.is_empty() || name.contains('.'))
}

/// `crates/db/src/lib.rs:12` without its line.
fn without_line(path: &str) -> &str {
    path.split(':').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 2] = [("crates/db/src/lib.rs", ""), ("docs/deploy.md", "")];

    #[test]
    fn what_exists_passes() {
        let text = "[a](docs/deploy.md#tls) [b](https://example.org/x) [c](#here) [d](crates/db) ![e](./docs/deploy.md \"t\")\n\
                    `crates/db/src/lib.rs:12` `crates/` `crates/<noun>/x.rs` `docs/errors/*.md` `core/src/a.rs` `[x](y)`\n\
                    ```\n[f](gone.md) `docs/gone.md`\n```\n";
        assert_eq!(check(&Tree::of(&[FILES[0], FILES[1], ("README.md", text)])), []);
        assert_eq!(
            check(&Tree::of(&[FILES[0], FILES[1], ("docs/a.md", "[a](deploy.md) [b](../crates/db/src/lib.rs)")])),
            []
        );
    }

    #[test]
    fn what_does_not_is_found() {
        let text = "[a](deploy.md)\n\nSee `docs/gone.md` and `crates/gone/`.\n";
        let found: Vec<String> =
            check(&Tree::of(&[FILES[0], ("docs/a.md", text)])).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found[0].starts_with("docs/a.md:1: links to docs/deploy.md"), "{found:?}");
        assert!(found[1].starts_with("docs/a.md:3: names docs/gone.md"), "{found:?}");
        assert!(found[2].starts_with("docs/a.md:3: names crates/gone/"), "{found:?}");
    }
}
