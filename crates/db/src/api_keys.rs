//! API keys, by hash.

use admin_types::{KeyId, OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO api_key (hash, id, org_id, principal_type, principal_id, name, actions, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    BY_HASH = "SELECT id, org_id, principal_type, principal_id, name, actions, created_at, expires_at, last_used_at
        FROM api_key WHERE hash = $1";
    OF_PRINCIPAL = "SELECT id, org_id, principal_type, principal_id, name, actions, created_at, expires_at, last_used_at
        FROM api_key WHERE org_id = $1 AND principal_id = $2 ORDER BY id";
    HASH = "SELECT hash FROM api_key WHERE org_id = $1 AND principal_id = $2 AND id = $3";
    EXPIRE = "UPDATE api_key SET expires_at = $1 WHERE org_id = $2 AND principal_id = $3 AND id = $4";
    USED = "UPDATE api_key SET last_used_at = $1 WHERE hash = $2";
    REMOVE = "DELETE FROM api_key WHERE org_id = $1 AND principal_id = $2 AND id = $3";
    REMOVE_ALL = "DELETE FROM api_key WHERE org_id = $1 AND principal_id = $2";
    FORGET = "DELETE FROM api_key WHERE expires_at <= $1";
}

/// A key, as the database holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyRow {
    /// Its id, which is no secret.
    pub id: KeyId,
    /// The org.
    pub org: OrgId,
    /// The user or client whose key it is.
    pub principal: ResourceId,
    /// What people call it.
    pub name: String,
    /// The actions that it is limited to, as a JSON array.
    pub actions: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
}

fn read(row: &Row<'_>) -> Result<KeyRow> {
    Ok(KeyRow {
        id: KeyId(row.id(0)?),
        org: OrgId(row.id(1)?),
        principal: ResourceId::of_row(row.text(2)?, row.id(3)?),
        name: row.text(4)?.to_owned(),
        actions: row.opt_text(5)?.map(str::to_owned),
        created_at: Timestamp(row.int(6)?),
        expires_at: row.opt_int(7)?.map(Timestamp),
        last_used_at: row.opt_int(8)?.map(Timestamp),
    })
}

/// Adds a key.
pub async fn insert(conn: &mut Conn, hash: &[u8], row: &KeyRow) -> Result<()> {
    let args = [
        Arg::Bytes(hash),
        Arg::Bytes(&row.id.0),
        Arg::Bytes(&row.org.0),
        Arg::Text(row.principal.prefix.type_name().unwrap_or("user")),
        Arg::Bytes(&row.principal.bytes),
        Arg::Text(&row.name),
        Arg::opt_text(row.actions.as_deref()),
        Arg::Int(row.created_at.0),
        Arg::opt_int(row.expires_at.map(|at| at.0)),
    ];
    conn.defer(INSERT, &args).await
}

/// The key with this hash.
pub async fn by_hash(conn: &mut Conn, hash: &[u8]) -> Result<Option<KeyRow>> {
    conn.fetch_one(BY_HASH, &[Arg::Bytes(hash)], read).await
}

/// All keys of a principal, oldest first.
pub async fn of_principal(conn: &mut Conn, org: OrgId, principal: ResourceId) -> Result<Vec<KeyRow>> {
    conn.fetch(OF_PRINCIPAL, &[Arg::Bytes(&org.0), Arg::Bytes(&principal.bytes)], read).await
}

/// The hash of a key, by which it is known to those who have verified it.
pub async fn hash(conn: &mut Conn, org: OrgId, principal: ResourceId, id: KeyId) -> Result<Option<Vec<u8>>> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&principal.bytes), Arg::Bytes(&id.0)];
    conn.fetch_one(HASH, &args, |row| Ok(row.bytes(0)?.to_owned())).await
}

/// Says when a key ends.
pub async fn expire(conn: &mut Conn, row: &KeyRow, at: Timestamp) -> Result<()> {
    let args = [Arg::Int(at.0), Arg::Bytes(&row.org.0), Arg::Bytes(&row.principal.bytes), Arg::Bytes(&row.id.0)];
    conn.defer(EXPIRE, &args).await
}

/// Notes when a key was used last.
pub async fn used(conn: &mut Conn, hash: &[u8], at: Timestamp) -> Result<()> {
    conn.defer(USED, &[Arg::Int(at.0), Arg::Bytes(hash)]).await
}

/// Removes a key; false if there was none.
pub async fn remove(conn: &mut Conn, org: OrgId, principal: ResourceId, id: KeyId) -> Result<bool> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&principal.bytes), Arg::Bytes(&id.0)];
    Ok(conn.execute(REMOVE, &args).await? > 0)
}

/// Removes all keys of a principal.
pub async fn remove_all(conn: &mut Conn, org: OrgId, principal: ResourceId) -> Result<()> {
    conn.defer(REMOVE_ALL, &[Arg::Bytes(&org.0), Arg::Bytes(&principal.bytes)]).await
}

/// Forgets keys that ended before.
pub async fn forget(conn: &mut Conn, before: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(before.0)]).await
}
