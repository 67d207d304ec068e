//! The wire shape of an event: what happened, to what, by whom.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{EventId, Prefix, RequestId, ResourceId, Timestamp};

/// The verbs of events: an event's type is `<type>.<verb>`.
pub mod action {
    /// A resource came to be.
    pub const CREATED: &str = "created";
    /// A resource was changed.
    pub const UPDATED: &str = "updated";
    /// A resource was moved to the trash.
    pub const DELETED: &str = "deleted";
    /// A resource was taken out of the trash.
    pub const RESTORED: &str = "restored";
    /// A resource was removed for good.
    pub const PURGED: &str = "purged";
    /// What may happen to the resources of every type.
    pub const ALL: [&str; 5] = [CREATED, UPDATED, DELETED, RESTORED, PURGED];
    /// A webhook was disabled by Admin, since nothing arrived there any more.
    pub const DISABLED: &str = "disabled";
    /// Somebody was refused what they asked for.
    pub const DENIED: &str = "denied";
    /// A person began a session.
    pub const SIGNED_IN: &str = "signed_in";
    /// Somebody tried to sign in as a person, and failed.
    pub const SIGN_IN_FAILED: &str = "sign_in_failed";
    /// A person ended a session.
    pub const SIGNED_OUT: &str = "signed_out";
    /// How somebody signs in was changed.
    pub const SECURITY_CHANGED: &str = "security_changed";
    /// A user was invited.
    pub const INVITED: &str = "invited";
    /// A client or a webhook has another secret.
    pub const SECRET_CREATED: &str = "secret_created";
    /// A client or a webhook has a secret less.
    pub const SECRET_DELETED: &str = "secret_deleted";
    /// A user or a client has another API key.
    pub const KEY_CREATED: &str = "key_created";
    /// An API key was replaced.
    pub const KEY_ROTATED: &str = "key_rotated";
    /// A user or a client has an API key less.
    pub const KEY_DELETED: &str = "key_deleted";
    /// Somebody put the org's log under a legal hold.
    pub const LOG_HELD: &str = "log_held";
    /// Somebody ended the legal hold.
    pub const LOG_RELEASED: &str = "log_released";
}

/// What came of what somebody tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// A policy does not allow it.
    Denied,
    /// It went wrong, such as by a wrong password.
    Failed,
}

impl Outcome {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Denied => "denied",
            Outcome::Failed => "failed",
        }
    }

    /// Reads what [`as_str`](Outcome::as_str) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Outcome> {
        [Outcome::Denied, Outcome::Failed].into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// Who caused an event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// `user`, or `system` for what Admin does by itself.
    #[serde(rename = "type")]
    pub kind: std::borrow::Cow<'static, str>,
    /// The principal's resource.
    pub id: ResourceId,
    /// The client that acted for it, by a token that it exchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<ResourceId>,
}

/// Which resource an event is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EventResource {
    /// The name of the resource's type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The resource.
    pub id: ResourceId,
    /// The version that the event made.
    pub version: i64,
}

/// What happened. `before` and `after` are the resource's whole wire shape.
///
/// Read from the wire, every field must be there and agree with the others; a field that is not known comes from a newer
/// version, and is passed over.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "Wire")]
pub struct Event {
    /// The event's id.
    pub id: EventId,
    /// The event's number in its org, without gaps.
    pub seq: i64,
    /// `<type>.<verb>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// To what.
    pub resource: EventResource,
    /// The state before; null for a creation.
    pub before: Option<Box<RawValue>>,
    /// The state after; null when the resource is gone.
    pub after: Option<Box<RawValue>>,
    /// The request that caused it.
    pub request_id: RequestId,
    /// Of an attempt that came to nothing: how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Where the request came from; for those alone who may read the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// Of an event that is no change: what else is known, as a JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<RawValue>>,
}

impl Event {
    /// Whether something happened to a resource. What else happens, such as a sign-in or a refusal, has no states.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.before.is_some() || self.after.is_some()
    }
}

