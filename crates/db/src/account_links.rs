//! Links that were sent to an account by mail, by hash. Each works once, for one purpose.

use admin_types::{AccountId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO account_link (hash, account_id, purpose, email, expires_at) VALUES ($1, $2, $3, $4, $5)";
    FIND = "SELECT account_id, email FROM account_link WHERE hash = $1 AND purpose = $2 AND expires_at > $3";
    TAKE = "DELETE FROM account_link WHERE hash = $1 AND purpose = $2 AND expires_at > $3 RETURNING account_id, email";
    END_ALL = "DELETE FROM account_link WHERE account_id = $1";
    FORGET = "DELETE FROM account_link WHERE expires_at <= $1";
}

/// A link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkRow {
    /// Whose it is.
    pub account: AccountId,
    /// The new address that it confirms, if it is for that.
    pub email: Option<String>,
}

/// Keeps the hash of a link.
pub async fn insert(conn: &mut Conn, hash: &[u8], purpose: &str, link: &LinkRow, until: Timestamp) -> Result<()> {
    let email = Arg::opt_text(link.email.as_deref());
    let args = [Arg::Bytes(hash), Arg::Bytes(&link.account.0), Arg::Text(purpose), email, Arg::Int(until.0)];
    conn.defer(INSERT, &args).await
}

/// A link that is good; it stays so.
pub async fn find(conn: &mut Conn, hash: &[u8], purpose: &str, now: Timestamp) -> Result<Option<LinkRow>> {
    conn.fetch_one(FIND, &[Arg::Bytes(hash), Arg::Text(purpose), Arg::Int(now.0)], link).await
}

/// Takes a link out: `None` when it is unknown, used or expired.
pub async fn take(conn: &mut Conn, hash: &[u8], purpose: &str, now: Timestamp) -> Result<Option<LinkRow>> {
    conn.fetch_one(TAKE, &[Arg::Bytes(hash), Arg::Text(purpose), Arg::Int(now.0)], link).await
}

fn link(row: &Row<'_>) -> Result<LinkRow> {
    Ok(LinkRow { account: AccountId(row.id(0)?), email: row.opt_text(1)?.map(str::to_owned) })
}

/// Ends all links of an account.
pub async fn end_all(conn: &mut Conn, account: AccountId) -> Result<()> {
    conn.defer(END_ALL, &[Arg::Bytes(&account.0)]).await
}

/// Forgets those that have ended.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}
