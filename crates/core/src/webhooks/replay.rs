//! Events are sent once more: one, those of a time, or all that failed for good.

use std::sync::Arc;

use admin_db::deliveries::{self, Endpoint};
use admin_db::{Tx, events};
use admin_types::{Error, Event, EventId, FieldError, ResourceId, Result, Timestamp};
use serde::Serialize;

use super::{Webhook, may_change_webhook, sending};
use crate::Core;
use crate::events::EventQuery;
use crate::op::Op;

/// The most events of one replay, and the most that are looked at for it.
pub const MAX_REPLAYED: usize = 100_000;
const MAX_LOOKED: usize = 1_000_000;
/// Events that are read, and deliveries that are written, at a time.
const BATCH: u32 = 500;
/// The most events that are named one by one.
const MAX_NAMED: usize = 500;

/// What is sent once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replay {
    /// These events.
    Events(Vec<EventId>),
    /// What happened from the first time on, and before the second.
    Between(Timestamp, Option<Timestamp>),
    /// What failed for good, and what happened while the webhook was disabled is not among it.
    Failed,
}

/// How much a replay is.
#[derive(Serialize, PartialEq, Eq, Debug)]
pub struct Replayed {
    /// Events that are sent once more; of a dry run, that would be.
    pub events: usize,
}

/// Sends events once more. A dry run counts.
pub async fn replay(core: &Core, op: Op, id: ResourceId, what: Replay) -> Result<Replayed> {
    let org = op.principal.org;
    let (dry_run, now) = (op.dry_run, op.now);
    let job = (core.clone(), Arc::new(op));
    let allowed = core.db.write(org, async move |tx: &mut Tx| may_change_webhook(&job.0, tx, &job.1, id).await);
    allowed.await?;
    let webhook = sending(core, org, id).await?;
    let found = find(core, &webhook, &what).await?;
    let events = found.len();
    if !dry_run {
        for batch in found.chunks(BATCH as usize) {
            write(core, (org, id), batch.to_vec(), now).await?;
        }
        core.wake_webhooks([(org, id)]);
    }
    Ok(Replayed { events })
}

/// Number, kind and resource.
type Found = (i64, String, ResourceId);

async fn find(core: &Core, webhook: &Webhook, what: &Replay) -> Result<Vec<Found>> {
    let mut found = vec![];
    match what {
        Replay::Events(ids) => {
            if ids.is_empty() || ids.len() > MAX_NAMED {
                return Err(wrong("/events", format!("must be 1 to {MAX_NAMED} events")));
            }
            for (at, id) in ids.iter().enumerate() {
                let mut conn = core.db.read_once().await?;
                let event = events::get(&mut conn, webhook.org, id.seq()).await?.filter(|event| event.id == *id);
                let wanted = match &event {
                    Some(event) => webhook.shown(core, event).await?.is_some(),
                    None => false,
                };
                let event = event.filter(|_| wanted);
                let event =
                    event.ok_or_else(|| wrong(&format!("/events/{at}"), "is no event for this webhook".into()))?;
                if ids[..at].contains(id) {
                    return Err(wrong(&format!("/events/{at}"), "is named already".into()));
                }
                found.push(of(&event));
            }
        }
        Replay::Between(since, until) => {
            let mut query = EventQuery { since: Some(*since), until: *until, ..EventQuery::default() };
            let mut looked = 0;
            loop {
                let batch = events::list(&mut *core.db.scan().await?, webhook.org, &query, 0, BATCH).await?;
                query.after = batch.last().map(|event| event.seq);
                looked += batch.len();
                for event in &batch {
                    if webhook.shown(core, event).await?.is_some() {
                        found.push(of(event));
                    }
                }
                if batch.len() < BATCH as usize {
                    break;
                }
                check_size(found.len(), looked)?;
            }
        }
        Replay::Failed => {
            let mut after = i64::MIN;
            loop {
                let batch = failed(core, webhook, after).await?;
                for event in batch.iter().filter_map(|(_, event)| event.as_ref()) {
                    // What it may not see any more would not be sent.
                    if webhook.shown(core, event).await?.is_some() {
                        found.push(of(event));
                    }
                }
                after = batch.last().map_or(after, |(seq, _)| *seq);
                if batch.len() < BATCH as usize {
                    break;
                }
                check_size(found.len(), 0)?;
            }
        }
    }
    check_size(found.len(), 0)?;
    Ok(found)
}

/// Numbers above `after` whose deliveries failed for good, with their events; tests have none.
async fn failed(core: &Core, webhook: &Webhook, after: i64) -> Result<Vec<(i64, Option<Event>)>> {
    let mut conn = core.db.scan().await?;
    let rows = deliveries::failed(&mut conn, (webhook.org, webhook.id), after, BATCH).await?;
    let mut all = vec![];
    for row in rows {
        all.push((row.seq, events::get(&mut conn, webhook.org, row.seq).await?));
    }
    Ok(all)
}

fn of(event: &Event) -> Found {
    (event.seq, event.kind.clone(), event.resource.id)
}

fn check_size(found: usize, looked: usize) -> Result<()> {
    if found <= MAX_REPLAYED && looked <= MAX_LOOKED {
        return Ok(());
    }
    let detail = format!(
        "More than {MAX_REPLAYED} events would be sent, or {MAX_LOOKED} looked at. Replay shorter times, one after the other."
    );
    Err(Error::invalid("query_too_wide", detail))
}

async fn write(core: &Core, endpoint: Endpoint, rows: Vec<Found>, now: Timestamp) -> Result<()> {
    let job = async move |tx: &mut Tx| {
        for (seq, kind, resource) in &rows {
            deliveries::insert(tx, endpoint, (*seq, kind, *resource), (now, now), true).await?;
        }
        Ok(())
    };
    core.db.write_global(job).await
}

fn wrong(pointer: &str, detail: String) -> Error {
    Error::validation(vec![FieldError::new(pointer, detail)])
}
