//! What clients were granted, the codes and refresh tokens of it by hash, and what may be said once.

use admin_types::{GrantId, OrgId, ResourceId, Result, SessionId, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT_GRANT = "INSERT INTO oauth_grant (id, org_id, client_id, subject, session_id, terms, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    GRANT = "SELECT id, org_id, client_id, subject, session_id, terms, expires_at FROM oauth_grant WHERE id = $1";
    OF_SESSION = "SELECT id, terms FROM oauth_grant WHERE session_id = $1";
    OF_SESSION_TO = "SELECT terms FROM oauth_grant
        WHERE session_id = $1 AND client_id = $2 AND org_id = $3 AND subject = $4 AND expires_at > $5";
    OF_SUBJECT = "SELECT id FROM oauth_grant WHERE org_id = $1 AND subject = $2";
    CHANGE_GRANT = "UPDATE oauth_grant SET org_id = $1, subject = $2, terms = $3 WHERE id = $4";
    END_GRANT = "DELETE FROM oauth_grant WHERE id = $1";
    END_TOKENS = "DELETE FROM oauth_token WHERE grant_id = $1";
    INSERT_TOKEN = "INSERT INTO oauth_token (hash, kind, grant_id, expires_at) VALUES ($1, $2, $3, $4)";
    TOKEN = "SELECT kind, grant_id, used_at, expires_at FROM oauth_token WHERE hash = $1";
    USE_TOKEN = "UPDATE oauth_token SET used_at = $1 WHERE hash = $2 AND used_at IS NULL";
    SAY = "INSERT INTO said_once (hash, expires_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    PUSH = "INSERT INTO oauth_request (hash, client_id, params, expires_at) VALUES ($1, $2, $3, $4)";
    PUSHED = "SELECT params, expires_at FROM oauth_request WHERE hash = $1 AND client_id = $2 AND expires_at > $3";
    TAKE_PUSHED = "DELETE FROM oauth_request WHERE hash = $1";
    FORGET_PUSHED = "DELETE FROM oauth_request WHERE expires_at <= $1";
    FORGET_TOKENS = "DELETE FROM oauth_token WHERE expires_at <= $1";
    FORGET_GRANTS = "DELETE FROM oauth_grant WHERE expires_at <= $1";
    FORGET_SAID = "DELETE FROM said_once WHERE expires_at <= $1";
}

/// What a client was granted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrantRow {
    /// Its id.
    pub id: GrantId,
    /// The org.
    pub org: OrgId,
    /// The client.
    pub client: ResourceId,
    /// The user or client that it acts for.
    pub subject: ResourceId,
    /// The session in which it was granted.
    pub session: Option<SessionId>,
    /// The terms, as JSON.
    pub terms: String,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// A code or a refresh token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenRow {
    /// `code`, `refresh`, …
    pub kind: String,
    /// The grant that it is of.
    pub grant: GrantId,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Adds a grant.
pub async fn insert_grant(conn: &mut Conn, grant: &GrantRow, now: Timestamp) -> Result<()> {
    let args = [
        Arg::Bytes(&grant.id.0),
        Arg::Bytes(&grant.org.0),
        Arg::Bytes(&grant.client.bytes),
        Arg::Bytes(&grant.subject.bytes),
        Arg::opt_bytes(grant.session.as_ref().map(|id| &id.0[..])),
        Arg::Text(&grant.terms),
        Arg::Int(now.0),
        Arg::Int(grant.expires_at.0),
    ];
    conn.defer(INSERT_GRANT, &args).await
}

/// A grant. `subject` says the type of whom it acts for: a user, unless it is the client itself.
pub async fn grant(conn: &mut Conn, id: GrantId) -> Result<Option<GrantRow>> {
    let map = |row: &Row<'_>| {
        let (client, subject) = (row.id(2)?, row.id(3)?);
        let type_name = if client == subject { "client" } else { "user" };
        Ok(GrantRow {
            id: GrantId(row.id(0)?),
            org: OrgId(row.id(1)?),
            client: ResourceId::of_row("client", client),
            subject: ResourceId::of_row(type_name, subject),
            session: row.opt_id(4)?.map(SessionId),
            terms: row.text(5)?.to_owned(),
            expires_at: Timestamp(row.int(6)?),
        })
    };
    conn.fetch_one(GRANT, &[Arg::Bytes(&id.0)], map).await
}

/// Writes whom a grant acts for, and its terms.
pub async fn change_grant(conn: &mut Conn, grant: &GrantRow) -> Result<()> {
    let (org, subject) = (Arg::Bytes(&grant.org.0), Arg::Bytes(&grant.subject.bytes));
    conn.defer(CHANGE_GRANT, &[org, subject, Arg::Text(&grant.terms), Arg::Bytes(&grant.id.0)]).await
}

