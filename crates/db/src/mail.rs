//! Letters that wait to be sent, sealed: they have links in them.

use admin_types::{Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO mail (id, sealed, attempts, due_at, expires_at) VALUES ($1, $2, 0, $3, $4)";
    WAITING = "SELECT COUNT(*) FROM mail";
    DUE = "SELECT id, sealed, attempts, due_at FROM mail WHERE due_at <= $1 AND expires_at > $1 ORDER BY due_at LIMIT 16";
    PUT_OFF = "UPDATE mail SET due_at = $1 WHERE id = $2";
    CLAIM = "UPDATE mail SET attempts = attempts + 1, due_at = $1 WHERE id = $2 AND due_at = $3";
    REMOVE = "DELETE FROM mail WHERE id = $1";
    FORGET = "DELETE FROM mail WHERE expires_at <= $1";
}

/// A letter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailRow {
    /// Its id.
    pub id: [u8; 16],
    /// What it says, and to whom, sealed.
    pub sealed: Vec<u8>,
    /// How often it was tried to send it.
    pub attempts: i64,
    /// When to try next.
    pub due_at: Timestamp,
}

/// Keeps a letter until it is sent, or until `expires_at`.
pub async fn insert(
    conn: &mut Conn,
    id: &[u8; 16],
    sealed: &[u8],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    conn.defer(INSERT, &[Arg::Bytes(id), Arg::Bytes(sealed), Arg::Int(now.0), Arg::Int(expires_at.0)]).await
}

/// How many letters wait.
pub async fn waiting(conn: &mut Conn) -> Result<i64> {
    Ok(conn.fetch_one(WAITING, &[], |row| row.int(0)).await?.unwrap_or(0))
}

/// Those that are due, the first sixteen.
pub async fn due(conn: &mut Conn, now: Timestamp) -> Result<Vec<MailRow>> {
    let map = |row: &Row<'_>| {
        let (sealed, due_at) = (row.bytes(1)?.to_owned(), Timestamp(row.int(3)?));
        Ok(MailRow { id: row.id(0)?, sealed, attempts: row.int(2)?, due_at })
    };
    conn.fetch(DUE, &[Arg::Int(now.0)], map).await
}

/// Says when a letter is to be tried again.
pub async fn put_off(conn: &mut Conn, id: &[u8; 16], at: Timestamp) -> Result<()> {
    conn.defer(PUT_OFF, &[Arg::Int(at.0), Arg::Bytes(id)]).await
}

/// Takes a letter to send it now, and says when it may be tried again; false when another process has taken it.
pub async fn claim(conn: &mut Conn, mail: &MailRow, again_at: Timestamp) -> Result<bool> {
    let args = [Arg::Int(again_at.0), Arg::Bytes(&mail.id), Arg::Int(mail.due_at.0)];
    Ok(conn.execute(CLAIM, &args).await? > 0)
}

/// Removes a letter that was sent, or never will be.
pub async fn remove(conn: &mut Conn, id: &[u8; 16]) -> Result<()> {
    conn.defer(REMOVE, &[Arg::Bytes(id)]).await
}

/// Forgets those whose time is over.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}
