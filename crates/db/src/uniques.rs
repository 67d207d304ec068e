//! `x-unique`: who holds which value.

use admin_types::{OrgId, ResourceId, Result};

use crate::conn::Conn;
use crate::group::Tx;
use crate::indexes::Entry;
use crate::row::Arg;

sql! {
    HOLDER = "SELECT id FROM resource_unique WHERE org_id = $1 AND type = $2 AND field = $3 AND value = $4";
    INSERT = "INSERT INTO resource_unique (org_id, type, field, value, id) VALUES ($1, $2, $3, $4, $5)";
    DELETE = "DELETE FROM resource_unique WHERE org_id = $1 AND type = $2 AND field = $3 AND value = $4 AND id = $5";
    CLEAR = "DELETE FROM resource_unique WHERE org_id = $1 AND type = $2 AND field = $3";
}

/// The resource that holds a value, if one does. Inside a write this is final: the org's lock is held.
pub async fn holder(conn: &mut Conn, org: OrgId, type_name: &str, entry: &Entry<'_>) -> Result<Option<ResourceId>> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(entry.field), Arg::Bytes(&entry.value)];
    conn.fetch_one(HOLDER, &args, |row| Ok(ResourceId::of_row(type_name, row.id(0)?))).await
}

/// Lets go of and takes values for one resource.
pub async fn change(
    tx: &mut Tx,
    org: OrgId,
    type_name: &str,
    id: ResourceId,
    remove: &[Entry<'_>],
    add: &[Entry<'_>],
) -> Result<()> {
    for (sql, entries) in [(DELETE, remove), (INSERT, add)] {
        for Entry { field, value } in entries {
            let (org, id) = (Arg::Bytes(&org.0), Arg::Bytes(&id.bytes));
            tx.execute(sql, &[org, Arg::Text(type_name), Arg::Text(field), Arg::Bytes(value), id]).await?;
        }
    }
    Ok(())
}

/// Lets go of all values of a field that is no longer unique.
pub async fn clear(tx: &mut Tx, org: OrgId, type_name: &str, field: &str) -> Result<u64> {
    tx.execute(CLEAR, &[Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(field)]).await
}