/// The grants that act for a user or a client.
pub async fn grants_of_subject(conn: &mut Conn, org: OrgId, subject: ResourceId) -> Result<Vec<GrantId>> {
    conn.fetch(OF_SUBJECT, &[Arg::Bytes(&org.0), Arg::Bytes(&subject.bytes)], |row| row.id(0).map(GrantId)).await
}

/// The grants that were made in a session, each with its terms.
pub async fn grants_of_session(conn: &mut Conn, session: SessionId) -> Result<Vec<(GrantId, String)>> {
    conn.fetch(OF_SESSION, &[Arg::Bytes(&session.0)], |row| Ok((GrantId(row.id(0)?), row.text(1)?.to_owned()))).await
}

/// The terms of the grants to a client, for a subject, that were made in a session and last.
pub async fn grants_to(
    conn: &mut Conn,
    session: SessionId,
    client: ResourceId,
    (org, subject): (OrgId, ResourceId),
    now: Timestamp,
) -> Result<Vec<String>> {
    let whose = [Arg::Bytes(&session.0), Arg::Bytes(&client.bytes), Arg::Bytes(&org.0), Arg::Bytes(&subject.bytes)];
    let [session, client, org, subject] = whose;
    let args = [session, client, org, subject, Arg::Int(now.0)];
    conn.fetch(OF_SESSION_TO, &args, |row| row.text(0).map(str::to_owned)).await
}

/// Ends a grant, and with it its codes and refresh tokens.
pub async fn end_grant(conn: &mut Conn, id: GrantId) -> Result<()> {
    conn.defer(END_TOKENS, &[Arg::Bytes(&id.0)]).await?;
    conn.defer(END_GRANT, &[Arg::Bytes(&id.0)]).await
}

/// Adds a code or a refresh token.
pub async fn insert_token(conn: &mut Conn, hash: &[u8], token: &TokenRow) -> Result<()> {
    let args = [Arg::Bytes(hash), Arg::Text(&token.kind), Arg::Bytes(&token.grant.0), Arg::Int(token.expires_at.0)];
    conn.defer(INSERT_TOKEN, &args).await
}

/// A code or a refresh token, by its hash.
pub async fn token(conn: &mut Conn, hash: &[u8]) -> Result<Option<TokenRow>> {
    let map = |row: &Row<'_>| {
        let (kind, grant) = (row.text(0)?.to_owned(), GrantId(row.id(1)?));
        Ok(TokenRow { kind, grant, used_at: row.opt_int(2)?.map(Timestamp), expires_at: Timestamp(row.int(3)?) })
    };
    conn.fetch_one(TOKEN, &[Arg::Bytes(hash)], map).await
}

/// Uses a token; false when it was used before.
pub async fn use_token(conn: &mut Conn, hash: &[u8], now: Timestamp) -> Result<bool> {
    Ok(conn.execute(USE_TOKEN, &[Arg::Int(now.0), Arg::Bytes(hash)]).await? > 0)
}

/// Notes something that may be said once; false when it was said before.
pub async fn say_once(conn: &mut Conn, hash: &[u8], expires_at: Timestamp) -> Result<bool> {
    Ok(conn.execute(SAY, &[Arg::Bytes(hash), Arg::Int(expires_at.0)]).await? > 0)
}

/// Keeps what a client pushed.
pub async fn push(conn: &mut Conn, hash: &[u8], client: ResourceId, params: &str, until: Timestamp) -> Result<()> {
    let args = [Arg::Bytes(hash), Arg::Bytes(&client.bytes), Arg::Text(params), Arg::Int(until.0)];
    conn.defer(PUSH, &args).await
}

/// What a client pushed, and until when that is good.
pub async fn pushed(
    conn: &mut Conn,
    hash: &[u8],
    client: ResourceId,
    now: Timestamp,
) -> Result<Option<(String, Timestamp)>> {
    let args = [Arg::Bytes(hash), Arg::Bytes(&client.bytes), Arg::Int(now.0)];
    conn.fetch_one(PUSHED, &args, |row| Ok((row.text(0)?.to_owned(), Timestamp(row.int(1)?)))).await
}

/// Takes what a client pushed, to answer it; false if somebody did already.
pub async fn take_pushed(conn: &mut Conn, hash: &[u8]) -> Result<bool> {
    Ok(conn.execute(TAKE_PUSHED, &[Arg::Bytes(hash)]).await? > 0)
}

/// Forgets what has ended.
pub async fn forget(conn: &mut Conn, now: Timestamp) -> Result<u64> {
    let mut forgotten = 0;
    for sql in [FORGET_TOKENS, FORGET_GRANTS, FORGET_SAID, FORGET_PUSHED] {
        forgotten += conn.execute(sql, &[Arg::Int(now.0)]).await?;
    }
    Ok(forgotten)
}
