//! Devices that wait for a person to let them in (RFC 8628), by the hashes of both codes.

use admin_types::{ResourceId, Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};
use crate::sessions::Device;

sql! {
    INSERT = "INSERT INTO device_code (hash, user_hash, client_id, scope, state, address, agent, seconds, created_at, expires_at)
        VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9) ON CONFLICT (user_hash) DO NOTHING";
    GET = "SELECT hash, client_id, scope, state, address, agent, seconds, polled_at, created_at, expires_at FROM device_code
        WHERE hash = $1";
    BY_USER_CODE = "SELECT hash, client_id, scope, state, address, agent, seconds, polled_at, created_at, expires_at FROM device_code
        WHERE user_hash = $1";
    POLLED = "UPDATE device_code SET polled_at = $1, seconds = $2 WHERE hash = $3";
    DECIDE = "UPDATE device_code SET state = $1 WHERE hash = $2 AND state = 'pending' AND expires_at > $3";
    FORGET = "DELETE FROM device_code WHERE expires_at <= $1";
}

/// A device that waits, or waited.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeviceRow {
    /// The hash of its code.
    pub hash: Vec<u8>,
    /// The client that it runs.
    pub client: ResourceId,
    /// What it asks for.
    pub scope: String,
    /// `pending`, `allowed` or `denied`.
    pub state: String,
    /// Where it asked from.
    pub device: Device,
    /// How long it must wait between two questions, in seconds.
    pub seconds: i64,
    /// When it asked last.
    pub polled_at: Option<Timestamp>,
    /// When it asked first.
    pub created_at: Timestamp,
    /// When its code ends.
    pub expires_at: Timestamp,
}

/// Adds a device that waits; false when another has the user's code.
pub async fn insert(conn: &mut Conn, row: &DeviceRow, user_hash: &[u8]) -> Result<bool> {
    let args = [
        Arg::Bytes(&row.hash),
        Arg::Bytes(user_hash),
        Arg::Bytes(&row.client.bytes),
        Arg::Text(&row.scope),
        Arg::opt_text(row.device.address.as_deref()),
        Arg::opt_text(row.device.agent.as_deref()),
        Arg::Int(row.seconds),
        Arg::Int(row.created_at.0),
        Arg::Int(row.expires_at.0),
    ];
    Ok(conn.execute(INSERT, &args).await? > 0)
}

/// The device with a code, by its hash.
pub async fn get(conn: &mut Conn, hash: &[u8]) -> Result<Option<DeviceRow>> {
    conn.fetch_one(GET, &[Arg::Bytes(hash)], device).await
}

/// The device whose person enters a code, by its hash.
pub async fn by_user_code(conn: &mut Conn, user_hash: &[u8]) -> Result<Option<DeviceRow>> {
    conn.fetch_one(BY_USER_CODE, &[Arg::Bytes(user_hash)], device).await
}

fn device(row: &Row<'_>) -> Result<DeviceRow> {
    let text = |at| -> Result<Option<String>> { Ok(row.opt_text(at)?.map(str::to_owned)) };
    Ok(DeviceRow {
        hash: row.bytes(0)?.to_owned(),
        client: ResourceId::of_row("client", row.id(1)?),
        scope: row.text(2)?.to_owned(),
        state: row.text(3)?.to_owned(),
        device: Device { address: text(4)?, agent: text(5)? },
        seconds: row.int(6)?,
        polled_at: row.opt_int(7)?.map(Timestamp),
        created_at: Timestamp(row.int(8)?),
        expires_at: Timestamp(row.int(9)?),
    })
}

/// Notes that a device asked, and how long it must wait from now on.
pub async fn polled(conn: &mut Conn, hash: &[u8], now: Timestamp, seconds: i64) -> Result<()> {
    conn.defer(POLLED, &[Arg::Int(now.0), Arg::Int(seconds), Arg::Bytes(hash)]).await
}

/// Writes a person's decision; false when the device waits no more.
pub async fn decide(conn: &mut Conn, hash: &[u8], state: &str, now: Timestamp) -> Result<bool> {
    Ok(conn.execute(DECIDE, &[Arg::Text(state), Arg::Bytes(hash), Arg::Int(now.0)]).await? > 0)
}

/// Forgets codes that ended at `until` or before.
pub async fn forget(conn: &mut Conn, until: Timestamp) -> Result<u64> {
    conn.execute(FORGET, &[Arg::Int(until.0)]).await
}
