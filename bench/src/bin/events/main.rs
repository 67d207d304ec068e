//! What events cost: how fast a reader in the process drains a backlog, beside a bare loop over the same rows, and what live streams take
//! of memory and of CPU for each event. Everything is on fresh folders that are removed; the streams are of the `admin` that was built
//! beside this program.
//!
//! ```text
//! events [--events 100000] [--streams 10000]
//! ```

mod drain;
mod streams;

use std::io::Write;

use anyhow::Result;
use clap::Parser;

/// Measures events.
#[derive(Parser, Debug)]
struct Options {
    /// Events of the backlog.
    #[arg(long, default_value_t = 100_000)]
    events: i64,
    /// Streams that are open at once; at least 1,000.
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
}

/// Prints a line.
fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let options = Options::parse();
    say("| backlog | reader, events/s | bare, events/s | reader/bare |")?;
    say("| --- | --- | --- | --- |")?;
    for orgs in [1, 100] {
        drain::measure(options.events, orgs).await?;
    }
    streams::measure(options.streams).await
}
