//! Lists: pages in order, walks by cursor, and counts.

use admin_schema::filter::Filter;
use admin_types::{Error, OrgId, Result};

use crate::conn::Conn;
use crate::dialect;
use crate::place::{self, Driver, Place, Range};
use crate::predicate::Sql;
use crate::row::{Row, Value};

/// Where the index has the values that are, and those that moved.
const LIVE: &str = "resource_index";
const MOVED: &str = "resource_moved";

/// Which types a list is of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// All of the org's own types.
    Own,
    /// The types named, at least one.
    Types(Vec<String>),
}

/// Which resources a list holds.
#[derive(Clone, Copy, Debug)]
pub struct Selection<'a> {
    /// The tenant.
    pub org: OrgId,
    /// The types.
    pub scope: &'a Scope,
    /// The trash, instead of what is live.
    pub trashed: bool,
    /// What must hold for each.
    pub filter: &'a Filter,
}

/// The order of a page, and what drives it.
#[derive(Clone, PartialEq, Debug)]
pub enum Plan {
    /// By id, maybe out of a place. One that is not in the order of ids is gathered and sorted, to its end.
    ById(Option<Driver>),
    /// By an index field, maybe within a range of it, and what must hold besides.
    ByField(String, Option<(Range, Filter)>),
    /// By an index field, of the rows that are in a place that comes in the order of ids.
    ByFieldWhere(String, Driver),
}

/// After which row a page begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Position {
    /// The row's key in the index; empty when the order is by id.
    pub key: Vec<u8>,
    /// The row's id.
    pub id: [u8; 16],
    /// The org's last event when the walk began.
    pub seq: i64,
}

/// A row of a page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// The wire text.
    pub document: String,
    /// The id.
    pub id: [u8; 16],
    /// The key in the index by which the page is ordered; empty when it is by id.
    pub key: Vec<u8>,
    /// The org's last event when the row was read, if it began a walk in the order of a field; else 0.
    pub seq: i64,
}

/// One page, in the plan's order. With `after`, the rows that follow it, as the list was ordered when the walk began.
pub async fn page(
    conn: &mut Conn,
    selection: &Selection<'_>,
    (plan, descending): (&Plan, bool),
    after: Option<&Position>,
    offset: u64,
    limit: u32,
) -> Result<Vec<Candidate>> {
    let mut rows = page_of(LIVE, conn, selection, (plan, descending), after, offset, limit).await?;
    if let (Plan::ByField(..) | Plan::ByFieldWhere(..), Some(_)) = (plan, after) {
        // Rows whose value changed since the walk began still stand where they stood then.
        rows.extend(page_of(MOVED, conn, selection, (plan, descending), after, 0, limit).await?);
        rows.sort_unstable_by(|a, b| {
            let order = (&a.key, &a.id).cmp(&(&b.key, &b.id));
            if descending { order.reverse() } else { order }
        });
        // On PostgreSQL each statement has its own snapshot: a row that moved between the two is in both.
        rows.dedup_by(|a, b| (&a.key, &a.id) == (&b.key, &b.id));
        rows.truncate(limit as usize);
    }
    Ok(rows)
}

