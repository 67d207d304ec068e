//! The same tokens and sign-ins of servers that others wrote: the npm package `oidc-provider`, and Debian's `glewlwyd`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use bench::http::Caller;
use bench::process::{self, Server};
use bench::script::Same;

use crate::issued::{ALGORITHMS, CLIENTS};
use crate::{Options, cost, median, passwords, say};

/// Measures `oidc-provider`, and prints a line for each algorithm. `modules`: where the package is installed.
pub(crate) async fn measure(modules: &Path, folder: &Path, options: &Options) -> Result<()> {
    let mut command = process::on_core(options.core, Path::new("node"));
    command.arg(script("oidc-provider.mjs")).arg(modules.canonicalize().context("no such folder")?);
    let peer = start(command, folder, "oidc-provider")?;
    tokens(&peer, options, "oidc-provider", |algorithm| ("/token".into(), format!("client_id={algorithm}"))).await
}

/// Measures `glewlwyd`, and prints a line for each algorithm and one for sign-ins.
pub(crate) async fn measure_glewlwyd(folder: &Path, options: &Options) -> Result<()> {
    let found = Command::new("glewlwyd").arg("--version").output();
    ensure!(found.is_ok(), "--peer-glewlwyd: there is no glewlwyd; apt-get install --no-install-recommends glewlwyd");
    let mut command = process::on_core(options.core, Path::new("python3"));
    command.arg(script("glewlwyd.py")).arg(folder);
    let peer = start(command, folder, "glewlwyd")?;
    tokens(&peer, options, "glewlwyd", |algorithm| {
        (format!("/api/{algorithm}/token"), "client_id=client&scope=api".into())
    })
    .await?;
    let caller = Caller { address: peer.address.clone(), token: None };
    let mut figures = vec![];
    for _ in 0..options.rounds {
        let script = Same::of(&caller, "/api/auth/", Some(r#"{"username":"ada","password":"a long good password"}"#));
        figures.push(cost(&peer, options, passwords::CLIENTS, script).await?.0);
    }
    say(&format!("A sign-in by password to glewlwyd (PBKDF2, 150,000 rounds) takes {:.0} µs.", median(figures)))
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(name)
}

/// Starts a peer, which is told last where to write its address.
fn start(mut command: Command, folder: &Path, name: &str) -> Result<Server> {
    let address = folder.join(format!("{name}.addr"));
    command.arg(&address);
    let log = folder.join(format!("{name}.log"));
    Server::start(command, &address, &log)
        .with_context(|| format!("{name}: {}", std::fs::read_to_string(&log).unwrap_or_default()))
}

/// Measures tokens. `at`: where a peer gives tokens of an algorithm, and what its form says of the client.
async fn tokens(peer: &Server, options: &Options, name: &str, at: impl Fn(&str) -> (String, String)) -> Result<()> {
    let caller = Caller { address: peer.address.clone(), token: None };
    say(&format!("| {name} | token over HTTP µs |"))?;
    say("| --- | ---: |")?;
    for algorithm in ALGORITHMS {
        let (path, client) = at(algorithm);
        let form = format!("grant_type=client_credentials&{client}&client_secret=a-long-secret-of-a-client");
        let mut figures = vec![];
        for _ in 0..options.rounds {
            figures.push(cost(peer, options, CLIENTS, Same::form(&caller, &path, &form)).await?.0);
        }
        say(&format!("| {algorithm} | {:.0} |", median(figures)))?;
    }
    Ok(())
}
