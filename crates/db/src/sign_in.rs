//! One-time sign-in tokens, by hash.

use admin_types::{OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::Arg;

sql! {
    INSERT = "INSERT INTO sign_in_token (hash, org_id, user_id, invited_by, expires_at) VALUES ($1, $2, $3, $4, $5)";
    TAKE = "DELETE FROM sign_in_token WHERE hash = $1 AND expires_at > $2 RETURNING org_id, user_id";
    FIND = "SELECT org_id, user_id, invited_by FROM sign_in_token WHERE hash = $1 AND expires_at > $2";
    FORGET = "DELETE FROM sign_in_token WHERE expires_at <= $1";
}

/// Whom a token signs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignInRow {
    /// The org.
    pub org: OrgId,
    /// The user.
    pub user: ResourceId,
    /// Who invited them, if somebody did.
    pub invited_by: Option<ResourceId>,
}

/// Keeps the hash of a token that works once, before `expires_at`.
pub async fn insert(conn: &mut Conn, hash: &[u8], row: &SignInRow, expires_at: Timestamp) -> Result<()> {
    let by = row.invited_by.map(|id| id.to_string());
    let args = [
        Arg::Bytes(hash),
        Arg::Bytes(&row.org.0),
        Arg::Bytes(&row.user.bytes),
        Arg::opt_text(by.as_deref()),
        Arg::Int(expires_at.0),
    ];
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
pub async fn find(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<Option<SignInRow>> {
    let map = |row: &crate::Row<'_>| {
        let (org, user) = (OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?));
        Ok(SignInRow { org, user, invited_by: row.opt_text(2)?.and_then(ResourceId::parse) })
    };
    conn.fetch_one(FIND, &[Arg::Bytes(hash), Arg::Int(now.0)], map).await
}
