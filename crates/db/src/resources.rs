//! Resources: one row each, with the wire shape as text beside the columns that queries need.

use std::collections::BTreeSet;

use admin_types::{OrgId, Resource, ResourceId, Result};

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::{Arg, Row};

sql! {
    GET = "SELECT type, version, deleted_at, document FROM resource WHERE org_id = $1 AND id = $2";
    INSERT = "INSERT INTO resource (org_id, id, type, name, status, parent, version, created_at, updated_at, deleted_at, own, document)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    UPDATE = "UPDATE resource SET name = $1, status = $2, parent = $3, version = $4, updated_at = $5, deleted_at = $6, document = $7
        WHERE org_id = $8 AND id = $9";
    PURGE = "DELETE FROM resource WHERE org_id = $1 AND id = $2";
    PARENT = "SELECT parent FROM resource WHERE org_id = $1 AND id = $2";
    CHILDREN = "SELECT type, id FROM resource WHERE org_id = $1 AND parent = $2 AND deleted_at IS NULL ORDER BY id LIMIT $3";
    OF_TYPE = "SELECT id, document FROM resource WHERE org_id = $1 AND type = $2 AND deleted_at IS NULL AND id > $3 ORDER BY id LIMIT $4";
    FIRST_OF_TYPE = "SELECT id FROM resource WHERE org_id = $1 AND type = $2 AND deleted_at IS NULL ORDER BY id LIMIT 1";
    LIVE = "SELECT CAST(COUNT(*) AS BIGINT) FROM resource WHERE org_id = $1 AND type = $2 AND deleted_at IS NULL";
    IN_TRASH = "SELECT CAST(COUNT(*) AS BIGINT) FROM resource WHERE org_id = $1 AND type = $2 AND deleted_at IS NOT NULL";
}

/// A resource as the database holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResourceRow {
    /// The name of its type.
    pub type_name: String,
    /// Its version.
    pub version: i64,
    /// Whether it is in the trash.
    pub deleted: bool,
    /// The wire shape, as JSON text.
    pub document: String,
}

fn row(row: &Row<'_>) -> Result<ResourceRow> {
    Ok(ResourceRow {
        type_name: row.text(0)?.to_owned(),
        version: row.int(1)?,
        deleted: row.opt_int(2)?.is_some(),
        document: row.text(3)?.to_owned(),
    })
}

/// One resource, in the trash or not.
pub async fn get(conn: &mut Conn, org: OrgId, id: ResourceId) -> Result<Option<ResourceRow>> {
    let found = conn.fetch_one(GET, &[Arg::Bytes(&org.0), Arg::Bytes(&id.bytes)], row).await?;
    Ok(found.filter(|row| ResourceId::of_row(&row.type_name, id.bytes) == id))
}

/// Adds a resource; `document` is its wire shape. `own`: whether its type is one of the org's own.
pub async fn insert(tx: &mut Tx, org: OrgId, resource: &Resource, own: bool, document: &str) -> Result<()> {
    let args = [
        Arg::Bytes(&org.0),
        Arg::Bytes(&resource.id.bytes),
        Arg::Text(&resource.type_name),
        Arg::Text(&resource.name),
        Arg::Text(&resource.status),
        Arg::opt_bytes(resource.parent.as_ref().map(|parent| &parent.bytes[..])),
        Arg::Int(resource.version),
        Arg::Int(resource.created_at.0),
        Arg::Int(resource.updated_at.0),
        Arg::opt_int(resource.deleted_at.map(|at| at.0)),
        Arg::Int(i64::from(own)),
        Arg::Text(document),
    ];
    tx.defer(INSERT, &args).await
}

/// Replaces what may change of a resource.
pub async fn update(tx: &mut Tx, org: OrgId, resource: &Resource, document: &str) -> Result<()> {
    let args = [
        Arg::Text(&resource.name),
        Arg::Text(&resource.status),
        Arg::opt_bytes(resource.parent.as_ref().map(|parent| &parent.bytes[..])),
        Arg::Int(resource.version),
        Arg::Int(resource.updated_at.0),
        Arg::opt_int(resource.deleted_at.map(|at| at.0)),
        Arg::Text(document),
        Arg::Bytes(&org.0),
        Arg::Bytes(&resource.id.bytes),
    ];
    tx.defer(UPDATE, &args).await
}

