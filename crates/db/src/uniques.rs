//! `x-unique`: who holds which value.

use admin_types::{OrgId, ResourceId, Result};

use crate::conn::Conn;
use crate::group::Tx;
use crate::indexes::Entry;
use crate::row::Arg;

sql! {
    INSERT = "INSERT INTO resource_unique (org_id, type, field, value, id) VALUES ($1, $2, $3, $4, $5)";
    DELETE = "DELETE FROM resource_unique WHERE org_id = $1 AND type = $2 AND field = $3 AND value = $4 AND id = $5";
    CLEAR = "DELETE FROM resource_unique WHERE org_id = $1 AND type = $2 AND field = $3";
}

/// The first of the values that a resource other than `id` holds, and that resource: one statement. Inside a write this
/// is final, since the org's lock is held.
pub async fn conflict<'e, 'a>(
    conn: &mut Conn,
    org: OrgId,
    (type_name, id): (&str, ResourceId),
    entries: &'e [Entry<'a>],
) -> Result<Option<(&'e Entry<'a>, ResourceId)>> {
    if entries.is_empty() {
        return Ok(None);
    }
    // One index lookup for each value; an OR would make PostgreSQL read all values of the type.
    let (mut args, mut lookups) = (vec![Arg::Bytes(&org.0), Arg::Text(type_name)], vec![]);
    for Entry { field, value } in entries {
        args.extend([Arg::Text(field), Arg::Bytes(value)]);
        let (field, value) = (args.len() - 1, args.len());
        lookups.push(format!(
            "SELECT field, id FROM resource_unique WHERE org_id = $1 AND type = $2 AND field = ${field} AND value = ${value}"
        ));
    }
    let sql = lookups.join(" UNION ALL ");
    let held = conn.fetch(&sql, &args, |row| Ok((row.text(0)?.to_owned(), row.id(1)?))).await?;
    let others = held.into_iter().filter(|(_, holder)| *holder != id.bytes);
    let conflict = others.min_by_key(|(field, _)| entries.iter().position(|entry| entry.field == field));
    Ok(conflict.and_then(|(field, holder)| {
        let entry = entries.iter().find(|entry| entry.field == field)?;
        Some((entry, ResourceId::of_row(type_name, holder)))
    }))
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
            tx.defer(sql, &[org, Arg::Text(type_name), Arg::Text(field), Arg::Bytes(value), id]).await?;
        }
    }
    Ok(())
}

/// Lets go of all values of a field that is no longer unique.
pub async fn clear(tx: &mut Tx, org: OrgId, type_name: &str, field: &str) -> Result<u64> {
    tx.execute(CLEAR, &[Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(field)]).await
}
