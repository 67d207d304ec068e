//! `cargo xtask`: see [`xtask`].
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line speaks by printing")]

use std::path::Path;
use std::process::ExitCode;

use xtask::tidy::{self, Tree, sizes};

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy(),
        _ => {
            eprintln!(
                "usage: cargo xtask tidy    checks layers, sizes, words, documents; an ordinary test runs it too"
            );
            Ok(ExitCode::from(2))
        }
    }
}

fn tidy() -> anyhow::Result<ExitCode> {
    // Asked for when it runs: clones share the folder of build products, and a product may come from another one.
    let folder = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let tree = Tree::read(Path::new(&folder).parent().expect("xtask lies in the tree"))?;
    let findings = tidy::findings(&tree);
    for finding in &findings {
        println!("{finding}");
    }
    println!("{}; {} findings", sizes::figures(&tree), findings.len());
    Ok(if findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
