//! What a record becomes in the log.

use super::*;

fn text(record: &str) -> String {
    String::from_utf8(Entry::of_record(record.as_bytes()).expect("an entry").bytes().to_vec()).expect("UTF-8")
}

fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_record_is_its_canonical_text() {
    assert_eq!(text(r#"{"b": 1.0, "a": [ ]}"#), r#"{"a":[],"b":1}"#);
    // However it is written, the leaf is one.
    let one = Entry::of_record(br#"{"a":"\u00e4","b":1e0}"#).expect("an entry");
    assert_eq!(Ok(one.hash()), Entry::of_record("{\"b\":1,\n\"a\":\"ä\"}".as_bytes()).map(|entry| entry.hash()));
}

#[test]
fn long_members_of_a_great_record_are_replaced_by_their_digests() {
    let (long, also, short) =
        (format!("[\"{}\"]", "x".repeat(65_500)), format!("\"{}\"", "y".repeat(1_100)), "z".repeat(900));
    let record = format!(r#"{{"before":null,"after":{long},"note":{also},"seq":42,"short":"{short}"}}"#);
    let digest_of = |text: &str| format!(r#"{{"bytes":{},"sha256":"{}"}}"#, text.len(), sha256(text));
    let digests = format!(r#"{{"after":{},"note":{}}}"#, digest_of(&long), digest_of(&also));
    let right = format!(r#"{{"before":null,"digests":{digests},"seq":42,"short":"{short}"}}"#);
    assert_eq!(text(&record), right);
    // Every byte of what was replaced is bound.
    assert_ne!(text(&record.replacen("xx", "xy", 1)), right);
    // A double that is written as digits beyond 64 bits is kept, and the digest is of the canonical text.
    let record = format!(r#"{{"n":1e19,"after":{{"b":1.0,"a":"{}"}}}}"#, "x".repeat(65_535));
    let canonical = format!(r#"{{"a":"{}","b":1}}"#, "x".repeat(65_535));
    assert_eq!(
        text(&record),
        format!(r#"{{"digests":{{"after":{}}},"n":10000000000000000000}}"#, digest_of(&canonical))
    );
}

#[test]
fn a_record_that_fits_is_left_whole() {
    let empty = r#"{"a":""}"#.len();
    let fits = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_ENTRY - empty));
    assert_eq!(text(&fits), fits);
    let greater = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_ENTRY - empty + 1));
    assert!(text(&greater).starts_with(r#"{"digests":{"a":{"bytes":65530,"#));
}

/// Otherwise a small record could say of itself what the log says of a great one.
#[test]
fn no_record_may_pass_for_another() {
    let great = format!(r#"{{"after":"{}","seq":1}}"#, "x".repeat(70_000));
    let small = text(&great);
    assert!(small.len() < 200 && matches!(Entry::of_record(small.as_bytes()), Err(Error::Record(_))));
    // Further down the word is any other.
    assert!(Entry::of_record(br#"{"after":{"digests":{}},"note":"\"digests\":"}"#).is_ok());
}

#[test]
fn what_cannot_be_an_entry() {
    for wrong in ["", "[]", "1", "null", "{\"a\":1,\"a\":2}", "{} {}"] {
        assert!(matches!(Entry::of_record(wrong.as_bytes()), Err(Error::Record(_))), "{wrong:?}");
    }
    let many: Vec<String> = (0..9_000).map(|n| format!("\"k{n}\":{n}")).collect();
    assert!(matches!(Entry::of_record(format!("{{{}}}", many.join(",")).as_bytes()), Err(Error::TooLarge(_))));
}
