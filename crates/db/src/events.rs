//! Events: what happened, one row for each change, numbered without gaps in each org.

use std::net::IpAddr;

use admin_types::{
    Actor, Error, Event, EventId, EventResource, OrgId, Outcome, RequestId, ResourceId, Result, Timestamp,
};
use serde_json::value::RawValue;

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO event (org_id, seq, id, action, at, actor_type, actor_id, resource_type, resource_id, version, request_id, before, after, actor_client,
        outcome, address, details) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    GET = "SELECT seq, id, action, at, actor_type, actor_id, resource_type, resource_id, version, request_id, before, after,
        actor_client, outcome, address, details FROM event WHERE org_id = $1 AND seq = $2";
    CHANGES = "SELECT before, after FROM event WHERE org_id = $1 AND resource_type = $2 AND seq > $3 AND seq <= $4 ORDER BY seq LIMIT $5";
    ALL_CHANGES = "SELECT resource_type, before, after FROM event WHERE org_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq";
}

const COLUMNS: &str = "seq, id, action, at, actor_type, actor_id, resource_type, resource_id, version, request_id, before, after, actor_client, outcome, address, details";

/// An event as it is written.
#[derive(Clone, Copy, Debug)]
pub struct EventRow<'a> {
    /// The event's id, which carries its number.
    pub id: EventId,
    /// The verb.
    pub action: &'a str,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: &'a Actor,
    /// The name of the resource's type.
    pub type_name: &'a str,
    /// The resource.
    pub resource: ResourceId,
    /// The version that the event made.
    pub version: i64,
    /// The request that caused it.
    pub request_id: &'a RequestId,
    /// The wire text before.
    pub before: Option<&'a str>,
    /// The wire text after.
    pub after: Option<&'a str>,
    /// How an attempt ended that came to nothing.
    pub outcome: Option<Outcome>,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// What else is known, as a JSON object.
    pub details: Option<&'a str>,
}

/// Which events to list. All conditions must hold.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct EventQuery {
    /// `<type>.<verb>`, or `<type>.*`.
    pub kind: Option<(String, Option<String>)>,
    /// Only about this resource.
    pub resource: Option<ResourceId>,
    /// Only by this actor.
    pub actor: Option<ResourceId>,
    /// Only of this request.
    pub request_id: Option<String>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
    /// Only events that follow this number; with `descending`, that precede it.
    pub after: Option<i64>,
    /// Newest first.
    pub descending: bool,
    /// Only changes.
    pub changes: bool,
    /// Only what ended so.
    pub outcome: Option<Ended>,
    /// Only of requests from this address, as it is written.
    pub address: Option<String>,
    /// Only with this in the states or the details: a pattern of [`pattern`].
    pub text: Option<String>,
    /// Only about resources of these types.
    pub types: Option<Vec<String>>,
}

/// How something ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// It was done.
    Done,
    /// It came to nothing.
    Not(Outcome),
}

