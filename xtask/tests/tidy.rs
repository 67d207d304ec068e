//! Taste as a program: what `cargo xtask tidy` checks is an ordinary test.

use std::path::Path;

use xtask::tidy::{self, Tree};

#[test]
fn the_tree_is_tidy() {
    let tree = Tree::read(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()).unwrap();
    let findings: Vec<String> = tidy::findings(&tree).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
