//! The tests of the whole workspace run the binary that they were built with.

use super::{Finding, Tree};

/// Cargo builds a package's binary along with the tests only if that package has tests in `tests/`. Without one, the
/// stories would run whatever binary lies in the target folder.
#[must_use]
pub fn check(tree: &Tree) -> Vec<Finding> {
    let has_tests = tree.under("crates/admin/tests/").any(|(path, _)| path.ends_with(".rs"));
    if has_tests || !tree.has("crates/admin/src/main.rs") {
        return vec![];
    }
    let message = "the package has no test in crates/admin/tests, so Cargo does not build its binary for the stories";
    vec![Finding::new("crates/admin/Cargo.toml", 1, message, "add a test of the command line there")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_needs_a_test_of_its_own() {
        let main = ("crates/admin/src/main.rs", "");
        assert_eq!(check(&Tree::of(&[main])).len(), 1);
        assert_eq!(check(&Tree::of(&[main, ("crates/admin/tests/command_line.rs", "")])), []);
    }
}
