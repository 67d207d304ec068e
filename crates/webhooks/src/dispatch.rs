//! Which endpoints have something due. Each that has is worked for by a lane of its own until nothing is due any more; one
//! process does this at a time, by a lease.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use admin_db::deliveries::{self, Due, Endpoint};
use admin_db::{Tx, leases};
use admin_types::{Result, Timestamp};
use futures_util::FutureExt;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{Webhooks, lane, record};

/// How often the database is asked what is due.
const LOOK: Duration = Duration::from_millis(500);
/// Endpoints that are read at once.
const PAGE: u32 = 10_000;
/// How often the database is asked whether anything waits that was written down in the future.
const LOOK_AHEAD: Duration = Duration::from_secs(10);
/// How far looks overlap, in seconds: a transaction may become visible after a later one.
const OVERLAP_SECONDS: i64 = 60;
/// The name of the lease, how long it lasts in seconds, and how often it is renewed.
const LEASE: &str = "deliver webhooks";
const LEASE_SECONDS: i64 = 10;
const RENEW: Duration = Duration::from_secs(3);
/// Messages under way to endpoints that failed lately: so many can hang before they wait for each other, and never do
/// those wait that answer.
const SUSPECT: usize = 1024;
/// Lanes of such endpoints that look at the database at once.
const TROUBLED: usize = 4;

/// Delivers until `stop`, whenever no other process does. `holder` names this process.
pub async fn deliver(webhooks: Webhooks, holder: String, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match hold(&webhooks, &holder, LEASE_SECONDS).await {
            Ok(true) => {
                let lost = stop.child_token();
                let renewing = renew(&webhooks, &holder, &lost);
                tokio::select! {
                    () = renewing => {}
                    () = work(&webhooks, lost.clone()) => {}
                }
                if stop.is_cancelled() {
                    let _ = hold(&webhooks, &holder, 0).await;
                }
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "cannot ask for the work of delivering webhooks; trying again"),
        }
        stop.run_until_cancelled(tokio::time::sleep(LOOK)).await;
    }
}

async fn hold(webhooks: &Webhooks, holder: &str, seconds: i64) -> Result<bool> {
    let core = &webhooks.core;
    // One process alone has nobody to share with.
    if core.db().is_embedded() {
        return Ok(true);
    }
    let (holder, now) = (holder.to_owned(), core.clock().now());
    let job = async move |tx: &mut Tx| match seconds {
        0 => leases::release(tx, LEASE, &holder).await.map(|()| true),
        _ => leases::hold(tx, LEASE, &holder, (now, now.plus_seconds(seconds))).await,
    };
    core.db().write_global(job).await
}

/// Returns when the lease is lost.
async fn renew(webhooks: &Webhooks, holder: &str, lost: &CancellationToken) {
    let mut failures = 0;
    loop {
        tokio::time::sleep(RENEW).await;
        match hold(webhooks, holder, LEASE_SECONDS).await {
            Ok(true) => failures = 0,
            Ok(false) => break,
            Err(_) => failures += 1,
        }
        if failures * RENEW.as_secs() as i64 >= LEASE_SECONDS {
            break;
        }
    }
    tracing::warn!("another process delivers webhooks now");
    lost.cancel();
}

