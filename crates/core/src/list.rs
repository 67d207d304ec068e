//! Lists: what is asked for, which index answers it, and the page that comes out.

use std::sync::Arc;

use admin_db::Conn;
use admin_db::list::{self, Candidate, Plan, Position, Scope, Selection};
use admin_db::place::{self, Driver, Fields, Place};
use admin_schema::{Comparison, Filter, Literal, Path, key};
use admin_types::{DEFAULT_LIMIT, Error, Kind, MAX_LIMIT, MAX_OFFSET, OrgId, Pagination, Resource, Result, Timestamp};
use serde_json::Value;

use crate::access::{Actor, Known, paths};
use crate::catalogue::CORE_FIELDS;
use crate::cursor::Cursor;
use crate::op::Op;
use crate::shape::Shape;
use crate::{Core, TypeEntry, totals};

/// How long a walk in the order of a field may last, in seconds.
pub(crate) const WALK_SECONDS: i64 = 3600;
/// The most rows that are gathered and sorted in memory.
const MAX_GATHERED: u64 = 10_000;
/// The most ids that are gathered and sorted.
const MAX_IDS: u64 = 100_000;
/// What a row costs to look at, in ids of an index.
const ROW_OF_IDS: u64 = 10;

/// What a caller asks a list for.
#[derive(Clone, Default, Debug)]
pub struct ListQuery {
    /// Names of types; empty for all of the org's own.
    pub types: Vec<String>,
    /// Only this status.
    pub status: Option<String>,
    /// The filter, as text.
    pub filter: Option<String>,
    /// A field, with `-` in front for descending; by id if absent.
    pub sort: Option<String>,
    /// Only these fields of each resource (and its id and type).
    pub fields: Vec<String>,
    /// References to resolve.
    pub expand: Vec<String>,
    /// The page, from 1.
    pub page: Option<u64>,
    /// Rows of a page.
    pub limit: Option<u32>,
    /// Where an earlier page ended.
    pub cursor: Option<String>,
    /// The trash, instead of what is live.
    pub trashed: bool,
}

/// A page of resources.
#[derive(Debug)]
pub struct Page {
    /// The wire text of each.
    pub items: Vec<String>,
    /// Where the page stands.
    pub pagination: Pagination,
}

/// A list, understood.
struct List {
    scope: Scope,
    filter: Filter,
    /// The index that answers the filter, if one can.
    driver: Option<Driver>,
    sort: Sort,
    fingerprint: [u8; 8],
    /// Whether each row is shown whole.
    shows_all: bool,
}

struct Sort {
    /// The field's name in the index; `None` for the id.
    field: Option<String>,
    descending: bool,
}

/// One page of the resources that the principal may read.
pub async fn list_resources(core: &Core, op: &Op, query: ListQuery) -> Result<Page> {
    let org = op.principal.org;
    let understand = |actor: &Arc<Actor>| Ok((understand(op, actor, &query)?, actor.clone()));
    let ((list, shape), actor) = core.acting(op, understand).await?;
    let limit = check_limit(query.limit)?;
    let (offset, after) = start(op, &query, &list, limit)?;
    let selection = Selection { org, scope: &list.scope, trashed: query.trashed, filter: &list.filter };

    let (mut conn, total) = total(core, &selection, &list).await?;
    let run = Run { list: &list, selection, after: after.as_ref(), offset, limit: limit + 1, total };
    let mut rows = run.rows(core, &mut conn).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let seq = after.as_ref().map_or_else(|| rows.first().map_or(0, |row| row.seq), |position| position.seq);
    let next_cursor = rows.last().filter(|_| more).map(|last| {
        let started_at =
            after.as_ref().map_or(op.now, |_| query.cursor.as_deref().and_then(Cursor::started_at).unwrap_or(op.now));
        let position = Position { key: last.key.clone(), id: last.id, seq };
        Cursor { fingerprint: list.fingerprint, started_at, position }.encode()
    });
    let documents = rows.into_iter().map(|row| row.document).collect();
    let documents = match list.shows_all {
        true => documents,
        false => actor.show_all(&mut conn, op, &mut Known::default(), documents).await?,
    };
    let (items, expanded) = shape.apply(&mut conn, op, &actor, documents).await?;
    drop(conn);
    core.record_list(op, &actor, &list.scope).await;
    core.record_expanded(op, expanded).await;
    let current_page = query.cursor.is_none().then_some(query.page.unwrap_or(1));
    Ok(Page { items, pagination: Pagination { current_page, per_page: limit, total_items: total, next_cursor } })
}

