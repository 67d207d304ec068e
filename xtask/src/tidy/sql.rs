//! SQL, and the difference between the databases, belong to the crate `db` alone.

use super::source;
use super::{Finding, Tree};

/// `db` itself, and what stands outside the product: tests, measurements, this program.
const MAY: [&str; 4] = ["crates/db/", "crates/testkit/", "bench/", "xtask/"];

/// No string elsewhere begins with a statement, and nothing elsewhere asks which database it is.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let statement = source::pattern(r#""\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE)\b"#);
    let branch =
        source::pattern(r"(?m)\b(Sqlite|Postgres)\b[^\n;]*=>|\b(?:if let|matches!\()[^\n;]*\b(?:Sqlite|Postgres)\b");
    let mut findings = vec![];
    for (path, text) in tree.ending(&[".rs"]).filter(|(path, _)| !MAY.iter().any(|folder| path.starts_with(folder))) {
        for found in statement.captures_iter(text) {
            let start = found.get(1).map_or(0, |word| word.start());
            let message = format!("SQL outside the crate db: {}", &found[1]);
            findings.push(Finding::new(path, source::line(text, start), message, "move the statement to crates/db"));
        }
        for found in branch.find_iter(text) {
            let message = "branches on the database";
            let remedy = "only crates/db knows which database it is; give db a function that hides the difference";
            findings.push(Finding::new(path, source::line(text, found.start()), message, remedy));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_no_statements_pass() {
        let text = "let a = \"Select one\"; // SELECT\nlet b = \"DELETED FROM\"; let c = Database::Postgres(url);";
        assert_eq!(check(&Tree::of(&[("crates/core/src/a.rs", text)])), []);
    }

    #[test]
    fn statements_and_branches_belong_to_db() {
        let text = "let a = r#\"\n    SELECT 1\"#;\nlet b = \"UPDATE org SET x = 1\";\nmatch db {\n    Db::Sqlite(_) => 1,\n}\nif let Db::Postgres(p) = db {}\n";
        let lines: Vec<usize> =
            check(&Tree::of(&[("crates/core/src/a.rs", text)])).iter().map(|found| found.line).collect();
        assert_eq!(lines, [2, 3, 5, 7]);
        assert_eq!(check(&Tree::of(&[("crates/db/src/a.rs", text), ("crates/testkit/src/a.rs", text)])), []);
    }
}
