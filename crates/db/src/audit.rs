//! The audit log as the database knows it: the key that signs, how far the log of each org is, and holds.

use admin_types::{OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT_KEY = "INSERT INTO audit_key (id, sealed_seed, created_at) VALUES ($1, $2, $3)";
    KEY = "SELECT id, sealed_seed FROM audit_key ORDER BY created_at, id LIMIT 1";
    SEALED = "INSERT INTO audit_log (org_id, size, checkpoint, sealed_at, first, trouble) VALUES ($1, $2, $3, $4, 0, NULL)
        ON CONFLICT (org_id) DO UPDATE SET size = $2, checkpoint = $3, sealed_at = $4, trouble = NULL WHERE audit_log.size <= $2";
    TROUBLED = "INSERT INTO audit_log (org_id, size, checkpoint, sealed_at, first, trouble) VALUES ($1, 0, '', 0, 0, $2)
        ON CONFLICT (org_id) DO UPDATE SET trouble = $2";
    PRUNED = "UPDATE audit_log SET first = $1 WHERE org_id = $2 AND first < $1";
    GET = "SELECT size, checkpoint, sealed_at, first, trouble FROM audit_log WHERE org_id = $1";
    LOGS = "SELECT org_id, size FROM audit_log WHERE org_id > $1 ORDER BY org_id LIMIT $2";
    OBJECT = "INSERT INTO audit_objection (org_id, objector, why, since) VALUES ($1, $2, $3, $4)
        ON CONFLICT (org_id, objector) DO UPDATE SET why = $3";
    WITHDRAW = "DELETE FROM audit_objection WHERE org_id = $1 AND objector = $2";
    OBJECTIONS = "SELECT objector, why, since FROM audit_objection WHERE org_id = $1 ORDER BY objector";
    HOLD = "INSERT INTO audit_hold (org_id, reason, since, actor_id) VALUES ($1, $2, $3, $4)
        ON CONFLICT (org_id) DO UPDATE SET reason = $2, since = $3, actor_id = $4";
    RELEASE = "DELETE FROM audit_hold WHERE org_id = $1";
    HELD = "SELECT reason, since FROM audit_hold WHERE org_id = $1";
    BEFORE = "SELECT CAST(COALESCE(MIN(seq), 0) AS BIGINT) FROM event WHERE org_id = $1 AND seq > $2 AND at >= $3";
    STRAY = "SELECT event.seq FROM event JOIN org ON org.org_id = event.org_id
        WHERE event.org_id = $1 AND (event.seq < 1 OR event.seq > org.seq) ORDER BY event.seq LIMIT 1";
    NUMBERS = "SELECT seq FROM event WHERE org_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT $4";
    REMOVE_EVENTS = "DELETE FROM event WHERE org_id = $1 AND seq <= $2 AND seq > $3";
}

/// The key that signs checkpoints, sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedSeed {
    /// Names it.
    pub id: String,
    /// 32 bytes, sealed.
    pub sealed: Vec<u8>,
}

/// How far the log of an org is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogRow {
    /// Leaves.
    pub size: i64,
    /// The last checkpoint; empty before the first.
    pub checkpoint: String,
    /// When it was made.
    pub sealed_at: Timestamp,
    /// The leaves before this index were removed.
    pub first: i64,
    /// Why the log cannot go on.
    pub trouble: Option<String>,
}

/// One of all logs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogSize {
    /// Whose it is.
    pub org: OrgId,
    /// Leaves.
    pub size: i64,
}

/// Somebody who does not agree with the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObjectionRow {
    /// Who: `mirror`, or the address of a witness.
    pub objector: String,
    /// For people.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// Why nothing of a log may be removed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HoldRow {
    /// For people.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

/// Adds the key.
pub async fn insert_key(conn: &mut Conn, key: &SealedSeed, at: Timestamp) -> Result<()> {
    conn.execute(INSERT_KEY, &[Arg::Text(&key.id), Arg::Bytes(&key.sealed), Arg::Int(at.0)]).await.map(drop)
}

/// The key, if there is one.
pub async fn key(conn: &mut Conn) -> Result<Option<SealedSeed>> {
    let map = |row: &Row<'_>| Ok(SealedSeed { id: row.text(0)?.to_owned(), sealed: row.bytes(1)?.to_owned() });
    conn.fetch_one(KEY, &[], map).await
}

/// The log has a new checkpoint; one that is smaller than what is known changes nothing.
pub async fn sealed(conn: &mut Conn, org: OrgId, (size, checkpoint): (i64, &str), at: Timestamp) -> Result<()> {
    conn.defer(SEALED, &[Arg::Bytes(&org.0), Arg::Int(size), Arg::Text(checkpoint), Arg::Int(at.0)]).await
}

