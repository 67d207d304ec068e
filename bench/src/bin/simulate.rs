//! What it costs to try a draft of policies: on all resources for some principals, and on the last recorded decisions. Starts
//! the `admin` that was built beside this program, on a fresh folder that is removed.
//!
//! ```text
//! simulate [--rows 100000] [--principals 10] [--recorded 100000]
//! ```
//! Each principal has a rule of its own, so that every decision about a row has to be made: *made* are these, *compared* also
//! those of which the rules alone tell that they stay.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bench::admin::Admin;
use bench::http::{Caller, Connection, Request};
use bench::process;
use bench::rows;
use bench::script::RESOURCES;
use clap::Parser;
use serde_json::{Value, json};

/// How long recorded decisions may take to be written.
const WRITTEN: Duration = Duration::from_secs(60);
/// Codes of rows are below this.
const CODES: u64 = 1 << 24;

/// Measures simulations of policies.
#[derive(Parser, Debug)]
struct Options {
    /// Resources.
    #[arg(long, default_value_t = 100_000)]
    rows: u64,
    /// Users, each with a rule of its own.
    #[arg(long, default_value_t = 10)]
    principals: u64,
    /// Reads that are recorded and then decided anew; at most 100,000.
    #[arg(long, default_value_t = 100_000)]
    recorded: u64,
}

/// The caller who is a user.
fn caller(subject: &Admin, id: &str) -> Result<Caller> {
    Ok(Caller { token: Some(subject.command(&["token", "create", "--user", id])?), ..subject.owner.clone() })
}

/// A statement about rows whose codes are on one side of a number that each user has.
fn cedar(side: &str) -> String {
    format!(
        "permit (principal in role::\"reader\", action in [Action::\"item.read\", Action::\"item.update\"], resource) \
         when {{ principal.facts has code && resource.attributes.code {side} principal.facts.code }};"
    )
}

/// Types, rows, users and the policy in force; answers the users.
async fn fill(subject: &Admin, options: &Options) -> Result<Vec<Caller>> {
    let mut item: Value = serde_json::from_str(&rows::type_document(rows::ITEM, "items"))?;
    item["attributes"]["sensitive"] = json!(true);
    subject.post(RESOURCES, &item).await?;
    let types = subject.send("GET", "/v3/types?filter=name%20%3D%20%22user%22", None).await?;
    let user = types["data"][0]["id"].as_str().context("no type of users")?.to_owned();
    let facts =
        json!({"attributes": {"schema": {"properties": {"facts": {"properties": {"code": {"type": "integer"}}}}}}});
    subject.send("PATCH", &format!("{RESOURCES}/{user}"), Some(("application/merge-patch+json", &facts))).await?;
    subject.post(RESOURCES, &json!({"type": "role", "name": "reader"})).await?;
    let policy = json!({"type": "policy", "name": "readers", "attributes": {"cedar": cedar("<")}});
    subject.post(RESOURCES, &policy).await?;
    let mut users = vec![];
    for n in 0..options.principals {
        let facts = json!({"code": CODES * (n + 1) / (options.principals + 1)});
        let attributes = json!({"roles": ["reader"], "facts": facts});
        let user = json!({"type": "user", "name": format!("user {n}"), "attributes": attributes});
        let made = subject.post(RESOURCES, &user).await?;
        users.push(caller(subject, made["data"]["id"].as_str().context("a user without an id")?)?);
    }
    let mut connection = Connection::open(&subject.owner.address).await?;
    let path = format!("{RESOURCES}:import");
    let rows = rows::ndjson(options.rows);
    let answer = connection.upload(&subject.owner, &path, "application/x-ndjson", rows).await?;
    let text = connection.body(&answer)?;
    let report: Value = serde_json::from_str(&text).with_context(|| text.clone())?;
    ensure!(report["data"]["created"] == options.rows, "not all rows were imported: {text}");
    Ok(users)
}

/// Each user reads its share of rows; what it may not read is recorded as well as what it may.
async fn read(subject: &Admin, users: &[Caller], options: &Options) -> Result<()> {
    let each = options.recorded / options.principals.max(1);
    for (number, user) in (0..).zip(users) {
        let mut connection = Connection::open(&user.address).await?;
        for n in 0..each {
            let path = format!("{RESOURCES}/{}", rows::id(rows::scatter(number * each + n) % options.rows));
            let mut bytes = vec![];
            user.write(&mut bytes, Request { path: &path, ..Request::default() });
            let answer = connection.exchange(&bytes).await?;
            ensure!(matches!(answer.status, 200 | 404), "{path}: {}", answer.status);
        }
    }
    let (wanted, started) = (each * options.principals, Instant::now());
    loop {
        let page = subject.send("GET", "/v3/access/decisions?limit=1", None).await?;
        if page["pagination"]["total_items"].as_u64() >= Some(wanted) {
            return Ok(());
        }
        if started.elapsed() > WRITTEN {
            bail!("{wanted} decisions were not written within {WRITTEN:?}: {page}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Tries a draft, and prints a line about it.
async fn measure(subject: &Admin, name: &str, made: u64, extra: Value) -> Result<()> {
    let mut draft = json!({"policies": [{"name": "readers", "cedar": cedar(">=")}]});
    if let (Some(draft), Some(extra)) = (draft.as_object_mut(), extra.as_object()) {
        draft.extend(extra.clone());
    }
    let (started, before) = (Instant::now(), process::cpu(subject.server.id())?);
    let found = subject.post("/v3/access/simulate", &draft).await?["data"].take();
    let (took, cpu) = (started.elapsed().as_secs_f64(), process::cpu(subject.server.id())? - before);
    ensure!(found["complete"] == true, "it was cut off: {found}");
    let turned = found["gains"].as_u64().unwrap_or(0) + found["losses"].as_u64().unwrap_or(0);
    ensure!(turned == made, "every decision that is made turns, {made} of them: {found}");
    writeln!(
        std::io::stdout().lock(),
        "| {name} | {} | {made} | {took:.2} | {:.2} | {:.2} |",
        found["decisions"],
        cpu.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / made.max(1) as f64
    )?;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let subject = Admin::start(folder.path(), None)?;
    let users = fill(&subject, &options).await?;
    read(&subject, &users, &options).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{} rows, {} principals", options.rows, options.principals)?;
    writeln!(out, "| tried on | compared | made | s | CPU s | CPU µs for each made |")?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    drop(out);
    // Both verbs of the policy turn, for each user and each row.
    measure(&subject, "all resources", options.rows * options.principals * 2, json!({})).await?;
    let recorded = options.recorded / options.principals.max(1) * options.principals;
    measure(&subject, "recorded decisions", recorded, json!({ "recorded": recorded })).await
}
