//! Embeds the pages of `docs/errors/`.

use std::fmt::Write as _;
use std::path::PathBuf;

fn main() {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR").expect("set by cargo")).join("../../docs/errors");
    println!("cargo:rerun-if-changed={}", folder.display());
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .expect("docs/errors is there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".md"))
        .collect();
    names.sort();
    let mut text = String::from("/// Code and page of every error.\nconst ERROR_PAGES: &[(&str, &str)] = &[\n");
    for name in &names {
        let path = folder.join(name);
        let code = name.trim_end_matches(".md");
        writeln!(text, "    ({code:?}, include_str!({path:?})),").expect("a String takes all");
    }
    text.push_str("];\n");
    let out = PathBuf::from(std::env::var("OUT_DIR").expect("set by cargo")).join("error_pages.rs");
    std::fs::write(out, text).expect("OUT_DIR is writable");
}
