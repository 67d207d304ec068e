//! How it went with the deliveries of a webhook, for those who may see it.

use admin_db::deliveries::{self, AttemptRow, DeliveryRow, Endpoint};
use admin_db::{events, webhooks};
use admin_types::{DEFAULT_LIMIT, Error, EventId, MAX_LIMIT, Pagination, ResourceId, Result, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{find_webhook, may_read_webhook};
use crate::Core;
use crate::op::Op;

/// The states of a delivery.
const STATES: [&str; 4] = ["waiting", "delivered", "failed", "skipped"];
/// Tries that are shown of one delivery.
const TRIES: u32 = 100;

/// A delivery.
#[derive(Serialize, Debug)]
pub struct DeliveryShown {
    /// The event; null for a test.
    pub event: Option<EventId>,
    /// Its number; below zero for a test.
    pub seq: i64,
    /// The kind of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// `waiting`, `delivered`, `failed`, or `skipped`: it may not be seen any more.
    pub state: String,
    /// Why it failed, or is tried again.
    pub reason: Option<String>,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next; null when it is not.
    pub next_try_at: Option<Timestamp>,
    /// When the event was found to be for the webhook.
    pub created_at: Timestamp,
    /// When it was done; null while it waits.
    pub done_at: Option<Timestamp>,
    /// The tries, newest first, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<Vec<AttemptShown>>,
}

/// A try.
#[derive(Serialize, Debug)]
pub struct AttemptShown {
    /// Its number, from 1.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// The status of the response, if there was one.
    pub status: Option<i64>,
    /// Why it did not arrive.
    pub failure: Option<String>,
    /// Request, response and timing.
    #[serde(flatten)]
    pub details: Details,
}

/// What was sent and what came back.
#[derive(Serialize, Debug)]
pub struct Details {
    details: Box<RawValue>,
}

/// How it goes with a webhook.
#[derive(Serialize, Debug)]
pub struct Health {
    /// Whether it is sent events.
    pub active: bool,
    /// Why it can see nothing, if it cannot.
    pub problem: Option<String>,
    /// Since when nothing arrives.
    pub failing_since: Option<Timestamp>,
    /// Deliveries by state.
    pub deliveries: std::collections::BTreeMap<&'static str, u64>,
}

impl AttemptShown {
    fn of(row: AttemptRow) -> Result<AttemptShown> {
        let details = RawValue::from_string(row.document).map_err(Error::internal)?;
        let AttemptRow { number, at, status, failure, .. } = row;
        Ok(AttemptShown { number, at, status, failure, details: Details { details } })
    }
}

impl DeliveryShown {
    pub(super) fn of(row: DeliveryRow, event: Option<EventId>) -> DeliveryShown {
        let waits = row.state == "waiting";
        DeliveryShown {
            event,
            seq: row.seq,
            kind: row.kind,
            reason: row.reason,
            tries: row.tries,
            next_try_at: waits.then_some(row.due_at),
            created_at: row.created_at,
            done_at: row.done_at,
            state: row.state,
            attempts: None,
        }
    }
}

impl DeliveryShown {
    /// A delivery with its tries.
    pub(super) async fn whole(
        core: &Core,
        endpoint: Endpoint,
        row: DeliveryRow,
        event: Option<EventId>,
    ) -> Result<DeliveryShown> {
        let attempts = deliveries::attempts(&mut *core.db.read_once().await?, endpoint, row.seq, TRIES).await?;
        let attempts = attempts.into_iter().map(AttemptShown::of).collect::<Result<_>>()?;
        Ok(DeliveryShown { attempts: Some(attempts), ..DeliveryShown::of(row, event) })
    }
}

/// The newest deliveries of a webhook. `before`: the number at which an earlier page ended.
pub async fn list_deliveries(
    core: &Core,
    op: &Op,
    webhook: ResourceId,
    (state, before): (Option<&str>, Option<i64>),
    limit: Option<u32>,
) -> Result<(Vec<DeliveryShown>, Pagination)> {
    may_read_webhook(core, op, webhook).await?;
    if let Some(state) = state.filter(|state| !STATES.contains(state)) {
        return Err(Error::parameter("state", format!("must be one of {}, not {state}", STATES.join(", "))));
    }
    let per_page = match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => limit,
        _ => return Err(Error::parameter("limit", format!("must be 1 to {MAX_LIMIT}"))),
    };
    let endpoint = (op.principal.org, webhook);
    let mut conn = core.db().scan().await?;
    let total_items = deliveries::count(&mut conn, endpoint, state).await?;
    let before = before.unwrap_or(i64::MAX);
    let mut rows = deliveries::list(&mut conn, endpoint, (before, state), per_page + 1).await?;
    let more = rows.len() > per_page as usize;
    rows.truncate(per_page as usize);
    let next_cursor = rows.last().filter(|_| more).map(|row| row.seq.to_string());
    let mut shown = vec![];
    for row in rows {
        let event = events::get(&mut conn, op.principal.org, row.seq).await?;
        shown.push(DeliveryShown::of(row, event.map(|event| event.id)));
    }
    Ok((shown, Pagination { current_page: None, per_page, total_items, next_cursor }))
}

/// One delivery with its tries.
pub async fn get_delivery(core: &Core, op: &Op, webhook: ResourceId, event: EventId) -> Result<DeliveryShown> {
    may_read_webhook(core, op, webhook).await?;
    let endpoint = (op.principal.org, webhook);
    let mut conn = core.db().read().await?;
    let known = events::get(&mut conn, op.principal.org, event.seq()).await?.is_some_and(|known| known.id == event);
    let row = match known {
        true => deliveries::get(&mut conn, endpoint, event.seq()).await?,
        false => None,
    };
    let row = row.ok_or_else(|| Error::not_found("delivery"))?;
    drop(conn);
    DeliveryShown::whole(core, endpoint, row, Some(event)).await
}

/// How it goes with a webhook.
pub async fn webhook_health(core: &Core, op: &Op, webhook: ResourceId) -> Result<Health> {
    may_read_webhook(core, op, webhook).await?;
    let org = op.principal.org;
    let (active, problem) = match find_webhook(core, org, webhook).await {
        Ok(found) => (found.is_some_and(|(_, active)| active), None),
        Err(error) if error.is_passing() => return Err(error),
        Err(error) => (false, Some(error.detail)),
    };
    let mut conn = core.db().scan().await?;
    let known = webhooks::endpoint(&mut conn, org, webhook).await?;
    let mut by_state = std::collections::BTreeMap::new();
    for state in STATES {
        by_state.insert(state, deliveries::count(&mut conn, (org, webhook), Some(state)).await?);
    }
    let failing_since = known.and_then(|known| known.failing_since);
    Ok(Health { active, problem, failing_since, deliveries: by_state })
}
