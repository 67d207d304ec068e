//! `x-ref`: which live resource refers to which, so that none is left dangling.

use std::collections::{BTreeSet, HashMap};

use admin_types::{OrgId, ResourceId, Result};

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::Arg;

sql! {
    INSERT = "INSERT INTO resource_reference (org_id, id, field, target, type, on_delete) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (org_id, id, field, target) DO NOTHING";
    REMOVE = "DELETE FROM resource_reference WHERE org_id = $1 AND id = $2";
    CLEAR = "DELETE FROM resource_reference WHERE org_id = $1 AND type = $2 AND field = $3";
    REFERRERS = "SELECT type, id, field, on_delete FROM resource_reference WHERE org_id = $1 AND target = $2
        ORDER BY id, field LIMIT $3";
}

/// A reference from the side of its target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Referrer {
    /// The resource that refers.
    pub id: ResourceId,
    /// The name of its type.
    pub type_name: String,
    /// The field in which it refers, such as `country`.
    pub field: String,
    /// `restrict`, `cascade` or `null`.
    pub on_delete: String,
}

/// A reference from the side of its source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Link<'a> {
    /// The field in which it refers.
    pub field: &'a str,
    /// The resource referred to.
    pub target: ResourceId,
    /// `restrict`, `cascade` or `null`.
    pub on_delete: &'static str,
}

/// Adds a resource's references.
pub async fn insert(tx: &mut Tx, org: OrgId, type_name: &str, id: ResourceId, links: &[Link<'_>]) -> Result<()> {
    for link in links {
        let (org, id, target) = (Arg::Bytes(&org.0), Arg::Bytes(&id.bytes), Arg::Bytes(&link.target.bytes));
        let args = [org, id, Arg::Text(link.field), target, Arg::Text(type_name), Arg::Text(link.on_delete)];
        tx.defer(INSERT, &args).await?;
    }
    Ok(())
}

/// Removes all references of a resource.
pub async fn remove(tx: &mut Tx, org: OrgId, id: ResourceId) -> Result<()> {
    tx.defer(REMOVE, &[Arg::Bytes(&org.0), Arg::Bytes(&id.bytes)]).await
}

/// Removes the references in a field that no longer refers.
pub async fn clear(tx: &mut Tx, org: OrgId, type_name: &str, field: &str) -> Result<u64> {
    tx.execute(CLEAR, &[Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(field)]).await
}

/// Up to `limit` references to a resource.
pub async fn referrers(conn: &mut Conn, org: OrgId, target: ResourceId, limit: i64) -> Result<Vec<Referrer>> {
    let args = [Arg::Bytes(&org.0), Arg::Bytes(&target.bytes), Arg::Int(limit)];
    let map = |row: &crate::Row<'_>| {
        let type_name = row.text(0)?.to_owned();
        let id = ResourceId::of_row(&type_name, row.id(1)?);
        Ok(Referrer { id, type_name, field: row.text(2)?.to_owned(), on_delete: row.text(3)?.to_owned() })
    };
    conn.fetch(REFERRERS, &args, map).await
}

/// The live ones among `ids`, each with the name of its type: one statement.
pub async fn live(conn: &mut Conn, org: OrgId, ids: &BTreeSet<[u8; 16]>) -> Result<HashMap<ResourceId, String>> {
    let rows = crate::resources::types_of(conn, org, ids).await?;
    Ok(rows.into_iter().map(|(id, type_name)| (ResourceId::of_row(&type_name, id), type_name)).collect())
}
