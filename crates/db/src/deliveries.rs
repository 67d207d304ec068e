//! Deliveries: the events that webhooks are to be sent, and how that went.

use admin_types::{OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO delivery (org_id, webhook_id, seq, action, resource_id, state, step, tries, due_at, created_at)
        VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, $6, $7) ON CONFLICT (org_id, webhook_id, seq) DO NOTHING";
    AGAIN = "INSERT INTO delivery (org_id, webhook_id, seq, action, resource_id, state, step, tries, due_at, created_at)
        VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, $6, $7)
        ON CONFLICT (org_id, webhook_id, seq) DO UPDATE SET state = 'waiting', reason = NULL, step = 0, due_at = $6, done_at = NULL";
    ENDPOINTS = "SELECT org_id, webhook_id, CAST(COUNT(*) AS BIGINT), MAX(due_at) FROM delivery
        WHERE state = 'waiting' AND due_at >= $1 AND due_at <= $2 AND (org_id, webhook_id) > ($3, $4)
        GROUP BY org_id, webhook_id ORDER BY org_id, webhook_id LIMIT $5";
    AHEAD = "SELECT CAST(1 AS BIGINT) FROM delivery WHERE state = 'waiting' AND due_at > $1 AND created_at > $1 LIMIT 1";
    HURRY = "UPDATE delivery SET due_at = $1 WHERE state = 'waiting' AND due_at > $1 AND created_at > $1";
    DUE = "SELECT seq, action, resource_id, state, reason, step, tries, due_at, created_at, done_at FROM delivery
        WHERE org_id = $1 AND webhook_id = $2 AND state = 'waiting' AND due_at <= $3 ORDER BY due_at, seq LIMIT $4";
    DUE_IN_ORDER = "SELECT seq, action, resource_id, state, reason, step, tries, due_at, created_at, done_at FROM delivery d
        WHERE org_id = $1 AND webhook_id = $2 AND state = 'waiting' AND due_at <= $3 AND NOT EXISTS (
            SELECT 1 FROM delivery e WHERE e.org_id = d.org_id AND e.webhook_id = d.webhook_id
            AND e.resource_id = d.resource_id AND e.state = 'waiting' AND e.seq < d.seq)
        ORDER BY due_at, seq LIMIT $4";
    NEXT_DUE = "SELECT due_at FROM delivery WHERE org_id = $1 AND webhook_id = $2 AND state = 'waiting' ORDER BY due_at LIMIT 1";
    NEXT_DUE_IN_ORDER = "SELECT due_at FROM delivery d WHERE org_id = $1 AND webhook_id = $2 AND state = 'waiting' AND NOT EXISTS (
            SELECT 1 FROM delivery e WHERE e.org_id = d.org_id AND e.webhook_id = d.webhook_id
            AND e.resource_id = d.resource_id AND e.state = 'waiting' AND e.seq < d.seq)
        ORDER BY due_at LIMIT 1";
    TESTS = "SELECT seq, action, resource_id, state, reason, step, tries, due_at, created_at, done_at FROM delivery
        WHERE org_id = $1 AND webhook_id = $2 AND seq < 0 AND state = 'waiting' ORDER BY seq DESC LIMIT $3";
    GET = "SELECT seq, action, resource_id, state, reason, step, tries, due_at, created_at, done_at FROM delivery
        WHERE org_id = $1 AND webhook_id = $2 AND seq = $3";
    LIST = "SELECT seq, action, resource_id, state, reason, step, tries, due_at, created_at, done_at FROM delivery
        WHERE org_id = $1 AND webhook_id = $2 AND seq < $3 AND (CAST($4 AS TEXT) IS NULL OR state = $4) ORDER BY seq DESC LIMIT $5";
    COUNT = "SELECT CAST(COUNT(*) AS BIGINT) FROM delivery WHERE org_id = $1 AND webhook_id = $2 AND (CAST($3 AS TEXT) IS NULL OR state = $3)";
    FAILED = "SELECT seq, action, resource_id, state, reason, step, tries, due_at, created_at, done_at FROM delivery
        WHERE org_id = $1 AND webhook_id = $2 AND state = 'failed' AND seq > $3 ORDER BY seq LIMIT $4";
    TRIED = "UPDATE delivery SET state = $1, reason = $2, step = $3, tries = $4, due_at = $5, done_at = $6
        WHERE org_id = $7 AND webhook_id = $8 AND seq = $9 AND tries = $10 AND state = 'waiting'";
    DROP_WAITING = "UPDATE delivery SET state = 'failed', reason = $1, done_at = $2 WHERE org_id = $3 AND webhook_id = $4 AND state = 'waiting'";
    ATTEMPT = "INSERT INTO delivery_attempt (org_id, webhook_id, seq, number, at, status, failure, document)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (org_id, webhook_id, seq, number) DO NOTHING";
    ATTEMPTS = "SELECT number, at, status, failure, document FROM delivery_attempt
        WHERE org_id = $1 AND webhook_id = $2 AND seq = $3 ORDER BY number DESC LIMIT $4";
    REMOVE = "DELETE FROM delivery WHERE org_id = $1 AND webhook_id = $2";
    REMOVE_ATTEMPTS = "DELETE FROM delivery_attempt WHERE org_id = $1 AND webhook_id = $2";
    OLD = "SELECT org_id, webhook_id, seq FROM delivery WHERE done_at < $1 ORDER BY done_at LIMIT $2";
    FORGET = "DELETE FROM delivery WHERE org_id = $1 AND webhook_id = $2 AND seq = $3";
    FORGET_ATTEMPTS = "DELETE FROM delivery_attempt WHERE org_id = $1 AND webhook_id = $2 AND seq = $3";
}

