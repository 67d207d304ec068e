//! The audit log as it is searched: every event of the org, by time, actor, action, resource, outcome, address and text.

use admin_db::events::{self, Ended, EventQuery};
use admin_types::{DEFAULT_LIMIT, Error, Event, MAX_LIMIT, Pagination, Result};

use super::{auditor, who_sees_all};
use crate::Core;
use crate::access::Known;
use crate::events::EventList;
use crate::op::Op;

/// Events of one batch of an export.
const BATCH: u32 = 500;
/// The longest text that is looked for, in bytes.
const MAX_TEXT: usize = 200;

/// What to look for. All conditions must hold.
#[derive(Clone, Default, Debug)]
pub struct AuditQuery {
    /// What a list of events takes: kind, resource, actor, request, time, order and place.
    pub events: EventQuery,
    /// `done`, `denied` or `failed`.
    pub outcome: Option<Ended>,
    /// The address that the request came from.
    pub address: Option<std::net::IpAddr>,
    /// A text in the states or the details, whatever the case of its ASCII letters.
    pub text: Option<String>,
}

impl AuditQuery {
    fn read(self) -> Result<EventQuery> {
        if self.text.as_ref().is_some_and(|text| text.is_empty() || text.len() > MAX_TEXT) {
            return Err(Error::parameter("q", format!("must have 1 to {MAX_TEXT} bytes")));
        }
        Ok(EventQuery {
            outcome: self.outcome,
            address: self.address.map(|address| address.to_string()),
            text: self.text.as_deref().map(as_written).transpose()?.as_deref().map(events::pattern),
            ..self.events
        })
    }
}

/// A text as it stands within JSON, where quotes, backslashes and control characters are escaped.
fn as_written(text: &str) -> Result<String> {
    let quoted = serde_json::to_string(text).map_err(Error::internal)?;
    Ok(quoted[1..quoted.len() - 1].to_owned())
}

/// A search that is read batch by batch.
pub struct Search {
    core: Core,
    op: Op,
    query: EventQuery,
    done: bool,
}

/// One page of the audit log. Whoever may read it sees of every event who did what, when, to what, from where and how it
/// ended; the states before and after as far as they may read the resource.
pub async fn search_audit(core: &Core, op: &Op, query: AuditQuery, limit: Option<u32>) -> Result<EventList> {
    let per_page = match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => limit,
        _ => return Err(Error::parameter("limit", format!("must be 1 to {MAX_LIMIT}"))),
    };
    let query = allowed(core, op, query).await?;
    let total_items = {
        let mut conn = core.db.scan().await?;
        events::count(&mut conn, op.principal.org, &query).await?
    };
    let mut items = read(core, op, &query, per_page + 1).await?;
    let more = items.len() > per_page as usize;
    items.truncate(per_page as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| last.seq.to_string());
    Ok(EventList { items, pagination: Pagination { current_page: None, per_page, total_items, next_cursor } })
}

/// The query, if the principal may ask it: to look for a text tells what is in states, so it is for those who may read all of them.
async fn allowed(core: &Core, op: &Op, query: AuditQuery) -> Result<EventQuery> {
    match query.text {
        Some(_) => who_sees_all(core, op).await?,
        None => drop(auditor(core, op).await?),
    }
    query.read()
}

async fn read(core: &Core, op: &Op, query: &EventQuery, limit: u32) -> Result<Vec<Event>> {
    let actor = auditor(core, op).await?;
    let mut conn = core.db.scan().await?;
    let found = events::list(&mut conn, op.principal.org, query, 0, limit).await?;
    let (mut known, mut shown) = (Known::default(), Vec::with_capacity(found.len()));
    for event in found {
        shown.push(actor.audit_event(&mut conn, op, &mut known, event).await?);
    }
    Ok(shown)
}

impl Search {
    /// Begins a search; the oldest events come first.
    ///
    /// # Errors
    /// The principal may not, or the query cannot be read.
    pub async fn new(core: &Core, op: Op, query: AuditQuery) -> Result<Search> {
        let query = EventQuery { descending: false, ..allowed(core, &op, query).await? };
        Ok(Search { core: core.clone(), op, query, done: false })
    }

    /// The next events; none at the end.
    ///
    /// # Errors
    /// The principal may not any more, or the database is away.
    pub async fn next(&mut self) -> Result<Vec<Event>> {
        if self.done {
            return Ok(vec![]);
        }
        let events = read(&self.core, &self.op, &self.query, BATCH).await?;
        self.done = events.len() < BATCH as usize;
        self.query.after = events.last().map(|event| event.seq);
        Ok(events)
    }
}
