//! Events, as the API lists them.

use admin_db::{Conn, audit, events};
use admin_schema::Filter;
use admin_types::{DEFAULT_LIMIT, Error, Event, EventId, MAX_LIMIT, MAX_OFFSET, Pagination, Resource, Result};
use serde_json::value::RawValue;

pub use admin_db::events::{Ended, EventQuery};

use crate::Core;
use crate::access::{Actor, Known, Verb};
use crate::op::Op;

/// Events read in one statement.
const BATCH: u32 = 500;
/// The most events that one list holds against the policies.
const MAX_LOOKED: u32 = 200_000;

/// A page of events.
#[derive(Debug)]
pub struct EventList {
    /// The events, by number.
    pub items: Vec<Event>,
    /// Where the page stands; the cursor is an event's number.
    pub pagination: Pagination,
}

/// One page of the org's events that the principal may see: those of states that it may read.
pub async fn list_events(
    core: &Core,
    op: &Op,
    query: EventQuery,
    page: Option<u64>,
    limit: Option<u32>,
) -> Result<EventList> {
    let per_page = match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => limit,
        _ => return Err(Error::parameter("limit", format!("must be 1 to {MAX_LIMIT}"))),
    };
    let offset = page.unwrap_or(1).saturating_sub(1).saturating_mul(per_page.into());
    if page == Some(0) || offset > MAX_OFFSET {
        let detail = format!("must be at least 1 and reach at most {MAX_OFFSET} rows deep; walk further by `cursor`");
        return Err(Error::parameter("page", detail));
    }
    let actor = core.actor(op).await?;
    let offset = if query.after.is_some() { 0 } else { offset };
    // What is no change is in the audit log alone for those who may not read that.
    let changes = query.changes || !actor.audits(op);
    let (mut items, total_items) = match actor.sight(op) {
        Sight::All => all_events(core, op, &query, offset, per_page + 1).await?,
        Sight::Types(types) => {
            let query = EventQuery { types: Some(types), changes, ..query.clone() };
            all_events(core, op, &query, offset, per_page + 1).await?
        }
        Sight::Rows(types) => {
            let query = EventQuery { types: Some(types), changes, ..query.clone() };
            visible_events(core, op, &actor, &query, (offset, per_page + 1)).await?
        }
    };
    let more = items.len() > per_page as usize;
    items.truncate(per_page as usize);
    let next_cursor = items.last().filter(|_| more).map(|last| last.seq.to_string());
    let current_page = query.after.is_none().then_some(page.unwrap_or(1));
    Ok(EventList { items, pagination: Pagination { current_page, per_page, total_items, next_cursor } })
}

async fn all_events(core: &Core, op: &Op, query: &EventQuery, offset: u64, limit: u32) -> Result<(Vec<Event>, u64)> {
    if query.types.as_ref().is_some_and(Vec::is_empty) {
        return Ok((vec![], 0));
    }
    let org = op.principal.org;
    let unfiltered = EventQuery { after: None, descending: false, ..query.clone() } == EventQuery::default();
    let mut conn = if unfiltered { core.db.read().await? } else { core.db.scan().await? };
    // Numbers have no gaps, so the last one is the total, but for those that the retention has removed.
    let total = match unfiltered {
        true => {
            let gone = audit::get(&mut conn, org).await?.map_or(0, |log| log.first);
            u64::try_from(admin_db::orgs::state(&mut conn, org).await?.0 - gone).unwrap_or(0)
        }
        false => events::count(&mut conn, org, query).await?,
    };
    let mut found = events::list(&mut conn, org, query, offset, limit).await?;
    if query.changes {
        found.iter_mut().for_each(|event| event.address = None);
    }
    Ok((found, total))
}

/// Each event of types of which some rows may be seen is held against the policies, so that the total is exact.
async fn visible_events(
    core: &Core,
    op: &Op,
    actor: &Actor,
    query: &EventQuery,
    (offset, limit): (u64, u32),
) -> Result<(Vec<Event>, u64)> {
    let mut conn = core.db.scan().await?;
    let (mut known, mut items, mut total, mut looked) = (Known::default(), vec![], 0, 0);
    let begin = query.after;
    let mut query = EventQuery { after: None, ..query.clone() };
    loop {
        let batch = events::list(&mut conn, op.principal.org, &query, 0, BATCH).await?;
        let full = batch.len() == BATCH as usize;
        query.after = batch.last().map(|event| event.seq);
        for event in batch {
            let seq = event.seq;
            let Some(shown) = actor.show_event(&mut conn, op, &mut known, event).await? else { continue };
            total += 1;
            let behind = begin.is_none_or(|begin| if query.descending { seq < begin } else { seq > begin });
            if behind && (begin.is_some() || total > offset) && items.len() < limit as usize {
                items.push(shown);
            }
        }
        if !full {
            return Ok((items, total));
        }
        looked += BATCH;
        if looked >= MAX_LOOKED {
            let detail = format!(
                "More than {MAX_LOOKED} events would have to be held against the policies. Narrow the list by `type`, `resource` or `since`."
            );
            return Err(Error::invalid("query_too_wide", detail));
        }
    }
}