/// A webhook of an org.
pub type Endpoint = (OrgId, ResourceId);

/// A delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryRow {
    /// The number of the event; below zero for a test.
    pub seq: i64,
    /// The kind of the event.
    pub kind: String,
    /// The resource that it is about: the order is kept for each.
    pub resource: [u8; 16],
    /// `waiting`, `delivered`, `failed` or `skipped`.
    pub state: String,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
    /// How far in the schedule of retries.
    pub step: i64,
    /// How often it was tried.
    pub tries: i64,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// When the event was found to be for the webhook.
    pub created_at: Timestamp,
    /// When it was done.
    pub done_at: Option<Timestamp>,
}

impl DeliveryRow {
    /// One that has just been written down.
    pub fn new(seq: i64, kind: &str, resource: [u8; 16], now: Timestamp) -> DeliveryRow {
        let (kind, state) = (kind.to_owned(), "waiting".to_owned());
        let (reason, done_at) = (None, None);
        DeliveryRow { seq, kind, resource, state, reason, step: 0, tries: 0, due_at: now, created_at: now, done_at }
    }
}

/// What a try came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tried {
    /// The state from now on.
    pub state: &'static str,
    /// Why it failed or was skipped.
    pub reason: Option<String>,
    /// How far in the schedule of retries it is now.
    pub step: i64,
    /// How often it was tried before.
    pub tries_before: i64,
    /// How often it was tried by now.
    pub tries: i64,
    /// When it is tried next.
    pub due_at: Timestamp,
    /// When it was done, if it is.
    pub done_at: Option<Timestamp>,
}

/// One try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttemptRow {
    /// Its number, from 1.
    pub number: i64,
    /// When.
    pub at: Timestamp,
    /// The status of the response, if there was one.
    pub status: Option<i64>,
    /// What went wrong, if there was none.
    pub failure: Option<String>,
    /// What was sent and what came back, as JSON.
    pub document: String,
}

fn delivery(row: &Row<'_>) -> Result<DeliveryRow> {
    Ok(DeliveryRow {
        seq: row.int(0)?,
        kind: row.text(1)?.to_owned(),
        resource: row.id(2)?,
        state: row.text(3)?.to_owned(),
        reason: row.opt_text(4)?.map(str::to_owned),
        step: row.int(5)?,
        tries: row.int(6)?,
        due_at: Timestamp(row.int(7)?),
        created_at: Timestamp(row.int(8)?),
        done_at: row.opt_int(9)?.map(Timestamp),
    })
}

fn endpoint_args<'a>((org, webhook): &'a Endpoint) -> [Arg<'a>; 2] {
    [Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes)]
}