/// An event as it came, before its fields were held against each other.
#[derive(Deserialize)]
struct Wire {
    id: EventId,
    seq: i64,
    #[serde(rename = "type")]
    kind: String,
    at: Timestamp,
    actor: Actor,
    resource: EventResource,
    // Otherwise a field that is missing would be null.
    #[serde(deserialize_with = "Option::deserialize")]
    before: Option<Box<RawValue>>,
    #[serde(deserialize_with = "Option::deserialize")]
    after: Option<Box<RawValue>>,
    request_id: RequestId,
    outcome: Option<Outcome>,
    address: Option<IpAddr>,
    details: Option<Box<RawValue>>,
}

impl TryFrom<Wire> for Event {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Event, &'static str> {
        let Wire { id, seq, kind, at, actor, resource, before, after, request_id, outcome, address, details } = wire;
        if seq < 1 || id.seq() != seq {
            return Err("the event's number is not the one that its id carries");
        }
        if kind.split_once('.').is_none_or(|(type_name, verb)| type_name != resource.type_name || verb.is_empty()) {
            return Err("the event's type is not one of its resource's");
        }
        if resource.id.prefix != Prefix::of_type(&resource.type_name) {
            return Err("the resource's id is not one of its type's");
        }
        Ok(Event { id, seq, kind, at, actor, resource, before, after, request_id, outcome, address, details })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"id":"evt_01jh8x5n9bfqv8xk3c0000001a","seq":42,"type":"workspace.created","at":"2025-01-10T08:30:00Z",
        "actor":{"type":"user","id":"usr_01jh8x5n9bfqv8xk3c6m7t2d4e"},
        "resource":{"type":"workspace","id":"res_01jh8x5n9bfqv8xk3c6m7t2d4e","version":1},
        "before":null,"after":{"b":1.50, "a":"\u00e4"},"request_id":"req_1"}"#;

    #[test]
    fn comes_back_from_the_wire_as_it_went() {
        let event: Event = serde_json::from_str(EVENT).expect("an event");
        assert_eq!(event.after.as_ref().expect("a state").get(), r#"{"b":1.50, "a":"\u00e4"}"#);
        assert!(event.before.is_none());
        let text = serde_json::to_string(&event).expect("text");
        let again: Event = serde_json::from_slice(text.as_bytes()).expect("an event");
        assert_eq!(serde_json::to_string(&again).expect("text"), text);
        let newer = EVENT.replace("\"seq\":42", "\"seq\":42,\"colour\":\"blue\"");
        assert_eq!(serde_json::from_str::<Event>(&newer).map(|event| event.seq).expect("of a newer version"), 42);
    }

    #[test]
    fn what_is_no_change_says_how_it_ended() {
        let refused = EVENT
            .replace("workspace.created", "workspace.denied")
            .replace(r#"{"b":1.50, "a":"\u00e4"}"#, "null")
            .replace(
                r#""req_1""#,
                r#""req_1","outcome":"denied","address":"::1","details":{"action":"workspace.read"}"#,
            );
        let event: Event = serde_json::from_str(&refused).expect("an event");
        assert!(!event.is_change() && event.outcome == Some(Outcome::Denied), "{event:?}");
        let text = serde_json::to_string(&event).expect("text");
        assert!(
            text.ends_with(r#""outcome":"denied","address":"::1","details":{"action":"workspace.read"}}"#),
            "{text}"
        );
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (right, wrong) in [
            ("\"seq\":42", "\"seq\":43"),
            ("\"seq\":42,", ""),
            ("\"seq\":42", "\"seq\":42,\"seq\":42"),
            ("\"before\":null,", ""),
            ("workspace.created", "place.created"),
            ("workspace.created", "workspace."),
            ("workspace.created", "workspace"),
            ("\"id\":\"res_", "\"id\":\"usr_"),
            ("\"version\":1", "\"version\":\"1\""),
            ("req_1", "req 1"),
            ("2025-01-10T08:30:00Z", "yesterday"),
            ("evt_", "org_"),
        ] {
            let text = EVENT.replace(right, wrong);
            assert!(text != EVENT && serde_json::from_str::<Event>(&text).is_err(), "{right} → {wrong}");
        }
    }
}