/// One event by its id.
pub async fn get_event(core: &Core, op: &Op, id: EventId) -> Result<Event> {
    let actor = core.actor(op).await?;
    let mut conn = core.db.read().await?;
    let found = events::get(&mut conn, op.principal.org, id.seq()).await?;
    let found = found.filter(|event| event.id == id).ok_or_else(|| Error::not_found("event"))?;
    let shown = actor.show_event(&mut conn, op, &mut Known::default(), found).await?;
    shown.ok_or_else(|| Error::not_found("event"))
}

impl Actor {
    /// Of which resources the principal sees the events.
    fn sight(&self, op: &Op) -> Sight {
        let (mut types, mut whole, mut all) = (vec![], true, true);
        for entry in self.catalogue().all() {
            let name = &entry.definition.name;
            let rule = self.rule(op, Verb::Read.as_str(), name);
            let open = rule.rows == Filter::True && rule.fields.is_empty();
            whole &= open || rule.rows == Filter::False;
            all &= open;
            if rule.rows != Filter::False {
                types.push(name.clone());
            }
        }
        match (all, whole) {
            (true, _) => Sight::All,
            (_, true) => Sight::Types(types),
            _ => Sight::Rows(types),
        }
    }

    /// An event as the principal may see it: if it may read the state after, or the one before when there is none after. A
    /// state before that it may not read is left out.
    pub(crate) async fn show_event(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        mut event: Event,
    ) -> Result<Option<Event>> {
        if !self.audits(op) {
            if !event.is_change() {
                return Ok(None);
            }
            // Where others are is not for everybody, nor for a credential of theirs that may do less.
            let own = event.actor.id == op.principal.id && !op.principal.is_limited();
            if !own {
                event.address = None;
            }
        } else if !event.is_change() {
            return Ok(Some(event));
        }
        // A type that is gone has no policies: its events are for those from whom nothing is hidden.
        if self.catalogue().named(&event.resource.type_name).is_none() {
            return Ok(matches!(self.sight(op), Sight::All).then_some(event));
        }
        let rule = self.rule(op, Verb::Read.as_str(), &event.resource.type_name);
        if rule.rows == Filter::True && rule.fields.is_empty() {
            return Ok(Some(event));
        }
        let after = self.show_state(conn, op, known, event.after.take()).await?;
        let before = self.show_state(conn, op, known, event.before.take()).await?;
        let visible = match (&after, &before) {
            (State::None, before) => matches!(before, State::Shown(_)),
            (after, _) => matches!(after, State::Shown(_)),
        };
        (event.after, event.before) = (after.text(), before.text());
        Ok(visible.then_some(event))
    }

    /// An event as whoever may read the audit log sees it: what happened, and the states that they may read.
    pub(crate) async fn audit_event(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        mut event: Event,
    ) -> Result<Event> {
        let of = self.catalogue().named(&event.resource.type_name).is_some();
        let rule = of.then(|| self.rule(op, Verb::Read.as_str(), &event.resource.type_name));
        let whole = match rule {
            Some(rule) => rule.rows == Filter::True && rule.fields.is_empty(),
            None => matches!(self.sight(op), Sight::All),
        };
        if whole || !event.is_change() {
            return Ok(event);
        }
        let (before, after) = (event.before.take(), event.after.take());
        if of {
            event.after = self.show_state(conn, op, known, after).await?.text();
            event.before = self.show_state(conn, op, known, before).await?.text();
        }
        Ok(event)
    }

    async fn show_state(
        &self,
        conn: &mut Conn,
        op: &Op,
        known: &mut Known,
        state: Option<Box<RawValue>>,
    ) -> Result<State> {
        let Some(state) = state else { return Ok(State::None) };
        let resource: Resource = serde_json::from_str(state.get()).map_err(Error::internal)?;
        if !self.may(conn, op, known, Verb::Read, &resource).await? {
            return Ok(State::Hidden);
        }
        let shown = self.shown(conn, op, known, resource).await?;
        serde_json::value::to_raw_value(&shown).map(State::Shown).map_err(Error::internal)
    }
}

/// Of which resources events are seen.
enum Sight {
    /// Of all.
    All,
    /// Of all resources of these types, and no others.
    Types(Vec<String>),
    /// Of some resources of these types.
    Rows(Vec<String>),
}

/// A state of an event.
enum State {
    None,
    Hidden,
    Shown(Box<RawValue>),
}

impl State {
    fn text(self) -> Option<Box<RawValue>> {
        match self {
            State::Shown(text) => Some(text),
            State::None | State::Hidden => None,
        }
    }
}
