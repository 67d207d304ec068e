//! The same tokens, issued by the npm package `oidc-provider`.

use std::path::Path;

use anyhow::{Context, Result};
use bench::http::Caller;
use bench::process::{self, Server};
use bench::script::Same;

use crate::issued::{ALGORITHMS, CLIENTS};
use crate::{Options, cost, median, say};

/// Measures, and prints a line for each algorithm. `modules`: where the package is installed.
pub(crate) async fn measure(modules: &Path, folder: &Path, options: &Options) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/oidc-provider.mjs");
    let address = folder.join("peer.addr");
    let mut command = process::on_core(options.core, Path::new("node"));
    command.arg(script).arg(modules.canonicalize().context("no such folder")?).arg(&address);
    let peer = Server::start(command, &address, &folder.join("peer.log"))?;
    let caller = Caller { address: peer.address.clone(), token: None };
    say("| oidc-provider | token over HTTP µs |")?;
    say("| --- | ---: |")?;
    for algorithm in ALGORITHMS {
        let form =
            format!("grant_type=client_credentials&client_id={algorithm}&client_secret=a-long-secret-of-a-client");
        let mut figures = vec![];
        for _ in 0..options.rounds {
            figures.push(cost(&peer, options, CLIENTS, Same::form(&caller, "/token", &form)).await?.0);
        }
        say(&format!("| {algorithm} | {:.0} |", median(figures)))?;
    }
    Ok(())
}
