//! Leases: which process does what only one may do at a time. A clock that is wrong may make two believe that they hold one,
//! so whatever is done under a lease must also stand that.

use admin_types::{Result, Timestamp};

use crate::conn::Conn;
use crate::row::Arg;

sql! {
    HOLD = "INSERT INTO lease (name, holder, expires_at) VALUES ($1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET holder = $2, expires_at = $3
        WHERE lease.holder = $2 OR lease.expires_at <= $4 OR lease.expires_at > $5";
    RELEASE = "DELETE FROM lease WHERE name = $1 AND holder = $2";
}

/// Takes a lease, or keeps it, until a time; `false` if somebody else holds it. One that ends later than twice that time from now was
/// taken before the clock was put back, and binds nobody: else nothing would be done until the clock has caught up.
pub async fn hold(conn: &mut Conn, name: &str, holder: &str, (now, until): (Timestamp, Timestamp)) -> Result<bool> {
    let latest = until.0.saturating_add(until.0 - now.0);
    let args = [Arg::Text(name), Arg::Text(holder), Arg::Int(until.0), Arg::Int(now.0), Arg::Int(latest)];
    Ok(conn.execute(HOLD, &args).await? == 1)
}

/// Gives a lease up.
pub async fn release(conn: &mut Conn, name: &str, holder: &str) -> Result<()> {
    conn.execute(RELEASE, &[Arg::Text(name), Arg::Text(holder)]).await.map(drop)
}
