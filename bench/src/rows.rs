//! The data that every subject holds: rows that follow from their numbers, so that no subject can have others.

use std::fmt::Write;

use admin_types::{Prefix, ResourceId};

/// Regions, which rows are spread over evenly.
pub const REGIONS: u64 = 8;
/// The type of the rows that are read.
pub const ITEM: &str = "item";
/// The type of the rows that are created while measuring, so that what is read stays as large as it was.
pub const ENTRY: &str = "entry";
/// Bytes of a piece of an upload, about.
const PIECE: usize = 64 * 1024;
/// 2026-01-01, in milliseconds: when the first row's id was made.
const FIRST: u64 = 1_767_225_600_000;

/// A number that looks random and is the same every time (splitmix64).
#[must_use]
pub fn scatter(n: u64) -> u64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The id of row `n`: a UUIDv7, one for each millisecond.
#[must_use]
pub fn id(n: u64) -> ResourceId {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&(FIRST + n).to_be_bytes()[2..]);
    bytes[6..14].copy_from_slice(&scatter(n ^ 0x5555).to_be_bytes());
    bytes[14..].copy_from_slice(&(n as u16).to_be_bytes());
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    ResourceId { prefix: Prefix::Resource, bytes }
}

/// The attributes of row `n`, as JSON.
#[must_use]
pub fn attributes(n: u64) -> String {
    let (region, code, note) = (scatter(n) % REGIONS, scatter(n) >> 40, scatter(n ^ 0xaaaa));
    format!(
        r#"{{"region":"r{region}","code":{code},"note":"Row {n} was made to be measured; it carries some words and {note:x}."}}"#
    )
}

/// The body that creates row `n` of a type.
#[must_use]
pub fn document(type_name: &str, n: u64) -> String {
    format!(r#"{{"type":"{type_name}","name":"Row {n}","attributes":{}}}"#, attributes(n))
}

/// `count` rows as NDJSON with their ids, in pieces.
pub fn ndjson(count: u64) -> impl Iterator<Item = Vec<u8>> {
    let mut next = 0;
    std::iter::from_fn(move || {
        let mut piece = String::with_capacity(PIECE + 1024);
        while next < count && piece.len() < PIECE {
            let (id, attributes) = (id(next), attributes(next));
            let _ = writeln!(piece, r#"{{"id":"{id}","type":"{ITEM}","name":"Row {next}","attributes":{attributes}}}"#);
            next += 1;
        }
        (!piece.is_empty()).then(|| piece.into_bytes())
    })
}

/// The body that creates a type of this name in Admin.
#[must_use]
pub fn type_document(name: &str, plural: &str) -> String {
    format!(
        r#"{{"type":"type","name":"{name}","attributes":{{"plural":"{plural}","schema":{{"type":"object","properties":{{"region":{{"type":"string","x-index":true}},"code":{{"type":"integer","x-index":true}},"note":{{"type":"string"}}}},"required":["region","code"],"additionalProperties":false}}}}}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_and_read_back() {
        let ids: Vec<ResourceId> = (0..1000).map(id).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| ResourceId::parse(&id.to_string()) == Some(*id)));
    }

    #[test]
    fn pieces_hold_all_rows() {
        let text: Vec<u8> = ndjson(1000).flatten().collect();
        let lines: Vec<serde_json::Value> = text
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 1000);
        assert_eq!(lines[7]["name"], "Row 7");
    }
}
