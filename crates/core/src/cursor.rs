//! Cursors: where a walk stands, opaque on the wire. A cursor holds no secret and grants nothing; it is checked for
//! belonging to the query that it is sent with.

use admin_db::list::Position;
use admin_types::{Error, Result, Timestamp};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest cursor, in bytes of its text.
const MAX: usize = 2048;
/// The bytes before the key: version, fingerprint, start, event number, id.
const HEAD: usize = 1 + 8 + 8 + 8 + 16;
const VERSION: u8 = 1;

/// Where a walk stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Cursor {
    /// Of the query that it walks.
    pub(crate) fingerprint: [u8; 8],
    /// When the walk began.
    pub(crate) started_at: Timestamp,
    /// The last row seen.
    pub(crate) position: Position,
}

impl Cursor {
    pub(crate) fn encode(&self) -> String {
        let mut bytes = Vec::with_capacity(HEAD + self.position.key.len());
        bytes.push(VERSION);
        bytes.extend(self.fingerprint);
        bytes.extend(self.started_at.0.to_be_bytes());
        bytes.extend(self.position.seq.to_be_bytes());
        bytes.extend(self.position.id);
        bytes.extend(&self.position.key);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn decode(text: &str) -> Result<Cursor> {
        Self::read(text)
            .ok_or_else(|| Error::parameter("cursor", "is not one that a list gave out; begin anew without it"))
    }

    /// When the walk of a cursor began.
    pub(crate) fn started_at(text: &str) -> Option<Timestamp> {
        Self::read(text).map(|cursor| cursor.started_at)
    }

    fn read(text: &str) -> Option<Cursor> {
        if text.len() > MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        if bytes.first() != Some(&VERSION) {
            return None;
        }
        let (head, key) = bytes.split_at_checked(HEAD)?;
        Some(Cursor {
            fingerprint: head[1..9].try_into().ok()?,
            started_at: Timestamp(i64::from_be_bytes(head[9..17].try_into().ok()?)),
            position: Position {
                seq: i64::from_be_bytes(head[17..25].try_into().ok()?),
                id: head[25..41].try_into().ok()?,
                key: key.to_vec(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_the_wire_and_refuses_what_it_did_not_write() {
        let position = Position { key: vec![1, 2], id: [7; 16], seq: 9 };
        let cursor = Cursor { fingerprint: [3; 8], started_at: Timestamp(5), position };
        assert_eq!(Cursor::decode(&cursor.encode()).expect("a cursor"), cursor);
        for bad in ["", "x", "AAAA", "%%%", &"A".repeat(5000)] {
            assert!(Cursor::decode(bad).is_err(), "{bad}");
        }
    }
}