/// Has lanes work for the endpoints in which something is due, until `stop`.
async fn work(webhooks: &Webhooks, stop: CancellationToken) {
    let (results, receiver) = mpsc::channel(record::WAITING);
    let recording = tokio::spawn(record::write(webhooks.clone(), receiver));
    let (suspects, troubled) = (Arc::new(Semaphore::new(SUSPECT)), Arc::new(Semaphore::new(TROUBLED)));
    let mut lanes: JoinSet<Endpoint> = JoinSet::new();
    let mut running: HashMap<Endpoint, Arc<Notify>> = HashMap::new();
    // All there is, at first.
    let mut looked = Looked { at: Timestamp(0), due: HashMap::new(), ahead: None };
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let due = tokio::select! {
            () = stop.cancelled() => break,
            woken = webhooks.core.woken_webhooks() => woken.into_iter().map(|endpoint| (endpoint, true)).collect(),
            _ = look.tick() => due(webhooks, &mut looked).await,
            Some(ended) = lanes.join_next() => {
                if let Ok(endpoint) = ended {
                    running.remove(&endpoint);
                }
                continue;
            }
        };
        while let Some(ended) = lanes.try_join_next() {
            if let Ok(endpoint) = ended {
                running.remove(&endpoint);
            }
        }
        for (endpoint, is_news) in due {
            if !is_news && running.contains_key(&endpoint) {
                continue;
            }
            let news = running.entry(endpoint).or_insert_with(|| {
                let news = Arc::new(Notify::new());
                let shared = lane::Shared {
                    suspects: suspects.clone(),
                    troubled: troubled.clone(),
                    results: results.clone(),
                    stop: stop.clone(),
                };
                let lane = lane::run(webhooks.clone(), endpoint, news.clone(), shared);
                lanes.spawn(async move {
                    // Whatever happens in a lane, the endpoint gets another.
                    if AssertUnwindSafe(lane).catch_unwind().await.is_err() {
                        tracing::error!(webhook = %endpoint.1, "delivering to a webhook broke off; beginning anew");
                    }
                    endpoint
                });
                news
            });
            news.notify_one();
        }
    }
    // What is under way ends within its time; its result is kept.
    while lanes.join_next().await.is_some() {}
    drop(results);
    let _ = recording.await;
}

/// What the last look found.
struct Looked {
    at: Timestamp,
    due: HashMap<Endpoint, Due>,
    /// When it was last looked for what was written down in the future.
    ahead: Option<Instant>,
}

/// The endpoints in which something became due since all were `looked` at, and a little before; and whether it is news, since what is due
/// longer has a lane, however much of it there is.
async fn due(webhooks: &Webhooks, looked: &mut Looked) -> Vec<(Endpoint, bool)> {
    let now = webhooks.core.clock().now();
    // At first, and when the clock was put back, everything is looked at.
    let anew = looked.at.0 == 0 || looked.at > now;
    let since = if anew { Timestamp(0) } else { looked.at.plus_seconds(-OVERLAP_SECONDS) };
    let is_time = anew || looked.ahead.is_none_or(|at| at.elapsed() >= LOOK_AHEAD);
    match read_due(webhooks, (since, now), is_time).await {
        Ok(found) => {
            if is_time {
                looked.ahead = Some(Instant::now());
            }
            looked.at = now;
            let before = std::mem::replace(&mut looked.due, found);
            let is_news = |endpoint: &Endpoint, due: &Due| before.get(endpoint) != Some(due);
            looked.due.iter().map(|(endpoint, due)| (*endpoint, is_news(endpoint, due))).collect()
        }
        Err(error) => {
            tracing::warn!(%error, "cannot look for webhooks that are due; trying again");
            vec![]
        }
    }
}

async fn read_due(
    webhooks: &Webhooks,
    (since, now): (Timestamp, Timestamp),
    look_ahead: bool,
) -> Result<HashMap<Endpoint, Due>> {
    let (db, mut found, mut after) = (webhooks.core.db(), HashMap::new(), None);
    // What was written down before a clock was put back, or while that was on its way, or by a machine whose clock is wrong.
    if look_ahead && deliveries::is_ahead(&mut *db.scan().await?, now).await? {
        db.write_global(async move |tx: &mut Tx| deliveries::hurry(tx, now).await).await?;
    }
    loop {
        let page = deliveries::endpoints(&mut *db.scan().await?, (since, now), (after, PAGE)).await?;
        after = page.last().map(|(endpoint, _)| *endpoint);
        let is_last = page.len() < PAGE as usize;
        found.extend(page);
        if is_last {
            return Ok(found);
        }
    }
}
