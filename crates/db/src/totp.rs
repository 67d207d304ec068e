//! Secrets that accounts share with an app which shows codes, sealed.

use admin_types::{AccountId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    PUT = "INSERT INTO totp (account_id, sealed_secret, last_step, failures, created_at) VALUES ($1, $2, 0, 0, $3)
        ON CONFLICT (account_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
        WHERE totp.confirmed_at IS NULL";
    GET = "SELECT sealed_secret, confirmed_at FROM totp WHERE account_id = $1";
    TAKE_STEP = "UPDATE totp SET last_step = $1, failures = 0, confirmed_at = COALESCE(confirmed_at, $2)
        WHERE account_id = $3 AND last_step < $1";
    ATTEMPT = "UPDATE totp SET failures = failures + 1 WHERE account_id = $1 AND failures < $2";
    FORGIVE = "UPDATE totp SET failures = 0 WHERE account_id = $1";
    REMOVE = "DELETE FROM totp WHERE account_id = $1";
}

/// The secret of an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TotpRow {
    /// The secret, sealed.
    pub sealed_secret: Vec<u8>,
    /// When its owner showed that they have it; until then it is no factor.
    pub confirmed_at: Option<Timestamp>,
}

/// Keeps a new secret, in place of one that was not confirmed; false when one was.
pub async fn put(conn: &mut Conn, account: AccountId, sealed: &[u8], now: Timestamp) -> Result<bool> {
    Ok(conn.execute(PUT, &[Arg::Bytes(&account.0), Arg::Bytes(sealed), Arg::Int(now.0)]).await? > 0)
}

/// The secret of an account.
pub async fn get(conn: &mut Conn, account: AccountId) -> Result<Option<TotpRow>> {
    let map = |row: &Row<'_>| {
        Ok(TotpRow { sealed_secret: row.bytes(0)?.to_owned(), confirmed_at: row.opt_int(1)?.map(Timestamp) })
    };
    conn.fetch_one(GET, &[Arg::Bytes(&account.0)], map).await
}

/// Takes the code of a time step, and with the first one confirms the secret; false when that step, or a later one, was
/// taken before.
pub async fn take_step(conn: &mut Conn, account: AccountId, step: i64, now: Timestamp) -> Result<bool> {
    Ok(conn.execute(TAKE_STEP, &[Arg::Int(step), Arg::Int(now.0), Arg::Bytes(&account.0)]).await? > 0)
}

/// Counts a code as a wrong one, until it is taken; false after `most` in a row.
pub async fn attempt(conn: &mut Conn, account: AccountId, most: i64) -> Result<bool> {
    Ok(conn.execute(ATTEMPT, &[Arg::Bytes(&account.0), Arg::Int(most)]).await? > 0)
}

/// Forgets wrong codes, after another factor was proven.
pub async fn forgive(conn: &mut Conn, account: AccountId) -> Result<()> {
    conn.execute(FORGIVE, &[Arg::Bytes(&account.0)]).await.map(drop)
}

/// Forgets the secret; false if there was none.
pub async fn remove(conn: &mut Conn, account: AccountId) -> Result<bool> {
    Ok(conn.execute(REMOVE, &[Arg::Bytes(&account.0)]).await? > 0)
}
