//! Every migration exists for both databases, under the same number and name, with no number left out.

use std::collections::{BTreeMap, BTreeSet};

use super::source;
use super::{Finding, Tree};

const FOLDER: &str = "crates/db/migrations/";
const MIGRATOR: &str = "crates/db/src/migrate.rs";
const DATABASES: [&str; 2] = ["sqlite", "postgres"];

/// The two folders agree, and count from 0001.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let well_named = source::pattern(r"^\d{4}_[a-z0-9_]+\.sql$");
    let mut of: BTreeMap<&str, BTreeSet<&str>> = DATABASES.map(|database| (database, BTreeSet::new())).into();
    let mut findings = vec![];
    for (path, _) in tree.under(FOLDER) {
        let Some((database, name)) = path[FOLDER.len()..].split_once('/') else { continue };
        let Some(names) = of.get_mut(database) else { continue };
        if well_named.is_match(name) {
            names.insert(name);
        } else {
            findings.push(Finding::new(path, 1, "not a name of a migration", "name it NNNN_what_it_does.sql"));
        }
    }
    if of.values().all(BTreeSet::is_empty) && tree.has(MIGRATOR) {
        findings.push(Finding::new(MIGRATOR, 1, "there are no migrations", "put them into crates/db/migrations"));
    }
    for name in of["sqlite"].iter().filter(|_| tree.has(MIGRATOR)) {
        let stem = name.trim_end_matches(".sql");
        if !tree.text(MIGRATOR).is_some_and(|text| text.contains(&format!("\"{stem}\""))) {
            let message = format!("{MIGRATOR} does not apply it");
            findings.push(Finding::new(&format!("{FOLDER}sqlite/{name}"), 1, message, "add it to MIGRATIONS"));
        }
    }
    for (database, other) in [("sqlite", "postgres"), ("postgres", "sqlite")] {
        for name in of[database].difference(&of[other]) {
            let message = format!("{other} has no migration of this name");
            findings.push(Finding::new(&format!("{FOLDER}{database}/{name}"), 1, message, "write its pair"));
        }
        for (name, number) in of[database].iter().zip(1..) {
            if !name.starts_with(&format!("{number:04}_")) {
                let message = format!("its number should be {number:04}");
                findings.push(Finding::new(
                    &format!("{FOLDER}{database}/{name}"),
                    1,
                    message,
                    "count from 0001, each number once",
                ));
                break;
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(paths: &[&str]) -> Vec<String> {
        let files: Vec<(String, &str)> = paths.iter().map(|path| (format!("{FOLDER}{path}"), "")).collect();
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        check(&Tree::of(&files)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn pairs_pass() {
        let none: [&str; 0] = [];
        assert_eq!(
            found(&[
                "sqlite/0001_a.sql",
                "sqlite/0002_b.sql",
                "postgres/0001_a.sql",
                "postgres/0002_b.sql",
                "citus/0002_b.sql"
            ]),
            none
        );
        assert_eq!(found(&[]), none);
    }

    #[test]
    fn a_missing_pair_a_gap_and_a_wild_name_are_found() {
        let found = found(&["sqlite/0001_a.sql", "sqlite/0003_c.sql", "postgres/0001_a.sql", "postgres/notes.txt"]);
        assert_eq!(found.len(), 3, "{found:?}");
        assert!(found.iter().any(|text| text.contains("sqlite/0003_c.sql:1: postgres has no migration")), "{found:?}");
        assert!(found.iter().any(|text| text.contains("sqlite/0003_c.sql:1: its number should be 0002")), "{found:?}");
        assert!(found.iter().any(|text| text.contains("notes.txt:1: not a name")), "{found:?}");
    }

    #[test]
    fn a_migrator_needs_migrations() {
        assert_eq!(check(&Tree::of(&[(MIGRATOR, "")])).len(), 1);
        let [sqlite, postgres] = DATABASES.map(|database| format!("{FOLDER}{database}/0001_a.sql"));
        let of = |text| Tree::of(&[(MIGRATOR, text), (&sqlite, ""), (&postgres, "")]);
        assert_eq!(check(&of("migration!(1, \"0001_a\")")), []);
        assert!(check(&of("")).iter().any(|finding| finding.to_string().contains("does not apply it")));
    }
}