/// Removes a resource's row for good.
pub async fn purge(tx: &mut Tx, org: OrgId, id: ResourceId) -> Result<()> {
    tx.defer(PURGE, &[Arg::Bytes(&org.0), Arg::Bytes(&id.bytes)]).await
}

/// The parent of a resource, as 16 bytes; the outer `None` when there is no such resource.
pub async fn parent(conn: &mut Conn, org: OrgId, id: [u8; 16]) -> Result<Option<Option<[u8; 16]>>> {
    conn.fetch_one(PARENT, &[Arg::Bytes(&org.0), Arg::Bytes(&id)], |row| row.opt_id(0)).await
}

/// Up to `limit` live resources whose parent is `id`.
pub async fn children(conn: &mut Conn, org: OrgId, id: ResourceId, limit: i64) -> Result<Vec<ResourceId>> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&id.bytes), Arg::Int(limit)];
    conn.fetch(CHILDREN, &args, |row| Ok(ResourceId::of_row(row.text(0)?, row.id(1)?))).await
}

/// Up to `limit` live resources of a type that follow `after`, in the order of their ids, as wire text.
pub async fn of_type(
    conn: &mut Conn,
    org: OrgId,
    type_name: &str,
    after: &[u8],
    limit: i64,
) -> Result<Vec<([u8; 16], String)>> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Bytes(after), Arg::Int(limit)];
    conn.fetch(OF_TYPE, &args, |row| Ok((row.id(0)?, row.text(1)?.to_owned()))).await
}

/// The oldest resource of a type.
pub async fn first_of_type(conn: &mut Conn, org: OrgId, type_name: &str) -> Result<Option<ResourceId>> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name)];
    conn.fetch_one(FIRST_OF_TYPE, &args, |row| Ok(ResourceId::of_row(type_name, row.id(0)?))).await
}

/// How many live resources a type has, counted: what the group has not committed yet is in it, unlike in the counters.
pub async fn live(conn: &mut Conn, org: OrgId, type_name: &str) -> Result<u64> {
    let n = conn.fetch_one(LIVE, &[Arg::Bytes(&org.0), Arg::Text(type_name)], |row| row.int(0)).await?;
    Ok(u64::try_from(n.unwrap_or(0)).unwrap_or(0))
}

/// How many resources of a type are in the trash.
pub async fn in_trash(conn: &mut Conn, org: OrgId, type_name: &str) -> Result<u64> {
    let n = conn.fetch_one(IN_TRASH, &[Arg::Bytes(&org.0), Arg::Text(type_name)], |row| row.int(0)).await?;
    Ok(u64::try_from(n.unwrap_or(0)).unwrap_or(0))
}

/// The resources with these ids, in one statement, in no order.
pub async fn many(conn: &mut Conn, org: OrgId, ids: &BTreeSet<[u8; 16]>) -> Result<Vec<ResourceRow>> {
    by_ids(conn, org, ids, "type, version, deleted_at, document", row).await
}

/// The ids and types of the live ones among `ids`, in one statement, in no order.
pub(crate) async fn types_of(conn: &mut Conn, org: OrgId, ids: &BTreeSet<[u8; 16]>) -> Result<Vec<([u8; 16], String)>> {
    let map = |row: &Row<'_>| Ok((row.id(0)?, row.text(1)?.to_owned(), row.opt_int(2)?.is_none()));
    let rows = by_ids(conn, org, ids, "id, type, deleted_at", map).await?;
    Ok(rows.into_iter().filter(|(_, _, live)| *live).map(|(id, type_name, _)| (id, type_name)).collect())
}

async fn by_ids<T: Send>(
    conn: &mut Conn,
    org: OrgId,
    ids: &BTreeSet<[u8; 16]>,
    columns: &str,
    map: impl FnMut(&Row<'_>) -> Result<T> + Send,
) -> Result<Vec<T>> {
    let Some(last) = ids.last() else { return Ok(vec![]) };
    // The list is padded to a power of two, so that few statements differ.
    let padding = ids.len().next_power_of_two() - ids.len();
    let ids = ids.iter().chain(std::iter::repeat_n(last, padding));
    let mut args = vec![Arg::Bytes(&org.0)];
    args.extend(ids.map(|id| Arg::Bytes(id)));
    let places: Vec<String> = (2..=args.len()).map(|n| format!("${n}")).collect();
    let sql = format!("SELECT {columns} FROM resource WHERE org_id = $1 AND id IN ({})", places.join(", "));
    conn.fetch(&sql, &args, map).await
}
