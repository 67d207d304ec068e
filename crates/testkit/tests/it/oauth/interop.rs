//! Admin as libraries that others wrote see it: `oauth4webapi` and `openid-client`, run by Node.

use std::path::Path;
use std::process::Command;

use super::*;

story!(libraries_of_others_get_on_with_admin, async |sandbox: &Sandbox| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("node");
    let home = std::env::var("HOME").expect("a home folder");
    let modules = Path::new(&home).join(".cache/admin/node/node_modules");
    assert!(modules.is_dir(), "there is no {}: run `make test`, which installs it", modules.display());
    let mut command = Command::new("node");
    command.arg(folder.join("interop.mjs")).env("ADMIN_NODE_MODULES", &modules);
    command.env("ADMIN_URL", &sandbox.base_url).env("ADMIN_OWNER_TOKEN", &sandbox.owner_token);
    let output = tokio::task::block_in_place(|| command.output()).expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.trim_end().ends_with("all steps passed"), "{said}");
});