fn check_limit(limit: Option<u32>) -> Result<u32> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Error::parameter("limit", format!("must be 1 to {MAX_LIMIT}"))),
    }
}

/// Where the page begins: an offset, or a position.
fn start(op: &Op, query: &ListQuery, list: &List, limit: u32) -> Result<(u64, Option<Position>)> {
    let Some(cursor) = &query.cursor else {
        let page = query.page.unwrap_or(1);
        let offset = page.saturating_sub(1).saturating_mul(limit.into());
        if page == 0 || offset > MAX_OFFSET {
            let detail =
                format!("must be at least 1 and reach at most {MAX_OFFSET} rows deep; walk further by `cursor`");
            return Err(Error::parameter("page", detail));
        }
        return Ok((offset, None));
    };
    if query.page.is_some() {
        return Err(Error::parameter("cursor", "cannot be combined with `page`"));
    }
    let cursor = Cursor::decode(cursor)?;
    if cursor.fingerprint != list.fingerprint {
        return Err(Error::parameter(
            "cursor",
            "belongs to another query; send the same type, status, filter and sort, or begin anew",
        ));
    }
    if list.sort.field.is_some() && cursor.started_at.plus_seconds(WALK_SECONDS) < op.now {
        let detail = format!("A walk in the order of a field may last {WALK_SECONDS} seconds. Begin anew.");
        return Err(Error::new(Kind::Gone, "cursor_expired", detail));
    }
    Ok((0, Some(cursor.position)))
}

fn understand(op: &Op, actor: &Actor, query: &ListQuery) -> Result<(List, Shape)> {
    let catalogue = actor.catalogue();
    let (types, mut filter) = read_filter(op, actor, query.types.clone(), query.filter.as_deref())?;
    let entry = match types.as_slice() {
        [one] => catalogue.named(one).cloned(),
        _ => None,
    };
    let definition = entry.as_ref().map(|entry| &entry.definition);
    if let Some(status) = &query.status {
        if let Some(definition) = definition.filter(|definition| !definition.statuses.contains(status)) {
            let detail =
                format!("`{}` has no status `{status}`; it has: {}", definition.name, definition.statuses.join(", "));
            return Err(Error::parameter("status", detail));
        }
        let status = Filter::Compare { path: Path::Status, op: Comparison::Eq, value: Literal::Text(status.clone()) };
        filter = match filter {
            Filter::True => status,
            Filter::And(mut parts) => {
                parts.insert(0, status);
                Filter::And(parts)
            }
            other => Filter::And(vec![status, other]),
        };
    }
    let sort = sort(query, entry.as_deref())?;
    let shape = Shape::parse(catalogue, &types, &query.expand, &query.fields)?;
    let sorted_by = sort.field.as_deref().and_then(sort_path);
    if let Some(entry) = &entry {
        actor.check_asked(op, entry, "sort", sorted_by.iter())?;
    }
    let readable = actor.readable_rows(op, &types, query.trashed);
    let scope = if types.is_empty() { Scope::Own } else { Scope::Types(types) };
    let fingerprint = fingerprint(op.principal.org, &scope, &filter, query);
    // The caller's walk goes on when policies change under it; what it shows follows them.
    let filter = Filter::all([filter, readable.rows]);
    let driver = if query.trashed { None } else { driver(&filter, entry.as_deref()) };
    Ok((List { scope, filter, driver, sort, fingerprint, shows_all: readable.whole }, shape))
}

/// Where to look for the rows of a list, of one type if it is of one.
fn driver(filter: &Filter, entry: Option<&TypeEntry>) -> Option<Driver> {
    let is_indexed = |name: &str| entry.is_some_and(|entry| entry.index_ready(name));
    let refers_to = |key: &str| {
        let field = entry?.definition.references().find(|field| field.key == key)?;
        Some((field.reference.as_ref()?.type_name.as_str(), field.many))
    };
    place::driver(filter, &Fields { is_indexed: &is_indexed, refers_to: &refers_to })
}

/// What an index field stands for.
fn sort_path(field: &str) -> Option<Path> {
    let names = field.strip_prefix("attributes.")?;
    Some(Path::Attribute(names.split('.').map(str::to_owned).collect()))
}

