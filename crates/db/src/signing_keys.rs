//! The keys that sign tokens. The private half is sealed under the master key, which is never in the database.

use admin_types::{Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO signing_key (id, sealed_private, created_at, algorithm, active_at) VALUES ($1, $2, $3, $4, $5)";
    ALL = "SELECT id, sealed_private, algorithm, active_at FROM signing_key ORDER BY created_at, id";
    IDS = "SELECT id FROM signing_key ORDER BY id";
    REMOVE = "DELETE FROM signing_key WHERE id = $1";
}

/// A key as the database holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedKey {
    /// The key's id, `kid` in a token.
    pub id: String,
    /// `RS256`, `ES256` or `EdDSA`.
    pub algorithm: String,
    /// From when on it signs.
    pub active_at: Timestamp,
    /// PKCS #8, sealed.
    pub sealed_private: Vec<u8>,
}

/// Adds a key.
pub async fn insert(conn: &mut Conn, key: &SealedKey, at: Timestamp) -> Result<()> {
    let (id, algorithm) = (Arg::Text(&key.id), Arg::Text(&key.algorithm));
    let args = [id, Arg::Bytes(&key.sealed_private), Arg::Int(at.0), algorithm, Arg::Int(key.active_at.0)];
    conn.execute(INSERT, &args).await.map(drop)
}

/// All keys, oldest first.
pub async fn all(conn: &mut Conn) -> Result<Vec<SealedKey>> {
    let map = |row: &Row<'_>| {
        let (id, sealed_private) = (row.text(0)?.to_owned(), row.bytes(1)?.to_owned());
        Ok(SealedKey { id, sealed_private, algorithm: row.text(2)?.to_owned(), active_at: Timestamp(row.int(3)?) })
    };
    conn.fetch(ALL, &[], map).await
}

/// The ids of all keys.
pub async fn ids(conn: &mut Conn) -> Result<Vec<String>> {
    conn.fetch(IDS, &[], |row| row.text(0).map(str::to_owned)).await
}

/// Forgets a key.
pub async fn remove(conn: &mut Conn, id: &str) -> Result<()> {
    conn.execute(REMOVE, &[Arg::Text(id)]).await.map(drop)
}
