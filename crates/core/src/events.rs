//! Events, as the API lists them.

use admin_db::events;
use admin_types::{DEFAULT_LIMIT, Error, Event, EventId, MAX_LIMIT, MAX_OFFSET, Pagination, Result};

pub use admin_db::events::EventQuery;

use crate::Core;
use crate::decide::decide_read;
use crate::op::Op;

/// A page of events.
#[derive(Debug)]
pub struct EventList {
    /// The events, by number.
    pub items: Vec<Event>,
    /// Where the page stands; the cursor is an event's number.
    pub pagination: Pagination,
}

/// One page of the org's events.
pub async fn list_events(
    core: &Core,
    op: &Op,
    query: EventQuery,
    page: Option<u64>,
    limit: Option<u32>,
) -> Result<EventList> {
    decide_read(&op.principal, "events")?;
    let limit = match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => limit,
        _ => return Err(Error::parameter("limit", format!("must be 1 to {MAX_LIMIT}"))),
    };
    let offset = page.unwrap_or(1).saturating_sub(1).saturating_mul(limit.into());
    if page == Some(0) || offset > MAX_OFFSET {
        let detail = format!("must be at least 1 and reach at most {MAX_OFFSET} rows deep; walk further by `cursor`");
        return Err(Error::parameter("page", detail));
    }
    let org = op.principal.org;
    let unfiltered = EventQuery { after: None, descending: false, ..query.clone() } == EventQuery::default();
    let mut conn = if unfiltered { core.db.read().await? } else { core.db.scan().await? };
    // Numbers have no gaps, so the last one is the total.
    let total = match unfiltered {
        true => u64::try_from(admin_db::orgs::state(&mut conn, org).await?.0).unwrap_or(0),
        false => events::count(&mut conn, org, &query).await?,
    };
    let by_cursor = query.after.is_some();
    let mut items = events::list(&mut conn, org, &query, if by_cursor { 0 } else { offset }, limit + 1).await?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| last.seq.to_string());
    let current_page = (!by_cursor).then_some(page.unwrap_or(1));
    Ok(EventList { items, pagination: Pagination { current_page, per_page: limit, total_items: total, next_cursor } })
}

/// One event by its id.
pub async fn get_event(core: &Core, op: &Op, id: EventId) -> Result<Event> {
    decide_read(&op.principal, "events")?;
    let mut conn = core.db.read().await?;
    let found = events::get(&mut conn, op.principal.org, id.seq()).await?;
    found.filter(|event| event.id == id).ok_or_else(|| Error::not_found("event"))
}
