//! Refusals are recorded, so that somebody can find out why, and reads where that is wanted. They are written behind the
//! answer, many at a time. Whoever is refused, or reads what is sensitive, faster than it can be written, waits; a sampled
//! read that finds no room is not recorded.

mod reads;
mod restraint;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use admin_db::decisions::{self, DecisionRow};
use admin_db::{Tx, orgs};
use admin_types::{
    DEFAULT_LIMIT, DecisionId, Denied, Error, MAX_LIMIT, OrgId, Outcome, Pagination, Prefix, Principal, RequestId,
    ResourceId, Result, Timestamp, action,
};
use metrics::Counter;
use serde::Serialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;

pub use admin_db::decisions::DecisionQuery;

pub(crate) use self::reads::Expanded;
pub use self::reads::Sample;
use self::restraint::Restraint;
use crate::Core;
use crate::access::Verb;
use crate::occurrence::{self, Occurrence};
use crate::op::Op;

/// Decisions that wait to be written.
const WAITING: usize = 1024;
/// Decisions that are written together.
const BATCH: usize = 256;
/// Refusals that are kept for each org, and allowed reads.
const KEPT: i64 = 100_000;
/// After how many written decisions old ones are forgotten, if housekeeping has not come round before.
const FORGET_AFTER: usize = 20_000;

/// How long repeated refusals may wait to be summed up.
const SUM_UP: Duration = Duration::from_secs(10);

/// What waits to be written.
#[derive(Clone)]
enum Recorded {
    Decision(Box<DecisionRow>),
    /// Something that happened, as an event.
    Happened(Box<Occurrence>),
}

/// Where decisions wait.
pub(crate) struct Decisions {
    sample: Sample,
    sender: mpsc::Sender<(OrgId, Recorded)>,
    receiver: tokio::sync::Mutex<mpsc::Receiver<(OrgId, Recorded)>>,
    /// Sampled reads that found no room.
    full: Counter,
    /// Decisions that the database did not take.
    failed: Counter,
}

impl Decisions {
    pub(crate) fn new(sample: Sample) -> Decisions {
        let (sender, receiver) = mpsc::channel(WAITING);
        let lost = |reason: &'static str| metrics::counter!("admin_decisions_dropped_total", "reason" => reason);
        let receiver = tokio::sync::Mutex::new(receiver);
        Decisions { sample, sender, receiver, full: lost("full"), failed: lost("failed") }
    }

    /// Has a decision written, as soon as there is room for it.
    async fn wait(&self, org: OrgId, row: DecisionRow) {
        // Closed only when nobody asks any more, at the end of the process.
        let _ = self.sender.send((org, Recorded::Decision(row.into()))).await;
    }

    /// Has an event written, as soon as there is room for it.
    pub(crate) async fn happened(&self, org: OrgId, occurrence: Occurrence) {
        let _ = self.sender.send((org, Recorded::Happened(occurrence.into()))).await;
    }

