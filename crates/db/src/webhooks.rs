//! What is known of webhooks beside their resources, and what their messages are signed with.

use admin_types::{OrgId, ResourceId, Result, SecretId, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    BEGIN = "INSERT INTO webhook_endpoint (org_id, webhook_id, since_seq) VALUES ($1, $2, $3) ON CONFLICT (org_id, webhook_id) DO NOTHING";
    ENDPOINT = "SELECT since_seq, failing_since FROM webhook_endpoint WHERE org_id = $1 AND webhook_id = $2";
    ENDPOINTS = "SELECT webhook_id, since_seq, failing_since FROM webhook_endpoint WHERE org_id = $1";
    SET_FAILING = "UPDATE webhook_endpoint SET failing_since = $1 WHERE org_id = $2 AND webhook_id = $3";
    REMOVE = "DELETE FROM webhook_endpoint WHERE org_id = $1 AND webhook_id = $2";
    INSERT_SECRET = "INSERT INTO webhook_secret (org_id, webhook_id, id, kind, sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    SECRETS = "SELECT id, kind, sealed, created_at, expires_at FROM webhook_secret WHERE org_id = $1 AND webhook_id = $2 ORDER BY id";
    EXPIRE = "UPDATE webhook_secret SET expires_at = $1 WHERE org_id = $2 AND webhook_id = $3 AND id = $4";
    REMOVE_SECRET = "DELETE FROM webhook_secret WHERE org_id = $1 AND webhook_id = $2 AND id = $3";
    REMOVE_SECRETS = "DELETE FROM webhook_secret WHERE org_id = $1 AND webhook_id = $2";
}

/// What is known of a webhook.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EndpointRow {
    /// It is sent events with greater numbers.
    pub since_seq: i64,
    /// Since when nothing arrived there.
    pub failing_since: Option<Timestamp>,
}

/// A secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SecretRow {
    /// Its id.
    pub id: SecretId,
    /// `hmac` or `ed25519`.
    pub kind: String,
    /// The secret, sealed.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
}

/// A webhook begins behind the event `since_seq`.
pub async fn begin(conn: &mut Conn, org: OrgId, webhook: ResourceId, since_seq: i64) -> Result<()> {
    conn.defer(BEGIN, &[Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes), Arg::Int(since_seq)]).await
}

/// What is known of a webhook.
pub async fn endpoint(conn: &mut Conn, org: OrgId, webhook: ResourceId) -> Result<Option<EndpointRow>> {
    let map = |row: &Row<'_>| Ok(EndpointRow { since_seq: row.int(0)?, failing_since: row.opt_int(1)?.map(Timestamp) });
    conn.fetch_one(ENDPOINT, &[Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes)], map).await
}

/// The same of all webhooks of an org.
pub async fn endpoints(conn: &mut Conn, org: OrgId) -> Result<Vec<(ResourceId, EndpointRow)>> {
    let map = |row: &Row<'_>| {
        let known = EndpointRow { since_seq: row.int(1)?, failing_since: row.opt_int(2)?.map(Timestamp) };
        Ok((ResourceId::of_row("webhook", row.id(0)?), known))
    };
    conn.fetch(ENDPOINTS, &[Arg::Bytes(&org.0)], map).await
}

/// Notes since when nothing arrives at a webhook, or that it does again.
pub async fn set_failing(conn: &mut Conn, org: OrgId, webhook: ResourceId, since: Option<Timestamp>) -> Result<()> {
    let args = [Arg::opt_int(since.map(|at| at.0)), Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes)];
    conn.defer(SET_FAILING, &args).await
}

/// Forgets a webhook and its secrets.
pub async fn remove(conn: &mut Conn, org: OrgId, webhook: ResourceId) -> Result<()> {
    conn.defer(REMOVE_SECRETS, &[Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes)]).await?;
    conn.defer(REMOVE, &[Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes)]).await
}

/// Adds a secret, which does not end by itself.
pub async fn insert_secret(conn: &mut Conn, org: OrgId, webhook: ResourceId, row: &SecretRow) -> Result<()> {
    let args = [
        Arg::Bytes(&org.0),
        Arg::Bytes(&webhook.bytes),
        Arg::Bytes(&row.id.0),
        Arg::Text(&row.kind),
        Arg::Bytes(&row.sealed),
        Arg::Int(row.created_at.0),
    ];
    conn.defer(INSERT_SECRET, &args).await
}

/// All secrets of a webhook, oldest first.
pub async fn secrets(conn: &mut Conn, org: OrgId, webhook: ResourceId) -> Result<Vec<SecretRow>> {
    let map = |row: &Row<'_>| {
        let (kind, sealed) = (row.text(1)?.to_owned(), row.bytes(2)?.to_owned());
        let expires_at = row.opt_int(4)?.map(Timestamp);
        Ok(SecretRow { id: SecretId(row.id(0)?), kind, sealed, created_at: Timestamp(row.int(3)?), expires_at })
    };
    conn.fetch(SECRETS, &[Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes)], map).await
}

/// Has a secret end.
pub async fn expire_secret(
    conn: &mut Conn,
    org: OrgId,
    (webhook, id): (ResourceId, SecretId),
    at: Timestamp,
) -> Result<()> {
    let args = [Arg::Int(at.0), Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes), Arg::Bytes(&id.0)];
    conn.defer(EXPIRE, &args).await
}

/// Removes a secret; whether there was one.
pub async fn remove_secret(conn: &mut Conn, org: OrgId, (webhook, id): (ResourceId, SecretId)) -> Result<bool> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&webhook.bytes), Arg::Bytes(&id.0)];
    Ok(conn.execute(REMOVE_SECRET, &args).await? > 0)
}
