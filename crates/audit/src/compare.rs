//! How an event of the database differs from the one that was sealed in its place.

use std::collections::BTreeSet;

use admin_tlog::Hash;
use admin_types::Event;
use serde_json::{Map, Value};

use crate::verify::Finding;

/// A leaf with its entry.
pub(crate) struct Sealed {
    pub(crate) hash: Hash,
    pub(crate) entry: Vec<u8>,
}

impl Sealed {
    fn value(&self) -> Map<String, Value> {
        serde_json::from_slice(&self.entry).unwrap_or_default()
    }

    fn id(&self) -> String {
        self.value().get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// What happened to the event of a number, where the log and the database part. `sealed` goes on in the log from there, and
/// `events` in the database; neither needs to go far.
pub(crate) fn difference(seq: u64, sealed: &[Sealed], events: &[Event]) -> Finding {
    let Some(was) = sealed.first() else {
        return Finding::new("store_altered", Some(seq), format!("event {seq} is not in the log"));
    };
    let (id, said) = (was.id(), about(&was.value()));
    let Some(is) = events.first().filter(|event| u64::try_from(event.seq).is_ok_and(|at| at == seq)) else {
        return Finding::new("deleted", Some(seq), format!("event {seq} ({id}, {said}) was deleted from the database"));
    };
    let own = is.id.to_string();
    if own == id {
        let now = serde_json::to_value(is).ok().and_then(|value| value.as_object().cloned()).unwrap_or_default();
        let members = differing(&was.value(), &now);
        return Finding::new(
            "altered",
            Some(seq),
            format!("event {seq} ({id}, {said}) was altered in the database: {members}"),
        );
    }
    let still_there = events.iter().any(|event| event.id.to_string() == id);
    let sealed_later = sealed.iter().any(|other| other.id() == own);
    match (still_there, sealed_later) {
        (true, false) => {
            let detail =
                format!("event {seq} ({own}) was inserted into the database; {id} ({said}) was sealed in its place");
            Finding::new("inserted", Some(seq), detail)
        }
        (false, true) => {
            let detail = format!(
                "event {seq} ({id}, {said}) was deleted from the database, and those behind it were renumbered"
            );
            Finding::new("deleted", Some(seq), detail)
        }
        (true, true) => {
            let detail = format!(
                "event {seq} ({id}, {said}) stands elsewhere in the database; {own} stands in its place: events were reordered"
            );
            Finding::new("reordered", Some(seq), detail)
        }
        (false, false) => {
            let detail = format!(
                "event {seq} ({id}, {said}) was replaced in the database by {own}: it was rewritten, or an old backup was restored and written to"
            );
            Finding::new("altered", Some(seq), detail)
        }
    }
}

/// What an event says of itself.
fn about(event: &Map<String, Value>) -> String {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or("?");
    format!("{} at {}", text("type"), text("at"))
}

/// The members in which two events differ.
fn differing(was: &Map<String, Value>, is: &Map<String, Value>) -> String {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differ: Vec<&str> =
        names.into_iter().filter(|name| was.get(*name) != is.get(*name)).map(String::as_str).collect();
    differ.join(", ")
}
