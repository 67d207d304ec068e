//! Nothing committed holds the address of a machine: no folder of its owner, no registry that only it can reach.

use super::source;
use super::{Finding, Tree};

/// What Cargo writes for every crate of crates.io, whatever the machine fetches it from.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// No file names a home folder, and no lock file names a place to download from.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    // Put together from halves, so that this file does not contain what it looks for.
    let folder =
        source::pattern(concat!(r#"(?m)(?:^|[\s"'`=(:,])(/(?:wo"#, "rk|ro", "ot|ho", "me|Us", r#"ers)/[\w.-]*)"#));
    let mut findings = vec![];
    for (path, text) in tree.files() {
        for found in folder.captures_iter(text) {
            let start = found.get(1).map_or(0, |folder| folder.start());
            let message = format!("{} is a folder of one machine", &found[1]);
            findings.push(Finding::new(
                path,
                source::line(text, start),
                message,
                "name it from the root of the tree, or from $HOME",
            ));
        }
        for (line, address) in downloads(path, text) {
            let message = format!("a place to download from: {address}");
            let remedy = "lock without addresses: npm's omit-lockfile-registry-resolved, Cargo's crates.io index";
            findings.push(Finding::new(path, line, message, remedy));
        }
    }
    findings
}

/// The lines of a lock file, or of npm's settings, that name a registry.
fn downloads<'a>(path: &str, text: &'a str) -> Vec<(usize, &'a str)> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lines = (1..).zip(text.lines().map(str::trim));
    match name {
        "Cargo.lock" => lines.filter(|(_, line)| line.starts_with("source = ") && !line.contains(CRATES_IO)).collect(),
        "package-lock.json" | "npm-shrinkwrap.json" => {
            lines.filter(|(_, line)| line.starts_with("\"resolved\": \"http")).collect()
        }
        ".npmrc" => lines.filter(|(_, line)| line.contains("registry=")).collect(),
        _ => vec![],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_machine_understands_passes() {
        let lock = format!("[[package]]\nsource = \"{CRATES_IO}\"\n");
        let files = [
            ("Cargo.lock", lock.as_str()),
            ("package-lock.json", "\"integrity\": \"sha512-x\""),
            ("a.sh", "cd \"$HOME/work/x\" # docs/root/"),
        ];
        assert_eq!(check(&Tree::of(&files)), []);
    }

    #[test]
    fn folders_and_registries_are_found() {
        let text = concat!("first\ncd /wo", "rk/main\n\"/ro", "ot/.cargo\"");
        let files = [
            ("a.sh", text),
            ("Cargo.lock", "source = \"registry+https://crates.example.org/index\""),
            ("console/package-lock.json", "    \"resolved\": \"https://npm.example.org/react.tgz\","),
        ];
        let found: Vec<(String, usize)> =
            check(&Tree::of(&files)).into_iter().map(|found| (found.path, found.line)).collect();
        let expected = [("Cargo.lock", 1), ("a.sh", 2), ("a.sh", 3), ("console/package-lock.json", 1)];
        assert_eq!(found, expected.map(|(path, line)| (path.to_owned(), line)));
    }
}
