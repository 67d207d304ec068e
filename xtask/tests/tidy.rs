//! Taste as a program: what `cargo xtask tidy` checks is an ordinary test.

use std::path::Path;

use xtask::tidy::{self, Tree};

#[test]
fn the_tree_is_tidy() {
    // Asked for when it runs: clones share the folder of build products, and a product may come from another one.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let tree = Tree::read(Path::new(&folder).parent().unwrap()).unwrap();
    let findings: Vec<String> = tidy::findings(&tree).iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
