//! A backlog drained: by the reader in the process, whose handler only counts, and by a loop over the same rows of the same file that
//! keeps its cursor in the same table.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use admin_backends::queue::{self, Handler, Settings};
use admin_core::{Core, Feed, MasterKey, Sample};
use admin_db::{Db, LaneOptions, Target};
use admin_types::{Event, EventId, OrgId, ResourceId, SystemClock, SystemRandom, Timestamp};
use anyhow::{Context, Result, ensure};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rusqlite::{Connection, params};
use tokio_util::sync::CancellationToken;

use super::say;

/// The most events of a batch of both.
const BATCH: i64 = 512;
/// Rounds, of which the median counts.
const ROUNDS: usize = 3;
const AT: Timestamp = Timestamp(1_795_400_000_000_000);

/// Counts.
#[derive(Default)]
struct Count(AtomicU64);

impl Handler for Count {
    fn handle<'a>(&'a self, _: OrgId, events: &'a [Event]) -> BoxFuture<'a, admin_types::Result<()>> {
        self.0.fetch_add(events.len() as u64, Ordering::Relaxed);
        async { Ok(()) }.boxed()
    }
}

/// Measures both, taking turns.
pub(super) async fn measure(events: i64, orgs: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("admin.db");
    let db = Db::open(Target::Sqlite(path.clone()), LaneOptions::default()).await?;
    let ids: Vec<OrgId> = (0..orgs).map(|_| OrgId::new(AT, &SystemRandom)).collect();
    fill(&path, &ids, events / i64::try_from(orgs)?)?;
    let core =
        Core::new(db, Arc::new(SystemClock), Arc::new(SystemRandom), &MasterKey::new([7; 32]), Sample::default());
    let (mut reader, mut bare) = (vec![], vec![]);
    for round in 0..ROUNDS {
        reader.push(events as f64 / drain(&core, &format!("reader_{round}"), events).await?.as_secs_f64());
        bare.push(events as f64 / loop_over(&path, &format!("bare_{round}"), &ids, events)?.as_secs_f64());
    }
    let median = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let (reader, bare) = (median(reader), median(bare));
    say(&format!("| {events} events in {orgs} orgs | {reader:.0} | {bare:.0} | {:.2} |", reader / bare))
}

/// Orgs with events as they are kept: updates, of a resource of 350 bytes before and after.
fn fill(path: &Path, orgs: &[OrgId], each: i64) -> Result<()> {
    let mut connection = Connection::open(path)?;
    let tx = connection.transaction()?;
    let state = format!(
        r#"{{"id":"res_01jh8x5n9bfqv8xk3c6m7t2d4e","type":"workspace","name":"Production","status":"active","attributes":{{"region":"eu","notes":"{}"}},"labels":{{"team":"core"}},"parent":null,"version":1,"created_at":"{AT}","updated_at":"{AT}"}}"#,
        "n".repeat(110)
    );
    let user = ResourceId::new("user", AT, &SystemRandom);
    for org in orgs {
        tx.execute(
            "INSERT INTO org (org_id, name, seq, catalogue, created_at) VALUES (?1, ?2, ?3, 0, ?4)",
            params![org.0, org.to_string(), each, AT.0],
        )?;
        let mut insert = tx.prepare_cached(
            "INSERT INTO event (org_id, seq, id, action, at, actor_type, actor_id, resource_type, resource_id, version, request_id, before, after)
             VALUES (?1, ?2, ?3, 'updated', ?4, 'user', ?5, 'workspace', ?6, 2, 'req_1', ?7, ?7)",
        )?;
        for seq in 1..=each {
            let (id, resource) =
                (EventId::new(*org, seq, AT, &SystemRandom), ResourceId::new("workspace", AT, &SystemRandom));
            insert.execute(params![org.0, seq, id.0, AT.0, user.bytes, resource.bytes, state])?;
        }
    }
    Ok(tx.commit()?)
}

/// How long the reader in the process takes.
async fn drain(core: &Core, name: &str, events: i64) -> Result<Duration> {
    let (count, stop) = (Arc::new(Count::default()), CancellationToken::new());
    let (counting, stopping, name) = (count.clone(), stop.clone(), name.to_owned());
    let (log, began) = (Arc::new(Feed::new(core)), Instant::now());
    let reader = tokio::spawn(async move {
        queue::run(log, (&name, "bench"), counting, Settings::default(), stopping).await;
    });
    while count.0.load(Ordering::Relaxed) < u64::try_from(events)? {
        ensure!(began.elapsed() < Duration::from_secs(300), "the backlog is not drained");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let took = began.elapsed();
    stop.cancel();
    reader.await?;
    Ok(took)
}

/// How long a loop takes that reads the rows into events of its own, and keeps its cursor.
fn loop_over(path: &Path, name: &str, orgs: &[OrgId], events: i64) -> Result<Duration> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")?;
    let (began, mut seen) = (Instant::now(), 0);
    for org in orgs {
        let mut done = 0;
        loop {
            let mut read = connection.prepare_cached(
                "SELECT seq, id, action, at, actor_type, actor_id, resource_type, resource_id, version, request_id, before, after
                 FROM event WHERE org_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3",
            )?;
            let mut rows = read.query(params![org.0, done, BATCH])?;
            let mut batch = vec![];
            while let Some(row) = rows.next()? {
                let text = |at: usize| row.get::<_, String>(at);
                let id = |at: usize| row.get::<_, [u8; 16]>(at);
                let texts = [text(2)?, text(4)?, text(6)?, text(9)?, text(10)?, text(11)?];
                batch.push((row.get::<_, i64>(0)?, id(1)?, row.get::<_, i64>(3)?, id(5)?, id(7)?, texts));
            }
            let Some((last, ..)) = batch.last() else { break };
            (done, seen) = (*last, seen + batch.len());
            connection.execute(
                "INSERT INTO event_reader (org_id, reader, seq) VALUES (?1, ?2, ?3)
                 ON CONFLICT (org_id, reader) DO UPDATE SET seq = excluded.seq",
                params![org.0, name, done],
            )?;
        }
    }
    ensure!(i64::try_from(seen).context("a count")? == events, "the loop saw {seen} events");
    Ok(began.elapsed())
}
