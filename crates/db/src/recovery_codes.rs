//! Recovery codes of accounts, by hash, each for once.

use admin_types::{AccountId, Result};

use crate::conn::Conn;
use crate::row::Arg;

sql! {
    INSERT = "INSERT INTO recovery_code (account_id, hash) VALUES ($1, $2)";
    TAKE = "DELETE FROM recovery_code WHERE account_id = $1 AND hash = $2";
    COUNT = "SELECT COUNT(*) FROM recovery_code WHERE account_id = $1";
    CLEAR = "DELETE FROM recovery_code WHERE account_id = $1";
}

/// Puts these in the place of those that were there.
pub async fn replace(conn: &mut Conn, account: AccountId, hashes: &[Vec<u8>]) -> Result<()> {
    clear(conn, account).await?;
    for hash in hashes {
        conn.defer(INSERT, &[Arg::Bytes(&account.0), Arg::Bytes(hash)]).await?;
    }
    Ok(())
}

/// Uses a code; false when there is none such.
pub async fn take(conn: &mut Conn, account: AccountId, hash: &[u8]) -> Result<bool> {
    Ok(conn.execute(TAKE, &[Arg::Bytes(&account.0), Arg::Bytes(hash)]).await? > 0)
}

/// How many are left.
pub async fn count(conn: &mut Conn, account: AccountId) -> Result<i64> {
    Ok(conn.fetch_one(COUNT, &[Arg::Bytes(&account.0)], |row| row.int(0)).await?.unwrap_or(0))
}

/// Forgets all.
pub async fn clear(conn: &mut Conn, account: AccountId) -> Result<()> {
    conn.execute(CLEAR, &[Arg::Bytes(&account.0)]).await.map(drop)
}
