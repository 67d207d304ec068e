//! Decisions that were recorded: refusals, for whoever has to find out why, and what was allowed where that is wanted.

use admin_types::{Actor, DecisionId, OrgId, Prefix, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::dialect;
use crate::group::Tx;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO decision (org_id, id, at, principal_type, principal_id, action, resource_type, resource_id, allowed, request_id, principal_client)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    OLDEST_KEPT = "SELECT id FROM decision WHERE org_id = $1 AND allowed = $2 ORDER BY id DESC LIMIT 1 OFFSET $3";
    FORGET = "DELETE FROM decision WHERE org_id = $1 AND allowed = $2 AND id <= $3";
}

const COLUMNS: &str =
    "id, at, principal_type, principal_id, action, resource_type, resource_id, allowed, request_id, principal_client";

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
        Arg::opt_bytes(row.principal.via.as_ref().map(|client| &client.bytes[..])),
    ];
    tx.defer(INSERT, &args).await
}

/// Which decisions to list. All conditions must hold.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DecisionQuery {
    /// Only about this user or client.
    pub principal: Option<ResourceId>,
    /// Only about this resource.
    pub resource: Option<ResourceId>,
    /// Only this action, such as `workspace.read`.
    pub action: Option<String>,
    /// Only what was allowed, or what was refused.
    pub allowed: Option<bool>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// From which id on, and before which, a query's decisions are, where they do not begin or end with all.
type Bounds = (Option<DecisionId>, Option<DecisionId>);

fn bounds(query: &DecisionQuery, before: Option<DecisionId>) -> Bounds {
    let until = query.until.map(DecisionId::upper);
    (query.since.map(DecisionId::lower), before.into_iter().chain(until).min())
}

/// The conditions of a query as SQL.
fn conditions<'a>(query: &'a DecisionQuery, org: &'a OrgId, (low, high): &'a Bounds) -> (String, Vec<Arg<'a>>) {
    let (mut sql, mut args) = ("org_id = $1".to_owned(), vec![Arg::Bytes(&org.0)]);
    let mut and = |condition: &str, arg: Arg<'a>| {
        args.push(arg);
        sql.push_str(&format!(" AND {condition} ${}", args.len()));
    };
    if let Some(low) = low {
        and("id >=", Arg::Bytes(&low.0));
    }
    if let Some(high) = high {
        and("id <", Arg::Bytes(&high.0));
    }
    if let Some(principal) = &query.principal {
        and("principal_id =", Arg::Bytes(&principal.bytes));
        and("principal_type =", Arg::Text(principal.prefix.type_name().unwrap_or_default()));
    }
    if let Some(resource) = &query.resource {
        and("resource_id =", Arg::Bytes(&resource.bytes));
        match resource.prefix.type_name() {
            Some(own) => and("resource_type =", Arg::Text(own)),
            None => Prefix::own_types().for_each(|own| and("resource_type <>", Arg::Text(own))),
        }
    }
    if let Some(action) = &query.action {
        and("action =", Arg::Text(action));
    }
    if let Some(allowed) = query.allowed {
        and("allowed =", Arg::Int(i64::from(allowed)));
    }
    if let Some(since) = query.since {
        and("at >=", Arg::Int(since.0));
    }
    if let Some(until) = query.until {
        and("at <", Arg::Int(until.0));
    }
    (sql, args)
}

/// The table, by the index that finds a query's decisions: a resource has fewer than a principal, and both fewer than there
/// are of either outcome. Without any of these the primary key is the order of the list.
fn table(conn: &Conn, query: &DecisionQuery) -> String {
    let index = match query {
        DecisionQuery { resource: Some(_), .. } => "decision_by_resource",
        DecisionQuery { principal: Some(_), .. } => "decision_by_principal",
        DecisionQuery { allowed: Some(_), .. } => "decision_by_outcome",
        _ => return "decision".to_owned(),
    };
    format!("decision{}", dialect::by_index(conn, index))
}

/// Up to `limit` decisions of a query before the one with the id `before`, or of all of them, newest first.
pub async fn newest(
    conn: &mut Conn,
    org: OrgId,
    query: &DecisionQuery,
    before: Option<DecisionId>,
    limit: u32,
) -> Result<Vec<DecisionRow>> {
    let bounds = bounds(query, before);
    let (conditions, mut args) = conditions(query, &org, &bounds);
    args.push(Arg::Int(limit.into()));
    let (table, last) = (table(conn, query), args.len());
    let sql = format!("SELECT {COLUMNS} FROM {table} WHERE {conditions} ORDER BY id DESC LIMIT ${last}");
    conn.fetch(&sql, &args, decision).await
}

/// How many decisions of a query are kept.
pub async fn count(conn: &mut Conn, org: OrgId, query: &DecisionQuery) -> Result<u64> {
    let bounds = bounds(query, None);
    let (conditions, args) = conditions(query, &org, &bounds);
    let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {} WHERE {conditions}", table(conn, query));
    let count = conn.fetch_one(&sql, &args, |row| row.int(0)).await?;
    Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
}

fn decision(row: &Row<'_>) -> Result<DecisionRow> {
    let resource_type = row.text(5)?.to_owned();
    let kind = row.text(2)?.to_owned();
    Ok(DecisionRow {
        id: DecisionId(row.id(0)?),
        at: Timestamp(row.int(1)?),
        principal: Actor {
            id: ResourceId::of_row(&kind, row.id(3)?),
            kind: kind.into(),
            via: row.opt_id(9)?.map(|client| ResourceId::of_row("client", client)),
        },
        action: row.text(4)?.to_owned(),
        resource: row.opt_id(6)?.map(|id| ResourceId::of_row(&resource_type, id)),
        resource_type,
        allowed: row.int(7)? != 0,
        request_id: row.text(8)?.to_owned(),
    })
}

/// Forgets all but the newest `keep` decisions of an org that were allowed, and as many refusals; how many those were.
pub async fn forget_old(tx: &mut Tx, org: OrgId, keep: i64) -> Result<u64> {
    let mut forgotten = 0;
    for allowed in [Arg::Int(0), Arg::Int(1)] {
        let oldest = tx.fetch_one(OLDEST_KEPT, &[Arg::Bytes(&org.0), allowed, Arg::Int(keep)], |row| row.id(0)).await?;
        if let Some(id) = oldest {
            forgotten += tx.execute(FORGET, &[Arg::Bytes(&org.0), allowed, Arg::Bytes(&id)]).await?;
        }
    }
    Ok(forgotten)
}
