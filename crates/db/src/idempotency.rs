//! Answers that were given under an `Idempotency-Key`, kept so that a repetition gets the same.

use admin_types::{OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::Arg;

sql! {
    GET = "SELECT request_hash, answer FROM idempotency WHERE org_id = $1 AND principal = $2 AND key = $3 AND created_at >= $4";
    PUT = "INSERT INTO idempotency (org_id, principal, key, request_hash, answer, created_at) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (org_id, principal, key) DO UPDATE SET request_hash = $4, answer = $5, created_at = $6";
    FORGET = "DELETE FROM idempotency WHERE created_at < $1";
}

/// An answer that was given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Keyed hash of the request it answered, whose body may hold secrets.
    pub request_hash: Vec<u8>,
    /// The answer: a resource's wire text.
    pub answer: String,
}

/// The answer kept under a key, not older than `since`.
pub async fn get(
    conn: &mut Conn,
    org: OrgId,
    principal: ResourceId,
    key: &str,
    since: Timestamp,
) -> Result<Option<Kept>> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&principal.bytes), Arg::Text(key), Arg::Int(since.0)];
    let map =
        |row: &crate::Row<'_>| Ok(Kept { request_hash: row.bytes(0)?.to_owned(), answer: row.text(1)?.to_owned() });
    conn.fetch_one(GET, &args, map).await
}

/// Keeps an answer, in the transaction of the change that it tells of.
pub async fn put(tx: &mut Tx, org: OrgId, principal: ResourceId, key: &str, kept: &Kept, at: Timestamp) -> Result<()> {
    let (org, principal) = (Arg::Bytes(&org.0), Arg::Bytes(&principal.bytes));
    let args =
        [org, principal, Arg::Text(key), Arg::Bytes(&kept.request_hash), Arg::Text(&kept.answer), Arg::Int(at.0)];
    tx.defer(PUT, &args).await
}

/// Forgets answers older than `at`.
pub async fn forget(conn: &mut Conn, at: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(at.0)]).await
}
