//! Exact totals, cheaply. Unfiltered ones are counters. A filtered one is counted once, remembered with the event
//! number at which it was true, and from then on moved by the events since: each says what the filter held before
//! and what it holds after.

use std::time::Duration;

use admin_db::place::Driver;
use admin_db::{Conn, counts, events, list, orgs};
use admin_schema::{Filter, NoRelated};
use admin_types::{Error, OrgId, Resource, Result};
use moka::sync::Cache;

/// Filters whose total is remembered.
const REMEMBERED: u64 = 10_000;
/// The most events that are cheaper to look at than to count again.
const MAX_EVENTS: i64 = 2_000;

type Key = (OrgId, list::Scope, String);

/// How long a total is remembered that nobody asks for.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(12 * 3600);

/// Totals in memory.
pub(crate) struct Totals {
    known: Cache<Key, (i64, u64)>,
}

impl Default for Totals {
    fn default() -> Totals {
        // Older events may be gone by the retention, which is many days.
        Totals { known: Cache::builder().max_capacity(REMEMBERED).time_to_live(FORGOTTEN_AFTER).build() }
    }
}

impl Totals {
    /// The total if no row must be looked at: from a counter, or from memory and the events since.
    pub(crate) async fn known(&self, conn: &mut Conn, selection: &list::Selection<'_>) -> Result<Option<u64>> {
        if selection.trashed {
            return Ok(None);
        }
        if matches!(selection.filter, Filter::True) {
            return counted(conn, selection).await.map(Some);
        }
        let key = key(selection);
        let Some((at, total)) = self.known.get(&key) else { return Ok(None) };
        let (head, _) = orgs::state(conn, selection.org).await?;
        if head == at {
            return Ok(Some(total));
        }
        // What else a filter looks at may have changed without an event of the rows themselves.
        if selection.filter.looks_beyond() {
            return Ok(None);
        }
        let Some(delta) = delta(conn, selection, (at, head)).await? else { return Ok(None) };
        let total = total.saturating_add_signed(delta);
        self.known.insert(key, (head, total));
        Ok(Some(total))
    }

    /// Counts, and remembers.
    pub(crate) async fn count(
        &self,
        conn: &mut Conn,
        selection: &list::Selection<'_>,
        driver: Option<&Driver>,
    ) -> Result<u64> {
        let (seq, total) = list::count(conn, selection, driver).await?;
        if !selection.trashed {
            self.known.insert(key(selection), (seq, total));
        }
        Ok(total)
    }
}

fn key(selection: &list::Selection<'_>) -> Key {
    (selection.org, selection.scope.clone(), selection.filter.canonical())
}

async fn counted(conn: &mut Conn, selection: &list::Selection<'_>) -> Result<u64> {
    match selection.scope {
        list::Scope::Own => counts::of_type(conn, selection.org, counts::OWN).await,
        list::Scope::Types(types) => {
            let mut total = 0;
            for type_name in types {
                total += counts::of_type(conn, selection.org, type_name).await?;
            }
            Ok(total)
        }
    }
}

/// By how much the events in `(after, until]` change the total; `None` when there are too many of them.
async fn delta(conn: &mut Conn, selection: &list::Selection<'_>, range: (i64, i64)) -> Result<Option<i64>> {
    let types: &[String] = match selection.scope {
        list::Scope::Own => {
            return if range.1 - range.0 > MAX_EVENTS { Ok(None) } else { own_delta(conn, selection, range).await };
        }
        list::Scope::Types(types) => types,
    };
    let mut delta = 0;
    for type_name in types {
        let changes = events::changes(conn, selection.org, type_name, range, MAX_EVENTS + 1).await?;
        if changes.len() as i64 > MAX_EVENTS {
            return Ok(None);
        }
        for (before, after) in &changes {
            delta += holds(selection.filter, after.as_deref())? - holds(selection.filter, before.as_deref())?;
        }
    }
    Ok(Some(delta))
}

async fn own_delta(conn: &mut Conn, selection: &list::Selection<'_>, range: (i64, i64)) -> Result<Option<i64>> {
    let mut delta = 0;
    for (type_name, before, after) in events::all_changes(conn, selection.org, range).await? {
        if !crate::builtin::is_built_in(&type_name) {
            delta += holds(selection.filter, after.as_deref())? - holds(selection.filter, before.as_deref())?;
        }
    }
    Ok(Some(delta))
}

fn holds(filter: &Filter, document: Option<&str>) -> Result<i64> {
    let Some(document) = document else { return Ok(0) };
    let resource: Resource = serde_json::from_str(document).map_err(Error::internal)?;
    Ok(i64::from(resource.deleted_at.is_none() && filter.matches(&resource, &NoRelated)))
}
