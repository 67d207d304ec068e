//! How much somebody has tried of late, counted for all processes. By hash: the table tells nobody's address.

use admin_types::{Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    ADD = "INSERT INTO attempt (hash, points, expires_at) VALUES ($1, $2, $3) ON CONFLICT (hash) DO UPDATE SET
            points = CASE WHEN attempt.expires_at <= $4 THEN excluded.points ELSE attempt.points + excluded.points END,
            expires_at = CASE WHEN attempt.expires_at <= $4 THEN excluded.expires_at ELSE attempt.expires_at END
        RETURNING points";
    TIRED = "SELECT hash FROM attempt WHERE points >= $1 AND expires_at > $2 LIMIT 100000";
    CLEAR = "DELETE FROM attempt WHERE hash = $1";
    FORGET = "DELETE FROM attempt WHERE expires_at <= $1";
}

/// Counts points until `until`, when the first of them are forgotten together with those that came after; answers how many
/// there are now.
pub async fn add(conn: &mut Conn, hash: &[u8], points: i64, now: Timestamp, until: Timestamp) -> Result<i64> {
    let args = [Arg::Bytes(hash), Arg::Int(points), Arg::Int(until.0), Arg::Int(now.0)];
    Ok(conn.fetch_one(ADD, &args, |row| row.int(0)).await?.unwrap_or(points))
}

/// Who has as many points, or more.
pub async fn tired(conn: &mut Conn, points: i64, now: Timestamp) -> Result<Vec<Vec<u8>>> {
    let map = |row: &Row<'_>| Ok(row.bytes(0)?.to_owned());
    conn.fetch(TIRED, &[Arg::Int(points), Arg::Int(now.0)], map).await
}

/// Forgets the points of one.
pub async fn clear(conn: &mut Conn, hash: &[u8]) -> Result<()> {
    conn.defer(CLEAR, &[Arg::Bytes(hash)]).await
}

/// Forgets what is too old to count.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}
