//! Work on the tree itself, in Rust instead of shell: `cargo xtask tidy`.

pub mod tidy;
