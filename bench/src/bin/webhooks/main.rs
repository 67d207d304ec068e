//! What webhooks cost: from a change that is accepted to the first byte at a local sink, deliveries a second, and what
//! thousands of endpoints that hang do to those that answer. Beside a bare program that sends the same signed bodies to the
//! same sink. Starts the `admin` that was built beside this program, on a fresh folder that is removed.
//!
//! ```text
//! webhooks [--seconds 10] [--rate 200] [--deliveries 50000] [--endpoints 10000] [--peer-bullmq NODE_MODULES]
//! ```
//! Admin, the sink and whoever makes changes share the machine's cores.

mod bare;
mod creations;
mod peer;
mod sink;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bench::admin::Admin;
use bench::http::Connection;
use bench::process;
use clap::Parser;
use serde_json::json;

use creations::Accepted;
use sink::{HANGING, Sink};

/// Endpoints that share the deliveries of the second measurement.
const SHARING: u64 = 50;
/// Connections of the bare program.
const CONNECTIONS: u64 = 64;
/// How long messages may take to come.
const WITHIN: Duration = Duration::from_secs(120);

/// Measures webhooks.
#[derive(Parser, Debug)]
struct Options {
    /// Seconds of each measurement of latency.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Changes a second while latency is measured.
    #[arg(long, default_value_t = 200)]
    rate: u32,
    /// Deliveries of each measurement of throughput.
    #[arg(long, default_value_t = 50_000)]
    deliveries: u64,
    /// Endpoints, of which half hang; none if 0.
    #[arg(long, default_value_t = 10_000)]
    endpoints: u64,
    /// A folder `node_modules` with `bullmq`: what it sends by Debian's `redis-server` is measured too.
    #[arg(long)]
    peer_bullmq: Option<PathBuf>,
    /// Is the bare program: an address, and the file of a body.
    #[arg(long, hide = true, num_args = 2)]
    bare: Vec<String>,
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

fn document(type_name: &str, slot: u64, number: u64) -> String {
    let note = "It was made to be measured; it carries some words.";
    format!(
        r#"{{"type":"{type_name}","name":"Row {number}","attributes":{{"slot":{slot},"region":"eu","note":"{note}"}}}}"#
    )
}

fn webhook(type_name: &str, url: &str, filter: Option<String>) -> serde_json::Value {
    let mut attributes = json!({"url": url, "events": [format!("{type_name}.created")]});
    if let Some(filter) = filter {
        attributes["filter"] = filter.into();
    }
    json!({"type": "webhook", "name": "hook", "attributes": attributes})
}

async fn define(admin: &Admin, name: &str) -> Result<()> {
    let schema = json!({"type": "object", "additionalProperties": false, "properties": {
        "slot": {"type": "integer"}, "region": {"type": "string", "x-index": true}, "note": {"type": "string"}}});
    let made = json!({"type": "type", "name": name, "attributes": {"schema": schema}});
    admin.post("/v3/resources", &made).await.map(drop)
}

async fn import(admin: &Admin, lines: Vec<String>) -> Result<()> {
    let pieces = lines.chunks(100).map(|lines| format!("{}\n", lines.join("\n")).into_bytes());
    let mut connection = Connection::open(&admin.owner.address).await?;
    let path = "/v3/resources:import";
    let answer = connection.upload(&admin.owner, path, "application/x-ndjson", pieces).await?;
    let text = connection.body(&answer)?;
    ensure!(
        answer.status == 200 && text.contains(r#""failed":0"#),
        "the import was answered {}: {text}",
        answer.status
    );
    Ok(())
}

/// Waits until so many messages were answered, or hang.
async fn wait(sink: &Sink, what: &str, done: impl Fn(&sink::Seen) -> bool) -> Result<()> {
    let began = Instant::now();
    while !done(&sink.seen()) {
        ensure!(began.elapsed() < WITHIN, "{what} did not come: {} did", sink.seen().answered);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Milliseconds from acceptance to the first byte: median, 99 of 100, most. A message may come before the answer does.
fn latencies(sink: &Sink, accepted: &[Accepted]) -> Result<[f64; 3]> {
    let seen = sink.seen();
    let latency = |one: &Accepted| {
        let at = seen.first_bytes.get(&one.id).context("a message did not come")?;
        Ok(at.saturating_duration_since(one.at).as_secs_f64() * 1e3)
    };
    let mut all: Vec<f64> = accepted.iter().map(latency).collect::<Result<_>>()?;
    all.sort_by(f64::total_cmp);
    let at = |share: f64| all.get((all.len() as f64 * share) as usize).or(all.last()).copied().unwrap_or_default();
    Ok([at(0.5), at(0.99), at(1.0)])
}

async fn latency(admin: &Admin, sink: &Sink, options: &Options) -> Result<()> {
    define(admin, "one").await?;
    admin.post("/v3/resources", &webhook("one", &sink.at("/one"), None)).await?;
    let pace = (options.rate, Duration::from_secs(options.seconds));
    let accepted = creations::at_rate(&admin.owner, pace, |number| document("one", 0, number)).await?;
    let count = accepted.len() as u64;
    wait(sink, "the messages", |seen| seen.answered >= count).await?;
    let [half, most, worst] = latencies(sink, &accepted)?;
    say(&format!(
        "accepted → first byte, {} changes/s, one endpoint: p50 {half:.1} ms, p99 {most:.1}, most {worst:.1}",
        options.rate
    ))
}

/// Deliveries a second to so many endpoints, each of which wants everything, and µs of CPU for each.
async fn throughput(admin: &Admin, sink: &Sink, endpoints: u64, count: u64) -> Result<(f64, f64)> {
    let name = format!("of_{endpoints}");
    define(admin, &name).await?;
    for number in 0..endpoints {
        admin.post("/v3/resources", &webhook(&name, &sink.at(&format!("/{name}/{number}")), None)).await?;
    }
    sink.clear();
    let rows = count / endpoints;
    let before = process::cpu(admin.server.id())?;
    import(admin, (0..rows).map(|number| document(&name, 0, number)).collect()).await?;
    wait(sink, "the messages", |seen| seen.answered >= rows * endpoints).await?;
    // What came of the last ones is written down, too.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let cpu = process::cpu(admin.server.id())? - before;
    let (first, last) = sink.seen().span.context("nothing came")?;
    let count = (rows * endpoints) as f64;
    Ok((count / (last - first).as_secs_f64(), cpu.as_secs_f64() * 1e6 / count))
}

async fn many(admin: &Admin, sink: &Sink, options: &Options) -> Result<()> {
    let slots = options.endpoints / 2;
    define(admin, "slot").await?;
    let began = Instant::now();
    let hooks = (0..options.endpoints).map(|number| {
        let (slot, path) = (number / 2, if number % 2 == 0 { HANGING } else { "/sound" });
        webhook("slot", &sink.at(&format!("{path}/{slot}")), Some(format!("attributes.slot = {slot}"))).to_string()
    });
    import(admin, hooks.collect()).await?;
    say(&format!("{} webhooks imported in {:.1} s", options.endpoints, began.elapsed().as_secs_f64()))?;
    sink.clear();
    // One for each, so that half of all hang at once.
    let began = Instant::now();
    import(admin, (0..slots).map(|slot| document("slot", slot, slot)).collect()).await?;
    wait(sink, "the first of each", |seen| seen.answered >= slots && seen.hanging >= slots).await?;
    say(&format!("the first message of each came within {:.1} s; {slots} hang", began.elapsed().as_secs_f64()))?;
    let memory = process::memory(admin.server.id())?.0;
    let pace = (options.rate, Duration::from_secs(options.seconds));
    let document = move |number: u64| document("slot", bench::rows::scatter(number) % slots, number);
    let before = process::cpu(admin.server.id())?;
    let accepted = creations::at_rate(&admin.owner, pace, document).await?;
    let count = slots + accepted.len() as u64;
    wait(sink, "the messages", |seen| seen.answered >= count).await?;
    let cpu = (process::cpu(admin.server.id())? - before).as_secs_f64() / options.seconds as f64;
    let [half, most, worst] = latencies(sink, &accepted)?;
    say(&format!(
        "accepted → first byte, {} changes/s, {} endpoints of which half hang, those that answer: p50 {half:.1} ms, p99 {most:.1}, most {worst:.1}; {:.0} % of a core; {} MB resident, {} at the end",
        options.rate,
        options.endpoints,
        cpu * 100.0,
        memory / 1_000_000,
        process::memory(admin.server.id())?.0 / 1_000_000
    ))
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let options = Options::parse();
    if let [address, file] = &options.bare[..] {
        let (rate, cpu) = bare::send(address, &std::fs::read(file)?, options.deliveries, CONNECTIONS).await?;
        return say(&format!("{rate} {cpu}"));
    }
    let folder = tempfile::tempdir()?;
    let sink = Sink::start()?;
    let admin = start(folder.path())?;
    latency(&admin, &sink, &options).await?;
    let body = sink.seen().body.clone();
    say("\n| deliveries to a local sink | a second | CPU µs each | bare / Admin |\n| --- | ---: | ---: | ---: |")?;
    let (bare, cpu) = bare::measure(&sink.address, &body, options.deliveries, folder.path()).await?;
    say(&format!("| bare, {CONNECTIONS} connections, {} bytes | {bare:.0} | {cpu:.1} | 1 |", body.len()))?;
    for endpoints in [1, SHARING] {
        let (rate, cpu) = throughput(&admin, &sink, endpoints, options.deliveries).await?;
        say(&format!("| Admin, {endpoints} endpoints | {rate:.0} | {cpu:.1} | {:.1} |", bare / rate))?;
    }
    if let Some(modules) = &options.peer_bullmq {
        let rate = peer::bullmq(modules, folder.path(), &sink, (&body, options.deliveries)).await?;
        say(&format!("| bullmq | {rate:.0} | | {:.1} |", bare / rate))?;
    }
    say("")?;
    drop(admin);
    if options.endpoints > 0 {
        sink.clear();
        let folder = tempfile::tempdir()?;
        many(&start(folder.path())?, &sink, &options).await?;
    }
    Ok(())
}

fn start(folder: &Path) -> Result<Admin> {
    Admin::start_with(folder, None, &[("ADMIN_PRIVATE_HOSTS", "127.0.0.1")])
}
