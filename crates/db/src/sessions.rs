//! Sessions: browsers in which an account is signed in, by the hash of their cookie.

use admin_types::{AccountId, OrgId, ResourceId, Result, SessionId, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO session (hash, id, account_id, org_id, user_id, methods, authenticated_at, created_at, seen_at, expires_at, address, agent)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    GET = "SELECT id, account_id, org_id, user_id, methods, authenticated_at, expires_at, seen_at FROM session
        WHERE hash = $1";
    OF_ACCOUNT = "SELECT id, account_id, org_id, user_id, methods, authenticated_at, expires_at, seen_at FROM session
        WHERE account_id = $1 ORDER BY created_at DESC LIMIT 1000";
    RENEW = "UPDATE session SET hash = $1, org_id = $2, user_id = $3, methods = $4, authenticated_at = $5, seen_at = $6, expires_at = $7
        WHERE account_id = $8 AND id = $9";
    SET_METHODS = "UPDATE session SET methods = $1 WHERE account_id = $2 AND id = $3";
    DEVICES = "SELECT id, org_id, created_at, seen_at, address, agent FROM session
        WHERE account_id = $1 AND expires_at > $2 ORDER BY seen_at DESC, id DESC LIMIT 1000";
    SEE = "UPDATE session SET seen_at = $1 WHERE account_id = $2 AND id = $3 AND seen_at < $1";
    SWITCH = "UPDATE session SET org_id = $1, user_id = $2 WHERE account_id = $3 AND id = $4";
    COMES_FROM = "SELECT CAST(1 AS BIGINT) FROM session WHERE account_id = $1 AND address = $2 AND expires_at > $3 LIMIT 1";
    END_OTHERS = "DELETE FROM session WHERE account_id = $1 AND id <> $2 RETURNING id";
    REMOVE = "DELETE FROM session WHERE account_id = $1 AND id = $2";
    OF_USER = "SELECT account_id, id FROM session WHERE org_id = $1 AND user_id = $2";
    FORGET = "DELETE FROM session WHERE expires_at <= $1";
}

/// A session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionRow {
    /// Its id, which is no secret.
    pub id: SessionId,
    /// Who is signed in.
    pub account: AccountId,
    /// The org in which it acts.
    pub org: OrgId,
    /// As this user.
    pub user: ResourceId,
    /// The methods by which it signed in (RFC 8176), with spaces between.
    pub methods: String,
    /// When it did.
    pub authenticated_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last noted that it is used.
    pub seen_at: Timestamp,
}

/// A session, for the person whose it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceRow {
    /// Its id.
    pub id: SessionId,
    /// The org in which it acts.
    pub org: OrgId,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was last noted that it is used.
    pub seen_at: Timestamp,
    /// Where it was begun.
    pub device: Device,
}

/// Where a session was begun.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Device {
    /// The client's address.
    pub address: Option<String>,
    /// What its browser calls itself.
    pub agent: Option<String>,
}

/// Adds a session.
pub async fn insert(conn: &mut Conn, hash: &[u8], row: &SessionRow, device: &Device, now: Timestamp) -> Result<()> {
    let args = [
        Arg::Bytes(hash),
        Arg::Bytes(&row.id.0),
        Arg::Bytes(&row.account.0),
        Arg::Bytes(&row.org.0),
        Arg::Bytes(&row.user.bytes),
        Arg::Text(&row.methods),
        Arg::Int(row.authenticated_at.0),
        Arg::Int(now.0),
        Arg::Int(row.seen_at.0),
        Arg::Int(row.expires_at.0),
        Arg::opt_text(device.address.as_deref()),
        Arg::opt_text(device.agent.as_deref()),
    ];
    conn.defer(INSERT, &args).await
}

/// A session, by the hash of its cookie.
pub async fn get(conn: &mut Conn, hash: &[u8]) -> Result<Option<SessionRow>> {
    conn.fetch_one(GET, &[Arg::Bytes(hash)], session).await
}

/// The sessions of an account, newest first.
pub async fn of_account(conn: &mut Conn, account: AccountId) -> Result<Vec<SessionRow>> {
    conn.fetch(OF_ACCOUNT, &[Arg::Bytes(&account.0)], session).await
}

