//! Lists: pages in order, walks by cursor, counts, and the choice of the index that drives each.

use admin_schema::filter::{Comparison, Filter, Literal, Path};
use admin_schema::key;
use admin_types::{OrgId, Result};
use serde_json::Value as Json;

use crate::conn::Conn;
use crate::dialect;
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

/// A range of an index that holds every row of a selection, and maybe more.
#[derive(Clone, PartialEq, Debug)]
pub struct Driver {
    /// The field's name in the index.
    pub field: String,
    /// The least key, and whether it belongs to the range.
    pub low: (Vec<u8>, bool),
    /// The greatest key, and whether it belongs to the range.
    pub high: (Vec<u8>, bool),
    /// What must hold besides for each row of the range; [`Filter::True`] when the range is exactly the selection.
    pub rest: Filter,
}

impl Driver {
    /// Whether the range is of one value, so that its rows come in the order of their ids.
    pub fn is_one_value(&self) -> bool {
        self.low == self.high
    }
}

/// The order of a page, and what drives it.
#[derive(Clone, PartialEq, Debug)]
pub enum Plan {
    /// By id, maybe out of one value of an index.
    ById(Option<Driver>),
    /// By an index field, maybe within a range of it.
    ByField(String, Option<Driver>),
    /// By an index field, of the rows that have one value in another.
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

/// The name under which a path stands in the index, if it can.
pub fn index_name(path: &Path) -> Option<String> {
    match path {
        Path::Name => Some("name".into()),
        Path::Status => Some("status".into()),
        Path::CreatedAt => Some("created_at".into()),
        Path::UpdatedAt => Some("updated_at".into()),
        Path::Attribute(segments) => Some(format!("attributes.{}", segments.join("."))),
        Path::Id | Path::Type | Path::Parent | Path::Version | Path::Label(_) => None,
    }
}

/// The best range for a filter: a condition on one value before one on a range. `ready` says which index fields are complete.
pub fn driver(filter: &Filter, ready: &dyn Fn(&str) -> bool) -> Option<Driver> {
    let conditions = match filter {
        Filter::And(parts) => parts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let ranges = conditions.iter().enumerate().filter_map(|(i, condition)| Some((i, range(condition)?)));
    let ready = ranges.filter(|(_, range)| ready(&range.field));
    let (chosen, best) = ready.min_by_key(|(_, range)| !range.is_one_value())?;
    let mut rest: Vec<Filter> = conditions.to_vec();
    rest.remove(chosen);
    let rest = match rest.len() {
        0 => Filter::True,
        1 => rest.remove(0),
        _ => Filter::And(rest),
    };
    Some(Driver { rest, ..best })
}

fn range(filter: &Filter) -> Option<Driver> {
    let (path, op, value) = match filter {
        Filter::Compare { path, op, value } => (path, *op, value),
        // On text, `has` is a substring; a range over an array's elements would not say which.
        Filter::Has {
            path: path @ Path::Attribute(_),
            value: value @ (Literal::Integer(_) | Literal::Number(_) | Literal::Bool(_)),
        }
        | Filter::Element { path: path @ Path::Attribute(_), value } => (path, Comparison::Eq, value),
        _ => return None,
    };
    let key = key::encode(&match value {
        Literal::Bool(value) => Json::Bool(*value),
        Literal::Integer(value) => Json::from(*value),
        Literal::Number(value) => Json::from(*value),
        Literal::Text(value) => Json::from(value.as_str()),
        Literal::Time(value) => Json::from(value.0),
        Literal::Id(value) => Json::from(value.to_string()),
    })?;
    // Keys of one kind of value begin with the same byte.
    let (least, most) = (vec![key[0]], vec![key[0] + 1]);
    let (low, high) = match op {
        Comparison::Eq => ((key.clone(), true), (key, true)),
        Comparison::Lt => ((least, true), (key, false)),
        Comparison::Le => ((least, true), (key, true)),
        Comparison::Gt => ((key, false), (most, false)),
        Comparison::Ge => ((key, true), (most, false)),
        Comparison::Ne => return None,
    };
    Some(Driver { field: index_name(path)?, low, high, rest: Filter::True })
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
            let filter = live.map_or(selection.filter, |range| &range.rest);
            walk(&mut sql, table, selection, (field, filter), after);
            if let Some(range) = range {
                in_range(&mut sql, range);
            }
            after_position(&mut sql, table, beyond, after);
            sql.push(" AND ").filter(filter)?.push(&format!(" ORDER BY d.value {direction}, d.id {direction}"));
        }
        Plan::ByFieldWhere(field, other) => {
            walk(&mut sql, table, selection, (field, &other.rest), after);
            after_position(&mut sql, table, beyond, after);
            has_value(&mut sql, other);
            sql.push(" AND ").filter(&other.rest)?.push(&format!(" ORDER BY d.value {direction}, d.id {direction}"));
        }
        Plan::ById(Some(driver)) => {
            sql.push(
                "SELECT r.document, r.id, CAST(NULL AS BYTEA), CAST(0 AS BIGINT) FROM resource_index d CROSS JOIN ",
            );
            sql.resource_row(&driver.rest).push(" WHERE ");
            in_index(&mut sql, selection, &driver.field);
            sql.push(" AND d.value = ").bind(Value::Bytes(driver.low.0.clone()));
            if let Some(position) = after {
                sql.push(&format!(" AND d.id {beyond} ")).bind(Value::Bytes(position.id.to_vec()));
            }
            sql.push(" AND ").filter(&driver.rest)?;
            sql.push(&format!(" ORDER BY d.id {direction}"));
        }
        Plan::ById(None) => {
            sql.push("SELECT r.document, r.id, CAST(NULL AS BYTEA), CAST(0 AS BIGINT) FROM ");
            sql.resource_row(selection.filter).push(" WHERE ");
            in_table(&mut sql, selection);
            if let Some(position) = after {
                sql.push(&format!(" AND r.id {beyond} ")).bind(Value::Bytes(position.id.to_vec()));
            }
            sql.push(" AND ").filter(selection.filter)?.push(&format!(" ORDER BY r.id {direction}"));
        }
    }
    sql.push(" LIMIT ").bind(Value::Int(limit.into()));
    sql.push(" OFFSET ").bind(Value::Int(i64::try_from(offset).unwrap_or(i64::MAX)));
    conn.fetch(&sql.text, &sql.args(), candidate).await
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

/// Only rows that have the driver's one value: an index lookup, before the row itself is read.
fn has_value(sql: &mut Sql, driver: &Driver) {
    sql.push(
        " AND EXISTS (SELECT 1 FROM resource_index p WHERE p.org_id = d.org_id AND p.type = d.type AND p.field = ",
    );
    sql.bind(Value::Text(driver.field.clone())).push(" AND p.value = ");
    sql.bind(Value::Bytes(driver.low.0.clone())).push(" AND p.id = d.id)");
}

/// Up to `limit` rows of the driver's range that the selection holds, in no order.
pub async fn gather(conn: &mut Conn, selection: &Selection<'_>, driver: &Driver, limit: u32) -> Result<Vec<Candidate>> {
    let mut sql = Sql::new(dialect::json(conn));
    sql.push("SELECT r.document, r.id, CAST(NULL AS BYTEA), ");
    last_event(&mut sql, selection);
    sql.push(" FROM resource_index d CROSS JOIN ").resource_row(&driver.rest).push(" WHERE ");
    in_index(&mut sql, selection, &driver.field);
    in_range(&mut sql, driver);
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
        Some(driver) if driver.rest == Filter::True => {
            sql.push("resource_index d WHERE ");
            index_place(&mut sql, selection, &driver.field);
            in_range(&mut sql, driver);
        }
        Some(driver) => {
            sql.push("resource_index d CROSS JOIN ").resource_row(&driver.rest).push(" WHERE ");
            in_index(&mut sql, selection, &driver.field);
            in_range(&mut sql, driver);
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
    index_place(sql, selection, field);
    sql.push(" AND r.org_id = d.org_id AND r.id = d.id AND r.deleted_at IS NULL");
}

fn index_place(sql: &mut Sql, selection: &Selection<'_>, field: &str) {
    let Scope::Types(types) = selection.scope else {
        sql.push("FALSE");
        return;
    };
    sql.push("d.org_id = ").bind(Value::Bytes(selection.org.0.to_vec()));
    sql.push(" AND d.type = ").bind(Value::Text(types[0].clone()));
    sql.push(" AND d.field = ").bind(Value::Text(field.to_owned()));
}

fn in_range(sql: &mut Sql, driver: &Driver) {
    sql.push(if driver.low.1 { " AND d.value >= " } else { " AND d.value > " })
        .bind(Value::Bytes(driver.low.0.clone()));
    sql.push(if driver.high.1 { " AND d.value <= " } else { " AND d.value < " })
        .bind(Value::Bytes(driver.high.0.clone()));
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
