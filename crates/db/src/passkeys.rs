//! Passkeys: public keys by which accounts sign in, by the id that the authenticator gave them.

use admin_types::{AccountId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO passkey (id, account_id, name, public_key, sign_count, synced, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
    GET = "SELECT id, account_id, name, public_key, sign_count, synced, created_at, used_at FROM passkey WHERE id = $1";
    OF_ACCOUNT = "SELECT id, account_id, name, public_key, sign_count, synced, created_at, used_at FROM passkey
        WHERE account_id = $1 ORDER BY created_at, id LIMIT 1000";
    USE = "UPDATE passkey SET sign_count = $1, used_at = $2 WHERE id = $3 AND (sign_count < $1 OR (sign_count = 0 AND $1 = 0))";
    REMOVE = "DELETE FROM passkey WHERE account_id = $1 AND id = $2";
    CLEAR = "DELETE FROM passkey WHERE account_id = $1";
}

/// A passkey.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PasskeyRow {
    /// What the authenticator calls it.
    pub id: Vec<u8>,
    /// Whom it signs in.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// The public key (COSE, RFC 9052).
    pub public_key: Vec<u8>,
    /// How often the authenticator said it had signed; 0 if it does not count.
    pub sign_count: i64,
    /// Whether it may be on several devices.
    pub synced: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last signed in.
    pub used_at: Option<Timestamp>,
}

/// Adds a passkey; false when the id is taken.
pub async fn insert(conn: &mut Conn, passkey: &PasskeyRow) -> Result<bool> {
    let args = [
        Arg::Bytes(&passkey.id),
        Arg::Bytes(&passkey.account.0),
        Arg::Text(&passkey.name),
        Arg::Bytes(&passkey.public_key),
        Arg::Int(passkey.sign_count),
        Arg::Int(passkey.synced.into()),
        Arg::Int(passkey.created_at.0),
    ];
    Ok(conn.execute(INSERT, &args).await? > 0)
}

/// One passkey.
pub async fn get(conn: &mut Conn, id: &[u8]) -> Result<Option<PasskeyRow>> {
    conn.fetch_one(GET, &[Arg::Bytes(id)], passkey).await
}

/// The passkeys of an account, oldest first.
pub async fn of_account(conn: &mut Conn, account: AccountId) -> Result<Vec<PasskeyRow>> {
    conn.fetch(OF_ACCOUNT, &[Arg::Bytes(&account.0)], passkey).await
}

fn passkey(row: &Row<'_>) -> Result<PasskeyRow> {
    Ok(PasskeyRow {
        id: row.bytes(0)?.to_owned(),
        account: AccountId(row.id(1)?),
        name: row.text(2)?.to_owned(),
        public_key: row.bytes(3)?.to_owned(),
        sign_count: row.int(4)?,
        synced: row.int(5)? != 0,
        created_at: Timestamp(row.int(6)?),
        used_at: row.opt_int(7)?.map(Timestamp),
    })
}

/// Notes that a passkey signed; false when its count did not grow, as if a copy of it had signed.
pub async fn used(conn: &mut Conn, id: &[u8], sign_count: i64, now: Timestamp) -> Result<bool> {
    Ok(conn.execute(USE, &[Arg::Int(sign_count), Arg::Int(now.0), Arg::Bytes(id)]).await? > 0)
}

/// Forgets a passkey of an account; false if it has none such.
pub async fn remove(conn: &mut Conn, account: AccountId, id: &[u8]) -> Result<bool> {
    Ok(conn.execute(REMOVE, &[Arg::Bytes(&account.0), Arg::Bytes(id)]).await? > 0)
}

/// Forgets all passkeys of an account.
pub async fn clear(conn: &mut Conn, account: AccountId) -> Result<u64> {
    conn.execute(CLEAR, &[Arg::Bytes(&account.0)]).await
}
