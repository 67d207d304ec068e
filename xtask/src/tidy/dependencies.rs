//! A dependency says why it is here, in one place, and is used.

use toml::Table;

use super::manifest::{Manifest, entry_line};
use super::{Finding, Tree};

const ROOT: &str = "Cargo.toml";

/// Each external dependency has its reason and a user; no crate chooses a version of its own.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let text = tree.text(ROOT).unwrap_or_default();
    let root: Table = text.parse().unwrap_or_default();
    let declared = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let external = declared.and_then(toml::Value::as_table).into_iter().flatten();
    let external = external.filter(|(_, value)| value.get("path").is_none());
    let manifests = Manifest::all(tree);
    let mut findings = vec![];
    for (name, value) in external {
        let line = entry_line(text, name);
        if !has_reason(text.lines().nth(line - 1).unwrap_or_default()) {
            let message = format!("{name} does not say why it is here");
            findings.push(Finding::new(ROOT, line, message, "add `# reason` to its line"));
        }
        let package = value.get("package").and_then(toml::Value::as_str).unwrap_or(name);
        let uses =
            |manifest: &Manifest| manifest.dependencies().iter().any(|used| used.name == *name || used.name == package);
        if !manifests.iter().any(uses) {
            findings.push(Finding::new(ROOT, line, format!("no crate uses {name}"), "remove it"));
        }
    }
    for manifest in &manifests {
        for dependency in manifest.dependencies() {
            if dependency.value.get("workspace").is_none() {
                let message = format!("{} does not come from the workspace", dependency.name);
                let remedy = "declare it in the root Cargo.toml, and write `.workspace = true` here";
                findings.push(Finding::new(manifest.path, dependency.line, message, remedy));
            }
        }
    }
    findings
}

/// Whether words follow the `#` behind the entry. The entry may have a `#` in a string.
fn has_reason(line: &str) -> bool {
    let behind = line.rfind(['"', '}']).map_or("", |end| &line[end + 1..]);
    let reason = behind.trim_start().strip_prefix('#').or_else(|| line.rsplit_once(" # ").map(|(_, reason)| reason));
    reason.is_some_and(|reason| !reason.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: (&str, &str) =
        ("crates/x/Cargo.toml", "[package]\nname = \"admin-x\"\n[dependencies]\nserde.workspace = true\n");

    fn root(entries: &str) -> String {
        format!("[workspace.dependencies]\nadmin-x = {{ path = \"crates/x\" }}\n{entries}")
    }

    #[test]
    fn a_reason_and_a_user_pass() {
        for entry in [
            "serde = \"1\" # every wire shape",
            "serde = { version = \"1\", features = [\"rc\"] } # the word \"shape\" is here",
        ] {
            assert_eq!(check(&Tree::of(&[(ROOT, &root(entry)), USER])), [], "{entry}");
        }
    }

    #[test]
    fn no_reason_no_user_and_an_own_version_are_found() {
        let own = ("crates/y/Cargo.toml", "[package]\nname = \"admin-y\"\n[dev-dependencies]\nregex = \"1\"\n");
        let found =
            check(&Tree::of(&[(ROOT, &root("serde = \"1\"\nlibc = \"0.2\" # signals to servers\n")), USER, own]));
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().any(|text| text.starts_with("Cargo.toml:3: serde does not say why")), "{found:?}");
        assert!(found.iter().any(|text| text.starts_with("Cargo.toml:4: no crate uses libc")), "{found:?}");
        assert!(found.iter().any(|text| text.starts_with("crates/y/Cargo.toml:4: regex does not come")), "{found:?}");
    }
}
