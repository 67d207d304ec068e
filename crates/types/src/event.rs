//! The wire shape of an event: what happened, to what, by whom.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{EventId, RequestId, ResourceId, Timestamp};

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
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
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
}
