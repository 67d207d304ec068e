//! The secrets of clients, by hash, and which org a client is of.

use admin_types::{OrgId, Prefix, ResourceId, Result, SecretId, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO client_secret (org_id, client_id, id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)";
    ALL = "SELECT id, hash, created_at, expires_at FROM client_secret WHERE org_id = $1 AND client_id = $2 ORDER BY id";
    REMOVE = "DELETE FROM client_secret WHERE org_id = $1 AND client_id = $2 AND id = $3";
    REMOVE_ALL = "DELETE FROM client_secret WHERE org_id = $1 AND client_id = $2";
    FIND = "SELECT org_id, document, deleted_at FROM resource WHERE id = $1 AND type = 'client' ORDER BY created_at, org_id LIMIT 1";
    ELSEWHERE = "SELECT org_id FROM resource WHERE id = $1 AND type = 'client' AND org_id <> $2 LIMIT 1";
    USER_ELSEWHERE = "SELECT org_id FROM resource WHERE id = $1 AND type = 'user' AND org_id <> $2 LIMIT 1";
}

/// A secret, as the database holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretRow {
    /// Its id.
    pub id: SecretId,
    /// SHA-256 of the secret, which is random.
    pub hash: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// Adds a secret.
pub async fn insert(conn: &mut Conn, org: OrgId, client: ResourceId, row: &SecretRow) -> Result<()> {
    let args = [
        Arg::Bytes(&org.0),
        Arg::Bytes(&client.bytes),
        Arg::Bytes(&row.id.0),
        Arg::Bytes(&row.hash),
        Arg::Int(row.created_at.0),
        Arg::opt_int(row.expires_at.map(|at| at.0)),
    ];
    conn.defer(INSERT, &args).await
}

/// All secrets of a client, oldest first.
pub async fn all(conn: &mut Conn, org: OrgId, client: ResourceId) -> Result<Vec<SecretRow>> {
    let map = |row: &Row<'_>| {
        let (id, hash) = (SecretId(row.id(0)?), row.bytes(1)?.to_owned());
        Ok(SecretRow { id, hash, created_at: Timestamp(row.int(2)?), expires_at: row.opt_int(3)?.map(Timestamp) })
    };
    conn.fetch(ALL, &[Arg::Bytes(&org.0), Arg::Bytes(&client.bytes)], map).await
}

/// Removes a secret; false if there was none.
pub async fn remove(conn: &mut Conn, org: OrgId, client: ResourceId, id: SecretId) -> Result<bool> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&client.bytes), Arg::Bytes(&id.0)];
    Ok(conn.execute(REMOVE, &args).await? > 0)
}

/// Removes all secrets of a client.
pub async fn remove_all(conn: &mut Conn, org: OrgId, client: ResourceId) -> Result<()> {
    conn.defer(REMOVE_ALL, &[Arg::Bytes(&org.0), Arg::Bytes(&client.bytes)]).await
}

/// The org that a client is of, and its wire text. A client is known by its id alone, in every org: if two had the same,
/// it would be that of the first, also while that is in the trash.
pub async fn find_client(conn: &mut Conn, client: ResourceId) -> Result<Option<(OrgId, String)>> {
    let map = |row: &Row<'_>| Ok((OrgId(row.id(0)?), row.text(1)?.to_owned(), row.opt_int(2)?.is_some()));
    let found = conn.fetch_one(FIND, &[Arg::Bytes(&client.bytes)], map).await?;
    Ok(found.filter(|(.., deleted)| !deleted).map(|(org, document, _)| (org, document)))
}

/// Whether another org has this user or client: of both, tokens say the id alone.
pub async fn is_elsewhere(conn: &mut Conn, org: OrgId, id: ResourceId) -> Result<bool> {
    let args = [Arg::Bytes(&id.bytes), Arg::Bytes(&org.0)];
    let sql = if id.prefix == Prefix::User { USER_ELSEWHERE } else { ELSEWHERE };
    Ok(conn.fetch_one(sql, &args, |_| Ok(())).await?.is_some())
}
