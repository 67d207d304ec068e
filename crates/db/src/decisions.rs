//! Decisions that were recorded: refusals, for whoever has to find out why.

use admin_types::{Actor, DecisionId, OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO decision (org_id, id, at, principal_type, principal_id, action, resource_type, resource_id, allowed, request_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    NEWEST = "SELECT id, at, principal_type, principal_id, action, resource_type, resource_id, allowed, request_id FROM decision
        WHERE org_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    COUNT = "SELECT CAST(COUNT(*) AS BIGINT) FROM decision WHERE org_id = $1";
    OLDEST_KEPT = "SELECT id FROM decision WHERE org_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2";
    FORGET = "DELETE FROM decision WHERE org_id = $1 AND id <= $2";
}

/// One decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecisionRow {
    /// Its id.
    pub id: DecisionId,
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub principal: Actor,
    /// Such as `workspace.update`.
    pub action: String,
    /// The type of the resource.
    pub resource_type: String,
    /// The resource; `None` when it was about to be created.
    pub resource: Option<ResourceId>,
    /// What was decided.
    pub allowed: bool,
    /// The request that asked.
    pub request_id: String,
}

/// Records a decision.
pub async fn insert(tx: &mut Tx, org: OrgId, row: &DecisionRow) -> Result<()> {
    let args = [
        Arg::Bytes(&org.0),
        Arg::Bytes(&row.id.0),
        Arg::Int(row.at.0),
        Arg::Text(&row.principal.kind),
        Arg::Bytes(&row.principal.id.bytes),
        Arg::Text(&row.action),
        Arg::Text(&row.resource_type),
        Arg::opt_bytes(row.resource.as_ref().map(|id| &id.bytes[..])),
        Arg::Int(i64::from(row.allowed)),
        Arg::Text(&row.request_id),
    ];
    tx.defer(INSERT, &args).await
}

/// Up to `limit` decisions before the one with the id `before`, newest first.
pub async fn newest(conn: &mut Conn, org: OrgId, before: DecisionId, limit: u32) -> Result<Vec<DecisionRow>> {
    conn.fetch(NEWEST, &[Arg::Bytes(&org.0), Arg::Bytes(&before.0), Arg::Int(limit.into())], decision).await
}

/// How many decisions of an org are kept.
pub async fn count(conn: &mut Conn, org: OrgId) -> Result<u64> {
    let count = conn.fetch_one(COUNT, &[Arg::Bytes(&org.0)], |row| row.int(0)).await?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

fn decision(row: &Row<'_>) -> Result<DecisionRow> {
    let resource_type = row.text(5)?.to_owned();
    let kind = row.text(2)?.to_owned();
    Ok(DecisionRow {
        id: DecisionId(row.id(0)?),
        at: Timestamp(row.int(1)?),
        principal: Actor { id: ResourceId::of_row(&kind, row.id(3)?), kind: kind.into() },
        action: row.text(4)?.to_owned(),
        resource: row.opt_id(6)?.map(|id| ResourceId::of_row(&resource_type, id)),
        resource_type,
        allowed: row.int(7)? != 0,
        request_id: row.text(8)?.to_owned(),
    })
}

/// Forgets all but the newest `keep` decisions of an org; how many those were.
pub async fn forget_old(tx: &mut Tx, org: OrgId, keep: i64) -> Result<u64> {
    let oldest = tx.fetch_one(OLDEST_KEPT, &[Arg::Bytes(&org.0), Arg::Int(keep)], |row| row.id(0)).await?;
    match oldest {
        Some(id) => tx.execute(FORGET, &[Arg::Bytes(&org.0), Arg::Bytes(&id)]).await,
        None => Ok(0),
    }
}