/// Notes that a webhook is to be sent an event, from `due` on; once, or `again`.
pub async fn insert(
    conn: &mut Conn,
    endpoint: Endpoint,
    (seq, kind, resource): (i64, &str, ResourceId),
    (due, now): (Timestamp, Timestamp),
    again: bool,
) -> Result<()> {
    let [org, webhook] = endpoint_args(&endpoint);
    let (due, now) = (Arg::Int(due.0), Arg::Int(now.0));
    let args = [org, webhook, Arg::Int(seq), Arg::Text(kind), Arg::Bytes(&resource.bytes), due, now];
    conn.defer(if again { AGAIN } else { INSERT }, &args).await
}

/// Whether anything waits that was written down later than `now`, by a clock that was put back since, or that is ahead.
pub async fn is_ahead(conn: &mut Conn, now: Timestamp) -> Result<bool> {
    Ok(conn.fetch_one(AHEAD, &[Arg::Int(now.0)], |row| row.int(0)).await?.is_some())
}

/// Makes due what was written down later than `now`: it would wait until the clock has caught up.
pub async fn hurry(conn: &mut Conn, now: Timestamp) -> Result<()> {
    conn.execute(HURRY, &[Arg::Int(now.0)]).await.map(drop)
}

/// What became due for a webhook in a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Due {
    /// How many deliveries.
    pub count: i64,
    /// When the last of them did.
    pub last: Timestamp,
}

/// Up to `limit` webhooks behind one for which something became due in a time, both ends included.
pub async fn endpoints(
    conn: &mut Conn,
    (from, to): (Timestamp, Timestamp),
    (after, limit): (Option<Endpoint>, u32),
) -> Result<Vec<(Endpoint, Due)>> {
    let map = |row: &Row<'_>| {
        let endpoint = (OrgId(row.id(0)?), ResourceId::of_row("webhook", row.id(1)?));
        Ok((endpoint, Due { count: row.int(2)?, last: Timestamp(row.int(3)?) }))
    };
    let (org, webhook) = after.map_or((vec![], vec![]), |(org, webhook)| (org.0.to_vec(), webhook.bytes.to_vec()));
    let args = [Arg::Int(from.0), Arg::Int(to.0), Arg::Bytes(&org), Arg::Bytes(&webhook), Arg::Int(limit.into())];
    conn.fetch(ENDPOINTS, &args, map).await
}

/// Up to `limit` deliveries of a webhook that are due. With `in_order`, of each resource only the first that is not done.
pub async fn due(
    conn: &mut Conn,
    endpoint: Endpoint,
    now: Timestamp,
    (in_order, limit): (bool, u32),
) -> Result<Vec<DeliveryRow>> {
    let [org, webhook] = endpoint_args(&endpoint);
    let args = [org, webhook, Arg::Int(now.0), Arg::Int(limit.into())];
    conn.fetch(if in_order { DUE_IN_ORDER } else { DUE }, &args, delivery).await
}

/// When the next delivery of a webhook is due; with `in_order`, the next that waits for no other.
pub async fn next_due(conn: &mut Conn, endpoint: Endpoint, in_order: bool) -> Result<Option<Timestamp>> {
    let statement = if in_order { NEXT_DUE_IN_ORDER } else { NEXT_DUE };
    conn.fetch_one(statement, &endpoint_args(&endpoint), |row| row.int(0).map(Timestamp)).await
}

/// Up to `limit` tests of a webhook that wait, oldest first.
pub async fn tests(conn: &mut Conn, endpoint: Endpoint, limit: u32) -> Result<Vec<DeliveryRow>> {
    let [org, webhook] = endpoint_args(&endpoint);
    conn.fetch(TESTS, &[org, webhook, Arg::Int(limit.into())], delivery).await
}

/// One delivery.
pub async fn get(conn: &mut Conn, endpoint: Endpoint, seq: i64) -> Result<Option<DeliveryRow>> {
    let [org, webhook] = endpoint_args(&endpoint);
    conn.fetch_one(GET, &[org, webhook, Arg::Int(seq)], delivery).await
}

/// Up to `limit` deliveries of a webhook with numbers below `before`, newest first.
pub async fn list(
    conn: &mut Conn,
    endpoint: Endpoint,
    (before, state): (i64, Option<&str>),
    limit: u32,
) -> Result<Vec<DeliveryRow>> {
    let [org, webhook] = endpoint_args(&endpoint);
    let args = [org, webhook, Arg::Int(before), Arg::opt_text(state), Arg::Int(limit.into())];
    conn.fetch(LIST, &args, delivery).await
}

