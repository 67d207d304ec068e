//! One-time sign-in tokens, by hash.

use admin_types::{OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::Arg;

sql! {
    INSERT = "INSERT INTO sign_in_token (hash, org_id, user_id, invited_by, expires_at, mailed) VALUES ($1, $2, $3, $4, $5, $6)";
    TAKE = "DELETE FROM sign_in_token WHERE hash = $1 AND expires_at > $2 RETURNING org_id, user_id";
    TAKE_OF_OPERATOR = "DELETE FROM sign_in_token WHERE hash = $1 AND expires_at > $2 AND invited_by IS NULL RETURNING org_id, user_id";
    END_INVITATIONS = "DELETE FROM sign_in_token WHERE org_id = $1 AND user_id = $2 AND invited_by IS NOT NULL";
    FIND = "SELECT org_id, user_id, invited_by, mailed FROM sign_in_token WHERE hash = $1 AND expires_at > $2";
    FORGET = "DELETE FROM sign_in_token WHERE expires_at <= $1";
}

/// Whom a token signs in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignInRow {
    /// The org.
    pub org: OrgId,
    /// The user.
    pub user: ResourceId,
    /// Who invited them; nobody, if the operator made the link.
    pub invited_by: Option<ResourceId>,
    /// Whether the link went to the user's address and nowhere else.
    pub mailed: bool,
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
        Arg::Int(row.mailed.into()),
    ];
    conn.execute(INSERT, &args).await.map(drop)
}

/// Takes a token out: whom it signs in, or `None` when it is unknown, used or expired.
pub async fn take(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<Option<(OrgId, ResourceId)>> {
    let map = |row: &crate::Row<'_>| Ok((OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?)));
    conn.fetch_one(TAKE, &[Arg::Bytes(hash), Arg::Int(now.0)], map).await
}

/// The same of a link that the operator made: it signs in by itself, which an invitation does not.
pub async fn take_of_operator(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<Option<(OrgId, ResourceId)>> {
    let map = |row: &crate::Row<'_>| Ok((OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?)));
    conn.fetch_one(TAKE_OF_OPERATOR, &[Arg::Bytes(hash), Arg::Int(now.0)], map).await
}

/// Ends all invitations of a user.
pub async fn end_invitations(conn: &mut Conn, org: OrgId, user: ResourceId) -> Result<()> {
    conn.execute(END_INVITATIONS, &[Arg::Bytes(&org.0), Arg::Bytes(&user.bytes)]).await.map(drop)
}

/// Forgets expired tokens.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}

/// Whom a token signs in; the token stays good.
pub async fn find(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<Option<SignInRow>> {
    let map = |row: &crate::Row<'_>| {
        let (org, user) = (OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?));
        let invited_by = row.opt_text(2)?.and_then(ResourceId::parse);
        Ok(SignInRow { org, user, invited_by, mailed: row.int(3)? != 0 })
    };
    conn.fetch_one(FIND, &[Arg::Bytes(hash), Arg::Int(now.0)], map).await
}
