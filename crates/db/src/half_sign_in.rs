//! Sign-ins whose first step is done, by the hash of their cookie.

use admin_types::{AccountId, OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO half_sign_in (hash, account_id, org_id, user_id, methods, tries, expires_at, invitation)
        VALUES ($1, $2, $3, $4, $5, 0, $6, $7)";
    GET = "SELECT account_id, org_id, user_id, methods, expires_at, invitation FROM half_sign_in WHERE hash = $1 AND expires_at > $2";
    TRY = "UPDATE half_sign_in SET tries = tries + 1 WHERE hash = $1 AND expires_at > $2 AND tries < $3
        RETURNING account_id, org_id, user_id, methods, expires_at, invitation";
    REMOVE = "DELETE FROM half_sign_in WHERE hash = $1";
    CLEAR = "DELETE FROM half_sign_in WHERE account_id = $1";
    FORGET = "DELETE FROM half_sign_in WHERE expires_at <= $1";
}

/// Who proved the first step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HalfRow {
    /// The account.
    pub account: AccountId,
    /// The org in which it will act.
    pub org: OrgId,
    /// As this user.
    pub user: ResourceId,
    /// The methods of the first step (RFC 8176), with spaces between.
    pub methods: String,
    /// When the second step comes too late.
    pub expires_at: Timestamp,
    /// The hash of the invitation that is taken when the second step is proven.
    pub invitation: Option<Vec<u8>>,
}

/// Keeps a first step.
pub async fn insert(conn: &mut Conn, hash: &[u8], row: &HalfRow) -> Result<()> {
    let args = [
        Arg::Bytes(hash),
        Arg::Bytes(&row.account.0),
        Arg::Bytes(&row.org.0),
        Arg::Bytes(&row.user.bytes),
        Arg::Text(&row.methods),
        Arg::Int(row.expires_at.0),
        Arg::opt_bytes(row.invitation.as_deref()),
    ];
    conn.defer(INSERT, &args).await
}

/// A first step, while it is good.
pub async fn get(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<Option<HalfRow>> {
    conn.fetch_one(GET, &[Arg::Bytes(hash), Arg::Int(now.0)], half).await
}

/// The same, for one try of a second step more; `None` also after `most` tries.
pub async fn attempt(conn: &mut Conn, hash: &[u8], now: Timestamp, most: i64) -> Result<Option<HalfRow>> {
    conn.fetch_one(TRY, &[Arg::Bytes(hash), Arg::Int(now.0), Arg::Int(most)], half).await
}

fn half(row: &Row<'_>) -> Result<HalfRow> {
    Ok(HalfRow {
        account: AccountId(row.id(0)?),
        org: OrgId(row.id(1)?),
        user: ResourceId::of_row("user", row.id(2)?),
        methods: row.text(3)?.to_owned(),
        expires_at: Timestamp(row.int(4)?),
        invitation: row.opt_bytes(5)?.map(<[u8]>::to_vec),
    })
}

/// Ends a first step; false if somebody did already.
pub async fn remove(conn: &mut Conn, hash: &[u8]) -> Result<bool> {
    Ok(conn.execute(REMOVE, &[Arg::Bytes(hash)]).await? > 0)
}

/// Ends all first steps of an account.
pub async fn clear(conn: &mut Conn, account: AccountId) -> Result<()> {
    conn.execute(CLEAR, &[Arg::Bytes(&account.0)]).await.map(drop)
}

/// Forgets those that came to nothing.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}
