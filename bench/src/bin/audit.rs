//! What the audit log costs: how fast events are sealed, whether writes wait for it, and receipts. Over SQLite and a folder, both fresh and
//! removed afterwards.
//!
//! ```text
//! audit [--events 50000] [--seconds 5]
//! ```

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use admin_audit::{READER, Sealer, settings};
use admin_backends::blob::Folder;
use admin_backends::queue;
use admin_core::audit::receipt;
use admin_core::{Core, Feed, MasterKey, Op, Sample, create_resource, ensure_org};
use admin_db::events::{self, EventQuery};
use admin_db::{Db, LaneOptions, Target};
use admin_tlog::{Builder, Bundles, Entry, Receipt};
use admin_types::{OrgId, Origin, Principal, RequestId, SystemClock, SystemRandom};
use anyhow::{Result, ensure};
use clap::Parser;
use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Those who write at once.
const WRITERS: usize = 8;
/// Rounds with and without the sealer, taking turns.
const ROUNDS: usize = 3;
/// Receipts that are made and verified.
const RECEIPTS: usize = 500;

/// Measures the audit log.
#[derive(Parser, Debug)]
struct Options {
    /// Events that are sealed.
    #[arg(long, default_value_t = 50_000)]
    events: u64,
    /// How long each round of writes lasts.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

/// An installation with one org.
#[derive(Clone)]
struct World {
    core: Core,
    org: OrgId,
    principal: Principal,
}

fn say(line: &str) -> Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

impl World {
    async fn open(folder: &std::path::Path) -> Result<World> {
        let db = Db::open(Target::Sqlite(folder.join("admin.db")), LaneOptions::default()).await?;
        let core =
            Core::new(db, Arc::new(SystemClock), Arc::new(SystemRandom), &MasterKey::new([7; 32]), Sample::default());
        core.keep_logs(Arc::new(Folder::open(folder.join("blobs"))?));
        let setup = ensure_org(&core).await?;
        let world = World { core, org: setup.org, principal: Principal::new(setup.org, setup.owner) };
        world.create(json!({"type": "type", "name": "thing", "attributes": {"schema": {"type": "object"}}})).await?;
        Ok(world)
    }

    fn op(&self) -> Op {
        let now = self.core.clock().now();
        Op {
            principal: self.principal.clone(),
            origin: Origin { address: Some([192, 0, 2, 7].into()), method: "bench", authenticated_at: now },
            request_id: RequestId::new(now, self.core.random()),
            now,
            dry_run: false,
            if_match: None,
            idempotency: None,
        }
    }

    async fn create(&self, document: serde_json::Value) -> Result<()> {
        create_resource(&self.core, self.op(), None, document).await?;
        Ok(())
    }

    async fn thing(&self) -> Result<()> {
        let attributes = json!({"region": "eu", "notes": "n".repeat(110)});
        self.create(json!({"type": "thing", "name": "Production Environment", "attributes": attributes})).await
    }

    async fn last(&self) -> Result<i64> {
        Ok(admin_db::orgs::state(&mut *self.core.db().read().await?, self.org).await?.0)
    }

    async fn sealed(&self) -> Result<i64> {
        let log = admin_db::audit::get(&mut *self.core.db().read().await?, self.org).await?;
        Ok(log.map_or(0, |log| log.size))
    }