/// The types that a list is of, and its filter. A filter that begins with `type = "x" AND …` is a list of that type.
pub(crate) fn read_filter(
    op: &Op,
    actor: &Actor,
    mut types: Vec<String>,
    text: Option<&str>,
) -> Result<(Vec<String>, Filter)> {
    let catalogue = actor.catalogue();
    let (mut filter, mut taken) = (Filter::True, false);
    if let Some(text) = text {
        filter = Filter::parse(text, None)?;
        if types.is_empty() {
            types.extend(take_type(&mut filter));
            taken = !types.is_empty();
        }
    }
    types.sort_unstable();
    types.dedup();
    for name in &types {
        if catalogue.named(name).is_none() {
            return Err(Error::parameter("type", format!("there is no type `{name}`")));
        }
    }
    if let ([one], Some(text)) = (types.as_slice(), text) {
        // Once more, now that the fields are known.
        filter = Filter::parse(text, catalogue.named(one).map(|entry| &entry.definition))?;
        if taken {
            take_type(&mut filter);
        }
    }
    let asked = paths(&filter);
    let all = if asked.is_empty() { vec![] } else { catalogue.all() };
    for entry in all {
        if types.is_empty() && !entry.builtin || types.contains(&entry.definition.name) {
            actor.check_asked(op, entry, "filter", asked.iter().copied())?;
        }
    }
    Ok((types, filter))
}

/// Takes the condition on one type out of a filter that is a conjunction.
fn take_type(filter: &mut Filter) -> Option<String> {
    let is_type = |part: &Filter| match part {
        Filter::Compare { path: Path::Type, op: Comparison::Eq, value: Literal::Text(name) } => Some(name.clone()),
        _ => None,
    };
    if let Some(name) = is_type(filter) {
        *filter = Filter::True;
        return Some(name);
    }
    let Filter::And(parts) = filter else { return None };
    let (at, name) = parts.iter().enumerate().find_map(|(at, part)| Some((at, is_type(part)?)))?;
    parts.remove(at);
    if parts.len() == 1 {
        *filter = parts.remove(0);
    }
    Some(name)
}

fn sort(query: &ListQuery, entry: Option<&TypeEntry>) -> Result<Sort> {
    let Some(text) = query.sort.as_deref().filter(|text| !text.is_empty()) else {
        return Ok(Sort { field: None, descending: false });
    };
    let (descending, name) = text.strip_prefix('-').map_or((false, text), |name| (true, name));
    if name == "id" {
        return Ok(Sort { field: None, descending });
    }
    let refuse = |detail: String| Err(Error::parameter("sort", detail));
    let Some(entry) = entry else {
        return refuse(format!("`{name}` sorts a list of one type; name it by `type=`, or sort by `id`"));
    };
    if query.trashed {
        return refuse("the trash is sorted by `id`".into());
    }
    if CORE_FIELDS.contains(&name) || entry.index_ready(name) {
        let many = entry.definition.indexed().any(|field| field.many && crate::catalogue::index_name(field) == name);
        if many {
            return refuse(format!("`{name}` is an array and has no order"));
        }
        return Ok(Sort { field: Some(name.to_owned()), descending });
    }
    if entry.building.contains(name) {
        return refuse(format!("the index of `{name}` is still being built; try again shortly"));
    }
    let mut known: Vec<String> =
        entry.definition.indexed().filter(|field| !field.many).map(crate::catalogue::index_name).collect();
    known.splice(0..0, ["id".to_owned()].into_iter().chain(CORE_FIELDS.map(str::to_owned)));
    refuse(format!(
        "`{name}` has no index to sort by; there are: {}. Add `x-index` to sort by others",
        known.join(", ")
    ))
}

fn fingerprint(org: OrgId, scope: &Scope, filter: &Filter, query: &ListQuery) -> [u8; 8] {
    let sort = query.sort.as_deref().unwrap_or_default();
    let text = format!("{org} {scope:?} {} {sort} {}", filter.canonical(), query.trashed);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref()[..8].try_into().expect("SHA-256 has 32 bytes")
}

/// The total, and a connection for the page: one of the few that may read many rows only if one of them must.
async fn total(core: &Core, selection: &Selection<'_>, list: &List) -> Result<(admin_db::Reader, u64)> {
    let totals: &totals::Totals = &core.totals;
    if !selection.trashed {
        let mut conn = core.db.read().await?;
        match totals.known(&mut conn, selection).await? {
            Some(total) if list.reads_what_it_shows() => return Ok((conn, total)),
            Some(total) => return Ok((core.db.scan().await?, total)),
            None => {}
        }
    }
    let mut conn = core.db.scan().await?;
    let total = totals.count(&mut conn, selection, list.driver.as_ref()).await?;
    Ok((conn, total))
}

impl List {
    /// Whether the driver's rows come in the order of the list.
    fn driver_is_in_order(&self) -> bool {
        self.driver.as_ref().is_some_and(|driver| match &self.sort.field {
            None => driver.place.is_in_id_order(),
            Some(field) => driver.place.range().is_some_and(|range| range.field == *field),
        })
    }

