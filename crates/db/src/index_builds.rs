//! Which indexes are being built or removed, and how far they are.

use admin_types::{OrgId, Result};

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::{Arg, Row};

sql! {
    PUT = "INSERT INTO index_build (org_id, type, field, state, done, total, position) VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (org_id, type, field) DO UPDATE SET state = $4, done = $5, total = $6, position = $7";
    REMOVE = "DELETE FROM index_build WHERE org_id = $1 AND type = $2 AND field = $3";
    OF_ORG = "SELECT type, field, state, done, total, position FROM index_build WHERE org_id = $1 ORDER BY type, field";
    UNFINISHED = "SELECT org_id FROM index_build ORDER BY org_id LIMIT 1";
}

/// One index that is being built (`clearing`, then `building`) or removed (`dropping`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexBuild {
    /// The name of the type.
    pub type_name: String,
    /// The field's name in the index.
    pub field: String,
    /// `clearing`, `building` or `dropping`.
    pub state: String,
    /// Resources seen so far.
    pub done: i64,
    /// Resources there were when it began.
    pub total: i64,
    /// The id after which it goes on; empty at the start.
    pub position: Vec<u8>,
}

/// Notes how far an index is.
pub async fn put(tx: &mut Tx, org: OrgId, build: &IndexBuild) -> Result<()> {
    let args = [
        Arg::Bytes(&org.0),
        Arg::Text(&build.type_name),
        Arg::Text(&build.field),
        Arg::Text(&build.state),
        Arg::Int(build.done),
        Arg::Int(build.total),
        Arg::Bytes(&build.position),
    ];
    tx.defer(PUT, &args).await
}

/// Notes that an index is complete, or gone.
pub async fn remove(tx: &mut Tx, org: OrgId, type_name: &str, field: &str) -> Result<()> {
    tx.defer(REMOVE, &[Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(field)]).await
}

/// The unfinished indexes of an org.
pub async fn of_org(conn: &mut Conn, org: OrgId) -> Result<Vec<IndexBuild>> {
    let map = |row: &Row<'_>| {
        Ok(IndexBuild {
            type_name: row.text(0)?.to_owned(),
            field: row.text(1)?.to_owned(),
            state: row.text(2)?.to_owned(),
            done: row.int(3)?,
            total: row.int(4)?,
            position: row.bytes(5)?.to_owned(),
        })
    };
    conn.fetch(OF_ORG, &[Arg::Bytes(&org.0)], map).await
}

/// An org with unfinished indexes, if there is one.
pub async fn unfinished(conn: &mut Conn) -> Result<Option<OrgId>> {
    conn.fetch_one(UNFINISHED, &[], |row| row.id(0).map(OrgId)).await
}