fn session(row: &Row<'_>) -> Result<SessionRow> {
    Ok(SessionRow {
        id: SessionId(row.id(0)?),
        account: AccountId(row.id(1)?),
        org: OrgId(row.id(2)?),
        user: ResourceId::of_row("user", row.id(3)?),
        methods: row.text(4)?.to_owned(),
        authenticated_at: Timestamp(row.int(5)?),
        expires_at: Timestamp(row.int(6)?),
        seen_at: Timestamp(row.int(7)?),
    })
}

/// Gives a session a new cookie, after its account has signed in again; false if it has ended.
pub async fn renew(conn: &mut Conn, hash: &[u8], row: &SessionRow) -> Result<bool> {
    let args = [
        Arg::Bytes(hash),
        Arg::Bytes(&row.org.0),
        Arg::Bytes(&row.user.bytes),
        Arg::Text(&row.methods),
        Arg::Int(row.authenticated_at.0),
        Arg::Int(row.authenticated_at.0),
        Arg::Int(row.expires_at.0),
        Arg::Bytes(&row.account.0),
        Arg::Bytes(&row.id.0),
    ];
    Ok(conn.execute(RENEW, &args).await? > 0)
}

/// Notes by which methods a session was proven.
pub async fn set_methods(conn: &mut Conn, account: AccountId, id: SessionId, methods: &str) -> Result<()> {
    conn.execute(SET_METHODS, &[Arg::Text(methods), Arg::Bytes(&account.0), Arg::Bytes(&id.0)]).await.map(drop)
}

/// The live sessions of an account with where they were begun, the last used first.
pub async fn devices(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<Vec<DeviceRow>> {
    let map = |row: &Row<'_>| {
        let text = |column| row.opt_text(column).map(|text| text.map(str::to_owned));
        let device = Device { address: text(4)?, agent: text(5)? };
        let (created_at, seen_at) = (Timestamp(row.int(2)?), Timestamp(row.int(3)?));
        Ok(DeviceRow { id: SessionId(row.id(0)?), org: OrgId(row.id(1)?), created_at, seen_at, device })
    };
    conn.fetch(DEVICES, &[Arg::Bytes(&account.0), Arg::Int(now.0)], map).await
}

/// Notes that a session is used.
pub async fn see(conn: &mut Conn, account: AccountId, id: SessionId, now: Timestamp) -> Result<()> {
    conn.defer(SEE, &[Arg::Int(now.0), Arg::Bytes(&account.0), Arg::Bytes(&id.0)]).await
}

/// Makes a session act as another user of its account; false if it has ended.
pub async fn switch(conn: &mut Conn, account: AccountId, id: SessionId, to: (OrgId, ResourceId)) -> Result<bool> {
    let args = [Arg::Bytes(&to.0.0), Arg::Bytes(&to.1.bytes), Arg::Bytes(&account.0), Arg::Bytes(&id.0)];
    Ok(conn.execute(SWITCH, &args).await? > 0)
}

/// Whether an account has a live session that was begun at an address.
pub async fn comes_from(conn: &mut Conn, account: AccountId, address: &str, now: Timestamp) -> Result<bool> {
    let args = [Arg::Bytes(&account.0), Arg::Text(address), Arg::Int(now.0)];
    Ok(conn.fetch_one(COMES_FROM, &args, |_| Ok(())).await?.is_some())
}

/// Ends all sessions of an account, but for one if it is named; answers which.
pub async fn end_others(conn: &mut Conn, account: AccountId, but: Option<SessionId>) -> Result<Vec<SessionId>> {
    let but = but.map_or([0; 16], |id| id.0);
    conn.fetch(END_OTHERS, &[Arg::Bytes(&account.0), Arg::Bytes(&but)], |row| row.id(0).map(SessionId)).await
}

/// Ends a session of an account; false if there was none.
pub async fn remove(conn: &mut Conn, account: AccountId, id: SessionId) -> Result<bool> {
    Ok(conn.execute(REMOVE, &[Arg::Bytes(&account.0), Arg::Bytes(&id.0)]).await? > 0)
}

/// The sessions that act as a user, each with its account.
pub async fn of_user(conn: &mut Conn, org: OrgId, user: ResourceId) -> Result<Vec<(AccountId, SessionId)>> {
    let map = |row: &Row<'_>| Ok((AccountId(row.id(0)?), SessionId(row.id(1)?)));
    conn.fetch(OF_USER, &[Arg::Bytes(&org.0), Arg::Bytes(&user.bytes)], map).await
}

/// Forgets those that have ended.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(now.0)]).await
}
