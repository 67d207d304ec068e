//! The keys that sign tokens. The private half is sealed under the master key, which is never in the database.

use admin_types::{Result, Timestamp};

use crate::conn::Conn;
use crate::row::{Arg, Row};

sql! {
    INSERT = "INSERT INTO signing_key (id, sealed_private, created_at) VALUES ($1, $2, $3)";
    ALL = "SELECT id, sealed_private FROM signing_key ORDER BY created_at, id";
}

/// A key as the database holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedKey {
    /// The key's id, `kid` in a token.
    pub id: String,
    /// PKCS #8, sealed.
    pub sealed_private: Vec<u8>,
}

/// Adds a key.
pub async fn insert(conn: &mut Conn, key: &SealedKey, at: Timestamp) -> Result<()> {
    conn.execute(INSERT, &[Arg::Text(&key.id), Arg::Bytes(&key.sealed_private), Arg::Int(at.0)]).await.map(drop)
}

/// All keys, oldest first.
pub async fn all(conn: &mut Conn) -> Result<Vec<SealedKey>> {
    let map = |row: &Row<'_>| Ok(SealedKey { id: row.text(0)?.to_owned(), sealed_private: row.bytes(1)?.to_owned() });
    conn.fetch(ALL, &[], map).await
}
