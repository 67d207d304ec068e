//! The sealed values of `x-secret` fields, apart from everything that is ever shown.

use admin_types::{OrgId, ResourceId, Result};

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::Arg;

sql! {
    SET = "INSERT INTO resource_secret (org_id, id, field, sealed) VALUES ($1, $2, $3, $4)
        ON CONFLICT (org_id, id, field) DO UPDATE SET sealed = $4";
    UNSET = "DELETE FROM resource_secret WHERE org_id = $1 AND id = $2 AND field = $3";
    REMOVE = "DELETE FROM resource_secret WHERE org_id = $1 AND id = $2";
    OF = "SELECT field, sealed FROM resource_secret WHERE org_id = $1 AND id = $2 ORDER BY field";
    COUNT = "SELECT CAST(COUNT(*) AS BIGINT), CAST(COUNT(r.deleted_at) AS BIGINT)
        FROM resource_secret s JOIN resource r ON r.org_id = s.org_id AND r.id = s.id
        WHERE s.org_id = $1 AND r.type = $2 AND s.field = $3";
    HOLDERS = "SELECT r.document FROM resource_secret s JOIN resource r ON r.org_id = s.org_id AND r.id = s.id
        WHERE s.org_id = $1 AND r.type = $2 AND s.field = $3 ORDER BY s.id LIMIT $4";
}

/// Sets a sealed value, or removes it.
pub async fn set(tx: &mut Tx, org: OrgId, id: ResourceId, field: &str, sealed: Option<&[u8]>) -> Result<()> {
    let place = [Arg::Bytes(&org.0), Arg::Bytes(&id.bytes), Arg::Text(field)];
    match sealed {
        Some(sealed) => tx.defer(SET, &[place[0], place[1], place[2], Arg::Bytes(sealed)]).await,
        None => tx.defer(UNSET, &place).await,
    }
}

/// Removes all sealed values of a resource.
pub async fn remove(tx: &mut Tx, org: OrgId, id: ResourceId) -> Result<()> {
    tx.defer(REMOVE, &[Arg::Bytes(&org.0), Arg::Bytes(&id.bytes)]).await
}

/// The sealed values of a resource, by field.
pub async fn of(conn: &mut Conn, org: OrgId, id: ResourceId) -> Result<Vec<(String, Vec<u8>)>> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&id.bytes)];
    conn.fetch(OF, &args, |row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_owned()))).await
}

/// How many resources of a type hold a secret in a field, and how many of them lie in the trash.
pub async fn count(conn: &mut Conn, org: OrgId, type_name: &str, field: &str) -> Result<(u64, u64)> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(field)];
    let counts = conn.fetch_one(COUNT, &args, |row| Ok((row.int(0)?, row.int(1)?))).await?.unwrap_or_default();
    Ok((u64::try_from(counts.0).unwrap_or(0), u64::try_from(counts.1).unwrap_or(0)))
}

/// The first of them, as wire text.
pub async fn holders(conn: &mut Conn, org: OrgId, type_name: &str, field: &str, limit: i64) -> Result<Vec<String>> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(field), Arg::Int(limit)];
    conn.fetch(HOLDERS, &args, |row| row.text(0).map(str::to_owned)).await
}