async fn page_of(
    table: &str,
    conn: &mut Conn,
    selection: &Selection<'_>,
    (plan, descending): (&Plan, bool),
    after: Option<&Position>,
    offset: u64,
    limit: u32,
) -> Result<Vec<Candidate>> {
    let mut sql = Sql::new(dialect::json(conn));
    let (direction, beyond) = if descending { ("DESC", "<") } else { ("ASC", ">") };
    match plan {
        Plan::ByField(field, range) => {
            // A row that moved may have left the range: it is held against the whole filter.
            let live = range.as_ref().filter(|_| table == LIVE);
            let filter = live.map_or(selection.filter, |(_, rest)| rest);
            walk(&mut sql, table, selection, (field, filter), after);
            if let Some((range, _)) = range {
                place::in_range(&mut sql, range);
            }
            after_position(&mut sql, table, beyond, after);
            sql.push(" AND ").filter(filter)?.push(&format!(" ORDER BY d.value {direction}, d.id {direction}"));
        }
        Plan::ByFieldWhere(field, other) => {
            walk(&mut sql, table, selection, (field, &other.rest), after);
            after_position(&mut sql, table, beyond, after);
            is_in(&mut sql, &other.place)?;
            sql.push(" AND ").filter(&other.rest)?.push(&format!(" ORDER BY d.value {direction}, d.id {direction}"));
        }
        Plan::ById(Some(driver)) if driver.rest == Filter::True && driver.place.is_covered() => {
            // The rows themselves are read for the page alone.
            sql.push("SELECT r.document, r.id, CAST(NULL AS BYTEA), CAST(0 AS BIGINT) FROM (SELECT d.id FROM ");
            of(selection).table(&mut sql, &driver.place);
            sql.push(" WHERE ");
            of(selection).rows(&mut sql, &driver.place);
            after_id(&mut sql, "d", beyond, after);
            sql.push(&format!(" ORDER BY d.id {direction}"));
            bounds(&mut sql, offset, limit);
            sql.push(") d CROSS JOIN resource r WHERE r.org_id = ").bind(Value::Bytes(selection.org.0.to_vec()));
            sql.push(&format!(" AND r.id = d.id ORDER BY d.id {direction}"));
            return conn.fetch(&sql.text, &sql.args(), candidate).await;
        }
        Plan::ById(Some(driver)) => {
            sql.push("SELECT r.document, r.id, CAST(NULL AS BYTEA), CAST(0 AS BIGINT) FROM ");
            in_place(&mut sql, selection, driver);
            after_id(&mut sql, "d", beyond, after);
            sql.push(" AND ").filter(&driver.rest)?.push(&format!(" ORDER BY d.id {direction}"));
        }
        Plan::ById(None) => {
            sql.push("SELECT r.document, r.id, CAST(NULL AS BYTEA), CAST(0 AS BIGINT) FROM ");
            sql.resource_row(selection.filter).push(" WHERE ");
            in_table(&mut sql, selection);
            after_id(&mut sql, "r", beyond, after);
            sql.push(" AND ").filter(selection.filter)?.push(&format!(" ORDER BY r.id {direction}"));
        }
    }
    bounds(&mut sql, offset, limit);
    conn.fetch(&sql.text, &sql.args(), candidate).await
}

fn bounds(sql: &mut Sql, offset: u64, limit: u32) {
    sql.push(" LIMIT ").bind(Value::Int(limit.into()));
    sql.push(" OFFSET ").bind(Value::Int(i64::try_from(offset).unwrap_or(i64::MAX)));
}

/// Only what follows a position in the order of ids.
fn after_id(sql: &mut Sql, row: &str, beyond: &str, after: Option<&Position>) {
    if let Some(position) = after {
        sql.push(&format!(" AND {row}.id {beyond} ")).bind(Value::Bytes(position.id.to_vec()));
    }
}

/// Rows `d` of a field, each with its live row `r`, from the index or from what moved in it.
fn walk(
    sql: &mut Sql,
    table: &str,
    selection: &Selection<'_>,
    (field, filter): (&str, &Filter),
    after: Option<&Position>,
) {
    sql.push("SELECT r.document, r.id, d.value, ");
    match after {
        None => last_event(sql, selection),
        Some(_) => drop(sql.push("CAST(0 AS BIGINT)")),
    }
    sql.push(" FROM ").push(table).push(" d CROSS JOIN ");
    sql.resource_row(filter).push(" WHERE ");
    in_index(sql, selection, field);
}

/// The org's last event, in the snapshot of the rows beside it.
fn last_event(sql: &mut Sql, selection: &Selection<'_>) {
    sql.push("(SELECT o.seq FROM org o WHERE o.org_id = ");
    sql.bind(Value::Bytes(selection.org.0.to_vec())).push(")");
}

/// Only what follows a position, as the order was when its walk began.
fn after_position(sql: &mut Sql, table: &str, beyond: &str, after: Option<&Position>) {
    let Some(position) = after else { return };
    sql.push(&format!(" AND (d.value, d.id) {beyond} ("));
    sql.bind(Value::Bytes(position.key.clone())).push(", ").bind(Value::Bytes(position.id.to_vec()));
    sql.push(") AND d.since <= ").bind(Value::Int(position.seq));
    if table == MOVED {
        sql.push(" AND d.until > ").bind(Value::Int(position.seq));
    }
}

/// Only rows that are in a place in the order of ids: an index lookup, before the row itself is read.
fn is_in(sql: &mut Sql, place: &Place) -> Result<()> {
    match place {
        Place::Range(range) => {
            sql.push(" AND EXISTS (SELECT 1 FROM resource_index p WHERE p.org_id = d.org_id AND p.type = d.type");
            sql.push(" AND p.field = ").bind(Value::Text(range.field.clone()));
            sql.push(" AND p.value = ").bind(Value::Bytes(range.low.0.clone())).push(" AND p.id = d.id)");
        }
        Place::Links { field, target } => {
            sql.push(" AND EXISTS (SELECT 1 FROM resource_reference p WHERE p.org_id = d.org_id AND p.id = d.id");
            sql.push(" AND p.field = ").bind(Value::Text(field.clone()));
            sql.push(" AND p.target = ").bind(Value::Bytes(target.bytes.to_vec())).push(")");
        }
        Place::Children(parent) => drop(sql.push(" AND r.parent = ").bind(Value::Bytes(parent.bytes.to_vec()))),
        Place::Tree(_) | Place::Any(_) => return Err(Error::internal("a walk among what is in no order")),
    }
    Ok(())
}

