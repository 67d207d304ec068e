//! Grants and sessions that ended before the tokens that name them.

use admin_types::{Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO revocation (id, at, until) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING";
    SINCE = "SELECT id, until FROM revocation WHERE at >= $1";
    FORGET = "DELETE FROM revocation WHERE until <= $1";
}

/// Notes that a grant or a session ended; it matters until `until`, when no token can name it any more.
pub async fn insert(conn: &mut Conn, id: &str, at: Timestamp, until: Timestamp) -> Result<()> {
    conn.defer(INSERT, &[Arg::Text(id), Arg::Int(at.0), Arg::Int(until.0)]).await
}

/// What ended at `at` or later, each with until when that matters.
pub async fn since(conn: &mut Conn, at: Timestamp) -> Result<Vec<(String, Timestamp)>> {
    let map = |row: &Row<'_>| Ok((row.text(0)?.to_owned(), Timestamp(row.int(1)?)));
    conn.fetch(SINCE, &[Arg::Int(at.0)], map).await
}

/// Forgets what no token names any more.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}
