//! The `Cargo.toml` of a crate, as far as the checks ask.

use toml::Table;

use super::source;

/// A crate of the workspace.
pub(super) struct Manifest<'a> {
    /// Where its `Cargo.toml` lies.
    pub(super) path: &'a str,
    /// The name of the package.
    pub(super) name: String,
    text: &'a str,
    table: Table,
}

/// One entry of a table of dependencies.
pub(super) struct Dependency<'a> {
    /// The package it names.
    pub(super) name: String,
    /// Whether it is one of `[dependencies]` or `[build-dependencies]`, not one of tests.
    pub(super) normal: bool,
    /// Where it is said.
    pub(super) line: usize,
    /// What is said about it.
    pub(super) value: &'a toml::Value,
}

impl<'a> Manifest<'a> {
    /// The crates of the tree; the root, which is no package, is none.
    pub(super) fn all(tree: &'a super::Tree) -> Vec<Manifest<'a>> {
        let files = tree.files().filter(|(path, _)| path.ends_with("/Cargo.toml"));
        let parsed = files.filter_map(|(path, text)| {
            let table: Table = text.parse().ok()?;
            let name = table.get("package")?.get("name")?.as_str()?.to_owned();
            Some(Manifest { path, name, text, table })
        });
        parsed.collect()
    }

    /// All its dependencies, those for one platform too.
    pub(super) fn dependencies(&self) -> Vec<Dependency<'_>> {
        let platforms = self.table.get("target").and_then(toml::Value::as_table).into_iter().flat_map(Table::values);
        let tables = platforms.filter_map(toml::Value::as_table).chain([&self.table]);
        let mut found = vec![];
        for table in tables {
            for (kind, normal) in [("dependencies", true), ("build-dependencies", true), ("dev-dependencies", false)] {
                for (key, value) in table.get(kind).and_then(toml::Value::as_table).into_iter().flatten() {
                    let name = value.get("package").and_then(toml::Value::as_str).unwrap_or(key).to_owned();
                    found.push(Dependency { name, normal, line: entry_line(self.text, key), value });
                }
            }
        }
        found
    }
}

/// The line that begins with `key`, as an entry of a table of dependencies does.
pub(super) fn entry_line(text: &str, key: &str) -> usize {
    let entry = source::pattern(&format!(r"(?m)^{}[ .=]", regex::escape(key)));
    entry.find(text).map_or(1, |found| source::line(text, found.start()))
}
