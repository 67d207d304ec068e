//! One-time sign-in tokens, by hash.

use admin_types::{OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::Arg;

sql! {
    INSERT = "INSERT INTO sign_in_token (hash, org_id, user_id, expires_at) VALUES ($1, $2, $3, $4)";
    TAKE = "DELETE FROM sign_in_token WHERE hash = $1 AND expires_at > $2 RETURNING org_id, user_id";
    FIND = "SELECT org_id, user_id FROM sign_in_token WHERE hash = $1 AND expires_at > $2";
    FORGET = "DELETE FROM sign_in_token WHERE expires_at <= $1";
}

/// Keeps the hash of a token that signs `user` in, once, before `expires_at`.
pub async fn insert(conn: &mut Conn, hash: &[u8], org: OrgId, user: ResourceId, expires_at: Timestamp) -> Result<()> {
    let args = [Arg::Bytes(hash), Arg::Bytes(&org.0), Arg::Bytes(&user.bytes), Arg::Int(expires_at.0)];
    conn.execute(INSERT, &args).await.map(drop)
}

/// Takes a token out: whom it signs in, or `None` when it is unknown, used or expired.
pub async fn take(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<Option<(OrgId, ResourceId)>> {
    let map = |row: &crate::Row<'_>| Ok((OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?)));
    conn.fetch_one(TAKE, &[Arg::Bytes(hash), Arg::Int(now.0)], map).await
}

/// Forgets expired tokens.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}

/// Whom a token signs in; the token stays good.
pub async fn find(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<Option<(OrgId, ResourceId)>> {
    let map = |row: &crate::Row<'_>| Ok((OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?)));
    conn.fetch_one(FIND, &[Arg::Bytes(hash), Arg::Int(now.0)], map).await
}
