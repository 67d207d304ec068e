//! The scripts in `crates/testkit/node/`: what others wrote for Node, run against Admin.

use std::path::Path;
use std::process::Command;

use crate::Sandbox;

/// Runs a script with the server's address and its owner's token in its environment, and what `more` says.
///
/// # Panics
/// The libraries are not installed, or the script fails or does not come to its end; the message has all that it said.
pub fn run(sandbox: &Sandbox, script: &str, more: &[(&str, &str)]) {
    let home = std::env::var("HOME").expect("a home folder");
    let modules = Path::new(&home).join(".cache/admin/node/node_modules");
    assert!(modules.is_dir(), "there is no {}: run `make test`, which installs it", modules.display());
    let mut command = Command::new("node");
    command.arg(Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("node").join(script));
    command.env("ADMIN_NODE_MODULES", &modules).envs(more.iter().copied());
    command.env("ADMIN_URL", &sandbox.base_url).env("ADMIN_OWNER_TOKEN", &sandbox.owner_token);
    let output = tokio::task::block_in_place(|| command.output()).expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("all steps passed"), "{script} did not come to its end:\n{said}");
}