/// Up to `limit` rows of a place that the selection holds, in no order.
pub async fn gather(conn: &mut Conn, selection: &Selection<'_>, driver: &Driver, limit: u32) -> Result<Vec<Candidate>> {
    let mut sql = Sql::new(dialect::json(conn));
    sql.push("SELECT r.document, r.id, CAST(NULL AS BYTEA), ");
    last_event(&mut sql, selection);
    sql.push(" FROM ");
    in_place(&mut sql, selection, driver);
    sql.push(" AND ").filter(&driver.rest)?.push(" LIMIT ").bind(Value::Int(limit.into()));
    conn.fetch(&sql.text, &sql.args(), candidate).await
}

/// How many rows a selection has, and the org's last event number at that moment: one statement, one snapshot.
pub async fn count(conn: &mut Conn, selection: &Selection<'_>, driver: Option<&Driver>) -> Result<(i64, u64)> {
    let mut sql = Sql::new(dialect::json(conn));
    sql.push("SELECT CAST(COUNT(*) AS BIGINT), ");
    last_event(&mut sql, selection);
    sql.push(" FROM ");
    match driver {
        Some(driver) if driver.rest == Filter::True && driver.place.is_covered() => {
            of(selection).table(&mut sql, &driver.place);
            sql.push(" WHERE ");
            of(selection).rows(&mut sql, &driver.place);
        }
        Some(driver) => {
            in_place(&mut sql, selection, driver);
            sql.push(" AND ").filter(&driver.rest)?;
        }
        None => {
            sql.resource_row(selection.filter).push(" WHERE ");
            in_table(&mut sql, selection);
            sql.push(" AND ").filter(selection.filter)?;
        }
    }
    let row = conn.fetch_one(&sql.text, &sql.args(), |row| Ok((row.int(1)?, row.int(0)?))).await?;
    let (seq, n) = crate::expect_row(row, "count")?;
    Ok((seq, u64::try_from(n).unwrap_or(0)))
}

fn candidate(row: &Row<'_>) -> Result<Candidate> {
    let key = row.opt_bytes(2)?.map(<[u8]>::to_vec).unwrap_or_default();
    Ok(Candidate { document: row.text(0)?.to_owned(), id: row.id(1)?, key, seq: row.int(3)? })
}

/// Rows of `d` of one field, joined with the live row `r` of each.
fn in_index(sql: &mut Sql, selection: &Selection<'_>, field: &str) {
    of(selection).field(sql, field);
    sql.push(" AND r.org_id = d.org_id AND r.id = d.id AND r.deleted_at IS NULL");
}

/// Rows `d` of a place, joined with the row `r` of each that is of the selection's types.
fn in_place(sql: &mut Sql, selection: &Selection<'_>, driver: &Driver) {
    of(selection).table(sql, &driver.place);
    sql.push(" CROSS JOIN ").resource_row(&driver.rest).push(" WHERE ");
    of(selection).rows(sql, &driver.place);
    sql.push(" AND r.id = d.id AND ");
    in_table(sql, selection);
}

fn of<'a>(selection: &Selection<'a>) -> place::Of<'a> {
    let type_name = match selection.scope {
        Scope::Types(types) if types.len() == 1 => Some(types[0].as_str()),
        _ => None,
    };
    place::Of { org: selection.org, type_name }
}

fn in_table(sql: &mut Sql, selection: &Selection<'_>) {
    sql.push("r.org_id = ").bind(Value::Bytes(selection.org.0.to_vec()));
    sql.push(if selection.trashed { " AND r.deleted_at IS NOT NULL" } else { " AND r.deleted_at IS NULL" });
    match selection.scope {
        Scope::Own => {
            sql.push(" AND r.own = 1");
        }
        Scope::Types(types) if types.len() == 1 => {
            sql.push(" AND r.type = ").bind(Value::Text(types[0].clone()));
        }
        Scope::Types(types) => {
            for (i, type_name) in types.iter().enumerate() {
                sql.push(if i == 0 { " AND r.type IN (" } else { ", " }).bind(Value::Text(type_name.clone()));
            }
            sql.push(")");
        }
    }
}