/// The pattern that finds a text anywhere, whatever the case of its ASCII letters.
#[must_use]
pub fn pattern(text: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in text.to_ascii_lowercase().chars() {
        if matches!(letter, '!' | '%' | '_') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

/// Writes an event.
pub async fn insert(tx: &mut Tx, org: OrgId, event: &EventRow<'_>) -> Result<()> {
    let address = event.address.map(|address| address.to_string());
    let args = [
        Arg::Bytes(&org.0),
        Arg::Int(event.id.seq()),
        Arg::Bytes(&event.id.0),
        Arg::Text(event.action),
        Arg::Int(event.at.0),
        Arg::Text(&event.actor.kind),
        Arg::Bytes(&event.actor.id.bytes),
        Arg::Text(event.type_name),
        Arg::Bytes(&event.resource.bytes),
        Arg::Int(event.version),
        Arg::Text(event.request_id.as_str()),
        Arg::opt_text(event.before),
        Arg::opt_text(event.after),
        Arg::opt_bytes(event.actor.via.as_ref().map(|client| &client.bytes[..])),
        Arg::opt_text(event.outcome.map(Outcome::as_str)),
        Arg::opt_text(address.as_deref()),
        Arg::opt_text(event.details),
    ];
    tx.defer(INSERT, &args).await
}

fn event(row: &Row<'_>) -> Result<Event> {
    let type_name = row.text(6)?.to_owned();
    let raw = |text: Option<&str>| {
        text.map(|text| RawValue::from_string(text.to_owned()).map_err(Error::internal)).transpose()
    };
    Ok(Event {
        seq: row.int(0)?,
        id: EventId(row.id(1)?),
        kind: format!("{type_name}.{}", row.text(2)?),
        at: Timestamp(row.int(3)?),
        actor: Actor {
            kind: row.text(4)?.to_owned().into(),
            id: ResourceId::of_row(row.text(4)?, row.id(5)?),
            via: row.opt_id(12)?.map(|client| ResourceId::of_row("client", client)),
        },
        resource: EventResource { id: ResourceId::of_row(&type_name, row.id(7)?), type_name, version: row.int(8)? },
        request_id: RequestId::accept(row.text(9)?)
            .ok_or_else(|| Error::internal("a stored request id is not sane"))?,
        before: raw(row.opt_text(10)?)?,
        after: raw(row.opt_text(11)?)?,
        outcome: row.opt_text(13)?.and_then(Outcome::parse),
        address: row.opt_text(14)?.and_then(|text| text.parse().ok()),
        details: raw(row.opt_text(15)?)?,
    })
}

/// One event by its number.
pub async fn get(conn: &mut Conn, org: OrgId, seq: i64) -> Result<Option<Event>> {
    conn.fetch_one(GET, &[Arg::Bytes(&org.0), Arg::Int(seq)], event).await
}

/// The conditions of a query as SQL; parameters are numbered from `$1`, which is the org.
fn conditions<'a>(query: &'a EventQuery, org: &'a OrgId, with_position: bool) -> (String, Vec<Arg<'a>>) {
    let mut all = Conditions { sql: "org_id = $1".to_owned(), args: vec![Arg::Bytes(&org.0)] };
    if let Some((type_name, verb)) = &query.kind {
        all.and("resource_type =", Arg::Text(type_name));
        if let Some(verb) = verb {
            all.and("action =", Arg::Text(verb));
        }
    }
    if let Some(resource) = &query.resource {
        all.and("resource_id =", Arg::Bytes(&resource.bytes));
    }
    if let Some(actor) = &query.actor {
        all.and("actor_id =", Arg::Bytes(&actor.bytes));
    }
    if let Some(request_id) = &query.request_id {
        all.and("request_id =", Arg::Text(request_id));
    }
    if let Some(since) = query.since {
        all.and("at >=", Arg::Int(since.0));
    }
    if let Some(until) = query.until {
        all.and("at <", Arg::Int(until.0));
    }
    match query.outcome {
        None => {}
        Some(Ended::Done) => all.sql.push_str(" AND outcome IS NULL"),
        Some(Ended::Not(outcome)) => all.and("outcome =", Arg::Text(outcome.as_str())),
    }
    if query.changes {
        all.sql.push_str(" AND (before IS NOT NULL OR after IS NOT NULL)");
    }
    if let Some(address) = &query.address {
        all.and("address =", Arg::Text(address));
    }
    if let Some(text) = &query.text {
        all.args.push(Arg::Text(text));
        let n = all.args.len();
        let holds = |column: &str| format!("LOWER(COALESCE({column}, '')) LIKE ${n} ESCAPE '!'");
        let columns = ["after", "before", "details"].map(holds).join(" OR ");
        all.sql.push_str(&format!(" AND ({columns})"));
    }
    if let Some(types) = &query.types {
        let first = all.args.len() + 1;
        all.args.extend(types.iter().map(|name| Arg::Text(name)));
        let places: Vec<String> = (first..=all.args.len()).map(|n| format!("${n}")).collect();
        all.sql.push_str(&format!(" AND resource_type IN ({})", places.join(", ")));
    }
    if let Some(after) = query.after.filter(|_| with_position) {
        all.and(if query.descending { "seq <" } else { "seq >" }, Arg::Int(after));
    }
    (all.sql, all.args)
}

/// Conditions with their arguments.
struct Conditions<'a> {
    sql: String,
    args: Vec<Arg<'a>>,
}

impl<'a> Conditions<'a> {
    fn and(&mut self, condition: &str, arg: Arg<'a>) {
        self.args.push(arg);
        self.sql.push_str(&format!(" AND {condition} ${}", self.args.len()));
    }
}

/// Up to `limit` events of a query, by number, from `offset` on.
pub async fn list(conn: &mut Conn, org: OrgId, query: &EventQuery, offset: u64, limit: u32) -> Result<Vec<Event>> {
    let (conditions, mut args) = conditions(query, &org, true);
    let order = if query.descending { "DESC" } else { "ASC" };
    let n = args.len();
    let sql = format!(
        "SELECT {COLUMNS} FROM event WHERE {conditions} ORDER BY seq {order} LIMIT ${} OFFSET ${}",
        n + 1,
        n + 2
    );
    args.push(Arg::Int(limit.into()));
    args.push(Arg::Int(i64::try_from(offset).unwrap_or(i64::MAX)));
    conn.fetch(&sql, &args, event).await
}

/// How many events a query has.
pub async fn count(conn: &mut Conn, org: OrgId, query: &EventQuery) -> Result<u64> {
    let (conditions, args) = conditions(query, &org, false);
    let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM event WHERE {conditions}");
    let n = conn.fetch_one(&sql, &args, |row| row.int(0)).await?;
    Ok(u64::try_from(n.unwrap_or(0)).unwrap_or(0))
}

/// Before and after of up to `limit` events about resources of a type, with numbers in `(after, until]`.
pub async fn changes(
    conn: &mut Conn,
    org: OrgId,
    type_name: &str,
    (after, until): (i64, i64),
    limit: i64,
) -> Result<Vec<(Option<String>, Option<String>)>> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Int(after), Arg::Int(until), Arg::Int(limit)];
    conn.fetch(CHANGES, &args, |row| Ok((row.opt_text(0)?.map(str::to_owned), row.opt_text(1)?.map(str::to_owned))))
        .await
}

/// Type, before and after of all events with numbers in `(after, until]`.
pub async fn all_changes(
    conn: &mut Conn,
    org: OrgId,
    (after, until): (i64, i64),
) -> Result<Vec<(String, Option<String>, Option<String>)>> {
    let args = [Arg::Bytes(&org.0), Arg::Int(after), Arg::Int(until)];
    let owned = |text: Option<&str>| text.map(str::to_owned);
    conn.fetch(ALL_CHANGES, &args, |row| {
        Ok((row.text(0)?.to_owned(), owned(row.opt_text(1)?), owned(row.opt_text(2)?)))
    })
    .await
}
