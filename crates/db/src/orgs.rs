//! The tenants.

use admin_types::{Error, OrgId, Result, Timestamp};

use crate::conn::Conn;
use crate::group::OrgState;
use crate::row::Arg;
use crate::{dialect, expect_row};

sql! {
    INSERT = "INSERT INTO org (org_id, name, seq, catalogue, created_at) VALUES ($1, $2, 0, 0, $3)";
    STORE = "UPDATE org SET seq = $1, catalogue = $2 WHERE org_id = $3";
    FIRST = "SELECT org_id FROM org ORDER BY created_at, org_id LIMIT 1";
    ALL = "SELECT org_id FROM org ORDER BY org_id";
    STATE = "SELECT seq, catalogue FROM org WHERE org_id = $1";
}

/// Adds an org.
pub async fn insert(conn: &mut Conn, org: OrgId, name: &str, at: Timestamp) -> Result<()> {
    conn.defer(INSERT, &[Arg::Bytes(&org.0), Arg::Text(name), Arg::Int(at.0)]).await
}

/// The oldest org, if there is any.
pub async fn first(conn: &mut Conn) -> Result<Option<OrgId>> {
    conn.fetch_one(FIRST, &[], |row| row.id(0).map(OrgId)).await
}

/// All orgs.
pub async fn all(conn: &mut Conn) -> Result<Vec<OrgId>> {
    conn.fetch(ALL, &[], |row| row.id(0).map(OrgId)).await
}

/// The org's last event number and the version of its type catalogue.
pub async fn state(conn: &mut Conn, org: OrgId) -> Result<(i64, i64)> {
    let row = conn.fetch_one(STATE, &[Arg::Bytes(&org.0)], |row| Ok((row.int(0)?, row.int(1)?))).await?;
    expect_row(row, "org")
}

/// Takes the org's lock until the commit and reads its state.
pub(crate) async fn lock(conn: &mut Conn, org: OrgId) -> Result<OrgState> {
    let sql = dialect::lock_org(conn);
    let map = |row: &crate::Row<'_>| Ok(OrgState { seq: row.int(0)?, catalogue: row.int(1)? });
    conn.fetch_one(sql, &[Arg::Bytes(&org.0)], map).await?.ok_or_else(|| Error::not_found("org"))
}

/// Writes back what a group of writes left of the org's state.
pub(crate) async fn store(conn: &mut Conn, org: OrgId, state: OrgState) -> Result<()> {
    conn.defer(STORE, &[Arg::Int(state.seq), Arg::Int(state.catalogue), Arg::Bytes(&org.0)]).await
}