/// How many deliveries a webhook has.
pub async fn count(conn: &mut Conn, endpoint: Endpoint, state: Option<&str>) -> Result<u64> {
    let [org, webhook] = endpoint_args(&endpoint);
    let count = conn.fetch_one(COUNT, &[org, webhook, Arg::opt_text(state)], |row| row.int(0)).await?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

/// Up to `limit` deliveries that failed for good, with numbers above `after`.
pub async fn failed(conn: &mut Conn, endpoint: Endpoint, after: i64, limit: u32) -> Result<Vec<DeliveryRow>> {
    let [org, webhook] = endpoint_args(&endpoint);
    conn.fetch(FAILED, &[org, webhook, Arg::Int(after), Arg::Int(limit.into())], delivery).await
}

/// Notes what a try came to. `false` if somebody else has noted one meanwhile.
pub async fn tried(conn: &mut Conn, endpoint: Endpoint, seq: i64, tried: &Tried) -> Result<bool> {
    let [org, webhook] = endpoint_args(&endpoint);
    let args = [
        Arg::Text(tried.state),
        Arg::opt_text(tried.reason.as_deref()),
        Arg::Int(tried.step),
        Arg::Int(tried.tries),
        Arg::Int(tried.due_at.0),
        Arg::opt_int(tried.done_at.map(|at| at.0)),
        org,
        webhook,
        Arg::Int(seq),
        Arg::Int(tried.tries_before),
    ];
    Ok(conn.execute(TRIED, &args).await? == 1)
}

/// All that waits for a webhook has failed, for this reason.
pub async fn fail_waiting(conn: &mut Conn, endpoint: Endpoint, reason: &str, now: Timestamp) -> Result<()> {
    let [org, webhook] = endpoint_args(&endpoint);
    conn.defer(DROP_WAITING, &[Arg::Text(reason), Arg::Int(now.0), org, webhook]).await
}

/// Keeps a try.
pub async fn insert_attempt(conn: &mut Conn, endpoint: Endpoint, seq: i64, row: &AttemptRow) -> Result<()> {
    let [org, webhook] = endpoint_args(&endpoint);
    let args = [
        org,
        webhook,
        Arg::Int(seq),
        Arg::Int(row.number),
        Arg::Int(row.at.0),
        Arg::opt_int(row.status),
        Arg::opt_text(row.failure.as_deref()),
        Arg::Text(&row.document),
    ];
    conn.defer(ATTEMPT, &args).await
}

/// Up to `limit` tries of a delivery, newest first.
pub async fn attempts(conn: &mut Conn, endpoint: Endpoint, seq: i64, limit: u32) -> Result<Vec<AttemptRow>> {
    let [org, webhook] = endpoint_args(&endpoint);
    let map = |row: &Row<'_>| {
        let (failure, document) = (row.opt_text(3)?.map(str::to_owned), row.text(4)?.to_owned());
        Ok(AttemptRow { number: row.int(0)?, at: Timestamp(row.int(1)?), status: row.opt_int(2)?, failure, document })
    };
    conn.fetch(ATTEMPTS, &[org, webhook, Arg::Int(seq), Arg::Int(limit.into())], map).await
}

/// Forgets all deliveries of a webhook.
pub async fn remove(conn: &mut Conn, endpoint: Endpoint) -> Result<()> {
    conn.defer(REMOVE_ATTEMPTS, &endpoint_args(&endpoint)).await?;
    conn.defer(REMOVE, &endpoint_args(&endpoint)).await
}

/// Forgets up to `limit` deliveries that were done before a time; how many.
pub async fn forget(conn: &mut Conn, before: Timestamp, limit: u32) -> Result<u64> {
    let map = |row: &Row<'_>| Ok((OrgId(row.id(0)?), ResourceId::of_row("webhook", row.id(1)?), row.int(2)?));
    let old = conn.fetch(OLD, &[Arg::Int(before.0), Arg::Int(limit.into())], map).await?;
    for (org, webhook, seq) in &old {
        let args = [Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes), Arg::Int(*seq)];
        conn.defer(FORGET_ATTEMPTS, &args).await?;
        conn.defer(FORGET, &args).await?;
    }
    Ok(old.len() as u64)
}