    /// A sealer, until it is stopped.
    fn seal(&self, stop: &CancellationToken) -> JoinHandle<()> {
        let (log, sealer) = (Arc::new(Feed::new(&self.core)), Arc::new(Sealer::new(&self.core)));
        let stop = stop.clone();
        tokio::spawn(async move { queue::run(log, (READER, "bench"), sealer, settings(), stop).await })
    }
}

/// Seals a backlog, beside the same events read and hashed into tiles that nobody keeps.
async fn backlog(world: &World, count: u64) -> Result<()> {
    let made = AtomicU64::new(0);
    try_join_all((0..64).map(|_| async {
        while made.fetch_add(1, Ordering::Relaxed) < count {
            world.thing().await?;
        }
        Ok::<_, anyhow::Error>(())
    }))
    .await?;
    let last = world.last().await?;
    let began = Instant::now();
    let (mut builder, mut bundles, mut after) = (Builder::new(), Bundles::default(), 0);
    while after < last {
        let query = EventQuery { after: Some(after), ..EventQuery::default() };
        for event in events::list(&mut *world.core.db().read().await?, world.org, &query, 0, 512).await? {
            let entry = Entry::of_record(&serde_json::to_vec(&event)?)?;
            builder.append(entry.hash())?;
            bundles.append(&entry);
            after = event.seq;
        }
        drop((builder.take_tiles(), bundles.take()));
    }
    let bare = began.elapsed();
    let (stop, began) = (CancellationToken::new(), Instant::now());
    let sealer = world.seal(&stop);
    while world.sealed().await? < last {
        ensure!(began.elapsed() < Duration::from_secs(300), "the backlog is not sealed");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    stop.cancel();
    sealer.await?;
    let rate = |took: Duration| last as f64 / took.as_secs_f64();
    say("| backlog | sealed, events/s | bare, events/s | sealed/bare |")?;
    say("| --- | --- | --- | --- |")?;
    say(&format!("| {last} events | {:.0} | {:.0} | {:.2} |", rate(took), rate(bare), rate(took) / rate(bare)))
}

/// Writes for a while; their latencies in microseconds.
async fn writes(world: &World, time: Duration) -> Result<Histogram<u64>> {
    let until = Instant::now() + time;
    let all = try_join_all((0..WRITERS).map(|_| {
        let world = world.clone();
        tokio::spawn(async move {
            let mut took = Histogram::<u64>::new(3)?;
            while Instant::now() < until {
                let began = Instant::now();
                world.thing().await?;
                took.record(u64::try_from(began.elapsed().as_micros())?)?;
            }
            Ok::<_, anyhow::Error>(took)
        })
    }))
    .await?;
    let mut sum = Histogram::<u64>::new(3)?;
    for one in all {
        sum.add(one?)?;
    }
    Ok(sum)
}

/// Writes with a sealer and without, taking turns.
async fn latency(world: &World, time: Duration) -> Result<()> {
    let (mut with, mut without) = (Histogram::<u64>::new(3)?, Histogram::<u64>::new(3)?);
    for _ in 0..ROUNDS {
        without.add(writes(world, time).await?)?;
        let stop = CancellationToken::new();
        let sealer = world.seal(&stop);
        // What was written meanwhile is not to be sealed within the round.
        while world.sealed().await? < world.last().await? {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        with.add(writes(world, time).await?)?;
        stop.cancel();
        sealer.await?;
    }
    say(&format!("\n| {WRITERS} writers at once | sealing | not sealing | ratio |"))?;
    say("| --- | --- | --- | --- |")?;
    for (name, part) in [("p50, µs", 0.5), ("p99, µs", 0.99)] {
        let (with, without) = (with.value_at_quantile(part), without.value_at_quantile(part));
        say(&format!("| {name} | {with} | {without} | {:.2} |", with as f64 / without as f64))?;
    }
    let rate = |of: &Histogram<u64>| of.len() as f64 / (time.as_secs_f64() * ROUNDS as f64);
    say(&format!("| writes/s | {:.0} | {:.0} | {:.2} |", rate(&with), rate(&without), rate(&with) / rate(&without)))
}

async fn receipts(world: &World) -> Result<()> {
    let (stop, last) = (CancellationToken::new(), world.last().await?);
    let sealer = world.seal(&stop);
    while world.sealed().await? < last {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let policy = world.core.audit_policy(world.org).await?;
    let (mut made, mut verified, mut size) = (Duration::ZERO, Duration::ZERO, 0);
    for n in 0..RECEIPTS {
        let after = (last - 1) * i64::try_from(n)? / i64::try_from(RECEIPTS)?;
        let query = EventQuery { after: Some(after), ..EventQuery::default() };
        let event = events::list(&mut *world.core.db().read().await?, world.org, &query, 0, 1).await?.remove(0);
        let began = Instant::now();
        let text = receipt(&world.core, &world.op(), event.id, false).await?.text;
        made += began.elapsed();
        size = size.max(text.len());
        let leaf = Entry::of_record(&serde_json::to_vec(&event)?)?.hash();
        let began = Instant::now();
        Receipt::parse(text.as_bytes())?.verify(&leaf, &policy)?;
        verified += began.elapsed();
    }
    stop.cancel();
    sealer.await?;
    let each = |took: Duration| took.as_secs_f64() * 1e6 / RECEIPTS as f64;
    say(&format!(
        "\nReceipts in a log of {last}: at most {size} bytes, made in {:.0} µs, read and verified in {:.0} µs.",
        each(made),
        each(verified)
    ))
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let options = Options::parse();
    let folder = tempfile::tempdir()?;
    let world = World::open(folder.path()).await?;
    backlog(&world, options.events).await?;
    latency(&world, Duration::from_secs(options.seconds)).await?;
    receipts(&world).await
}
