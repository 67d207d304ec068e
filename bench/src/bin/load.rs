//! `load`: puts a load on a server that runs, and prints throughput, latencies, and the server's CPU for each operation.

use std::cell::RefCell;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use bench::drive::{self, Load, Pace};
use bench::http::{Caller, Connection};
use bench::script::{Creates, Gets, RESOURCES, Same, Script, Updates};
use bench::{process, rows};
use clap::{Parser, ValueEnum};

/// What to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Operation {
    /// Upload the rows that the others ask for, once; Admin needs the type `item` first.
    Import,
    /// GET the path given by --path, or POST --body to it.
    Path,
    /// GET rows by their ids; the server holds the rows that `compare` makes.
    Get,
    /// Create rows.
    Create,
    /// Change rows under `If-Match`; each row must be at version 1.
    Update,
}

/// A load generator for HTTP/1.1: closed loop, or open loop without coordinated omission.
#[derive(Parser)]
struct Options {
    operation: Operation,
    /// The server.
    #[arg(long)]
    address: String,
    /// A file with the bearer token to send.
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// The server's process, whose CPU and memory to print.
    #[arg(long)]
    pid: Option<u32>,
    /// For `path`: path and query.
    #[arg(long, default_value = "/livez")]
    path: String,
    /// For `path`: JSON to POST.
    #[arg(long)]
    body: Option<String>,
    /// Rows that the server holds.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Connections.
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Requests a second (open loop); without it, as many as it can (closed loop).
    #[arg(long)]
    rate: Option<f64>,
    /// For how long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// The core to run on.
    #[arg(long)]
    core: Option<usize>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(core) = options.core {
        process::bind_to(core)?;
    }
    let token = options.token_file.as_ref().map(std::fs::read_to_string).transpose().context("the token file")?;
    let caller = Caller { address: options.address.clone(), token: token.map(|token| token.trim().to_owned()) };
    let time = Duration::try_from_secs_f64(options.seconds)?;
    let load = Load { clients: options.clients, pace: options.rate.map_or(Pace::Closed, Pace::Open), time };
    let used = || options.pid.map(process::cpu).transpose();
    let before = used()?;
    if options.operation == Operation::Import {
        let mut connection = Connection::open(&caller.address).await?;
        let path = format!("{RESOURCES}:import");
        let answer = connection.upload(&caller, &path, "application/x-ndjson", rows::ndjson(options.rows)).await?;
        writeln!(std::io::stdout().lock(), "{} {}", answer.status, connection.body(&answer)?)?;
        return Ok(());
    }
    let outcome = match options.operation {
        Operation::Import | Operation::Path => {
            run(load, &caller, Same::of(&caller, &options.path, options.body.as_deref())).await
        }
        Operation::Get => run(load, &caller, Gets::new(&caller, options.rows)).await,
        Operation::Create => run(load, &caller, Creates::new(&caller, RESOURCES)).await,
        Operation::Update => {
            let each = (options.rows / options.clients as u64).min(100) as usize;
            run(load, &caller, Updates::new(&caller, (options.clients, each), 0, false)).await
        }
    }?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} answers, {:.0} a second", outcome.answered, outcome.per_second())?;
    for (name, share) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        writeln!(out, "{name:>6} {:>10.0} µs", outcome.quantile(share))?;
    }
    if let (Some(before), Some(after), Some(pid)) = (before, used()?, options.pid) {
        let each = (after - before).as_secs_f64() * 1e6 / outcome.answered.max(1) as f64;
        let (all, own) = process::memory(pid)?;
        writeln!(out, "   CPU {each:>10.1} µs for each")?;
        writeln!(out, "memory {:>9.1} MB resident, {:.1} MB its own", all as f64 / 1e6, own as f64 / 1e6)?;
    }
    Ok(())
}

async fn run(load: Load, caller: &Caller, script: impl Script + 'static) -> Result<drive::Outcome> {
    drive::run(&caller.address, load, &RefCell::new(script)).await
}