    /// Whether a page reads no more rows than it shows.
    fn reads_what_it_shows(&self) -> bool {
        match &self.driver {
            None => self.filter == Filter::True,
            Some(driver) => driver.rest == Filter::True && self.driver_is_in_order(),
        }
    }
}

/// One page being read.
struct Run<'a> {
    list: &'a List,
    selection: Selection<'a>,
    after: Option<&'a Position>,
    offset: u64,
    limit: u32,
    total: u64,
}

impl Run<'_> {
    async fn rows(&self, core: &Core, conn: &mut Conn) -> Result<Vec<Candidate>> {
        if self.total == 0 && self.after.is_none() {
            return Ok(vec![]);
        }
        let (driver, in_order) = (self.list.driver.as_ref(), self.list.driver_is_in_order());
        let gathered = match driver.filter(|_| !in_order) {
            Some(driver) if self.gathering_is_cheaper(core, conn, driver).await? => Some(driver),
            _ => None,
        };
        let plan = match (&self.list.sort.field, driver.cloned(), gathered) {
            (Some(_), _, Some(driver)) if self.after.is_none() => return self.gather(conn, driver).await,
            (Some(field), Some(driver), _) if !in_order && driver.place.is_in_id_order() => {
                Plan::ByFieldWhere(field.clone(), driver)
            }
            (Some(field), Some(Driver { place: Place::Range(range), rest }), _) if in_order => {
                Plan::ByField(field.clone(), Some((range, rest)))
            }
            (Some(field), ..) => Plan::ByField(field.clone(), None),
            (None, driver, gathered) => Plan::ById(driver.filter(|_| in_order || gathered.is_some())),
        };
        let order = (&plan, self.list.sort.descending);
        list::page(conn, &self.selection, order, self.after, self.offset, self.limit).await
    }

    /// Whether to read all rows of the filter and sort them, rather than to walk the whole order until enough rows
    /// meet the filter. The walk looks at about `limit × all / total` rows, gathering at `total`; at its ids alone, if an
    /// index tells them.
    async fn gathering_is_cheaper(&self, core: &Core, conn: &mut Conn, driver: &Driver) -> Result<bool> {
        let ids_alone = self.list.sort.field.is_none() && driver.rest == Filter::True && driver.place.is_covered();
        let (most, price) = if ids_alone { (MAX_IDS, 1) } else { (MAX_GATHERED, ROW_OF_IDS) };
        if self.total > most {
            return Ok(false);
        }
        let all = Selection { filter: &Filter::True, ..self.selection };
        let all = core.totals.known(conn, &all).await?.unwrap_or(0);
        let wanted = u64::from(self.limit) + self.offset;
        let walk = wanted.saturating_mul(all).saturating_mul(ROW_OF_IDS);
        Ok(self.total.saturating_mul(self.total).saturating_mul(price) <= walk)
    }

    async fn gather(&self, conn: &mut Conn, driver: &Driver) -> Result<Vec<Candidate>> {
        let mut rows = list::gather(conn, &self.selection, driver, MAX_GATHERED as u32).await?;
        if let Some(field) = &self.list.sort.field {
            for row in &mut rows {
                row.key = sort_key(field, &row.document)?;
            }
        }
        rows.sort_unstable_by(|a, b| {
            let order = (&a.key, &a.id).cmp(&(&b.key, &b.id));
            if self.list.sort.descending { order.reverse() } else { order }
        });
        Ok(rows.into_iter().skip(self.offset as usize).take(self.limit as usize).collect())
    }
}

/// The key under which the index holds a field of a resource.
fn sort_key(field: &str, document: &str) -> Result<Vec<u8>> {
    let resource: Resource = serde_json::from_str(document).map_err(Error::internal)?;
    let time = |at: Timestamp| Value::from(at.0);
    let value = match field.strip_prefix("attributes.") {
        Some(path) => {
            let mut at = None;
            for (i, segment) in path.split('.').enumerate() {
                at = if i == 0 {
                    resource.attributes.get(segment)
                } else {
                    at.and_then(|value: &Value| value.get(segment))
                };
            }
            at.cloned().unwrap_or(Value::Null)
        }
        None if field == "name" => resource.name.into(),
        None if field == "status" => resource.status.into(),
        None if field == "created_at" => time(resource.created_at),
        None => time(resource.updated_at),
    };
    Ok(key::encode(&value).unwrap_or_else(|| key::MISSING.to_vec()))
}
