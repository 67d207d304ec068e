//! What identity costs: tokens that are issued over HTTP beside the bare signature, tokens that are verified, sign-ins by
//! password beside the bare hash, and what many sessions take of memory and disk. Starts the `admin` that was built beside
//! this program, on a fresh folder that is removed.
//!
//! ```text
//! identity [--seconds 3] [--rounds 3] [--sessions 100000] [--core 0] [--peer NODE_MODULES] [--peer-glewlwyd]
//! ```
//! All figures are CPU, which other programs on the machine disturb least; the bare work is measured in the same round as
//! what contains it.

mod bare;
mod issued;
mod passwords;
mod peer;
mod sessions;
mod verified;

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use bench::admin::Admin;
use bench::drive::{self, Load, Pace};
use bench::process::{self, Server};
use bench::script::Script;
use clap::Parser;

/// Measures identity.
#[derive(Parser, Debug)]
struct Options {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Sessions.
    #[arg(long, default_value_t = 100_000)]
    sessions: u32,
    /// The core that Admin runs on; any if absent.
    #[arg(long)]
    core: Option<usize>,
    /// A folder `node_modules` with `oidc-provider`: its tokens are measured too.
    #[arg(long)]
    peer: Option<PathBuf>,
    /// Measures tokens and sign-ins of Debian's `glewlwyd` too, which has to be installed.
    #[arg(long)]
    peer_glewlwyd: bool,
}

/// µs of CPU that the server takes for each request of a script, sent by these many clients, and requests a second.
async fn cost(
    subject: &Server,
    options: &Options,
    clients: usize,
    script: impl Script + 'static,
) -> Result<(f64, f64)> {
    let load = Load { clients, pace: Pace::Closed, time: Duration::from_secs(options.seconds) };
    let (id, script) = (subject.id(), RefCell::new(script));
    let before = process::cpu(id)?;
    let outcome = drive::run(&subject.address, load, &script).await?;
    let cpu = process::cpu(id)? - before;
    Ok((cpu.as_secs_f64() * 1e6 / outcome.answered as f64, outcome.per_second()))
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Prints a line.
fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    ensure!(options.rounds > 0 && options.seconds > 0, "at least one round and one second");
    let folder = tempfile::tempdir()?;
    let subject = Admin::start(folder.path(), options.core)?;
    let tokens = issued::measure(&subject, &options).await?;
    if let Some(modules) = &options.peer {
        peer::measure(modules, folder.path(), &options).await?;
    }
    if options.peer_glewlwyd {
        peer::measure_glewlwyd(folder.path(), &options).await?;
    }
    let (cookie, people) = passwords::measure(&subject, &options).await?;
    say(&people)?;
    let subject = sessions::measure(subject, folder.path(), &cookie, &options).await?;
    let (data, issuer) = (subject.data.clone(), format!("http://{}", tokens.issued_at));
    drop(subject);
    verified::measure(&data, &issuer, &tokens).await
}
