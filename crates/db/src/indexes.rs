//! The index table: one row for each indexed value of each live resource, ordered by value. A value that changes
//! leaves a row in `resource_moved` for a while, so that a cursor walk that began before still finds its place.

use std::sync::LazyLock;

use admin_types::{OrgId, ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::group::Tx;
use crate::row::Arg;

sql! {
    DELETE = "DELETE FROM resource_index WHERE org_id = $1 AND type = $2 AND field = $3 AND value = $4 AND id = $5";
    MOVE = "INSERT INTO resource_moved (org_id, type, field, value, id, since, until, moved_at)
        SELECT org_id, type, field, value, id, since, CAST($1 AS BIGINT), CAST($2 AS BIGINT) FROM resource_index
        WHERE org_id = $3 AND type = $4 AND field = $5 AND value = $6 AND id = $7
        ON CONFLICT (org_id, type, field, value, id, until) DO NOTHING";
    FORGET = "DELETE FROM resource_moved WHERE moved_at < $1";
    COUNT = "SELECT CAST(COUNT(*) AS BIGINT) FROM resource_index WHERE org_id = $1 AND type = $2 AND field = $3 AND value = $4";
    CLEAR = "DELETE FROM resource_index WHERE org_id = $1 AND type = $2 AND field = $3 AND (value, id) IN (
        SELECT i.value, i.id FROM resource_index i WHERE i.org_id = $1 AND i.type = $2 AND i.field = $3
        ORDER BY i.value, i.id LIMIT $4)";
}

/// The most rows that one statement adds.
const ROWS: usize = 32;

/// One row of the index.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Entry<'a> {
    /// The field's name in the index, such as `attributes.region`.
    pub field: &'a str,
    /// The value, encoded so that bytes sort as values do.
    pub value: Vec<u8>,
}

/// Adds and removes rows for one resource at event `seq`.
pub async fn change(
    tx: &mut Tx,
    org: OrgId,
    type_name: &str,
    id: ResourceId,
    (remove, add): (&[Entry<'_>], &[Entry<'_>]),
    (seq, at): (i64, Timestamp),
) -> Result<()> {
    let (org, type_name, id) = (Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Bytes(&id.bytes));
    for Entry { field, value } in remove {
        let place = [org, type_name, Arg::Text(field), Arg::Bytes(value), id];
        let [a, b, c, d, e] = place;
        tx.defer(MOVE, &[Arg::Int(seq), Arg::Int(at.0), a, b, c, d, e]).await?;
        tx.defer(DELETE, &place).await?;
    }
    for entries in add.chunks(ROWS) {
        let mut args = vec![org, type_name];
        for (i, Entry { field, value }) in entries.iter().enumerate() {
            args.extend([Arg::Text(field), Arg::Bytes(value)]);
            if i == 0 {
                args.extend([id, Arg::Int(seq)]);
            }
        }
        tx.defer(insert(entries.len()), &args).await?;
    }
    Ok(())
}

/// The statement that adds `rows` rows of one resource: one statement costs less than one for each row.
fn insert(rows: usize) -> &'static str {
    static STATEMENTS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let values = |row: usize| match row {
            0 => "($1, $2, $3, $4, $5, $6)".to_owned(),
            row => format!("($1, $2, ${}, ${}, $5, $6)", 5 + 2 * row, 6 + 2 * row),
        };
        let statement = |rows: usize| {
            let values: Vec<String> = (0..rows).map(values).collect();
            let columns = "org_id, type, field, value, id, since";
            let conflict = "ON CONFLICT (org_id, type, field, value, id) DO NOTHING";
            format!("INSERT INTO resource_index ({columns}) VALUES {} {conflict}", values.join(", "))
        };
        (0..=ROWS).map(statement).collect()
    });
    &STATEMENTS[rows]
}

/// Removes a resource's rows, leaving no trace for cursor walks: it is gone.
pub async fn remove(tx: &mut Tx, org: OrgId, type_name: &str, id: ResourceId, entries: &[Entry<'_>]) -> Result<()> {
    for Entry { field, value } in entries {
        let (org, id) = (Arg::Bytes(&org.0), Arg::Bytes(&id.bytes));
        tx.defer(DELETE, &[org, Arg::Text(type_name), Arg::Text(field), Arg::Bytes(value), id]).await?;
    }
    Ok(())
}

/// How many live resources have a value.
pub async fn count(conn: &mut Conn, org: OrgId, type_name: &str, entry: &Entry<'_>) -> Result<u64> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(entry.field), Arg::Bytes(&entry.value)];
    let n = conn.fetch_one(COUNT, &args, |row| row.int(0)).await?;
    Ok(u64::try_from(n.unwrap_or(0)).unwrap_or(0))
}

/// Removes up to `batch` rows of a field that is no longer indexed; answers how many.
pub async fn clear(tx: &mut Tx, org: OrgId, type_name: &str, field: &str, batch: i64) -> Result<u64> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(field), Arg::Int(batch)];
    tx.execute(CLEAR, &args).await
}

/// Forgets the old places of values that moved before `at`: walks that old end with `cursor_expired`.
pub async fn forget_moved(conn: &mut Conn, at: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(at.0)]).await
}