/// The log cannot go on.
pub async fn troubled(conn: &mut Conn, org: OrgId, why: &str) -> Result<()> {
    conn.defer(TROUBLED, &[Arg::Bytes(&org.0), Arg::Text(why)]).await
}

/// The leaves before an index are gone.
pub async fn pruned(conn: &mut Conn, org: OrgId, first: i64) -> Result<()> {
    conn.defer(PRUNED, &[Arg::Int(first), Arg::Bytes(&org.0)]).await
}

/// How far the log is, if it has begun.
pub async fn get(conn: &mut Conn, org: OrgId) -> Result<Option<LogRow>> {
    let map = |row: &Row<'_>| {
        let (size, checkpoint) = (row.int(0)?, row.text(1)?.to_owned());
        let (sealed_at, first) = (Timestamp(row.int(2)?), row.int(3)?);
        Ok(LogRow { size, checkpoint, sealed_at, first, trouble: row.opt_text(4)?.map(str::to_owned) })
    };
    conn.fetch_one(GET, &[Arg::Bytes(&org.0)], map).await
}

/// The first `limit` logs that follow an org.
pub async fn logs(conn: &mut Conn, after: Option<OrgId>, limit: u32) -> Result<Vec<LogSize>> {
    let after = after.map_or_else(Vec::new, |org| org.0.to_vec());
    let map = |row: &Row<'_>| Ok(LogSize { org: OrgId(row.id(0)?), size: row.int(1)? });
    conn.fetch(LOGS, &[Arg::Bytes(&after), Arg::Int(limit.into())], map).await
}

/// Somebody does not agree with the log.
pub async fn object(conn: &mut Conn, org: OrgId, row: &ObjectionRow) -> Result<()> {
    let args = [Arg::Bytes(&org.0), Arg::Text(&row.objector), Arg::Text(&row.why), Arg::Int(row.since.0)];
    conn.defer(OBJECT, &args).await
}

/// Somebody agrees with the log again.
pub async fn withdraw(conn: &mut Conn, org: OrgId, objector: &str) -> Result<()> {
    conn.defer(WITHDRAW, &[Arg::Bytes(&org.0), Arg::Text(objector)]).await
}

/// Everybody who does not agree with the log.
pub async fn objections(conn: &mut Conn, org: OrgId) -> Result<Vec<ObjectionRow>> {
    let map = |row: &Row<'_>| {
        let (objector, why) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok(ObjectionRow { objector, why, since: Timestamp(row.int(2)?) })
    };
    conn.fetch(OBJECTIONS, &[Arg::Bytes(&org.0)], map).await
}

/// Has nothing removed from now on.
pub async fn hold(conn: &mut Conn, org: OrgId, row: &HoldRow, actor: ResourceId) -> Result<()> {
    let args = [Arg::Bytes(&org.0), Arg::Text(&row.reason), Arg::Int(row.since.0), Arg::Bytes(&actor.bytes)];
    conn.defer(HOLD, &args).await
}

/// Ends the hold.
pub async fn release(conn: &mut Conn, org: OrgId) -> Result<()> {
    conn.defer(RELEASE, &[Arg::Bytes(&org.0)]).await
}

/// The hold, if there is one.
pub async fn held(conn: &mut Conn, org: OrgId) -> Result<Option<HoldRow>> {
    let map = |row: &Row<'_>| Ok(HoldRow { reason: row.text(0)?.to_owned(), since: Timestamp(row.int(1)?) });
    conn.fetch_one(HELD, &[Arg::Bytes(&org.0)], map).await
}

/// The number of the first event behind `seq` that happened at a time or later; 0 if none did.
pub async fn first_since(conn: &mut Conn, org: OrgId, seq: i64, at: Timestamp) -> Result<i64> {
    let args = [Arg::Bytes(&org.0), Arg::Int(seq), Arg::Int(at.0)];
    Ok(conn.fetch_one(BEFORE, &args, |row| row.int(0)).await?.unwrap_or(0))
}

/// The first number of an event that the org has never given out, if there is one.
pub async fn stray(conn: &mut Conn, org: OrgId) -> Result<Option<i64>> {
    conn.fetch_one(STRAY, &[Arg::Bytes(&org.0)], |row| row.int(0)).await
}

/// The first `limit` numbers of events in `(after, until]`.
pub async fn numbers(conn: &mut Conn, org: OrgId, (after, until): (i64, i64), limit: u32) -> Result<Vec<i64>> {
    let args = [Arg::Bytes(&org.0), Arg::Int(after), Arg::Int(until), Arg::Int(limit.into())];
    conn.fetch(NUMBERS, &args, |row| row.int(0)).await
}

/// Removes the events with numbers in `(after, until]`.
pub async fn remove_events(conn: &mut Conn, org: OrgId, (after, until): (i64, i64)) -> Result<()> {
    conn.defer(REMOVE_EVENTS, &[Arg::Bytes(&org.0), Arg::Int(until), Arg::Int(after)]).await
}
