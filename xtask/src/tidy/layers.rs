//! Which crate may use which: a crate uses only what stands above it in the table of the architecture.

use std::collections::{BTreeMap, BTreeSet};

use super::manifest::Manifest;
use super::{Finding, Tree};

const PURE: &[&str] = &["types", "schema", "policy", "tlog", "flow"];
const IO: &[&str] = &["db", "backends"];
const LOGIC: &[&str] = &["core", "identity"];
const WORKERS: &[&str] = &["audit", "webhooks", "automation", "analytics", "replication"];
const EDGE: &[&str] = &["api", "graphql", "console", "gateway"];
const BINARY: &[&str] = &["admin"];

/// Each crate, and the groups of crates it may use. Within a row the crates do not know each other.
const TABLE: &[(&[&str], &[&[&str]])] = &[
    (&["types"], &[]),
    (&["schema"], &[&["types"]]),
    (&["policy"], &[&["types", "schema"]]),
    (&["tlog", "flow"], &[&["types"]]),
    (&["db"], &[PURE]),
    (&["backends"], &[PURE]),
    (&["core"], &[PURE, IO]),
    (&["identity"], &[PURE, IO, &["core"]]),
    (WORKERS, &[PURE, IO, LOGIC]),
    (&["api", "graphql", "console"], &[PURE, IO, LOGIC]),
    (&["gateway"], &[PURE, IO]),
    (BINARY, &[PURE, IO, LOGIC, WORKERS, EDGE]),
    (&["testkit"], &[PURE, IO, LOGIC, WORKERS, EDGE, BINARY]),
    (&["xtask", "bench"], &[PURE, IO, LOGIC, WORKERS, EDGE, BINARY, &["testkit"]]),
];

/// Normal dependencies keep to the table; those of tests may cross it.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let manifests = Manifest::all(tree);
    let own: BTreeMap<&str, &str> =
        manifests.iter().map(|manifest| (manifest.name.as_str(), short(&manifest.name))).collect();
    let mut findings = vec![];
    for manifest in &manifests {
        let Some(allowed) = allowed(short(&manifest.name)) else {
            let message = format!("the crate {} stands in no layer", manifest.name);
            findings.push(Finding::new(manifest.path, 1, message, "give it a row in xtask/src/tidy/layers.rs"));
            continue;
        };
        for dependency in manifest.dependencies().iter().filter(|dependency| dependency.normal) {
            if let Some(used) = own.get(dependency.name.as_str())
                && !allowed.contains(used)
            {
                let message = format!("{} may not use {}", manifest.name, dependency.name);
                let remedy = "move the code to a layer that both may use, or pass it in from above";
                findings.push(Finding::new(manifest.path, dependency.line, message, remedy));
            }
        }
    }
    findings
}

/// The crates that this one may use; none if it is not in the table.
fn allowed(name: &str) -> Option<BTreeSet<&'static str>> {
    let (_, groups) = TABLE.iter().find(|(row, _)| row.contains(&name))?;
    Some(groups.iter().copied().flatten().copied().collect())
}

/// `crates/x` is package `admin-x`.
fn short(package: &str) -> &str {
    package.strip_prefix("admin-").unwrap_or(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crates(dependencies: &str) -> Tree {
        let db = format!("[package]\nname = \"admin-db\"\n{dependencies}");
        Tree::of(&[
            ("Cargo.toml", "[workspace]"),
            ("crates/types/Cargo.toml", "[package]\nname = \"admin-types\""),
            ("crates/core/Cargo.toml", "[package]\nname = \"admin-core\""),
            ("crates/db/Cargo.toml", &db),
        ])
    }

    #[test]
    fn a_crate_uses_what_stands_above_it() {
        let tree = crates(
            "[dependencies]\nadmin-types.workspace = true\nserde = \"1\"\n[dev-dependencies]\nadmin-core.workspace = true",
        );
        assert_eq!(check(&tree), []);
    }

    #[test]
    fn and_not_what_stands_below() {
        for table in ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
            let found = check(&crates(&format!("[{table}]\nadmin-core.workspace = true")));
            assert_eq!(found.len(), 1, "{table}: {found:?}");
            assert!(
                found[0].to_string().starts_with("crates/db/Cargo.toml:4: admin-db may not use admin-core"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn workers_do_not_know_each_other_nor_the_gateway_the_application() {
        let allowed = |name, other| allowed(name).unwrap().contains(other);
        assert!(!allowed("audit", "webhooks") && !allowed("api", "graphql") && !allowed("core", "identity"));
        assert!(!allowed("gateway", "core") && !allowed("gateway", "identity"));
        assert!(allowed("identity", "core") && allowed("audit", "core") && allowed("admin", "gateway"));
    }

    #[test]
    fn a_new_crate_needs_a_row() {
        let found = check(&Tree::of(&[("crates/new/Cargo.toml", "[package]\nname = \"admin-new\"")]));
        assert!(found[0].message.contains("stands in no layer"), "{found:?}");
    }
}
