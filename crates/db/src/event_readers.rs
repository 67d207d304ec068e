//! How far the readers of the events are, and the events that one of them left behind.

use admin_types::{OrgId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    BEHIND = "SELECT o.org_id, CAST(COALESCE(r.seq, 0) AS BIGINT), o.seq, e.at FROM org o
        LEFT JOIN event_reader r ON r.org_id = o.org_id AND r.reader = $1
        JOIN event e ON e.org_id = o.org_id AND e.seq = COALESCE(r.seq, 0) + 1
        WHERE o.org_id > $2 AND o.seq > COALESCE(r.seq, 0) ORDER BY o.org_id LIMIT $3";
    BEHIND_IN = "SELECT o.org_id, CAST(COALESCE(r.seq, 0) AS BIGINT), o.seq, e.at FROM org o
        LEFT JOIN event_reader r ON r.org_id = o.org_id AND r.reader = $1
        JOIN event e ON e.org_id = o.org_id AND e.seq = COALESCE(r.seq, 0) + 1
        WHERE o.org_id = $2 AND o.seq > COALESCE(r.seq, 0)";
    BEGIN = "INSERT INTO event_reader (org_id, reader, seq) VALUES ($1, $2, $3) ON CONFLICT (org_id, reader) DO NOTHING";
    ADVANCE = "UPDATE event_reader SET seq = $1 WHERE org_id = $2 AND reader = $3 AND seq = $4";
    PARK = "INSERT INTO parked_event (org_id, reader, seq, reason, at) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (org_id, reader, seq) DO NOTHING";
    PARKED = "SELECT reader, seq, reason, at FROM parked_event WHERE org_id = $1 AND reader = $2 ORDER BY seq LIMIT $3";
    UNPARK = "DELETE FROM parked_event WHERE org_id = $1 AND reader = $2 AND seq = $3";
    BEGIN_LIKE = "INSERT INTO event_reader (org_id, reader, seq) SELECT org_id, $1, seq FROM event_reader WHERE reader = $2 ON CONFLICT (org_id, reader) DO NOTHING";
}

/// An org in which a reader has events before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BehindRow {
    /// The org.
    pub org: OrgId,
    /// The last event that the reader is done with.
    pub done: i64,
    /// The org's last event.
    pub head: i64,
    /// When the first event happened that it is not done with.
    pub since: Timestamp,
}

/// An event that a reader left behind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParkedRow {
    /// The reader.
    pub reader: String,
    /// The event's number.
    pub seq: i64,
    /// Why the reader failed at it.
    pub reason: String,
    /// When it was put aside.
    pub at: Timestamp,
}

fn behind_row(row: &Row<'_>) -> Result<BehindRow> {
    Ok(BehindRow { org: OrgId(row.id(0)?), done: row.int(1)?, head: row.int(2)?, since: Timestamp(row.int(3)?) })
}

/// The first `limit` orgs that follow `after` and in which a reader is behind. Looks at every org.
pub async fn behind(conn: &mut Conn, reader: &str, after: Option<OrgId>, limit: u32) -> Result<Vec<BehindRow>> {
    let after = after.map_or_else(Vec::new, |org| org.0.to_vec());
    conn.fetch(BEHIND, &[Arg::Text(reader), Arg::Bytes(&after), Arg::Int(limit.into())], behind_row).await
}

/// The same of one org.
pub async fn behind_in(conn: &mut Conn, reader: &str, org: OrgId) -> Result<Option<BehindRow>> {
    conn.fetch_one(BEHIND_IN, &[Arg::Text(reader), Arg::Bytes(&org.0)], behind_row).await
}

/// Moves a reader; `false` if it does not stand at `from`.
pub async fn advance(conn: &mut Conn, reader: &str, org: OrgId, (from, to): (i64, i64)) -> Result<bool> {
    if from == 0 {
        conn.defer(BEGIN, &[Arg::Bytes(&org.0), Arg::Text(reader), Arg::Int(0)]).await?;
    }
    let args = [Arg::Int(to), Arg::Bytes(&org.0), Arg::Text(reader), Arg::Int(from)];
    Ok(conn.execute(ADVANCE, &args).await? == 1)
}

/// Puts an event aside; once, however often it is done.
pub async fn park(conn: &mut Conn, org: OrgId, row: &ParkedRow) -> Result<()> {
    let (reader, reason) = (Arg::Text(&row.reader), Arg::Text(&row.reason));
    conn.defer(PARK, &[Arg::Bytes(&org.0), reader, Arg::Int(row.seq), reason, Arg::Int(row.at.0)]).await
}

/// Takes an event back that was put aside.
pub async fn unpark(conn: &mut Conn, org: OrgId, row: &ParkedRow) -> Result<()> {
    let args = [Arg::Bytes(&org.0), Arg::Text(&row.reader), Arg::Int(row.seq)];
    conn.execute(UNPARK, &args).await.map(drop)
}

/// The first `limit` events of an org that a reader put aside.
pub async fn parked(conn: &mut Conn, org: OrgId, reader: &str, limit: u32) -> Result<Vec<ParkedRow>> {
    let map = |row: &Row<'_>| {
        let (reader, reason) = (row.text(0)?.to_owned(), row.text(2)?.to_owned());
        Ok(ParkedRow { reader, seq: row.int(1)?, reason, at: Timestamp(row.int(3)?) })
    };
    conn.fetch(PARKED, &[Arg::Bytes(&org.0), Arg::Text(reader), Arg::Int(limit.into())], map).await
}

/// Has a reader that is new begin where another is.
pub async fn begin_like(conn: &mut Conn, reader: &str, like: &str) -> Result<()> {
    conn.execute(BEGIN_LIKE, &[Arg::Text(reader), Arg::Text(like)]).await.map(drop)
}
