//! Retention: what is older than it is kept leaves the database and the store, in whole blocks of leaves. By c2sp.org/tlog-tiles the
//! rest can be proven as before, and receipts of what is gone need nothing of it.

use std::time::Duration;

use admin_core::Core;
use admin_core::audit::LogStore;
use admin_db::{Tx, audit, event_readers, leases, orgs};
use admin_tlog::{Layer, TILE_WIDTH, TileId, entries};
use admin_types::{Error, OrgId, Result, Timestamp};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// How often it is looked for what is too old.
const EVERY: Duration = Duration::from_secs(3600);
/// Events that are removed in one transaction.
const STEP: i64 = 2048;
/// How long the process that removes keeps others from it, in seconds.
const LEASE: i64 = 7200;
const BLOCK: i64 = TILE_WIDTH as i64;

/// Removes what is older than so many days, until `stop`. `readers`: whoever must be done with an event before; `holder` names
/// this process.
pub async fn keep(core: Core, days: i64, readers: Vec<&'static str>, holder: String, stop: CancellationToken) {
    loop {
        match round(&core, days, &readers, &holder).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(removed, "events beyond the retention were removed"),
            Err(error) => {
                tracing::warn!(%error, "events beyond the retention could not be removed; trying again later")
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

async fn round(core: &Core, days: i64, readers: &[&'static str], holder: &str) -> Result<u64> {
    let (now, holder) = (core.clock().now(), holder.to_owned());
    let job =
        async move |tx: &mut Tx| leases::hold(tx, "audit retention", &holder, (now, now.plus_seconds(LEASE))).await;
    if !core.db().is_embedded() && !core.db().write_global(job).await? {
        return Ok(0);
    }
    let all = orgs::all(&mut *core.db().read().await?).await?;
    let mut removed = 0;
    for org in all {
        match prune(core, org, days, readers).await {
            Ok(count) => removed += count,
            Err(error) => {
                tracing::warn!(%org, %error, "an org's events beyond the retention could not be removed; trying again later");
            }
        }
    }
    Ok(removed)
}

/// Removes what of an org's log is older than so many days, but for what is on hold; returns how many events.
///
/// # Errors
/// The database or the store is away; some may have been removed.
pub async fn prune(core: &Core, org: OrgId, days: i64, readers: &[&'static str]) -> Result<u64> {
    let since = core.clock().now().plus_seconds(-days * 86_400);
    let mut conn = core.db().read().await?;
    let Some(log) = audit::get(&mut conn, org).await? else { return Ok(0) };
    let last = orgs::state(&mut conn, org).await?.0;
    let newer = match audit::first_since(&mut conn, org, log.first, since).await? {
        0 => last + 1,
        seq => seq,
    };
    let mut until = (newer - 1).min(log.size);
    for reader in readers {
        let behind = event_readers::behind_in(&mut conn, reader, org).await?;
        until = until.min(behind.map_or(last, |behind| behind.done));
    }
    let on_hold = audit::held(&mut conn, org).await?.is_some();
    drop(conn);
    let until = until / BLOCK * BLOCK;
    let (store, mut first) = (core.log_store(org)?, log.first);
    // What a crash has left behind; under a hold it may be all that is left of events that somebody else removed.
    if !on_hold {
        forget(&store, org, first, since).await?;
    }
    while first < until {
        let to = until.min(first + STEP);
        // Decided where it is done: a hold that comes first holds.
        let job = async move |tx: &mut Tx| {
            if audit::held(tx, org).await?.is_some() {
                return Ok(false);
            }
            audit::pruned(tx, org, to).await?;
            audit::remove_events(tx, org, (first, to)).await.map(|()| true)
        };
        if !core.db().write(org, job).await? {
            break;
        }
        first = to;
        forget(&store, org, first, since).await?;
    }
    u64::try_from(first - log.first).map_err(Error::internal)
}

/// Removes the leaves before an index from the store, if they are old enough by what was sealed: what the database says might be
/// what somebody wrote into it.
async fn forget(store: &LogStore, org: OrgId, first: i64, since: Timestamp) -> Result<()> {
    let first = u64::try_from(first).map_err(Error::internal)?;
    let Some(index) = (first / TILE_WIDTH).checked_sub(1) else { return Ok(()) };
    let bundle = store.tile(TileId { layer: Layer::Entries, index, width: 256 }).await?;
    let newest = bundle.as_deref().and_then(|bytes| entries(bytes).ok()?.last().and_then(|entry| happened_at(entry)));
    if bundle.is_some() && newest.is_none_or(|at| at >= since) {
        tracing::error!(%org, first, "the database says that events were removed which are not old enough; nothing of the log is removed. `admin audit verify` says more");
        return Ok(());
    }
    store.forget(first).await
}

/// When an event that was sealed happened.
pub(crate) fn happened_at(entry: &[u8]) -> Option<Timestamp> {
    let sealed: Value = serde_json::from_slice(entry).ok()?;
    serde_json::from_value(sealed.get("at")?.clone()).ok()
}
