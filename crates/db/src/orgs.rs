//! The tenants.

use admin_types::{Error, OrgId, Result, Timestamp};

use crate::Row;
use crate::conn::Conn;
use crate::group::OrgState;
use crate::row::Arg;
use crate::{dialect, expect_row};

/// What a process must know to know whether what it keeps of an org is the newest. Each grows with every change.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Versions {
    /// Of the types and their indexes.
    pub catalogue: i64,
    /// Of policies, roles and groups.
    pub policies: i64,
    /// Of users, clients and role bindings.
    pub principals: i64,
}

sql! {
    INSERT = "INSERT INTO org (org_id, name, seq, catalogue, created_at) VALUES ($1, $2, 0, 0, $3)";
    STORE = "UPDATE org SET seq = $1, catalogue = $2, policies = $3, principals = $4 WHERE org_id = $5";
    FIRST = "SELECT org_id FROM org ORDER BY created_at, org_id LIMIT 1";
    ALL = "SELECT org_id FROM org ORDER BY org_id";
    NAMED = "SELECT org_id, name, created_at FROM org ORDER BY created_at, org_id";
    NAME = "SELECT name FROM org WHERE org_id = $1";
    OTHERWISE_SHIPPED = "SELECT org_id FROM org WHERE shipped <> $1 ORDER BY created_at, org_id";
    SET_SHIPPED = "UPDATE org SET shipped = $1 WHERE org_id = $2";
    REMOVE = "DELETE FROM org WHERE org_id = $1";
    STATE = "SELECT seq, catalogue FROM org WHERE org_id = $1";
    HEAD = "SELECT seq FROM org WHERE org_id = $1";
    VERSIONS = "SELECT catalogue, policies, principals FROM org WHERE org_id = $1";
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

/// All orgs, with their names and when they were made, oldest first.
pub async fn named(conn: &mut Conn) -> Result<Vec<(OrgId, String, Timestamp)>> {
    let map = |row: &Row<'_>| Ok((OrgId(row.id(0)?), row.text(1)?.to_owned(), Timestamp(row.int(2)?)));
    conn.fetch(NAMED, &[], map).await
}

/// The name of an org, if it is there.
pub async fn name(conn: &mut Conn, org: OrgId) -> Result<Option<String>> {
    conn.fetch_one(NAME, &[Arg::Bytes(&org.0)], |row| Ok(row.text(0)?.to_owned())).await
}

/// The orgs whose built-in types are those of another version than `shipped` names, oldest first.
pub async fn otherwise_shipped(conn: &mut Conn, shipped: &str) -> Result<Vec<OrgId>> {
    conn.fetch(OTHERWISE_SHIPPED, &[Arg::Text(shipped)], |row| row.id(0).map(OrgId)).await
}

/// Notes of which version the org's built-in types are.
pub async fn set_shipped(conn: &mut Conn, org: OrgId, shipped: &str) -> Result<()> {
    conn.defer(SET_SHIPPED, &[Arg::Text(shipped), Arg::Bytes(&org.0)]).await
}

/// Removes an org that nothing is in.
pub async fn remove(conn: &mut Conn, org: OrgId) -> Result<()> {
    conn.defer(REMOVE, &[Arg::Bytes(&org.0)]).await
}

/// The number of the last event of each of these orgs that is there.
pub async fn heads(conn: &mut Conn, orgs: &[OrgId]) -> Result<Vec<(OrgId, i64)>> {
    let mut heads = vec![];
    for org in orgs {
        let head = conn.fetch_one(HEAD, &[Arg::Bytes(&org.0)], |row| row.int(0)).await?;
        heads.extend(head.map(|head| (*org, head)));
    }
    Ok(heads)
}

/// The org's last event number and the version of its type catalogue.
pub async fn state(conn: &mut Conn, org: OrgId) -> Result<(i64, i64)> {
    let row = conn.fetch_one(STATE, &[Arg::Bytes(&org.0)], |row| Ok((row.int(0)?, row.int(1)?))).await?;
    expect_row(row, "org")
}

/// The versions of what processes keep of an org.
pub async fn versions(conn: &mut Conn, org: OrgId) -> Result<Versions> {
    expect_row(conn.fetch_one(VERSIONS, &[Arg::Bytes(&org.0)], |row| read_versions(row, 0)).await?, "org")
}

fn read_versions(row: &Row<'_>, first: usize) -> Result<Versions> {
    Ok(Versions { catalogue: row.int(first)?, policies: row.int(first + 1)?, principals: row.int(first + 2)? })
}

/// Takes the org's lock until the commit and reads its state.
pub(crate) async fn lock(conn: &mut Conn, org: OrgId) -> Result<OrgState> {
    let sql = dialect::lock_org(conn);
    let map = |row: &Row<'_>| Ok(OrgState { seq: row.int(0)?, versions: read_versions(row, 1)? });
    conn.fetch_one(sql, &[Arg::Bytes(&org.0)], map).await?.ok_or_else(|| Error::not_found("org"))
}

/// Writes back what a group of writes left of the org's state.
pub(crate) async fn store(conn: &mut Conn, org: OrgId, state: OrgState) -> Result<()> {
    let Versions { catalogue, policies, principals } = state.versions;
    let args = [state.seq, catalogue, policies, principals].map(Arg::Int).into_iter();
    let args: Vec<_> = args.chain([Arg::Bytes(&org.0)]).collect();
    conn.defer(STORE, &args).await
}
