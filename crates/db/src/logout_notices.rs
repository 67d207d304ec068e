//! Clients that must hear that a session ended, and users who are active no more.

use admin_types::{OrgId, ResourceId, Result, SessionId, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    CLIENTS = "SELECT DISTINCT client_id, org_id, subject FROM oauth_grant WHERE session_id = $1";
    INSERT = "INSERT INTO logout_notice (id, client_id, org_id, subject, session_id, tries, due_at, created_at)
        VALUES ($1, $2, $3, $4, $5, 0, $6, $7) ON CONFLICT (id) DO NOTHING";
    CLIENTS_OF = "SELECT DISTINCT client_id, session_id FROM oauth_grant WHERE org_id = $1 AND subject = $2 AND session_id IS NOT NULL";
    DUE = "SELECT id, client_id, org_id, subject, session_id, tries FROM logout_notice WHERE due_at <= $1 ORDER BY due_at LIMIT $2";
    TAKE = "UPDATE logout_notice SET tries = tries + 1, due_at = $1 WHERE id = $2 AND tries = $3";
    REMOVE = "DELETE FROM logout_notice WHERE id = $1";
    DEPART = "INSERT INTO departed_user (org_id, user_id, at) VALUES ($1, $2, $3) ON CONFLICT (org_id, user_id) DO NOTHING";
    DEPARTED = "SELECT org_id, user_id FROM departed_user LIMIT 100";
    FORGET = "DELETE FROM departed_user WHERE org_id = $1 AND user_id = $2";
}

/// A client that must hear that a session ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoticeRow {
    /// Its id.
    pub id: [u8; 16],
    /// The client.
    pub client: ResourceId,
    /// The org.
    pub org: OrgId,
    /// Who was signed in.
    pub subject: ResourceId,
    /// The session.
    pub session: SessionId,
    /// How often it was tried.
    pub tries: i64,
}

/// The clients that were granted something in a session, each with the org and whom it acts for.
pub async fn clients(conn: &mut Conn, session: SessionId) -> Result<Vec<(ResourceId, OrgId, ResourceId)>> {
    let map = |row: &Row<'_>| {
        let (client, user) = (ResourceId::of_row("client", row.id(0)?), ResourceId::of_row("user", row.id(2)?));
        Ok((client, OrgId(row.id(1)?), user))
    };
    conn.fetch(CLIENTS, &[Arg::Bytes(&session.0)], map).await
}

/// The clients that were granted something for a user, each with the session in which it was.
pub async fn clients_of(conn: &mut Conn, org: OrgId, user: ResourceId) -> Result<Vec<(ResourceId, SessionId)>> {
    let map = |row: &Row<'_>| Ok((ResourceId::of_row("client", row.id(0)?), SessionId(row.id(1)?)));
    conn.fetch(CLIENTS_OF, &[Arg::Bytes(&org.0), Arg::Bytes(&user.bytes)], map).await
}

/// Notes that a client must hear it, from `now` on.
pub async fn insert(conn: &mut Conn, row: &NoticeRow, now: Timestamp) -> Result<()> {
    let args = [
        Arg::Bytes(&row.id),
        Arg::Bytes(&row.client.bytes),
        Arg::Bytes(&row.org.0),
        Arg::Bytes(&row.subject.bytes),
        Arg::Bytes(&row.session.0),
        Arg::Int(now.0),
        Arg::Int(now.0),
    ];
    conn.defer(INSERT, &args).await
}

/// Notices that are due, the oldest first.
pub async fn due(conn: &mut Conn, now: Timestamp, limit: i64) -> Result<Vec<NoticeRow>> {
    let map = |row: &Row<'_>| {
        Ok(NoticeRow {
            id: row.id(0)?,
            client: ResourceId::of_row("client", row.id(1)?),
            org: OrgId(row.id(2)?),
            subject: ResourceId::of_row("user", row.id(3)?),
            session: SessionId(row.id(4)?),
            tries: row.int(5)?,
        })
    };
    conn.fetch(DUE, &[Arg::Int(now.0), Arg::Int(limit)], map).await
}

/// Takes a notice for one try, the next of which is at `next`; false when another process took it.
pub async fn take(conn: &mut Conn, row: &NoticeRow, next: Timestamp) -> Result<bool> {
    Ok(conn.execute(TAKE, &[Arg::Int(next.0), Arg::Bytes(&row.id), Arg::Int(row.tries)]).await? > 0)
}

/// Forgets a notice that was heard, or that nobody can hear.
pub async fn remove(conn: &mut Conn, id: [u8; 16]) -> Result<()> {
    conn.execute(REMOVE, &[Arg::Bytes(&id)]).await.map(drop)
}

/// Notes that a user is active no more.
pub async fn depart(conn: &mut Conn, org: OrgId, user: ResourceId, now: Timestamp) -> Result<()> {
    conn.defer(DEPART, &[Arg::Bytes(&org.0), Arg::Bytes(&user.bytes), Arg::Int(now.0)]).await
}

/// Users who are active no more, and whose sessions nobody has ended yet.
pub async fn departed(conn: &mut Conn) -> Result<Vec<(OrgId, ResourceId)>> {
    let map = |row: &Row<'_>| Ok((OrgId(row.id(0)?), ResourceId::of_row("user", row.id(1)?)));
    conn.fetch(DEPARTED, &[], map).await
}

/// Forgets a user whose sessions have ended.
pub async fn forget(conn: &mut Conn, org: OrgId, user: ResourceId) -> Result<()> {
    conn.execute(FORGET, &[Arg::Bytes(&org.0), Arg::Bytes(&user.bytes)]).await.map(drop)
}