    /// Has a decision written if there is room for it; whether there was.
    fn offer(&self, org: OrgId, row: DecisionRow) -> bool {
        let taken = self.sender.try_send((org, Recorded::Decision(row.into()))).is_ok();
        if !taken {
            self.full.increment(1);
        }
        taken
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

/// Records what was refused, as a decision and as an event.
pub async fn record_refusal(
    core: &Core,
    (principal, address): (&Principal, Option<IpAddr>),
    request_id: &RequestId,
    denied: &Denied,
) {
    let now = core.clock().now();
    let action = format!("{}.{}", denied.type_name, denied.verb);
    let occurrence = Occurrence {
        at: now,
        verb: action::DENIED.into(),
        actor: principal.actor(),
        address,
        type_name: denied.type_name.clone(),
        resource: denied.resource.unwrap_or_else(|| occurrence::nothing(&denied.type_name)),
        outcome: Some(Outcome::Denied),
        details: Some(json!({"action": action})),
        request_id: request_id.clone(),
    };
    let row = DecisionRow {
        id: DecisionId::new(now, core.random()),
        at: now,
        principal: principal.actor(),
        action,
        resource_type: denied.type_name.clone(),
        resource: denied.resource,
        allowed: false,
        request_id: request_id.as_str().to_owned(),
    };
    core.decisions.wait(principal.org, row).await;
    core.decisions.happened(principal.org, occurrence).await;
}

/// Writes decisions until `stop` is done, which must not be before the last request is answered.
pub async fn write_decisions(core: Core, stop: impl Future<Output = ()>) {
    let mut stop = std::pin::pin!(stop);
    let mut receiver = core.decisions.receiver.lock().await;
    let (mut written, mut restraint) = (0, Restraint::default());
    loop {
        let mut batch = vec![];
        tokio::select! {
            () = &mut stop => {
                receiver.close();
                while receiver.recv_many(&mut batch, BATCH).await > 0 {
                    write(&core, std::mem::take(&mut batch), &mut restraint, Some(core.clock().now())).await;
                }
                write(&core, vec![], &mut restraint, None).await;
                return;
            }
            count = receiver.recv_many(&mut batch, BATCH) => {
                write(&core, batch, &mut restraint, Some(core.clock().now())).await;
                written += count;
            }
            () = sleep(SUM_UP) => write(&core, vec![], &mut restraint, Some(core.clock().now())).await,
        }
        if written >= FORGET_AFTER {
            written = 0;
            if let Err(error) = forget(&core).await {
                tracing::warn!(%error, "old decisions could not be forgotten; trying again later");
            }
        }
    }
}

/// Writes a batch, and what is to be said of windows that have ended by `now`, or of all.
async fn write(core: &Core, mut batch: Vec<(OrgId, Recorded)>, restraint: &mut Restraint, now: Option<Timestamp>) {
    batch.retain(|(org, recorded)| match recorded {
        Recorded::Happened(happened) if happened.outcome.is_some() => restraint.admits(*org, happened),
        _ => true,
    });
    batch.extend(restraint.ended(now).into_iter().map(|(org, happened)| (org, Recorded::Happened(happened.into()))));
    batch.sort_by_key(|(org, _)| *org);
    for rows in batch.chunk_by(|a, b| a.0 == b.0) {
        let Some((org, _)) = rows.first() else { continue };
        let (org, count, rows) = (*org, rows.len() as u64, Arc::new(rows.to_vec()));
        let inner = core.clone();
        let written = core.db.write(org, async move |tx: &mut Tx| {
            for (org, row) in rows.iter() {
                match row {
                    Recorded::Decision(row) => decisions::insert(tx, *org, row).await?,
                    Recorded::Happened(happened) => occurrence::insert(&inner, tx, *org, happened).await?,
                }
            }
            Ok(())
        });
        if let Err(error) = written.await {
            core.decisions.failed.increment(count);
            tracing::warn!(%error, count, "decisions could not be recorded");
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

/// The newest decisions of a query, for those who may read policies. `before`: where an earlier page ended.
pub async fn list_decisions(
    core: &Core,
    op: &Op,
    query: DecisionQuery,
    before: Option<DecisionId>,
    limit: Option<u32>,
) -> Result<(Vec<DecisionShown>, Pagination)> {
    let actor = core.actor(op).await?;
    if actor.may_never(op, Verb::Read, "policy") {
        return Err(Error::forbidden("Only those who may read policies may see recorded decisions."));
    }
    let per_page = match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => limit,
        _ => return Err(Error::parameter("limit", format!("must be 1 to {MAX_LIMIT}"))),
    };
    if query.principal.is_some_and(|id| !matches!(id.prefix, Prefix::User | Prefix::Client)) {
        return Err(Error::parameter("principal", "must be the id of a user or a client"));
    }
    let (mut conn, org) = (core.db.scan().await?, op.principal.org);
    // Counted first: what is counted is there to be shown.
    let total_items = decisions::count(&mut conn, org, &query).await?;
    let mut rows = decisions::newest(&mut conn, org, &query, before, per_page + 1).await?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> DecisionRow {
        let id = ResourceId { prefix: Prefix::User, bytes: [1; 16] };
        DecisionRow {
            id: DecisionId([1; 16]),
            at: Timestamp(0),
            principal: admin_types::Actor { kind: "user".into(), id, via: None },
            action: "thing.read".into(),
            resource_type: "thing".into(),
            resource: None,
            allowed: true,
            request_id: "req".into(),
        }
    }

    #[tokio::test]
    async fn without_room_a_sampled_read_is_dropped_and_all_else_waits() {
        let (decisions, org) = (Decisions::new(Sample::default()), OrgId([1; 16]));
        for n in 0..WAITING {
            assert!(decisions.offer(org, row()), "{n}");
        }
        assert!(!decisions.offer(org, row()), "there is no room");
        let mut waits = Box::pin(decisions.wait(org, row()));
        assert!(futures_util::poll!(&mut waits).is_pending(), "it waits for room");
        decisions.receiver.lock().await.recv().await.expect("one that waits");
        waits.await;
        assert!(!decisions.offer(org, row()), "the room is taken");
    }
}
