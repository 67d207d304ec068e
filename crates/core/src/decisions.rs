//! Refusals are recorded, so that somebody can find out why. They are written behind the answer, many at a time; whoever
//! is refused faster than they can be written waits.

use std::sync::Arc;

use admin_db::decisions::{self, DecisionRow};
use admin_db::{Tx, orgs};
use admin_types::{
    DEFAULT_LIMIT, DecisionId, Denied, Error, MAX_LIMIT, OrgId, Pagination, Principal, RequestId, ResourceId, Result,
    Timestamp,
};
use serde::Serialize;
use tokio::sync::mpsc;

use crate::Core;
use crate::access::Verb;
use crate::op::Op;

/// Refusals that wait to be written.
const WAITING: usize = 1024;
/// Refusals that are written together.
const BATCH: usize = 256;
/// Decisions that are kept for each org.
const KEPT: i64 = 100_000;

type Recorded = (OrgId, DecisionRow);

/// Where refusals wait.
pub(crate) struct Decisions {
    sender: mpsc::Sender<Recorded>,
    receiver: tokio::sync::Mutex<mpsc::Receiver<Recorded>>,
}

impl Default for Decisions {
    fn default() -> Decisions {
        let (sender, receiver) = mpsc::channel(WAITING);
        Decisions { sender, receiver: tokio::sync::Mutex::new(receiver) }
    }
}

/// A recorded decision, as the API shows it.
#[derive(Serialize, Debug)]
pub struct DecisionShown {
    id: DecisionId,
    at: Timestamp,
    principal: admin_types::Actor,
    action: String,
    resource_type: String,
    resource: Option<ResourceId>,
    decision: &'static str,
    request_id: String,
}

/// Records what was refused.
pub async fn record_refusal(core: &Core, principal: &Principal, request_id: &RequestId, denied: &Denied) {
    let now = core.clock().now();
    let row = DecisionRow {
        id: DecisionId::new(now, core.random()),
        at: now,
        principal: principal.actor(),
        action: format!("{}.{}", denied.type_name, denied.verb),
        resource_type: denied.type_name.clone(),
        resource: denied.resource,
        allowed: false,
        request_id: request_id.as_str().to_owned(),
    };
    // Closed only when nobody writes any more, at the end of the process.
    let _ = core.decisions.sender.send((principal.org, row)).await;
}

/// Writes refusals until `stop` is done.
pub async fn write_decisions(core: Core, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut receiver = core.decisions.receiver.lock().await;
    loop {
        let mut batch = vec![];
        tokio::select! {
            () = &mut stop => {
                receiver.close();
                while receiver.recv_many(&mut batch, BATCH).await > 0 {
                    write(&core, std::mem::take(&mut batch)).await;
                }
                return;
            }
            _ = receiver.recv_many(&mut batch, BATCH) => write(&core, batch).await,
        }
    }
}

async fn write(core: &Core, mut batch: Vec<Recorded>) {
    batch.sort_by_key(|(org, _)| *org);
    for rows in batch.chunk_by(|a, b| a.0 == b.0) {
        let Some((org, _)) = rows.first() else { continue };
        let (org, rows) = (*org, Arc::new(rows.to_vec()));
        let written = core.db.write(org, async move |tx: &mut Tx| {
            for (org, row) in rows.iter() {
                decisions::insert(tx, *org, row).await?;
            }
            Ok(())
        });
        if let Err(error) = written.await {
            tracing::warn!(%error, "refusals could not be recorded");
        }
    }
}

/// Forgets the oldest decisions of each org.
pub(crate) async fn forget(core: &Core) -> Result<u64> {
    let all = orgs::all(&mut *core.db.read().await?).await?;
    let mut forgotten = 0;
    for org in all {
        forgotten += core.db.write(org, async move |tx: &mut Tx| decisions::forget_old(tx, org, KEPT).await).await?;
    }
    Ok(forgotten)
}

/// The newest refusals, for those who may read policies. `before`: where an earlier page ended.
pub async fn list_decisions(
    core: &Core,
    op: &Op,
    before: Option<DecisionId>,
    limit: Option<u32>,
) -> Result<(Vec<DecisionShown>, Pagination)> {
    let actor = core.actor(op).await?;
    if actor.may_never(op, Verb::Read, "policy") {
        return Err(Error::forbidden("Only those who may read policies may see what was refused."));
    }
    let per_page = match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => limit,
        _ => return Err(Error::parameter("limit", format!("must be 1 to {MAX_LIMIT}"))),
    };
    let (mut conn, org) = (core.db.read().await?, op.principal.org);
    // Counted first: what is counted is there to be shown.
    let total_items = decisions::count(&mut conn, org).await?;
    let mut rows = decisions::newest(&mut conn, org, before.unwrap_or(DecisionId::LAST), per_page + 1).await?;
    let more = rows.len() > per_page as usize;
    rows.truncate(per_page as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.id.to_string());
    let shown = rows.into_iter().map(|row| DecisionShown {
        id: row.id,
        at: row.at,
        principal: row.principal,
        action: row.action,
        resource_type: row.resource_type,
        resource: row.resource,
        decision: if row.allowed { "allow" } else { "deny" },
        request_id: row.request_id,
    });
    Ok((shown.collect(), Pagination { current_page: None, per_page, total_items, next_cursor }))
}
