//! How many live resources there are, by type and status: the exact totals of unfiltered lists, kept by every write.
//! The row with the type `""` counts all resources of the org's own types.

use std::collections::HashMap;

use admin_types::{OrgId, Result};

use crate::conn::Conn;
use crate::row::Arg;

sql! {
    ADD = "INSERT INTO resource_count (org_id, type, status, n) VALUES ($1, $2, $3, $4)
        ON CONFLICT (org_id, type, status) DO UPDATE SET n = resource_count.n + $4";
    OF_TYPE = "SELECT CAST(COALESCE(SUM(n), 0) AS BIGINT) FROM resource_count WHERE org_id = $1 AND type = $2";
}

/// The type name under which all resources of the org's own types are counted.
pub const OWN: &str = "";

/// Adds deltas. In the order of the keys, so that two lanes never wait for each other crosswise.
pub(crate) async fn add(conn: &mut Conn, counts: &HashMap<(OrgId, String, String), i64>) -> Result<()> {
    let mut counts: Vec<_> = counts.iter().filter(|(_, delta)| **delta != 0).collect();
    counts.sort_unstable();
    for ((org, type_name, status), delta) in counts {
        let args = [Arg::Bytes(&org.0), Arg::Text(type_name), Arg::Text(status), Arg::Int(*delta)];
        conn.defer(ADD, &args).await?;
    }
    Ok(())
}

/// How many live resources a type has; [`OWN`] for all of the org's own types.
pub async fn of_type(conn: &mut Conn, org: OrgId, type_name: &str) -> Result<u64> {
    let args = [Arg::Bytes(&org.0), Arg::Text(type_name)];
    let n = conn.fetch_one(OF_TYPE, &args, |row| row.int(0)).await?;
    Ok(u64::try_from(n.unwrap_or(0)).unwrap_or(0))
}
